"""The base of the layers that slide kernels over an image."""

from abc import abstractmethod
from math import inf
from typing import ClassVar, NamedTuple

from convlab import ops
from convlab.layers.base import Activated, KernelAxes, Layout
from convlab.layers.checks import options_of
from convlab.layers.functions import ACTIVATIONS, check_activation
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.methods import Convolution
from convlab_kernels.window import Window


class ImageConvolution(NamedTuple):
    """What a kernel is chosen for: inputs (H, W, C), how many channels come out, the window and the groups."""

    image: tuple[int, int, int]
    filters: int
    window: Window
    groups: int


class Convolving(Activated):
    """What convolutions share: kernels prepared once from the weights, and ReLU fused into the last of them."""

    layout: ClassVar[Layout] = "channels_last"
    mixes_channels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse an unknown activation function, and parse the window once."""
        check_activation(self.name, self.activation)
        with options_of(self.name):
            self.parse()

    @abstractmethod
    def parse(self) -> None:
        """Parse the options that say where the window goes."""

    def convolutions(self, shape: Shape) -> tuple[ImageConvolution, ...]:
        """Return the convolutions of images that it makes of an input (H, W, C); none of volumes, or scattered."""
        return ()

    def arranged(self, weight: str, w: Array) -> Array:
        """Return the weight of that name as (KH, KW, C/groups, O)."""
        return w

    def kernel_for(
        self, x: Array, weight: str, shape: tuple[int, ...], window: Window, groups: int = 1
    ) -> Convolution:
        """Return the kernel for inputs like x from a weight (KH, KW, C/groups, O) = `shape`, prepared once."""
        method = ops.choose_conv2d(x, shape, window, groups)
        kernel: Convolution = self.prepared(
            weight, x, lambda w: ops.prepare_conv2d(self.arranged(weight, w), window, groups, method), method
        )
        return kernel

    def pull_back_through(
        self, gradient: Array, shape: tuple[int, ...], weight: str, window: Window, groups: int = 1
    ) -> Array:
        """Return the gradient (N, H, W, C) = `shape` from (N, OH, OW, O), through the convolution with that weight.

        It is a convolution, of the gradient spread by the stride, with the kernel turned by 180 degrees, on the same
        fast kernels; or, where that would have to crop, the adjoint as it is written down.
        """
        walk = ops.turned_window(window, (shape[1], shape[2]))
        if walk is None:
            return ops.scatter(
                gradient, self.arranged(weight, self.weight_as(weight, gradient)), window, groups, shape
            )
        spread = ops.spread(gradient, window.stride)
        kernel = (*window.kernel, gradient.shape[3] // groups, shape[3])
        method = ops.choose_conv2d(spread, kernel, walk, groups)
        turned: Convolution = self.prepared(
            weight,
            gradient,
            lambda w: ops.prepare_conv2d(ops.turned(self.arranged(weight, w), groups), walk, groups, method),
            "turned",
            walk,
            method,
        )
        return ops.run_conv2d(turned, spread, shape[1:])

    @abstractmethod
    def convolve(self, x: Array, relu: bool, ceiling: float = inf) -> Array:
        """Compute (N, H, W, C) -> (N, OH, OW, O); with `relu`, clipped at zero and from above at the ceiling."""

    def linear(self, x: Array) -> Array:
        """Convolve without the activation function."""
        return self.convolve(x, relu=False)

    def __call__(self, x: Array) -> Array:
        """Convolve (N, H, W, C) to (N, OH, OW, O); ReLU and ReLU6 are fused into the kernel."""
        ceiling = ACTIVATIONS[self.activation].ceiling
        if ceiling is not None:
            return self.convolve(x, relu=True, ceiling=ceiling)
        return super().__call__(x)


class Transposing(Convolving):
    """What transposed convolutions share: a kernel (..., O, C), which is put down for each input."""

    kernel_axes: ClassVar[KernelAxes] = "OI"
