"""The networks that are known by name: each is a file in which its architecture can be read as in its paper."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convlab.errors import UnsupportedError
from convlab.images.preprocessing import UNIT_GREY, VGG, Preprocessing, standard
from convlab.model.graph import INPUT
from convlab.model.model import Model
from convlab.runtime.arrays import Shape
from convlab.wording import unknown
from convlab.zoo import (
    densenet121,
    efficientnet_b0,
    inception_v3,
    lenet5,
    mobilenet,
    mobilenet_v2,
    resnet50,
    vgg,
    xception,
)
from convlab.zoo.sketch import Sketch

Part = Callable[[Sketch, str], str]


@dataclass(frozen=True)
class Architecture:
    """A network without its weights: `features` are its layers up to the maps, `top` the classifier."""

    features: Part
    top: Part
    input_shape: Shape
    preprocessing: Preprocessing
    labels: Callable[[], Sequence[str]]


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


def _imagenet(features: Part, top: Part, side: int, preprocessing: Preprocessing) -> Architecture:
    return Architecture(features, top, (side, side, 3), preprocessing, imagenet_labels)


_CAFFE, _TF, _TORCH, _RAW = (standard(mode, 3) for mode in ("caffe", "tf", "torch", "raw"))

ZOO = {
    "lenet5": Architecture(lenet5.features, lenet5.top, (28, 28, 1), UNIT_GREY, fashion_mnist_labels),
    "vgg16": _imagenet(vgg.vgg16, vgg.top, 224, VGG),
    "vgg19": _imagenet(vgg.vgg19, vgg.top, 224, VGG),
    "resnet50": _imagenet(resnet50.features, resnet50.top, 224, _CAFFE),
    "mobilenet": _imagenet(mobilenet.features, mobilenet.top, 224, _TF),
    "mobilenetv2": _imagenet(mobilenet_v2.features, mobilenet_v2.top, 224, _TF),
    "inceptionv3": _imagenet(inception_v3.features, inception_v3.top, 299, _TF),
    "xception": _imagenet(xception.features, xception.top, 299, _TF),
    "densenet121": _imagenet(densenet121.features, densenet121.top, 224, _TORCH),
    "efficientnetb0": _imagenet(efficientnet_b0.features, efficientnet_b0.top, 224, _RAW),
}


APPLICATIONS = (
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge", "DenseNet169",
    "DenseNet201", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4",
    "EfficientNetB5", "EfficientNetB6", "EfficientNetB7", "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2",
    "EfficientNetV2B3", "EfficientNetV2L", "EfficientNetV2M", "EfficientNetV2S", "InceptionResNetV2",
    "MobileNetV3Large", "MobileNetV3Small", "NASNetLarge", "NASNetMobile",
    "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2",
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
    net = Sketch(name, input_shape or zoo.input_shape)
    x = zoo.features(net, INPUT)
    if include_top:
        zoo.top(net, x)
    model = Model.of(net.graph())
    model.preprocessing = zoo.preprocessing
    model.labels = tuple(zoo.labels()) if include_top else None
    return model
