"""The operations of a convolutional network on channels-last arrays: check once, choose a kernel, call it.

N batch, H W rows and columns, C input channels, O output channels, KH KW kernel, OH OW output. Arrays are NumPy's
(or CuPy's); results are float32, or float64 where the caller gives a float64 array. Inputs are never written to.
"""

from convlab.ops.convolution import check_conv2d, conv2d, output_size, prepare_conv2d, run_conv2d
from convlab.ops.linear import batch_norm, dense
from convlab.ops.distributions import softmax
from convlab.ops.nonlinear import sigmoid, tanh
from convlab.ops.piecewise import relu
from convlab.ops.pooling import avg_pool2d, check_pool2d, global_avg_pool2d, global_max_pool2d, max_pool2d
from convlab.ops.shaping import border, flatten, zero_pad2d

__all__ = [
    "avg_pool2d",
    "batch_norm",
    "border",
    "check_conv2d",
    "check_pool2d",
    "conv2d",
    "dense",
    "flatten",
    "global_avg_pool2d",
    "global_max_pool2d",
    "max_pool2d",
    "output_size",
    "prepare_conv2d",
    "relu",
    "run_conv2d",
    "sigmoid",
    "softmax",
    "tanh",
    "zero_pad2d",
]
