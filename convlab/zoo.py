"""Architectures as data, and `load`, which gives one of them its weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convlab.errors import UnsupportedError, WeightsError
from convlab.initialise import randomise
from convlab.layers import Activation, AveragePooling2D, Conv2D, Dense, Flatten, Layer, MaxPooling2D, Shape
from convlab.model import Model
from convlab.names import unknown
from convlab.preprocessing import UNIT_GREY, VGG, Preprocessing


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


def load(
    name: str | Path,
    weights: str | Path | int | None = "pretrained",
    *,
    include_top: bool = True,
    input_shape: Shape | None = None,
    layout: str = "HWIO",
    strict: bool = True,
) -> Model:
    """Return a network with its weights.

    Parameters
    ----------
    name : str
        A name in the zoo: lenet5, vgg16, vgg19.
    weights : path, "pretrained", int or None
        A Keras weight file; the registered ones (bundled, or fetched with `convlab fetch`); a seed for random
        ones; None for none: shapes only.
    include_top : bool
        False leaves out the dense layers, so that any image size will do.
    input_shape : (H, W, C), optional
        Another size than the network's own.
    layout : "HWIO" or "OIHW"
        Order of the axes of the convolution kernels in the file.
    strict : bool
        Refuse a file with missing or unexpected layers; if False, `model.receipt` lists them.

    Raises
    ------
    WeightsError
        For a file that is damaged, incomplete, unsafe or made for another network.
    ShapeError
        For an input shape that the network cannot take.
    UnsupportedError
        For a network that the zoo does not have.
    """
    model = build(str(name), include_top, input_shape)
    if isinstance(weights, int | np.integer):
        if isinstance(weights, bool) or weights < 0:
            raise WeightsError(f"weights={weights}: a seed is a whole number of at least 0")
        randomise(model, int(weights))
    elif weights is not None:
        path = _pretrained(model.name, include_top) if weights == "pretrained" else Path(weights)
        top = [layer.name for layer in ZOO[model.name].top()]
        _load_weights(model, path, [] if include_top else top, layout, strict)
    return model


def build(name: str, include_top: bool = True, input_shape: Shape | None = None) -> Model:
    """Return a network of the zoo without weights."""
    if name not in ZOO:
        if Path(name).suffix in (".h5", ".hdf5", ".keras"):
            raise UnsupportedError(
                f"{name}: reading the architecture from a file is not supported yet;"
                f" name a network of the zoo ({', '.join(ZOO)}) and give the file as its weights"
            )
        raise UnsupportedError(unknown("network", name, ZOO))
    zoo = ZOO[name]
    return Model.sequential(
        name,
        input_shape or zoo.input_shape,
        zoo.features() + (zoo.top() if include_top else []),
        preprocessing=zoo.preprocessing,
        labels=zoo.labels() if include_top else None,
    )


def _load_weights(model: Model, path: Path, left_out: list[str], layout: str, strict: bool) -> None:
    from convlab.files.keras import LayerWeights, read_weights

    flattened = _flattened(model)
    asked = [
        LayerWeights(layer.name, type(layer).__name__, layer.shapes, flattened.get(layer.name))
        for layer in model.layers
        if layer.shapes
    ]
    arrays, model.receipt = read_weights(path, asked, also_known=left_out, layout=layout, strict=strict)
    for name, weights in arrays.items():
        for array in weights.values():
            array.flags.writeable = False  # adopted by the layer, not copied
        model[name].set_weights(**weights)


def _flattened(model: Model) -> dict[str, tuple[int, int, int]]:
    """Return, for each layer that is fed by a Flatten layer, the (H, W, C) that was flattened."""
    images = {node.name: model.shapes[node.inputs[0]] for node in model.nodes if isinstance(node.layer, Flatten)}
    fed = {node.layer.name: images[node.inputs[0]] for node in model.nodes if node.inputs[0] in images}
    return {name: (shape[0], shape[1], shape[2]) for name, shape in fed.items() if len(shape) == 3}


def _pretrained(name: str, include_top: bool) -> Path:
    """Return the registered weight file of a network: the bundled one, or one that has been fetched."""
    from convlab.files.registry import bundled_path, cache_folder, entries

    known = entries()
    candidates = [known[key] for key in (name, *([] if include_top else [f"{name}_notop"])) if key in known]
    for entry in candidates:
        path = bundled_path(entry) if entry.bundled else cache_folder() / entry.file
        if path.is_file():
            return path
    raise WeightsError(
        f"the trained weights of {name} are not here: run `convlab fetch {candidates[-1].name}`, or give"
        " weights=FILE (a Keras weight file), weights=0 (random) or weights=None (shapes only)"
    )
