"""MobileNet: Howard et al., arXiv 1704.04861, table 1; names are Keras'."""

from convlab.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from convlab.zoo.sketch import Sketch
from convlab_kernels.window import PaddingLike

BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
"""(channels, stride) of each."""


def features(net: Sketch, x: str) -> str:
    """Call a convolution, and thirteen pairs of a depthwise 3 x 3 and a 1 x 1."""
    x = net(Conv2D("conv1", 32, 3, 2, "same", use_bias=False), x)
    x = _rectified(net, x, "conv1")
    for number, (channels, stride) in enumerate(BLOCKS, 1):
        if stride > 1:
            x = net(ZeroPadding2D(f"conv_pad_{number}", ((0, 1), (0, 1))), x)
        padding: PaddingLike = "valid" if stride > 1 else "same"
        x = net(DepthwiseConv2D(f"conv_dw_{number}", 3, stride, padding, use_bias=False), x)
        x = _rectified(net, x, f"conv_dw_{number}")
        x = net(Conv2D(f"conv_pw_{number}", channels, 1, padding="same", use_bias=False), x)
        x = _rectified(net, x, f"conv_pw_{number}")
    return x


def _rectified(net: Sketch, x: str, name: str) -> str:
    return net(ReLU(f"{name}_relu", 6.0), net(BatchNormalization(f"{name}_bn"), x))


def top(net: Sketch, x: str) -> str:
    """Call the mean of each map, and a 1 x 1 convolution in place of a dense layer."""
    layers = (
        GlobalAveragePooling2D("global_average_pooling2d", keepdims=True),
        Dropout("dropout"),
        Conv2D("conv_preds", 1000, 1, padding="same"),
        Reshape("reshape_2", (1000,)),
        Activation("predictions", "softmax"),
    )
    return net.chain(layers, x)
