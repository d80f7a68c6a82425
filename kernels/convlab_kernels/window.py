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
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1

    def pads(self, size: Pair) -> Sides:
        """Return the padding cells ((top, bottom), (left, right)) around an image of (H, W) = `size`."""
        if self.padding != "same":
            return self.padding
        return self._same(size[0], axis=0), self._same(size[1], axis=1)

    def _same(self, size: int, axis: int) -> Pair:
        stride = self.stride[axis]
        places = -(-size // stride)
        total = max((places - 1) * stride + self.extent[axis] - size, 0)
        return total // 2, total - total // 2

    def output_size(self, size: Pair) -> Pair:
        """Return (OH, OW) for an image of (H, W) = `size`; ShapeError, with the arithmetic, if nothing is left."""
        (top, bottom), (left, right) = self.pads(size)
        return self._places("height", 0, size[0], top, bottom), self._places("width", 1, size[1], left, right)

    def _places(self, side: str, axis: int, size: int, before: int, after: int) -> int:
        stride, extent = self.stride[axis], self.extent[axis]
        places = (size + before + after - extent) // stride + 1
        if places < 1:
            raise ShapeError(
                f"output {side} is not positive: floor(({size} + {before} + {after} - {extent}) / {stride}) + 1"
                f" = {places}: a window of {extent} cells (kernel {self.kernel[axis]}, dilation"
                f" {self.dilation[axis]}) does not fit in an input of {size} with padding {before} and {after}"
            )
        if places > _LARGEST:
            raise ShapeError(f"output {side} {places} is too large: padding {before} and {after} on {size}")
        return places


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
    pair = (value, value) if _is_int(value) else tuple(value) if isinstance(value, tuple | list) else ()
    if len(pair) != 2 or not all(_is_int(cells) for cells in pair):
        raise ShapeError(f"{name} {value!r} is neither an int nor a (height, width) pair of ints")
    if min(pair) < least or max(pair) > _LARGEST:
        raise ShapeError(f"{name} {value!r} is out of range: at least {least}, at most {_LARGEST}")
    return int(pair[0]), int(pair[1])


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, Integral) and not isinstance(value, bool)
