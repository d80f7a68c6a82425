"""The adjoint of a convolution."""

from dataclasses import dataclass, field
from math import prod

from convlab import ops
from convlab.layers.checks import check_count
from convlab.layers.convolving import Transposing
from convlab.layers.sizes import image_size
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.transposed_window import TransposedWindow
from convlab_kernels.window import PaddingLike, Pair


@dataclass(eq=False)
class Conv2DTranspose(Transposing):
    """The adjoint of a convolution, which makes images larger: (H, W, C) to (OH, OW, O).

    Each input is scattered over a window of the output. Its weights are kernel (KH, KW, O, C) and bias (O,).

    Parameters
    ----------
    name : str
        What the network calls it.
    filters : int
        How many kernels, each of which makes an output channel: O.
    kernel : int or (int, int)
        Its size (KH, KW), in cells.
    stride : int or (int, int)
        Cells of the output from the window of one input to the next one's.
    padding : "valid", "same", int, (int, int) or ((top, bottom), (left, right))
        Cells that are left out at the sides of what is scattered: none; as many as leave H * stride rows and
        W * stride columns; or so many.
    output_padding : int or (int, int), optional
        Cells more at the end, less than the stride; None: as Keras decides.
    dilation : int or (int, int)
        Cells from one cell that the kernel looks at to the next.
    activation : str
        Applied to the sums; a name in `ACTIVATIONS`.
    use_bias : bool
        Whether each output channel has a number that is added to it.

    Raises
    ------
    ShapeError
        For an option out of range; in a network, for an input that is not (H, W, C), or leaves no output.
    UnsupportedError
        For an activation function that is not known.
    """

    name: str
    filters: int
    kernel: int | Pair
    stride: int | Pair = 1
    padding: PaddingLike = "valid"
    output_padding: int | Pair | None = None
    dilation: int | Pair = 1
    activation: str = "linear"
    use_bias: bool = True
    window = "varies"
    scatter: TransposedWindow = field(init=False, repr=False)

    def parse(self) -> None:
        """Parse the window that is put down for each input."""
        check_count("filters", self.filters)
        self.scatter = TransposedWindow.parse(
            self.kernel, self.stride, self.padding, self.dilation, self.output_padding
        )

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        image_size(shape)
        kernel = (*self.scatter.kernel, self.filters, shape[2])
        bias = {"bias": (self.filters,)} if self.use_bias else {}
        ops.check_conv2d_transpose((1, *shape), kernel, bias.get("bias"))
        return {"kernel": kernel, **bias}

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OH, OW, O)."""
        return (*self.scatter.output_size(image_size(shape)), self.filters)

    def multiply_adds(self, shape: Shape) -> int:
        """H * W * KH * KW * O * C."""
        return prod(image_size(shape)) * prod(self.weight_shapes(shape)["kernel"])

    def fan_in(self, weight: str, shape: Shape) -> float:
        """Return how many windows with their channels lie over a place of the output, on the average."""
        return self.multiply_adds(shape) / prod(self.infer_shape(shape))

    def pull_back_linear(self, gradient: Array, x: Array) -> Array:
        """Return the gradient (N, H, W, C) from (N, OH, OW, O): the convolution that it is the adjoint of."""
        window, seen = ops.gathering(self.scatter, gradient, (x.shape[1], x.shape[2]))
        kernel = self.kernel_for(seen, "kernel", self.shapes["kernel"], window)
        return ops.run_conv2d(kernel, seen, x.shape[1:])

    def convolve(self, x: Array, finish: ops.Finish) -> Array:
        """Scatter (N, H, W, C) into (N, OH, OW, O)."""
        output = (*self.scatter.output_size(x.shape[1:3]), self.filters)
        make = ops.scattering(x, self.shapes["kernel"])
        kernel = self.prepared("kernel", x, lambda w: make(w, self.scatter), make)
        return ops.run_conv2d(kernel, x, output, self.weight_as("bias", x), finish)
