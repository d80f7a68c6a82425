"""Xception: Chollet, arXiv 1610.02357, figure 5; names are Keras'."""

from convlab.layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, SeparableConv2D
from convlab.zoo.heads import averaged_top as top
from convlab.zoo.sketch import Sketch

__all__ = ["features", "top"]


def features(net: Sketch, x: str) -> str:
    """Call the entry flow, eight times the middle flow, exit flow."""
    x = _rectified(net, net(Conv2D("block1_conv1", 32, 3, 2, use_bias=False), x), "block1_conv1")
    x = _rectified(net, net(Conv2D("block1_conv2", 64, 3, use_bias=False), x), "block1_conv2")
    for block, channels in ((2, 128), (3, 256), (4, 728)):
        x = _smaller(net, x, f"block{block}", (channels, channels))
    for block in range(5, 13):
        x = net(Add(net.numbered("add")), _separable(net, x, f"block{block}", (728, 728, 728)), x)
    x = _smaller(net, x, "block13", (728, 1024))
    for number, channels in enumerate((1536, 2048), 1):
        name = f"block14_sepconv{number}"
        x = _rectified(net, net(SeparableConv2D(name, channels, 3, padding="same", use_bias=False), x), name)
    return x


def _smaller(net: Sketch, x: str, name: str, channels: tuple[int, ...]) -> str:
    """Separable convolutions and a pooling of stride 2, added to a 1 x 1 of stride 2."""
    shortcut = net(Conv2D(net.numbered("conv2d"), channels[-1], 1, 2, "same", use_bias=False), x)
    shortcut = net(BatchNormalization(net.numbered("batch_normalization")), shortcut)
    x = _separable(net, x, name, channels)
    x = net(MaxPooling2D(f"{name}_pool", 3, 2, "same"), x)
    return net(Add(net.numbered("add")), x, shortcut)


def _separable(net: Sketch, x: str, name: str, channels: tuple[int, ...]) -> str:
    """ReLU, separable convolution, normalisation, for each width; block 2 comes behind a ReLU, and begins without."""
    for number, width in enumerate(channels, 1):
        one = f"{name}_sepconv{number}"
        if one != "block2_sepconv1":
            x = net(Activation(f"{one}_act", "relu"), x)
        x = net(SeparableConv2D(one, width, 3, padding="same", use_bias=False), x)
        x = net(BatchNormalization(f"{one}_bn"), x)
    return x


def _rectified(net: Sketch, x: str, name: str) -> str:
    return net(Activation(f"{name}_act", "relu"), net(BatchNormalization(f"{name}_bn"), x))
