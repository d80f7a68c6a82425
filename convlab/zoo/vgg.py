"""VGG16 and VGG19: Simonyan and Zisserman, arXiv 1409.1556, table 1 (columns D and E); names are Keras'."""

from convlab.layers import Conv2D, Dense, Flatten, MaxPooling2D
from convlab.zoo.sketch import Sketch

CHANNELS = (64, 128, 256, 512, 512)


def vgg16(net: Sketch, x: str) -> str:
    """Call five blocks of 3 x 3 convolutions: thirteen."""
    return _blocks(net, x, (2, 2, 3, 3, 3))


def vgg19(net: Sketch, x: str) -> str:
    """Call five blocks of 3 x 3 convolutions: sixteen."""
    return _blocks(net, x, (2, 2, 4, 4, 4))


def _blocks(net: Sketch, x: str, convolutions: tuple[int, ...]) -> str:
    for b, (channels, count) in enumerate(zip(CHANNELS, convolutions, strict=True), 1):
        for c in range(1, count + 1):
            x = net(Conv2D(f"block{b}_conv{c}", channels, 3, padding="same", activation="relu"), x)
        x = net(MaxPooling2D(f"block{b}_pool", 2), x)
    return x


def top(net: Sketch, x: str) -> str:
    """Call three dense layers."""
    layers = (
        Flatten("flatten"),
        Dense("fc1", 4096, "relu"),
        Dense("fc2", 4096, "relu"),
        Dense("predictions", 1000, "softmax"),
    )
    return net.chain(layers, x)
