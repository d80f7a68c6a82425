"""Rung 2: the same loop, neighbouring threads on neighbouring output channels.

Now a warp reads 32 weights side by side, one transaction of 128 bytes, and all its threads the same number of x,
which is read once and handed to all; it writes side by side too. Nothing else changed: two lines that say which
output is whose. NVIDIA's "CUDA C++ Best Practices Guide", section 10.2.1, on coalesced access.
"""

from typing import Any

import numpy as np

from convlab_kernels.cuda.compiler.language import cuda, int32, kernel
from convlab_kernels.cuda.convolution import SIGNATURE, GpuConvolution
from convlab_kernels.cuda.device_functions import clipped
from convlab_kernels.cuda.direct_strided import convolved

CHANNELS, PIXELS = 32, 4
"""Outputs of a block."""


@kernel(*SIGNATURE, block=(CHANNELS, PIXELS))
def direct(x, w, bias, out, low, high, geometry):
    """Compute one output for each thread."""
    P, O = geometry[0], geometry[4]
    pixel = int32(cuda.blockIdx.x * PIXELS + cuda.threadIdx.y)
    o = int32(cuda.blockIdx.y * CHANNELS + cuda.threadIdx.x)
    if pixel < P and o < O:
        out[int32(pixel * O + o)] = clipped(convolved(x, w, pixel, o, geometry) + bias[o], low, high)


class Direct(GpuConvolution):
    """The definition, coalesced."""

    name = "direct"

    def launch(self, x: Any, bias: Any, out: Any, low: np.float32, high: np.float32) -> None:
        """Launch a block for each few pixels and 32 output channels."""
        geometry = self.geometry(x, out)
        grid = (-(-int(geometry[0]) // PIXELS), -(-out.shape[3] // CHANNELS))
        direct(grid, x, self.w, bias, out, low, high, geometry)
