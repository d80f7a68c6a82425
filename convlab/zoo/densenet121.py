"""DenseNet121: Huang, Liu, van der Maaten and Weinberger, arXiv 1608.06993, table 1; names are Keras'."""

from convlab.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from convlab.zoo.heads import averaged_top as top
from convlab.zoo.sketch import Sketch

__all__ = ["features", "top"]

EPSILON = 1.001e-5
BLOCKS = (6, 12, 24, 16)
GROWTH = 32
"""Channels that each layer adds (section 3, "growth rate")."""


def features(net: Sketch, x: str) -> str:
    """Call a stem, and four dense blocks, in which each layer sees all before it."""
    x = net(ZeroPadding2D(net.numbered("zero_padding2d"), 3), x)
    x = net(Conv2D("conv1_conv", 64, 7, 2, use_bias=False), x)
    x = _rectified(net, x, "conv1_bn", "conv1_relu")
    x = net(ZeroPadding2D(net.numbered("zero_padding2d"), 1), x)
    x = net(MaxPooling2D("pool1", 3, 2), x)
    for stage, layers in enumerate(BLOCKS, 2):
        if stage > 2:
            x = _transition(net, x, f"pool{stage - 1}")
        for number in range(1, layers + 1):
            name = f"conv{stage}_block{number}"
            x = net(Concatenate(f"{name}_concat"), x, _bottleneck(net, x, name))
    return _rectified(net, x, "bn", "relu")


def _bottleneck(net: Sketch, x: str, name: str) -> str:
    """1 x 1 to four times the growth, 3 x 3 to the growth, each behind normalisation and ReLU."""
    x = _rectified(net, x, f"{name}_0_bn", f"{name}_0_relu")
    x = net(Conv2D(f"{name}_1_conv", 4 * GROWTH, 1, use_bias=False), x)
    x = _rectified(net, x, f"{name}_1_bn", f"{name}_1_relu")
    return net(Conv2D(f"{name}_2_conv", GROWTH, 3, padding="same", use_bias=False), x)


def _transition(net: Sketch, x: str, name: str) -> str:
    """Half the channels at half the size."""
    x = _rectified(net, x, f"{name}_bn", f"{name}_relu")
    x = net(Conv2D(f"{name}_conv", net.shape(x)[-1] // 2, 1, use_bias=False), x)
    return net(AveragePooling2D(f"{name}_pool", 2), x)


def _rectified(net: Sketch, x: str, normalisation: str, relu: str) -> str:
    return net(Activation(relu, "relu"), net(BatchNormalization(normalisation, epsilon=EPSILON), x))
