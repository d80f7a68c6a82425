"""InceptionV3: Szegedy et al., arXiv 1512.00567, table 1 and figures 5 to 7; names are Keras'."""

from convlab.layers import Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, MaxPooling2D
from convlab.zoo.heads import averaged_top as top
from convlab.zoo.sketch import Sketch
from convlab_kernels.window import PaddingLike, Pair

__all__ = ["features", "top"]

Step = tuple[int, int | Pair]
"""Channels and kernel of a convolution."""


def features(net: Sketch, x: str) -> str:
    """Call a stem, and eleven modules of parallel convolutions at three sizes."""
    x = _conv(net, x, 32, 3, 2, "valid")
    x = _conv(net, x, 32, 3, 1, "valid")
    x = _conv(net, x, 64, 3)
    x = net(MaxPooling2D(net.numbered("max_pooling2d"), 3, 2), x)
    x = _conv(net, x, 80, 1, 1, "valid")
    x = _conv(net, x, 192, 3, 1, "valid")
    x = net(MaxPooling2D(net.numbered("max_pooling2d"), 3, 2), x)
    for number, pooled in enumerate((32, 64, 64)):
        x = _module(net, x, f"mixed{number}", [_FIVES, _THREES], 64, pooled)
    x = _smaller(net, x, "mixed3", [[(384, 3)], _THREES])
    for number, width in enumerate((128, 160, 160, 192), 4):
        x = _module(net, x, f"mixed{number}", [_sevens(width), _double_sevens(width)], 192, 192)
    x = _smaller(net, x, "mixed8", [[(192, 1), (320, 3)], [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3)]])
    for number in range(2):
        x = _wide_module(net, x, number)
    return x


_FIVES: list[Step] = [(48, 1), (64, 5)]
_THREES: list[Step] = [(64, 1), (96, 3), (96, 3)]


def _sevens(width: int) -> list[Step]:
    """7 x 7 as a row and a column (figure 6)."""
    return [(width, 1), (width, (1, 7)), (192, (7, 1))]


def _double_sevens(width: int) -> list[Step]:
    return [(width, 1), (width, (7, 1)), (width, (1, 7)), (width, (7, 1)), (192, (1, 7))]


def _module(net: Sketch, x: str, name: str, branches: list[list[Step]], direct: int, pooled: int) -> str:
    """Call a 1 x 1, branches, and a pooled one, side by side (figures 5 and 6)."""
    made = [_conv(net, x, direct, 1), *(_branch(net, x, steps) for steps in branches)]
    return net(Concatenate(name), *made, _pooled(net, x, pooled))


def _smaller(net: Sketch, x: str, name: str, branches: list[list[Step]]) -> str:
    """Call branches whose last convolution goes in steps of two, beside a pooling (figure 10)."""
    made = []
    for steps in branches:
        *before, (channels, kernel) = steps
        made.append(_conv(net, _branch(net, x, before), channels, kernel, 2, "valid"))
    return net(Concatenate(name), *made, net(MaxPooling2D(net.numbered("max_pooling2d"), 3, 2), x))


def _wide_module(net: Sketch, x: str, number: int) -> str:
    """Call branches that end in a row beside a column (figure 7)."""
    direct = _conv(net, x, 320, 1)
    once = _cross(net, _conv(net, x, 384, 1), f"mixed9_{number}")
    twice = _cross(net, _branch(net, x, [(448, 1), (384, 3)]), net.numbered("concatenate"))
    return net(Concatenate(f"mixed{9 + number}"), direct, once, twice, _pooled(net, x, 192))


def _cross(net: Sketch, x: str, name: str) -> str:
    return net(Concatenate(name), _conv(net, x, 384, (1, 3)), _conv(net, x, 384, (3, 1)))


def _pooled(net: Sketch, x: str, channels: int) -> str:
    return _conv(net, net(AveragePooling2D(net.numbered("average_pooling2d"), 3, 1, "same"), x), channels, 1)


def _branch(net: Sketch, x: str, steps: list[Step]) -> str:
    for channels, kernel in steps:
        x = _conv(net, x, channels, kernel)
    return x


def _conv(
    net: Sketch, x: str, channels: int, kernel: int | Pair, stride: int = 1, padding: PaddingLike = "same"
) -> str:
    x = net(Conv2D(net.numbered("conv2d"), channels, kernel, stride, padding, use_bias=False), x)
    x = net(BatchNormalization(net.numbered("batch_normalization"), scale=False), x)
    return net(Activation(net.numbered("activation"), "relu"), x)
