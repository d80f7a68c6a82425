"""Convolution kernels: arrays in, arrays out.

Letters mean the same in every file: N batch, H W rows and columns, C input channels, O output channels,
KH KW kernel, OH OW output. Activations are (N, H, W, C), convolution kernels (KH, KW, C/groups, O): channels last.
"""

from convlab_kernels.window import Window

__all__ = ["Window"]
