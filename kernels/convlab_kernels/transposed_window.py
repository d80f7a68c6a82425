"""Where a transposed convolution puts each input, and the size of what comes out.

It is the adjoint of a convolution: input (i, j) of the one is output (i, j) of the other, and what the window there
would look at is what it is added to. Dumoulin and Visin, arXiv 1603.07285, section 4.
"""

from dataclasses import dataclass

from convlab_kernels.errors import ShapeError
from convlab_kernels.window import PaddingLike, Pair, Window, parse_pair


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
        if extra is not None and not all(e < s for e, s in zip(extra, window.stride, strict=True)):
            raise ShapeError(f"output padding {extra} is out of range: less than the stride {window.stride}")
        axes = (_axis(window, padding, None if extra is None else extra[axis], axis) for axis in (0, 1))
        (top, height), (left, width) = axes
        return cls(window.kernel, window.stride, (top, left), (height, width), window.dilation)

    def output_size(self, size: Pair) -> Pair:
        """Return (OH, OW) for an input of (H, W) = `size`; ShapeError, with the arithmetic, if nothing is left."""
        height, width = ((n - 1) * s + reach for n, s, reach in zip(size, self.stride, self.reach, strict=True))
        for side, axis, cells in (("height", 0, height), ("width", 1, width)):
            if cells < 1:
                raise ShapeError(
                    f"output {side} is not positive: ({size[axis]} - 1) * {self.stride[axis]} + {self.reach[axis]}"
                    f" = {cells}"
                )
        return height, width

    def input_size(self, output: Pair) -> Pair:
        """Return the (H, W) that gives an output of (OH, OW) = `output`."""
        height, width = ((n - reach) // s + 1 for n, s, reach in zip(output, self.stride, self.reach, strict=True))
        return height, width


def _axis(window: Window, padding: PaddingLike, extra: int | None, axis: int) -> Pair:
    """Return (cut, reach) of one axis."""
    extent, stride = window.extent[axis], window.stride[axis]
    if padding == "same":
        reach = stride if extra is None else extent % 2 + extra
        return max(extent - reach, 0) // 2, reach
    if padding == "valid":
        return 0, max(extent, stride) if extra is None else extent + extra
    before, after = window.pads((1, 1))[axis]
    return before, extent - before - after + (extra or 0)
