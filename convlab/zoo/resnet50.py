"""ResNet50: He, Zhang, Ren and Sun, arXiv 1512.03385, table 1 (50-layer); names are Keras'.

As in Caffe's and Keras' version the stride is in a block's first convolution, of 1 x 1.
"""

from convlab.layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D
from convlab.zoo.heads import averaged_top as top
from convlab.zoo.sketch import Sketch
from convlab_kernels.window import PaddingLike

__all__ = ["features", "top"]

EPSILON = 1.001e-5
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # (channels, blocks, stride of the first)


def features(net: Sketch, x: str) -> str:
    """Call a stem, and four stages of bottlenecks with shortcuts."""
    x = net(ZeroPadding2D("conv1_pad", 3), x)
    x = _normalised(net, x, "conv1", 64, 7, 2)
    x = net(Activation("conv1_relu", "relu"), x)
    x = net(ZeroPadding2D("pool1_pad", 1), x)
    x = net(MaxPooling2D("pool1_pool", 3, 2), x)
    for stage, (channels, blocks, stride) in enumerate(STAGES, 2):
        x = _bottleneck(net, x, f"conv{stage}_block1", channels, stride, widens=True)
        for block in range(2, blocks + 1):
            x = _bottleneck(net, x, f"conv{stage}_block{block}", channels, 1, widens=False)
    return x


def _bottleneck(net: Sketch, x: str, name: str, channels: int, stride: int, *, widens: bool) -> str:
    """1 x 1, 3 x 3, 1 x 1, added to what came in (figure 5, right); where it widens, to a 1 x 1 of that."""
    shortcut = _normalised(net, x, f"{name}_0", 4 * channels, 1, stride) if widens else x
    x = net(Activation(f"{name}_1_relu", "relu"), _normalised(net, x, f"{name}_1", channels, 1, stride))
    x = net(Activation(f"{name}_2_relu", "relu"), _normalised(net, x, f"{name}_2", channels, 3, 1))
    x = _normalised(net, x, f"{name}_3", 4 * channels, 1, 1)
    return net(Activation(f"{name}_out", "relu"), net(Add(f"{name}_add"), shortcut, x))


def _normalised(net: Sketch, x: str, name: str, channels: int, kernel: int, stride: int) -> str:
    padding: PaddingLike = "same" if kernel == 3 else "valid"
    x = net(Conv2D(f"{name}_conv", channels, kernel, stride, padding), x)
    return net(BatchNormalization(f"{name}_bn", epsilon=EPSILON), x)
