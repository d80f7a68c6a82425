"""Kernels for a CPU.

A convolution kernel is a class made once per layer from the weights (the preparation: packing, transforms) and
called any number of times: `kernel(x, out, bias, relu)` writes into `out` and returns nothing.
"""

from typing import Any, Protocol

from numpy.typing import NDArray

from convlab_kernels.cpu.depthwise import Depthwise
from convlab_kernels.cpu.direct import Direct
from convlab_kernels.cpu.im2col import Im2col
from convlab_kernels.cpu.transposed import Transposed
from convlab_kernels.window import Window


class Convolution(Protocol):
    """A convolution with its weights prepared."""

    def __init__(self, w: NDArray[Any], window: Window, groups: int) -> None: ...

    def __call__(
        self, x: NDArray[Any], out: NDArray[Any], bias: NDArray[Any] | None = None, relu: bool = False
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O), contiguous; add bias (O,); clip at zero if `relu`."""


METHODS: dict[str, type[Convolution]] = {"im2col": Im2col, "direct": Direct, "depthwise": Depthwise}

__all__ = ["METHODS", "Convolution", "Depthwise", "Direct", "Im2col", "Transposed"]
