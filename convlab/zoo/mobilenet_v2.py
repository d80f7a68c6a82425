"""MobileNetV2: Sandler et al., arXiv 1801.04381, table 2; names are Keras'."""

from convlab.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    ReLU,
    ZeroPadding2D,
)
from convlab.zoo.padding import even_border
from convlab.zoo.sketch import Sketch
from convlab_kernels.window import PaddingLike

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""(expansion t, channels c, blocks n, stride of the first s): the rows of table 2."""


def features(net: Sketch, x: str) -> str:
    """Call a convolution, seventeen inverted residuals, and a 1 x 1."""
    x = net(Conv2D("Conv1", 32, 3, 2, "same", use_bias=False), x)
    x = _normalised(net, x, "bn_Conv1", "Conv1_relu")
    number = 0
    for expansion, channels, blocks, first in STAGES:
        for block in range(blocks):
            name = f"block_{number}" if number else "expanded_conv"
            x = _inverted_residual(net, x, name, expansion, channels, first if block == 0 else 1)
            number += 1
    x = net(Conv2D("Conv_1", 1280, 1, use_bias=False), x)
    return _normalised(net, x, "Conv_1_bn", "out_relu")


def _inverted_residual(net: Sketch, x: str, name: str, expansion: int, channels: int, stride: int) -> str:
    """Widen, look around channel by channel, narrow without ReLU; added to what came in where the shape stays."""
    came_in, width = x, net.shape(x)[-1]
    if expansion > 1:
        x = net(Conv2D(f"{name}_expand", expansion * width, 1, padding="same", use_bias=False), x)
        x = _normalised(net, x, f"{name}_expand_BN", f"{name}_expand_relu")
    if stride > 1:
        x = net(ZeroPadding2D(f"{name}_pad", even_border(net.shape(x), 3)), x)
    padding: PaddingLike = "valid" if stride > 1 else "same"
    x = net(DepthwiseConv2D(f"{name}_depthwise", 3, stride, padding, use_bias=False), x)
    x = _normalised(net, x, f"{name}_depthwise_BN", f"{name}_depthwise_relu")
    x = net(Conv2D(f"{name}_project", channels, 1, padding="same", use_bias=False), x)
    x = net(BatchNormalization(f"{name}_project_BN"), x)
    return net(Add(f"{name}_add"), came_in, x) if width == channels and stride == 1 else x


def _normalised(net: Sketch, x: str, normalisation: str, relu: str) -> str:
    return net(ReLU(relu, 6.0), net(BatchNormalization(normalisation), x))


def top(net: Sketch, x: str) -> str:
    """Call the mean of each map, and a dense layer."""
    layers = (GlobalAveragePooling2D("global_average_pooling2d"), Dense("predictions", 1000, "softmax"))
    return net.chain(layers, x)
