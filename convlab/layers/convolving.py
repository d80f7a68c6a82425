"""The base of the layers that slide kernels over an image."""

from abc import abstractmethod
from typing import ClassVar, NamedTuple

from convlab import ops
from convlab.layers.base import Activated, KernelAxes, Layout
from convlab.layers.checks import options_of
from convlab.layers.functions import ACTIVATIONS, check_activation
from convlab.runtime.arrays import Array, Shape, module_of
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

        It is a convolution of the gradient with the kernel turned by 180 degrees, on the same fast kernels; where
        there is a stride, one for each phase.
        """
        found = ops.phases(window, (shape[1], shape[2]))
        if window.stride == (1, 1) and len(found) == 1:
            return self._pull_back_phase(gradient, shape, weight, *found[0], groups)
        out = module_of(gradient).zeros(shape, gradient.dtype)
        for rows, columns in found:
            part = out[:, rows.cells, columns.cells]
            part[...] = self._pull_back_phase(gradient, part.shape, weight, rows, columns, groups)
        return out

    def _pull_back_phase(
        self, gradient: Array, shape: tuple[int, ...], weight: str, rows: ops.Phase, columns: ops.Phase, groups: int
    ) -> Array:
        """Return the gradient (N, H', W', C) = `shape` by the cells of a phase of rows and one of columns."""
        walk, taps = ops.turned_window(rows, columns), (rows.taps, columns.taps)
        seen = gradient[:, rows.seen, columns.seen]
        method = ops.choose_conv2d(seen, (*walk.kernel, gradient.shape[3] // groups, shape[3]), walk, groups)

        def prepare(w: Array) -> Convolution:
            part = self.arranged(weight, w)[taps[0].start :: taps[0].step, taps[1].start :: taps[1].step]
            return ops.prepare_conv2d(ops.turned(part, groups), walk, groups, method)

        kernel: Convolution = self.prepared(weight, gradient, prepare, "turned", taps, walk, method)
        return ops.run_conv2d(kernel, seen, shape[1:])

    @abstractmethod
    def convolve(self, x: Array, finish: ops.Finish) -> Array:
        """Compute (N, H, W, C) -> (N, OH, OW, O), and an activation function of the sums."""

    def linear(self, x: Array) -> Array:
        """Convolve without the activation function."""
        return self.convolve(x, ops.NOTHING)

    def __call__(self, x: Array) -> Array:
        """Convolve (N, H, W, C) to (N, OH, OW, O); activation functions that the kernel has are fused into it."""
        finish = ACTIVATIONS[self.activation].finish
        return self.linear(x) if finish is ops.NOTHING else self.convolve(x, finish)


class Transposing(Convolving):
    """What transposed convolutions share: a kernel (..., O, C), which is put down for each input."""

    kernel_axes: ClassVar[KernelAxes] = "OI"
