"""Convolutions of volumes (D, H, W, C): those of images with one axis more."""

from dataclasses import dataclass, field
from math import prod

from convlab import ops
from convlab.layers.checks import check_count
from convlab.layers.convolving import Convolving, Transposing
from convlab.layers.sizes import volume_size
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.cpu.im2col3d import Im2col3D
from convlab_kernels.transposed import Transposed
from convlab_kernels.transposed_window import TransposedWindow3D
from convlab_kernels.window3d import PaddingLike3D, Triple, Window3D


@dataclass(eq=False)
class Conv3D(Convolving):
    """Convolution of a volume (D, H, W, C) to (OD, OH, OW, O).

    Its weights are kernel (KD, KH, KW, C/groups, O) and bias (O,).

    Parameters
    ----------
    name, filters, groups, activation, use_bias
        As of `Conv2D`.
    kernel, stride, dilation : int or (int, int, int)
        In cells.
    padding : "valid", "same", int, (int, int, int) or ((front, back), (top, bottom), (left, right))
        Zeros around the volume, in cells.

    Raises
    ------
    ShapeError, UnsupportedError
        As of `Conv2D`.
    """

    name: str
    filters: int
    kernel: int | Triple
    stride: int | Triple = 1
    padding: PaddingLike3D = "valid"
    dilation: int | Triple = 1
    groups: int = 1
    activation: str = "linear"
    use_bias: bool = True
    window: Window3D = field(init=False, repr=False)

    def parse(self) -> None:
        """Parse the window."""
        self.window = Window3D.parse(self.kernel, self.stride, self.padding, self.dilation)
        check_count("filters", self.filters)
        check_count("groups", self.groups)

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        volume_size(shape)
        kernel = (*self.window.kernel, shape[3] // self.groups, self.filters)
        bias = {"bias": (self.filters,)} if self.use_bias else {}
        ops.check_conv3d((1, *shape), kernel, bias.get("bias"), self.groups)
        return {"kernel": kernel, **bias}

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OD, OH, OW, O)."""
        return (*self.window.output_size(volume_size(shape)), self.filters)

    def multiply_adds(self, shape: Shape) -> int:
        """OD * OH * OW * KD * KH * KW * C/groups * O."""
        return prod(self.window.output_size(volume_size(shape))) * prod(self.weight_shapes(shape)["kernel"])

    def pull_back_linear(self, gradient: Array, x: Array) -> Array:
        """Return the gradient (N, D, H, W, C) from (N, OD, OH, OW, O)."""
        return ops.scatter(gradient, self.weight_as("kernel", gradient), self.window, self.groups, x.shape)

    def convolve(self, x: Array, finish: ops.Finish) -> Array:
        """Convolve (N, D, H, W, C) to (N, OD, OH, OW, O)."""
        kernel = self.prepared("kernel", x, lambda w: Im2col3D(w, self.window, self.groups), "im2col3d")
        output = (*self.window.output_size(x.shape[1:4]), self.filters)
        return ops.run_conv2d(kernel, x, output, self.weight_as("bias", x), finish)


@dataclass(eq=False)
class Conv3DTranspose(Transposing):
    """The adjoint of a convolution, which makes volumes larger: (D, H, W, C) to (OD, OH, OW, O).

    Its weights are kernel (KD, KH, KW, O, C) and bias (O,).

    Parameters
    ----------
    name, filters, output_padding, activation, use_bias
        As of `Conv2DTranspose`.
    kernel, stride, dilation : int or (int, int, int)
        In cells.
    padding : "valid", "same", int, (int, int, int) or ((front, back), (top, bottom), (left, right))
        Cells that are left out at the sides of what is scattered.

    Raises
    ------
    ShapeError, UnsupportedError
        As of `Conv2DTranspose`.
    """

    name: str
    filters: int
    kernel: int | Triple
    stride: int | Triple = 1
    padding: PaddingLike3D = "valid"
    output_padding: int | Triple | None = None
    dilation: int | Triple = 1
    activation: str = "linear"
    use_bias: bool = True
    window = "varies"
    scatter: TransposedWindow3D = field(init=False, repr=False)

    def parse(self) -> None:
        """Parse the window that is put down for each input."""
        check_count("filters", self.filters)
        self.scatter = TransposedWindow3D.parse(
            self.kernel, self.stride, self.padding, self.dilation, self.output_padding
        )

    def weight_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of kernel and bias."""
        volume_size(shape)
        kernel = (*self.scatter.kernel, self.filters, shape[3])
        bias = {"bias": (self.filters,)} if self.use_bias else {}
        ops.check_conv3d_transpose((1, *shape), kernel, bias.get("bias"))
        return {"kernel": kernel, **bias}

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OD, OH, OW, O)."""
        return (*self.scatter.output_size(volume_size(shape)), self.filters)

    def multiply_adds(self, shape: Shape) -> int:
        """D * H * W * KD * KH * KW * O * C."""
        return prod(volume_size(shape)) * prod(self.weight_shapes(shape)["kernel"])

    def fan_in(self, weight: str, shape: Shape) -> float:
        """Return how many windows with their channels lie over a place of the output, on the average."""
        return self.multiply_adds(shape) / prod(self.infer_shape(shape))

    def pull_back_linear(self, gradient: Array, x: Array) -> Array:
        """Return the gradient (N, D, H, W, C) from (N, OD, OH, OW, O): the convolution that it is the adjoint of."""
        window, seen = ops.gathering3d(self.scatter, gradient, (x.shape[1], x.shape[2], x.shape[3]))
        return ops.run_conv2d(Im2col3D(self.weight_as("kernel", gradient), window, 1), seen, x.shape[1:])

    def convolve(self, x: Array, finish: ops.Finish) -> Array:
        """Scatter (N, D, H, W, C) into (N, OD, OH, OW, O)."""
        kernel = self.prepared("kernel", x, lambda w: Transposed(w, self.scatter), "transposed")
        output = (*self.scatter.output_size(x.shape[1:4]), self.filters)
        return ops.run_conv2d(kernel, x, output, self.weight_as("bias", x), finish)
