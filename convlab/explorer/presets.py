"""Pictures and kernels to begin with on the page of one window: small enough to be reckoned by hand."""

from collections.abc import Callable

Table = list[list[float]]


def _drawn(rows: str) -> Table:
    """Return a picture: a dot is 0, a ring half, a hash 1."""
    return [[".o#".index(ink) / 2 for ink in row] for row in rows.split()]


def _computed(height: int, width: int, value: Callable[[int, int], float]) -> Table:
    return [[value(y, x) for x in range(width)] for y in range(height)]


PICTURES = {
    "seven": _drawn(
        ".......... .########. .########. ......o##. .....o##.. .....##o.. "
        "....o##... ....##o... ...o##.... ...##o.... .........."
    ),
    "ring": _drawn("..ooo.. .o###o. o##.##o o#...#o o##.##o .o###o. ..ooo.."),
    "edge": _computed(9, 9, lambda _y, x: int(x > 3)),
    "diagonal": _computed(9, 9, lambda y, x: int(x == y)),
    "dot": _computed(7, 7, lambda y, x: int(x == 3 == y)),
    "chessboard": _computed(8, 8, lambda y, x: (y + x) % 2),
    "slope": _computed(9, 9, lambda _y, x: x / 10),
}

KERNELS = {  # as they are written into their cells, and what each is for
    "Sobel across": ("-1 0 1|-2 0 2|-1 0 1", "answers where it grows brighter to the right: upright edges"),
    "Sobel down": ("-1 -2 -1|0 0 0|1 2 1", "answers where it grows brighter downwards: level edges"),
    "blur": ("1/9 1/9 1/9|1/9 1/9 1/9|1/9 1/9 1/9", "puts the mean of its neighbours in place of every cell"),
    "Gauss": ("1/16 1/8 1/16|1/8 1/4 1/8|1/16 1/8 1/16", "blurs, the near cells counting more"),
    "sharpen": ("0 -1 0|-1 5 -1|0 -1 0", "lifts every cell above its neighbours"),
    "Laplace": ("0 1 0|1 -4 1|0 1 0", "is 0 where all is even or slopes evenly, and answers at every edge"),
    "emboss": ("-2 -1 0|-1 1 1|0 1 2", "lights the picture from one corner"),
    "identity": ("0 0 0|0 1 0|0 0 0", "hands the picture on as it is"),
}
