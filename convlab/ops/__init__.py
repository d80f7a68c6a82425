"""The operations of a convolutional network on channels-last arrays: check once, choose a kernel, call it.

N batch, H W rows and columns, C input channels, O output channels, KH KW kernel, OH OW output. Arrays are NumPy's
(or CuPy's); results are float32, or float64 where the caller gives a float64 array. Inputs are never written to.
"""

from convlab.ops.convolution import (
    check_conv2d,
    choose_conv2d,
    conv2d,
    output_size,
    prepare_conv2d,
    run_conv2d,
    run_conv2d_onto,
)
from convlab.ops.distributions import softmax
from convlab.ops.framing import crop_to_shape, pad_to_shape, sides_off
from convlab.ops.linear import dense, run_dense
from convlab.ops.nonlinear import elu, sigmoid, tanh
from convlab.ops.normalisation import batch_norm, group_norm, layer_norm, unit_norm
from convlab.ops.piecewise import leaky_relu, relu
from convlab.ops.pooling import (
    avg_pool2d,
    check_pool2d,
    global_avg_pool2d,
    global_max_pool2d,
    max_pool2d,
    run_avg_pool2d,
    run_max_pool2d,
)
from convlab.ops.resizing import INTERPOLATIONS, check_interpolation, resize2d
from convlab.ops.shaping import border, check_cropping, crop2d, cropping, flatten, zero_pad2d
from convlab.ops.transposed import check_conv2d_transpose, conv2d_transpose
from convlab.ops.volumes import (
    avg_pool3d,
    border3d,
    check_conv3d,
    check_conv3d_transpose,
    check_cropping3d,
    check_pool3d,
    conv3d,
    conv3d_transpose,
    crop3d,
    cropping3d,
    global_avg_pool3d,
    global_max_pool3d,
    max_pool3d,
    run_avg_pool3d,
    run_max_pool3d,
    upsample3d,
    zero_pad3d,
)

__all__ = [
    "INTERPOLATIONS",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "border",
    "border3d",
    "check_conv2d",
    "check_conv2d_transpose",
    "check_conv3d",
    "check_conv3d_transpose",
    "check_cropping",
    "check_cropping3d",
    "check_interpolation",
    "check_pool2d",
    "check_pool3d",
    "choose_conv2d",
    "conv2d",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "crop2d",
    "crop3d",
    "crop_to_shape",
    "cropping",
    "cropping3d",
    "dense",
    "elu",
    "flatten",
    "global_avg_pool2d",
    "global_avg_pool3d",
    "global_max_pool2d",
    "global_max_pool3d",
    "group_norm",
    "layer_norm",
    "leaky_relu",
    "max_pool2d",
    "max_pool3d",
    "output_size",
    "pad_to_shape",
    "prepare_conv2d",
    "relu",
    "resize2d",
    "run_avg_pool2d",
    "run_avg_pool3d",
    "run_conv2d",
    "run_conv2d_onto",
    "run_dense",
    "run_max_pool2d",
    "run_max_pool3d",
    "sides_off",
    "sigmoid",
    "softmax",
    "tanh",
    "unit_norm",
    "upsample3d",
    "zero_pad2d",
    "zero_pad3d",
]
