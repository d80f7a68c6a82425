"""The layers on volumes (D, H, W, C): what those on images do, with one axis more."""

from abc import abstractmethod
from dataclasses import dataclass, field
from math import inf, prod

from convlab import ops
from convlab.errors import ShapeError
from convlab.layers.base import Pooling, Spatial
from convlab.layers.checks import check_count, options_of
from convlab.layers.convolving import Convolving, Transposing
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.cpu.im2col3d import Im2col3D
from convlab_kernels.transposed import Transposed
from convlab_kernels.transposed_window import TransposedWindow3D
from convlab_kernels.window3d import PaddingLike3D, Triple, Window3D, parse_triple


def volume_size(shape: Shape) -> Triple:
    """Return (D, H, W) of a volume's shape (D, H, W, C); ShapeError for another."""
    if len(shape) != 4:
        raise ShapeError("expected (D, H, W, C)")
    return shape[0], shape[1], shape[2]


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

    def convolve(self, x: Array, relu: bool, ceiling: float = inf) -> Array:
        """Convolve (N, D, H, W, C) to (N, OD, OH, OW, O)."""
        kernel = self.prepared("kernel", x, lambda w: Im2col3D(w, self.window, self.groups), "im2col3d")
        output = (*self.window.output_size(x.shape[1:4]), self.filters)
        return ops.run_conv2d(kernel, x, output, self.weight_as("bias", x), relu, ceiling)


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

    def convolve(self, x: Array, relu: bool, ceiling: float = inf) -> Array:
        """Scatter (N, D, H, W, C) into (N, OD, OH, OW, O)."""
        kernel = self.prepared("kernel", x, lambda w: Transposed(w, self.scatter), "transposed")
        output = (*self.scatter.output_size(x.shape[1:4]), self.filters)
        return ops.run_conv2d(kernel, x, output, self.weight_as("bias", x), relu, ceiling)


@dataclass(eq=False)
class Pooling3D(Pooling):
    """What both poolings share: a window, and channels that stay apart."""

    name: str
    pool: int | Triple
    stride: int | Triple | None = None
    padding: PaddingLike3D = "valid"
    window: Window3D = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Parse the window once."""
        with options_of(self.name):
            self.window = Window3D.parse(self.pool, self.pool if self.stride is None else self.stride, self.padding)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OD, OH, OW, C)."""
        size = volume_size(shape)
        ops.check_pool3d((1, *shape), self.window)
        return (*self.window.output_size(size), shape[3])


class MaxPooling3D(Pooling3D):
    """The largest value in each window: (D, H, W, C) to (OD, OH, OW, C).

    Parameters
    ----------
    name, pool, stride, padding
        As of `MaxPooling2D`, with three numbers for two.
    """

    def __call__(self, x: Array) -> Array:
        """Pool (N, D, H, W, C) to (N, OD, OH, OW, C)."""
        return ops.run_max_pool3d(x, self.window)


class AveragePooling3D(Pooling3D):
    """The mean of each window, over the cells inside the volume: (D, H, W, C) to (OD, OH, OW, C).

    Parameters
    ----------
    name, pool, stride, padding
        As of `AveragePooling2D`, with three numbers for two.
    """

    def __call__(self, x: Array) -> Array:
        """Pool (N, D, H, W, C) to (N, OD, OH, OW, C)."""
        return ops.run_avg_pool3d(x, self.window)


@dataclass(eq=False)
class GlobalPooling3D(Pooling):
    """What both global poolings share: one number a channel; `keepdims` leaves them a volume of one cell."""

    name: str
    keepdims: bool = False
    window = None

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (C,), or (1, 1, 1, C)."""
        volume_size(shape)
        return (1, 1, 1, shape[3]) if self.keepdims else shape[3:]

    def __call__(self, x: Array) -> Array:
        """Pool (N, D, H, W, C) to (N, C), or (N, 1, 1, 1, C)."""
        y = self.reduce(x)
        return y[:, None, None, None] if self.keepdims else y

    @abstractmethod
    def reduce(self, x: Array) -> Array:
        """Pool (N, D, H, W, C) to (N, C)."""


class GlobalMaxPooling3D(GlobalPooling3D):
    """The largest value of each channel: (D, H, W, C) to (C,), or (1, 1, 1, C).

    Parameters
    ----------
    name, keepdims
        As of `GlobalMaxPooling2D`.
    """

    def reduce(self, x: Array) -> Array:
        """Pool (N, D, H, W, C) to (N, C)."""
        return ops.global_max_pool3d(x)


class GlobalAveragePooling3D(GlobalPooling3D):
    """The mean of each channel: (D, H, W, C) to (C,), or (1, 1, 1, C).

    Parameters
    ----------
    name, keepdims
        As of `GlobalMaxPooling2D`.
    """

    def reduce(self, x: Array) -> Array:
        """Pool (N, D, H, W, C) to (N, C)."""
        return ops.global_avg_pool3d(x)


@dataclass(eq=False)
class ZeroPadding3D(Spatial):
    """Zeros around the volume: (D, H, W, C) to (front+D+back, top+H+bottom, left+W+right, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    padding : int, (int, int, int) or ((front, back), (top, bottom), (left, right))
        How many, in cells.
    """

    name: str
    padding: PaddingLike3D = 1
    window: Window3D = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Parse the padding once."""
        with options_of(self.name):
            self.window = ops.border3d(self.padding)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (front+D+back, top+H+bottom, left+W+right, C)."""
        return (*self.window.output_size(volume_size(shape)), shape[3])

    def __call__(self, x: Array) -> Array:
        """Pad (N, D, H, W, C)."""
        return ops.zero_pad3d(x, self.padding)


@dataclass(eq=False)
class Cropping3D(Spatial):
    """The volume without cells at its sides: (D, H, W, C) to (D-front-back, H-top-bottom, W-left-right, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    cropping : int, (int, int, int) or ((front, back), (top, bottom), (left, right))
        How many, in cells.

    Raises
    ------
    ShapeError
        As of `Cropping2D`.
    """

    name: str
    cropping: PaddingLike3D = 1
    window: Window3D = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Parse the cropping once: a window of one cell that starts inside the volume."""
        with options_of(self.name):
            self.window = ops.cropping3d(self.cropping)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (D-front-back, H-top-bottom, W-left-right, C)."""
        size = volume_size(shape)
        ops.check_cropping3d(self.window, size)
        return (*self.window.output_size(size), shape[3])

    def __call__(self, x: Array) -> Array:
        """Crop (N, D, H, W, C)."""
        return ops.crop3d(x, self.cropping)


@dataclass(eq=False)
class UpSampling3D(Spatial):
    """Each cell several times along each axis: (D, H, W, C) to a volume so many times as large.

    Parameters
    ----------
    name : str
        What the network calls it.
    size : int or (int, int, int)
        How many times.
    """

    name: str
    size: int | Triple = 2
    window = "varies"

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        with options_of(self.name):
            self.factors = parse_triple("size", self.size, least=1)

    def infer_shape(self, shape: Shape) -> Shape:
        """Return (OD, OH, OW, C)."""
        depth, height, width = (n * times for n, times in zip(volume_size(shape), self.factors, strict=True))
        return depth, height, width, shape[3]

    def __call__(self, x: Array) -> Array:
        """Enlarge (N, D, H, W, C)."""
        return ops.upsample3d(x, self.factors)
