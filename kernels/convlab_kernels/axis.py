"""A window's walk along one axis: the formula for the output size is here and nowhere else.

Notation and cases: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (arXiv 1603.07285),
section 2; dilation: section 5.1 there.
"""

from dataclasses import asdict, dataclass
from typing import Any

from convlab_kernels.errors import ShapeError

Pair = tuple[int, int]

LARGEST = 2**31 - 1
"""Sizes beyond this are mistakes, and would overflow index arithmetic in compiled kernels."""

FORMULA = "floor((input + padding before + padding after - dilation * (kernel - 1) - 1) / stride) + 1"


def extent(kernel: int, dilation: int) -> int:
    """Return the cells from the first to the last that a window looks at along one axis."""
    return dilation * (kernel - 1) + 1


def same_pads(size: int, extent: int, stride: int) -> Pair:
    """Return the padding cells before and after an axis that make ceil(size / stride) places, the odd one after."""
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2


def places(side: str, size: int, pads: Pair, kernel: int, stride: int, dilation: int) -> int:
    """Return how many places a window has along one axis; ShapeError, with the arithmetic, if there is none."""
    (before, after), reach = pads, extent(kernel, dilation)
    found = (size + before + after - reach) // stride + 1
    if found < 1:
        raise ShapeError(
            f"output {side} is not positive: floor(({size} + {before} + {after} - {reach}) / {stride}) + 1"
            f" = {found}: a window of {reach} cells (kernel {kernel}, dilation {dilation}) does not fit in an input"
            f" of {size} with padding {before} and {after}"
        )
    if found > LARGEST:
        raise ShapeError(f"output {side} {found} is too large: padding {before} and {after} on {size}")
    return found


@dataclass(frozen=True)
class Axis:
    """A window's walk along one axis of an image, in cells: 0 is the image's first, padding is below and above.

    Parameters
    ----------
    side : str
        "height" or "width".
    size : int
        Cells of the image.
    pads : (int, int)
        Cells of padding before and after.
    kernel, stride, dilation : int

    Raises
    ------
    ShapeError
        Where the window has no place.
    """

    side: str
    size: int
    pads: Pair
    kernel: int
    stride: int
    dilation: int

    def __post_init__(self) -> None:
        self.starts  # noqa: B018 - refuses what has no place

    @property
    def extent(self) -> int:
        """Cells from the first to the last that the window looks at."""
        return extent(self.kernel, self.dilation)

    @property
    def places(self) -> int:
        """How many places the window has."""
        return places(self.side, self.size, self.pads, self.kernel, self.stride, self.dilation)

    @property
    def starts(self) -> range:
        """The window's first cell at each place."""
        return range(-self.pads[0], -self.pads[0] + self.places * self.stride, self.stride)

    @property
    def shared(self) -> int:
        """How many cells are read at a place and at the next: those between which a stride is whole steps."""
        steps, between = divmod(self.stride, self.dilation)
        return 0 if between else max(self.kernel - steps, 0)

    @property
    def left_over(self) -> range:
        """The cells behind the last window, padding included."""
        return range(self.starts[-1] + self.extent, self.size + self.pads[1])

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON: what is given, how many places, the first and last, what is left over."""
        derived = {"extent": self.extent, "places": self.places, "left_over": len(self.left_over)}
        return asdict(self) | derived | {"first": self.starts[0], "last": self.starts[-1]}

    @property
    def lines(self) -> list[str]:
        """The arithmetic, where the windows stand, and what they leave over."""
        return [
            f"  = {self.arithmetic}",
            f"  {self._standing()}",
            f"  {'; '.join(filter(None, (self._sharing(), self._leaving())))}",
        ]

    @property
    def arithmetic(self) -> str:
        """The formula with its numbers, down to how many places there are."""
        (before, after), step = self.pads, self.stride
        room = self.size + before + after - self.extent
        return (
            f"floor(({self.size} + {before} + {after} - {self.dilation} * ({self.kernel} - 1) - 1) / {step}) + 1"
            f" = floor({room} / {step}) + 1 = {room // step} + 1 = {self.places}"
        )

    def _standing(self) -> str:
        first, *others = self.starts
        if not others:
            return f"one window, on cells {first} to {first + self.extent - 1}"
        shown = [first, *others] if len(others) < 4 else [first, *others[:2], "...", others[-1]]
        return f"windows begin at cells {', '.join(map(str, shown))}, the last ends at {others[-1] + self.extent - 1}"

    def _sharing(self) -> str:
        if self.places == 1:
            return ""
        if self.shared:
            return f"neighbours overlap by {_cells(self.shared)}"
        if between := max(self.stride - self.extent, 0):
            return f"{_cells(between)} between neighbours"
        within = self.stride < self.extent
        return "neighbours stand within each other and share no cell" if within else "neighbours do not overlap"

    def _leaving(self) -> str:
        cells = self.left_over
        inside = len(range(cells.start, min(cells.stop, self.size)))
        if not cells:
            return "nothing is left over"
        told = [_cells(inside)] if inside else []
        told += [f"{_cells(len(cells) - inside)} of padding"] if len(cells) > inside else []
        return f"left over at the end: {' and '.join(told)}"


def _cells(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"
