"""Kernels for a CPU.

A convolution kernel is a class made once per layer from the weights (the preparation: packing, transforms) and
called any number of times: `kernel(x, out, bias, relu, ceiling)` writes into `out` and returns nothing.

Those in `METHODS` that are compiled import Numba, so each is imported when it is first asked for.
"""

from convlab_kernels.cpu.im2col import Im2col
from convlab_kernels.cpu.runtime.threads import set_threads, threads
from convlab_kernels.cpu.shifted import Shifted
from convlab_kernels.methods import Convolution, Methods
from convlab_kernels.transposed import Transposed

METHODS = Methods(
    __name__,
    direct="direct.Direct",
    im2col="im2col.Im2col",
    toeplitz="toeplitz.Toeplitz",
    shifted="shifted.Shifted",
    pointwise="pointwise.Pointwise",
    indirect_gemm="indirect_gemm.IndirectGemm",
    widened="widened.Widened",
    depthwise="depthwise.Depthwise",
    winograd="winograd.Winograd",
    winograd2x2="winograd.Winograd2x2",
)

__all__ = ["METHODS", "Convolution", "Im2col", "Shifted", "Transposed", "set_threads", "threads"]
