"""EfficientNet-B0: Tan and Le, arXiv 1905.11946, table 1; blocks with squeeze and excitation (Hu et al., 1709.01507).

Names are Keras'. So is the scaling at the beginning, which its weights of ImageNet are for.
"""

from math import sqrt

from convlab.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Multiply,
    Normalization,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)
from convlab.zoo.padding import even_border
from convlab.zoo.sketch import Sketch
from convlab_kernels.window import PaddingLike

STAGES = (
    (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)  # fmt: skip
"""(expansion, channels, layers, stride of the first, kernel): rows 2 to 8 of table 1."""
DEVIATIONS = (0.229, 0.224, 0.225)
"""Of ImageNet's colours, on the scale 0..1."""


def features(net: Sketch, x: str) -> str:
    """Call scaling, a convolution, sixteen inverted residuals with squeeze and excitation, and a 1 x 1."""
    x = net(Rescaling(net.numbered("rescaling"), 1 / 255), x)
    x = net(Normalization("normalization"), x)
    x = net(Rescaling(net.numbered("rescaling"), [1 / sqrt(deviation) for deviation in DEVIATIONS]), x)
    x = net(ZeroPadding2D("stem_conv_pad", even_border(net.shape(x), 3)), x)
    x = net(Conv2D("stem_conv", 32, 3, 2, use_bias=False), x)
    x = _activated(net, x, "stem_")
    for stage, (expansion, channels, layers, first, kernel) in enumerate(STAGES, 1):
        for letter, stride in zip("abcd"[:layers], (first, 1, 1, 1), strict=False):
            x = _block(net, x, f"block{stage}{letter}_", expansion, channels, stride, kernel)
    x = net(Conv2D("top_conv", 1280, 1, padding="same", use_bias=False), x)
    return _activated(net, x, "top_")


def _block(net: Sketch, x: str, name: str, expansion: int, channels: int, stride: int, kernel: int) -> str:
    """Widen, look around channel by channel, weigh the channels, narrow; added where the shape stays."""
    came_in, width = x, net.shape(x)[-1]
    if expansion > 1:
        x = net(Conv2D(f"{name}expand_conv", expansion * width, 1, padding="same", use_bias=False), x)
        x = _activated(net, x, f"{name}expand_")
    if stride > 1:
        x = net(ZeroPadding2D(f"{name}dwconv_pad", even_border(net.shape(x), kernel)), x)
    padding: PaddingLike = "valid" if stride > 1 else "same"
    x = net(DepthwiseConv2D(f"{name}dwconv", kernel, stride, padding, use_bias=False), x)
    x = _weighed(net, _activated(net, x, name), f"{name}se_", width // 4)
    x = net(Conv2D(f"{name}project_conv", channels, 1, padding="same", use_bias=False), x)
    x = net(BatchNormalization(f"{name}project_bn"), x)
    if width != channels or stride > 1:
        return x
    return net(Add(f"{name}add"), net(Dropout(f"{name}drop"), x), came_in)


def _weighed(net: Sketch, x: str, name: str, squeezed: int) -> str:
    """Multiply each channel by a weight made from the means of all (Hu et al., section 3)."""
    channels = net.shape(x)[-1]
    layers = (
        GlobalAveragePooling2D(f"{name}squeeze"),
        Reshape(f"{name}reshape", (1, 1, channels)),
        Conv2D(f"{name}reduce", squeezed, 1, padding="same", activation="swish"),
        Conv2D(f"{name}expand", channels, 1, padding="same", activation="sigmoid"),
    )
    return net(Multiply(f"{name}excite"), x, net.chain(layers, x))


def _activated(net: Sketch, x: str, name: str) -> str:
    return net(Activation(f"{name}activation", "swish"), net(BatchNormalization(f"{name}bn"), x))


def top(net: Sketch, x: str) -> str:
    """Call the mean of each map, and a dense layer."""
    layers = (
        GlobalAveragePooling2D("avg_pool"),
        Dropout("top_dropout"),
        Dense("predictions", 1000, "softmax"),
    )
    return net.chain(layers, x)
