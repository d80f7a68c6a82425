"""Architectures as data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convlab.errors import UnsupportedError
from convlab.images.preprocessing import UNIT_GREY, VGG, Preprocessing
from convlab.layers import Activation, AveragePooling2D, Conv2D, Dense, Flatten, Layer, MaxPooling2D
from convlab.model.model import Model
from convlab.runtime.arrays import Shape
from convlab.wording import unknown


@dataclass(frozen=True)
class Architecture:
    """A network without its weights: `features` are its layers up to the flattening, `top` the rest."""

    features: Callable[[], list[Layer]]
    top: Callable[[], list[Layer]]
    input_shape: Shape
    preprocessing: Preprocessing
    labels: Callable[[], Sequence[str]]


def lenet5_features() -> list[Layer]:
    """LeCun et al. (1998) in the form of Zhang et al., "Dive into Deep Learning", section 7.6, with ReLU."""
    return [
        Conv2D("conv1", 6, 5, padding="same"),
        Activation("relu1", "relu"),
        AveragePooling2D("pool1", 2),
        Conv2D("conv2", 16, 5),
        Activation("relu2", "relu"),
        AveragePooling2D("pool2", 2),
    ]


def lenet5_top() -> list[Layer]:
    """Three dense layers; the softmax is a layer of its own."""
    return [
        Flatten("flatten"),
        Dense("fc1", 120),
        Activation("relu3", "relu"),
        Dense("fc2", 84),
        Activation("relu4", "relu"),
        Dense("fc3", 10),
        Activation("softmax", "softmax"),
    ]


VGG16_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # (channels, convolutions)
VGG19_BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))


def vgg_features(blocks: Sequence[tuple[int, int]]) -> list[Layer]:
    """Simonyan and Zisserman, arXiv 1409.1556, table 1 (columns D and E), with Keras' names."""
    layers: list[Layer] = []
    for b, (channels, convolutions) in enumerate(blocks, 1):
        layers += [
            Conv2D(f"block{b}_conv{c}", channels, 3, padding="same", activation="relu")
            for c in range(1, convolutions + 1)
        ]
        layers.append(MaxPooling2D(f"block{b}_pool", 2))
    return layers


def vgg_top() -> list[Layer]:
    """Three dense layers."""
    return [
        Flatten("flatten"),
        Dense("fc1", 4096, "relu"),
        Dense("fc2", 4096, "relu"),
        Dense("predictions", 1000, "softmax"),
    ]


def fashion_mnist_labels() -> Sequence[str]:
    """Return the ten classes of Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv 1708.07747, table 2)."""
    from convlab_weights.fashion_data import CLASSES

    return CLASSES


def imagenet_labels() -> Sequence[str]:
    """Return the thousand classes of ImageNet's 2012 challenge, in Keras' order."""
    import json
    from importlib.resources import files

    index = json.loads((files("convlab_weights") / "imagenet_class_index.json").read_text(encoding="utf-8"))
    return tuple(index[str(i)][1].replace("_", " ") for i in range(len(index)))


ZOO = {
    "lenet5": Architecture(lenet5_features, lenet5_top, (28, 28, 1), UNIT_GREY, fashion_mnist_labels),
    "vgg16": Architecture(lambda: vgg_features(VGG16_BLOCKS), vgg_top, (224, 224, 3), VGG, imagenet_labels),
    "vgg19": Architecture(lambda: vgg_features(VGG19_BLOCKS), vgg_top, (224, 224, 3), VGG, imagenet_labels),
}


APPLICATIONS = (
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge", "DenseNet121", "DenseNet169",
    "DenseNet201", "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4",
    "EfficientNetB5", "EfficientNetB6", "EfficientNetB7", "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2",
    "EfficientNetV2B3", "EfficientNetV2L", "EfficientNetV2M", "EfficientNetV2S", "InceptionResNetV2", "InceptionV3",
    "MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small", "NASNetLarge", "NASNetMobile",
    "ResNet50", "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2", "Xception",
)  # fmt: skip
"""What `keras.applications` builds and the zoo does not."""


def zoo_name(name: str) -> str | None:
    """Return the name in the zoo of a network that somebody calls "VGG-16"; None where there is none."""
    return next((known for known in ZOO if _plain(known) == _plain(name)), None)


def _plain(name: str) -> str:
    return name.lower().translate(dict.fromkeys(map(ord, "-_ ")))


def unknown_network(name: str) -> str:
    """Return one line for a name that is not in the zoo, of a network of Keras how to come by its file."""
    for network in APPLICATIONS:
        if _plain(network) == _plain(name):
            return (
                f"no network {name!r} in the zoo ({', '.join(ZOO)}); save it from Keras and give its file:"
                f" keras.applications.{network}().save('{network.lower()}.keras')"
            )
    return unknown("network", name, ZOO)


def build(name: str, include_top: bool = True, input_shape: Shape | None = None) -> Model:
    """Return a network of the zoo without weights."""
    if name not in ZOO:
        raise UnsupportedError(unknown_network(name))
    zoo = ZOO[name]
    return Model.sequential(
        name,
        input_shape or zoo.input_shape,
        zoo.features() + (zoo.top() if include_top else []),
        preprocessing=zoo.preprocessing,
        labels=zoo.labels() if include_top else None,
    )
