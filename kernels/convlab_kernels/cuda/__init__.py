"""Kernels for a GPU, on CuPy's arrays: a ladder from a naive convolution to one that fills the chip.

    direct_strided   threads along pixels: what they read lies far apart
    direct           threads along output channels: they read side by side
    tiled            a block's inputs and weights in shared memory
    blocked          8 x 8 outputs of each thread in registers
    implicit_gemm    four numbers at a time, the next tile under way, sums split where the chip would idle
    im2col           every window copied into a row, and one product of cuBLAS'
    winograd         fewer multiplications
    tensor_core      matrix instructions; factors rounded to 10 bits, or split in two for float32's

Classes and calls are those of `convlab_kernels.cpu`. They compute float32, in one group, and refuse the rest.
"""

from convlab_kernels.methods import Methods

METHODS = Methods(
    __name__,
    direct_strided="direct_strided.DirectStrided",
    direct="direct.Direct",
    tiled="tiled.Tiled",
    blocked="blocked.Blocked",
    implicit_gemm="implicit_gemm.ImplicitGemm",
    im2col="im2col.Im2col",
    depthwise="depthwise.Depthwise",
    winograd="winograd.Winograd",
    winograd2x2="winograd.Winograd2x2",
    tensor_core="tensor_core.TensorCore",
    tensor_core_3x="tensor_core.TensorCore3x",
)

__all__ = ["METHODS"]
