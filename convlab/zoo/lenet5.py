"""LeNet-5: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998).

In the form of Zhang et al., "Dive into Deep Learning", section 7.6, with ReLU.
"""

from convlab.layers import Activation, AveragePooling2D, Conv2D, Dense, Flatten
from convlab.zoo.sketch import Sketch


def features(net: Sketch, x: str) -> str:
    """Call two convolutions, each averaged over windows of 2 x 2."""
    layers = (
        Conv2D("conv1", 6, 5, padding="same"),
        Activation("relu1", "relu"),
        AveragePooling2D("pool1", 2),
        Conv2D("conv2", 16, 5),
        Activation("relu2", "relu"),
        AveragePooling2D("pool2", 2),
    )
    return net.chain(layers, x)


def top(net: Sketch, x: str) -> str:
    """Call three dense layers; the softmax is a layer of its own."""
    layers = (
        Flatten("flatten"),
        Dense("fc1", 120),
        Activation("relu3", "relu"),
        Dense("fc2", 84),
        Activation("relu4", "relu"),
        Dense("fc3", 10),
        Activation("softmax", "softmax"),
    )
    return net.chain(layers, x)
