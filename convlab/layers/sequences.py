"""The layers on sequences (W, C); what they do is written where the same is done to images."""

from numbers import Integral
from typing import Any, ClassVar

from convlab.layers.base import KernelAxes
from convlab.layers.bordering import Cropping2D, ZeroPadding2D
from convlab.layers.checks import options_of
from convlab.layers.convolution import Conv2D
from convlab.layers.depthwise import DepthwiseConv2D, SeparableConv2D
from convlab.layers.one_row import ActivatedOneRow, OneRow
from convlab.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from convlab.layers.resizing import UpSampling2D
from convlab.layers.transposed import Conv2DTranspose
from convlab_kernels.window import Pair, Window

Ends = int | Pair | str  # cells before and after, or "valid", "same", "causal"


def _sides(ends: Ends) -> Any:
    """Return the padding of an image of one row."""
    if isinstance(ends, str):
        return ends
    return (0, 0), (ends, ends) if isinstance(ends, Integral) else ends


def _sides_of_window(name: str, ends: Ends, kernel: int, dilation: int) -> Any:
    """Return the padding; "causal": so much before that no output sees an input after it, and none after."""
    if ends != "causal":
        return _sides(ends)
    with options_of(name):
        reach = Window.parse((1, kernel), dilation=(1, dilation)).extent[1] - 1
    return (0, 0), (reach, 0)


class Conv1D(ActivatedOneRow):
    """Convolution of a sequence (W, C) to (OW, O).

    Its weights are kernel (K, C/groups, O) and bias (O,).

    Parameters
    ----------
    name, filters, groups, activation, use_bias
        As of `Conv2D`.
    kernel, stride, dilation : int
        In cells.
    padding : "valid", "same", "causal", int or (int, int)
        Zeros before and after, in cells; "causal": so many before that no output sees an input after its own.

    Raises
    ------
    ShapeError, UnsupportedError
        As of `Conv2D`.
    """

    mixes_channels: ClassVar[bool] = True

    def __init__(
        self,
        name: str,
        filters: int,
        kernel: int,
        stride: int = 1,
        padding: Ends = "valid",
        dilation: int = 1,
        groups: int = 1,
        activation: str = "linear",
        use_bias: bool = True,
    ) -> None:
        sides = _sides_of_window(name, padding, kernel, dilation)
        super().__init__(
            Conv2D(name, filters, (1, kernel), (1, stride), sides, (1, dilation), groups, activation, use_bias)
        )


class DepthwiseConv1D(ActivatedOneRow):
    """Convolution of each channel by itself: (W, C) to (OW, C*M).

    Its weights are kernel (K, C, M) and bias (C*M,).

    Parameters
    ----------
    name, depth_multiplier, activation, use_bias
        As of `DepthwiseConv2D`.
    kernel, stride, dilation : int
        In cells.
    padding : "valid", "same", "causal", int or (int, int)
        Zeros before and after, in cells; "causal": so many before that no output sees an input after its own.

    Raises
    ------
    ShapeError, UnsupportedError
        As of `DepthwiseConv2D`.
    """

    kernel_axes: ClassVar[KernelAxes] = "CM"

    def __init__(
        self,
        name: str,
        kernel: int,
        stride: int = 1,
        padding: Ends = "valid",
        depth_multiplier: int = 1,
        dilation: int = 1,
        activation: str = "linear",
        use_bias: bool = True,
    ) -> None:
        sides, multiplier = _sides_of_window(name, padding, kernel, dilation), depth_multiplier
        super().__init__(
            DepthwiseConv2D(name, (1, kernel), (1, stride), sides, multiplier, (1, dilation), activation, use_bias)
        )


class SeparableConv1D(ActivatedOneRow):
    """A depthwise convolution, and `filters` weighted sums over its channels: (W, C) to (OW, O).

    Its weights are depthwise_kernel (K, C, M), pointwise_kernel (1, C*M, O) and bias (O,).

    Parameters
    ----------
    name, filters, depth_multiplier, activation, use_bias
        As of `SeparableConv2D`.
    kernel, stride, dilation : int
        In cells.
    padding : "valid", "same", "causal", int or (int, int)
        Zeros before and after, in cells; "causal": so many before that no output sees an input after its own.

    Raises
    ------
    ShapeError, UnsupportedError
        As of `SeparableConv2D`.
    """

    mixes_channels: ClassVar[bool] = True

    def __init__(
        self,
        name: str,
        filters: int,
        kernel: int,
        stride: int = 1,
        padding: Ends = "valid",
        dilation: int = 1,
        depth_multiplier: int = 1,
        activation: str = "linear",
        use_bias: bool = True,
    ) -> None:
        sides, row = _sides_of_window(name, padding, kernel, dilation), (1, dilation)
        super().__init__(
            SeparableConv2D(
                name, filters, (1, kernel), (1, stride), sides, row, depth_multiplier, activation, use_bias
            )
        )


class Conv1DTranspose(ActivatedOneRow):
    """The adjoint of a convolution, which makes sequences longer: (W, C) to (OW, O).

    Its weights are kernel (K, O, C) and bias (O,).

    Parameters
    ----------
    name, filters, activation, use_bias
        As of `Conv2DTranspose`.
    kernel, stride, dilation : int
        In cells.
    padding : "valid", "same", int or (int, int)
        Cells that are left out at the ends of what is scattered.
    output_padding : int, optional
        Cells more at the end, less than the stride; None: as Keras decides.

    Raises
    ------
    ShapeError, UnsupportedError
        As of `Conv2DTranspose`.
    """

    mixes_channels: ClassVar[bool] = True
    kernel_axes: ClassVar[KernelAxes] = "OI"

    def __init__(
        self,
        name: str,
        filters: int,
        kernel: int,
        stride: int = 1,
        padding: Ends = "valid",
        output_padding: int | None = None,
        dilation: int = 1,
        activation: str = "linear",
        use_bias: bool = True,
    ) -> None:
        extra = None if output_padding is None else (0, output_padding)
        super().__init__(
            Conv2DTranspose(
                name,
                filters,
                (1, kernel),
                (1, stride),
                _sides(padding),
                extra,
                (1, dilation),
                activation,
                use_bias,
            )
        )


class MaxPooling1D(OneRow):
    """The largest value in each window: (W, C) to (OW, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    pool : int
        The window's size, in cells.
    stride : int, optional
        Cells from one place of the window to the next; by default the window's size.
    padding : "valid", "same", int or (int, int)
        Cells before and after that count for nothing.

    Raises
    ------
    ShapeError
        As of `MaxPooling2D`.
    """

    pools: ClassVar[bool] = True

    def __init__(self, name: str, pool: int = 2, stride: int | None = None, padding: Ends = "valid") -> None:
        super().__init__(MaxPooling2D(name, (1, pool), (1, pool if stride is None else stride), _sides(padding)))


class AveragePooling1D(OneRow):
    """The mean of each window, over the cells inside the sequence: (W, C) to (OW, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    pool : int
        The window's size, in cells.
    stride : int, optional
        Cells from one place of the window to the next; by default the window's size.
    padding : "valid", "same", int or (int, int)
        Cells before and after that count for nothing.

    Raises
    ------
    ShapeError
        As of `AveragePooling2D`.
    """

    pools: ClassVar[bool] = True

    def __init__(self, name: str, pool: int = 2, stride: int | None = None, padding: Ends = "valid") -> None:
        super().__init__(AveragePooling2D(name, (1, pool), (1, pool if stride is None else stride), _sides(padding)))


class GlobalMaxPooling1D(OneRow):
    """The largest value of each channel: (W, C) to (C,), or (1, C).

    Parameters
    ----------
    name, keepdims
        As of `GlobalMaxPooling2D`.
    """

    pools: ClassVar[bool] = True

    def __init__(self, name: str, keepdims: bool = False) -> None:
        super().__init__(GlobalMaxPooling2D(name, keepdims))


class GlobalAveragePooling1D(OneRow):
    """The mean of each channel: (W, C) to (C,), or (1, C).

    Parameters
    ----------
    name, keepdims
        As of `GlobalMaxPooling2D`.
    """

    pools: ClassVar[bool] = True

    def __init__(self, name: str, keepdims: bool = False) -> None:
        super().__init__(GlobalAveragePooling2D(name, keepdims))


class ZeroPadding1D(OneRow):
    """Zeros before and after the sequence: (W, C) to (before+W+after, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    padding : int or (int, int)
        How many, in cells.
    """

    def __init__(self, name: str, padding: Ends = 1) -> None:
        super().__init__(ZeroPadding2D(name, _sides(padding)))


class Cropping1D(OneRow):
    """The sequence without cells at its ends: (W, C) to (W-before-after, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    cropping : int or (int, int)
        How many, in cells.

    Raises
    ------
    ShapeError
        As of `Cropping2D`.
    """

    def __init__(self, name: str, cropping: Ends = 1) -> None:
        super().__init__(Cropping2D(name, _sides(cropping)))


class UpSampling1D(OneRow):
    """Each cell several times: (W, C) to (W*size, C).

    Parameters
    ----------
    name : str
        What the network calls it.
    size : int
        How many times.
    """

    def __init__(self, name: str, size: int = 2) -> None:
        super().__init__(UpSampling2D(name, (1, size)))
