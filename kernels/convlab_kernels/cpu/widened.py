"""Convolution with few kernels: those of neighbouring windows side by side, so that together they fill a panel.

The micro-kernel computes a whole panel of columns at a time; with a few kernels most of it would be zeros.
A window that is wider by the t - 1 steps to its neighbours sees what all t of them see, and its kernels (`toeplitz`
has the matrix) are t times as many:

    out (N, OH, OW/t, t*O) = x (N, H, W, C) convolved with wide (KH, extent + (t-1)*stride, C, t*O), t steps at a time

Zero times infinity is no number: an input that is infinite or NaN spoils all outputs of the t places whose windows,
together, see it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arguments import check_out
from convlab_kernels.cpu.activation import LINEAR, Activation
from convlab_kernels.cpu.indirect_gemm import IndirectGemm
from convlab_kernels.cpu.runtime.micro_kernel import panel_of
from convlab_kernels.cpu.toeplitz import widened
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Sides, Window


class Widened:
    """Any convolution in one group, by `IndirectGemm` with wide kernels."""

    amplification = 1.0
    activates = True

    def __init__(self, w: NDArray[Any], window: Window, groups: int = 1) -> None:
        if groups != 1:
            raise UnsupportedError(f"widened: {groups} groups, expected 1: use indirect_gemm")
        self.w, self.window = w, window
        self._kernels: dict[tuple[int, Sides], IndirectGemm] = {}

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
        activation: Activation = LINEAR,
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O)."""
        check_out(out, "widened")
        n, oh, ow, o = out.shape
        t = together(ow, o, panel_of(out.itemsize))
        kernel = self._kernel(t, self.window.pads((x.shape[1], x.shape[2])))
        biases = None if bias is None else np.concatenate([bias] * t)
        kernel(x, out.reshape(n, oh, ow // t, t * o), biases, relu, ceiling, activation=activation)

    def _kernel(self, t: int, pads: Sides) -> IndirectGemm:
        """Return the kernel for t places together; threads that make it at the same time make the same."""
        if (t, pads) not in self._kernels:
            window = replace(self.window, padding=pads)
            wide = widened(self.w, window, t) if t > 1 else (self.w, window)  # which has no zeros between its columns
            self._kernels[t, pads] = IndirectGemm(*wide)
        return self._kernels[t, pads]


def together(places: int, kernels: int, panel: int) -> int:
    """Return how many of a row's places to take as one: the most that divide the row and fit in a panel."""
    return next(t for t in range(max(1, min(places, panel // kernels)), 0, -1) if places % t == 0)
