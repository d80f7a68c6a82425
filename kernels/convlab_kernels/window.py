"""The sliding window: what it is, where it may stand, and how many places that makes.

The formula for the output size is here and nowhere else. Notation and cases: Dumoulin and Visin, "A guide to
convolution arithmetic for deep learning" (arXiv 1603.07285), section 2; dilation: section 5.1 there.
"""

from dataclasses import dataclass
from numbers import Integral
from typing import Literal, TypeGuard

from convlab_kernels.errors import ShapeError

Pair = tuple[int, int]
Sides = tuple[Pair, Pair]  # ((top, bottom), (left, right))
PaddingLike = int | Pair | Sides | Literal["valid", "same"]

_LARGEST = 2**31 - 1  # sizes beyond this are mistakes, and would overflow index arithmetic in compiled kernels


@dataclass(frozen=True)
class Window:
    """A kernel's footprint and its walk over an image, every pair in (height, width) order.

    Attributes
    ----------
    kernel, stride, dilation
        Cells; all at least 1. A dilated window looks at every `dilation`-th cell.
    padding
        Cells added on the four sides, ((top, bottom), (left, right)), or "same": as many as make
        ceil(size / stride) places, the odd one at the bottom and at the right. A crop is a negative padding, which
        `parse` does not read.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Sides | Literal["same"] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)

    @classmethod
    def parse(
        cls,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: PaddingLike = 0,
        dilation: int | Pair = 1,
    ) -> "Window":
        """Read every spelling a caller may use; raise ShapeError for one that has no meaning."""
        return cls(
            parse_pair("kernel", kernel, least=1),
            parse_pair("stride", stride, least=1),
            _parse_padding(padding),
            parse_pair("dilation", dilation, least=1),
        )

    @property
    def extent(self) -> Pair:
        """Cells from the first to the last the window looks at: dilation * (kernel - 1) + 1."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return extent(kh, dh), extent(kw, dw)

    def pads(self, size: Pair) -> Sides:
        """Return the padding cells ((top, bottom), (left, right)) around an image of (H, W) = `size`."""
        if self.padding != "same":
            return self.padding
        (sh, sw), (eh, ew) = self.stride, self.extent
        return same_pads(size[0], eh, sh), same_pads(size[1], ew, sw)

    def output_size(self, size: Pair) -> Pair:
        """Return (OH, OW) for an image of (H, W) = `size`; ShapeError, with the arithmetic, if nothing is left."""
        (h, w), (kh, kw), (sh, sw), (dh, dw) = size, self.kernel, self.stride, self.dilation
        vertical, horizontal = self.pads(size)
        return places("height", h, vertical, kh, sh, dh), places("width", w, horizontal, kw, sw, dw)


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
    if found > _LARGEST:
        raise ShapeError(f"output {side} {found} is too large: padding {before} and {after} on {size}")
    return found


def _parse_padding(padding: PaddingLike) -> Sides | Literal["same"]:
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0), (0, 0)
        if padding == "same":
            return "same"
        raise ShapeError(f'padding {padding!r} is unknown: use "valid", "same", an int, a pair or four sides')
    if isinstance(padding, tuple | list) and len(padding) == 2 and all(isinstance(p, tuple | list) for p in padding):
        vertical, horizontal = padding
        return parse_pair("padding (top, bottom)", vertical), parse_pair("padding (left, right)", horizontal)
    vertical, horizontal = parse_pair("padding", padding)
    return (vertical, vertical), (horizontal, horizontal)


def parse_pair(name: str, value: object, least: int = 0) -> Pair:
    """Return an int or a pair of ints as a (height, width) pair; ShapeError for anything else or out of range."""
    height, width = parse_ints(name, value, 2, "(height, width) pair", least)
    return height, width


def parse_ints(name: str, value: object, count: int, expected: str, least: int = 0) -> tuple[int, ...]:
    """Return an int, or `count` of them, as a tuple of so many; ShapeError, naming what is expected, for others."""
    ints = (value,) * count if _is_int(value) else tuple(value) if isinstance(value, tuple | list) else ()
    if len(ints) != count or not all(_is_int(cells) for cells in ints):
        raise ShapeError(f"{name} {value!r} is neither an int nor a {expected} of ints")
    if min(ints) < least or max(ints) > _LARGEST:
        raise ShapeError(f"{name} {value!r} is out of range: at least {least}, at most {_LARGEST}")
    return tuple(map(int, ints))


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, Integral) and not isinstance(value, bool)
