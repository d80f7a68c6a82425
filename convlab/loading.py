"""`load`: a network, from the zoo or from a file, with its weights."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convlab.errors import FileError, ShapeError, UnsupportedError, WeightsError
from convlab.files.architecture import Architecture
from convlab.files.labels import give_labels, guess_labels
from convlab.files.registry import pretrained
from convlab.images.preprocessing import Preprocessing, standard
from convlab.model.initialise import randomise
from convlab.model.model import Model
from convlab.runtime.arrays import Shape
from convlab.storage.foreign import CHECKPOINT, is_checkpoint
from convlab.wording import say
from convlab.zoo import ZOO, build, unknown_network, zoo_name

Weights = str | Path | int | None
Names = Mapping[str, str] | None
Functions = Mapping[str, Callable[[Any], Any]] | None


def load(
    name: str | Path | Any,
    weights: Weights = "pretrained",
    *,
    include_top: bool = True,
    input_shape: Shape | None = None,
    topology: str | Path | None = None,
    preprocessing: str | Preprocessing | None = None,
    layout: str = "HWIO",
    strict: bool = True,
    names: Names = None,
    functions: Functions = None,
    labels: str | Path | Sequence[str] | None = None,
) -> Model:
    """Return a network with its weights.

    Parameters
    ----------
    name : str, path or Keras model
        A name in the zoo (lenet5, vgg16, resnet50, ...; "VGG-16" will do),
        or a model that Keras saved (.keras, .h5, .hdf5), or one that it has built: the object itself, which stays as
        it is.
    weights : path, "pretrained", int or None
        "pretrained": the model's own, or the registered ones of the zoo (bundled, or fetched with
        `convlab fetch`). Another weight file: of Keras, or of PyTorch (.safetensors, .npz, .pt, .pth). A seed for
        random ones. None for none: shapes only.
    include_top : bool
        False leaves out the dense layers of a network of the zoo, so that any image size will do.
    input_shape : (H, W, C), optional
        Another size than the network's own, or the one that a file leaves open.
    topology : path, optional
        What Keras' `to_json` wrote, where `name` is a file of weights alone.
    preprocessing : str or Preprocessing, optional
        How pictures become inputs, where a file cannot say: "unit" (0-1), "raw" (0-255), or Keras' "caffe", "tf",
        "torch". Assumed, with a warning where it is used, if not given: raw for a network that rescales, else unit.
    layout : "HWIO" or "OIHW", with "-theano" or "-tensorflow" behind it
        Order of the axes of the convolution kernels in a Keras file; and who wrote them, where it does not say:
        Theano's are turned by 180 degrees.
    strict : bool
        Refuse a file with missing or unexpected layers; if False, `model.receipt` lists them.
    names : mapping of str to str, optional
        Layer -> module of a PyTorch file, {"block1_conv1": "features.0"}, where names and shapes leave it open.
    functions : mapping of str to function, optional
        By the name of each Lambda layer, {"scaled": np.tanh}, what makes an array (N, ...) of one, or of a list of
        them: Keras stores such a layer's function as code, and convlab runs no code from a file.
    labels : sequence of str or path, optional
        Names of the classes: of a file a line each, or JSON. ImageNet's are taken for a thousand classes of pictures
        where nobody names them, which `model.notes` calls a guess.

    Raises
    ------
    WeightsError
        For a file that is damaged, incomplete, unsafe or made for another network.
    ShapeError
        For an input shape that the network cannot take.
    UnsupportedError
        For a network that the zoo does not have, or a layer that convlab does not know.
    """
    if isinstance(weights, bool) or (isinstance(weights, int | np.integer) and weights < 0):
        raise WeightsError(f"{say('weights=', '--weights ')}{weights}: a seed is a whole number of at least 0")
    architecture, own = _described(name, include_top, input_shape, topology, functions)
    model = architecture.model
    source = own() if isinstance(weights, str) and weights == "pretrained" else weights
    if isinstance(source, int | np.integer):
        randomise(model, int(source))
        model.drawn = {layer.name: layer._held.weights for layer in model.layers if layer.shapes}
    elif isinstance(source, str | Path):
        from convlab.files.weights import give_weights

        give_weights(architecture, Path(source), layout=layout, strict=strict, names=names)
    elif source is not None:
        from convlab.files.keras.live import give_own_weights

        give_own_weights(architecture, source)
    if labels is None:
        guess_labels(model)
    else:
        give_labels(model, labels)
    if preprocessing is not None:
        model.preprocessing = _preprocessing(model, preprocessing)
    return model


def _described(
    name: Any, include_top: bool, input_shape: Shape | None, topology: str | Path | None, functions: Functions
) -> tuple[Architecture, Callable[[], Any]]:
    """Return a network without weights, and what tells where its own are."""
    if not isinstance(name, str | Path):
        from convlab.files.keras.live import read_live

        _require_model(name, include_top, topology)
        return read_live(name, input_shape=input_shape, functions=functions), lambda: name
    called = str(name) if str(name) in ZOO or Path(name).exists() else zoo_name(str(name))
    if called in ZOO and topology is None:
        if functions:
            raise UnsupportedError(f"{name}: functions are for the Lambda layers of a file; this network has none")
        return _from_zoo(called, include_top, input_shape), lambda: pretrained(called, include_top)
    from convlab.files.keras.model import read_model

    _require_file(name, include_top)
    return read_model(name, topology=topology, input_shape=input_shape, functions=functions), lambda: name


def _from_zoo(name: str, include_top: bool, input_shape: Shape | None) -> Architecture:
    model = build(name, include_top, input_shape)
    top = () if include_top else [layer.name for layer in build(name).layers if layer.name not in model]
    return Architecture.of(model, left_out=top, renamed=True)


def _require_file(name: str | Path, include_top: bool) -> None:
    path = Path(name)
    if not path.exists():
        if is_checkpoint(path):
            raise WeightsError(f"{name}: this is a checkpoint of TensorFlow: {CHECKPOINT}")
        if zoo_name(str(name)):
            raise UnsupportedError(
                f"{name}: its architecture is known: {say('topology=', '--topology')} is for a file of weights alone"
            )
        if not path.suffix and path.name == str(name):
            raise UnsupportedError(unknown_network(str(name)))
        raise FileError(f"{name}: there is no such file")
    if not include_top:
        raise UnsupportedError(f"{name}: which layers are the top is known only of networks of the zoo")


def _require_model(source: Any, include_top: bool, topology: str | Path | None) -> None:
    from convlab.files.keras.live import is_model

    if not is_model(source):
        raise UnsupportedError(
            f"load: a {type(source).__name__}, expected a name of the zoo, a file, or a model of Keras"
            + "; what a PyTorch module computes is code: load the network that it should be, and compare the two"
            * hasattr(source, "state_dict")
        )
    if topology is not None or not include_top:
        told = (
            f"{say('topology=', '--topology')} is for a file of weights alone"
            if topology
            else "which layers are the top is known only of networks of the zoo"
        )
        raise UnsupportedError(f"Keras model {source.name!r}: {told}")


def _preprocessing(model: Model, wanted: str | Preprocessing) -> Preprocessing:
    if isinstance(wanted, Preprocessing):
        return wanted
    if len(model.input_shape) != 3:
        raise ShapeError(
            f"model {model.name!r} takes {model.input_shape}, no image: preprocessing {wanted!r} has no use"
        )
    return standard(wanted, model.input_shape[2])
