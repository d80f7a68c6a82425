"""The window of a transposed convolution: where each input goes, and the size of what comes out.

It is the adjoint of a convolution: input (i, j) of the one is output (i, j) of the other, and what the window there
would look at is what it is added to. Dumoulin and Visin, arXiv 1603.07285, section 4.
"""

from dataclasses import dataclass

from convlab_kernels.errors import ShapeError
from convlab_kernels.window import PaddingLike, Pair, Window, parse_pair
from convlab_kernels.window3d import AXES, PaddingLike3D, Triple, Window3D, parse_triple


@dataclass(frozen=True)
class TransposedWindow:
    """A kernel's footprint and its walk over the output, every pair in (height, width) order.

    Attributes
    ----------
    kernel, stride, dilation
        Cells of the output; all at least 1.
    cut
        Cells that the window of the first input has above and left of the output.
    reach
        Rows and columns of the output for an input of one cell; each further one adds a stride.
    """

    kernel: Pair
    stride: Pair
    cut: Pair
    reach: Pair
    dilation: Pair

    @classmethod
    def parse(
        cls,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: PaddingLike = 0,
        dilation: int | Pair = 1,
        output_padding: int | Pair | None = None,
    ) -> "TransposedWindow":
        """Read every spelling a caller may use; ShapeError for one that has no meaning.

        Padding in numbers is that of the convolution which this is the adjoint of; output padding adds rows below
        and columns on the right. Without one, "valid" gives an input that is larger than the window its full stride
        and "same" gives size * stride cells; with one, "same" keeps a cell (of an odd window) or none: Keras' rules.
        """
        window = Window.parse(kernel, stride, padding, dilation)
        extra = None if output_padding is None else parse_pair("output padding", output_padding)
        (top, height), (left, width) = _axes(window, padding, extra)
        return cls(window.kernel, window.stride, (top, left), (height, width), window.dilation)

    def output_size(self, size: Pair) -> Pair:
        """Return (OH, OW) for an input of (H, W) = `size`; ShapeError, with the arithmetic, if nothing is left."""
        height, width = map(_scattered, AXES[1:], size, self.stride, self.reach)
        return height, width

    def input_size(self, output: Pair) -> Pair:
        """Return the (H, W) that gives an output of (OH, OW) = `output`."""
        height, width = map(_scattering, output, self.stride, self.reach)
        return height, width


@dataclass(frozen=True)
class TransposedWindow3D:
    """The same for volumes, every triple in (depth, height, width) order."""

    kernel: Triple
    stride: Triple
    cut: Triple
    reach: Triple
    dilation: Triple

    @classmethod
    def parse(
        cls,
        kernel: int | Triple,
        stride: int | Triple = 1,
        padding: PaddingLike3D = 0,
        dilation: int | Triple = 1,
        output_padding: int | Triple | None = None,
    ) -> "TransposedWindow3D":
        """Read every spelling a caller may use, as `TransposedWindow.parse` does."""
        window = Window3D.parse(kernel, stride, padding, dilation)
        extra = None if output_padding is None else parse_triple("output padding", output_padding)
        (front, depth), (top, height), (left, width) = _axes(window, padding, extra)
        return cls(window.kernel, window.stride, (front, top, left), (depth, height, width), window.dilation)

    def output_size(self, size: Triple) -> Triple:
        """Return (OD, OH, OW) for an input of (D, H, W); ShapeError, with the arithmetic, if nothing is left."""
        depth, height, width = map(_scattered, AXES, size, self.stride, self.reach)
        return depth, height, width

    def input_size(self, output: Triple) -> Triple:
        """Return the (D, H, W) that gives an output of (OD, OH, OW) = `output`."""
        depth, height, width = map(_scattering, output, self.stride, self.reach)
        return depth, height, width


def _scattered(side: str, size: int, stride: int, reach: int) -> int:
    """Return the cells that come out along one axis."""
    cells = (size - 1) * stride + reach
    if cells < 1:
        raise ShapeError(f"output {side} is not positive: ({size} - 1) * {stride} + {reach} = {cells}")
    return cells


def _scattering(cells: int, stride: int, reach: int) -> int:
    """Return the cells of the input that so many come from."""
    return (cells - reach) // stride + 1


def _axes(
    window: Window | Window3D, padding: PaddingLike | PaddingLike3D, extra: tuple[int, ...] | None
) -> list[Pair]:
    """Return (cut, reach) of each axis."""
    if extra is not None and not all(e < s for e, s in zip(extra, window.stride, strict=True)):
        raise ShapeError(f"output padding {extra} is out of range: less than the stride {window.stride}")
    axes = range(len(window.stride))
    return [_axis(window, padding, None if extra is None else extra[axis], axis) for axis in axes]


def _axis(window: Window | Window3D, padding: PaddingLike | PaddingLike3D, extra: int | None, axis: int) -> Pair:
    """Return (cut, reach) of one axis."""
    extent, stride = window.extent[axis], window.stride[axis]
    if padding == "same" or window.padding == "same":
        reach = stride if extra is None else extent % 2 + extra
        return max(extent - reach, 0) // 2, reach
    if padding == "valid":
        return 0, max(extent, stride) if extra is None else extent + extra
    before, after = window.padding[axis]
    return before, extent - before - after + (extra or 0)
