"""`load`: a network, from the zoo or from a file, with its weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from convlab.errors import FileError, ShapeError, UnsupportedError, WeightsError
from convlab.images.preprocessing import Preprocessing, assumed, standard
from convlab.layers import Elementwise, Normalization, Rescaling
from convlab.model.initialise import randomise
from convlab.model.model import Model
from convlab.runtime.arrays import Shape
from convlab.storage.foreign import CHECKPOINT, is_checkpoint
from convlab.zoo import ZOO, build, unknown_network, zoo_name

Weights = str | Path | int | None
Names = Mapping[str, str] | None
Functions = Mapping[str, Callable[[Any], Any]] | None


def load(
    name: str | Path,
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
) -> Model:
    """Return a network with its weights.

    Parameters
    ----------
    name : str or path
        A name in the zoo (lenet5, vgg16, vgg19; "VGG-16" will do), or a model that Keras saved (.keras, .h5, .hdf5).
    weights : path, "pretrained", int or None
        "pretrained": the model file's own, or the registered ones of the zoo (bundled, or fetched with
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
        raise WeightsError(f"weights={weights}: a seed is a whole number of at least 0")
    how = _How(layout, strict, names)
    called = str(name) if str(name) in ZOO or Path(name).exists() else zoo_name(str(name))
    if called in ZOO and topology is None:
        if functions:
            raise UnsupportedError(f"{name}: functions are for the Lambda layers of a file; this network has none")
        model = build(called, include_top, input_shape)
        if weights == "pretrained":
            weights = _pretrained(model.name, include_top)
        top = [] if include_top else [layer.name for layer in ZOO[model.name].top()]
        _give(model, weights, lambda path: _read(model, path, how, top))
    else:
        _require_file(name, include_top)
        model = _load_file(Path(name), weights, topology, input_shape, how, functions)
    if preprocessing is not None:
        model.preprocessing = _preprocessing(model, preprocessing)
    return model


@dataclass(frozen=True)
class _How:
    """How a weight file is to be read."""

    layout: str
    strict: bool
    names: Names


def _give(model: Model, weights: Weights, read: Callable[[Path], None]) -> None:
    """Give a model random weights, those that `read` finds in a file, or none."""
    if isinstance(weights, int | np.integer):
        randomise(model, int(weights))
    elif weights is not None:
        read(Path(weights))


def _require_file(name: str | Path, include_top: bool) -> None:
    path = Path(name)
    if not path.exists():
        if is_checkpoint(path):
            raise WeightsError(f"{name}: this is a checkpoint of TensorFlow: {CHECKPOINT}")
        if zoo_name(str(name)):
            raise UnsupportedError(f"{name}: its architecture is known: topology= is for a file of weights alone")
        if not path.suffix and path.name == str(name):
            raise UnsupportedError(unknown_network(str(name)))
        raise FileError(f"{name}: there is no such file")
    if not include_top:
        raise UnsupportedError(f"{name}: which layers are the top is known only of networks of the zoo")


def _read(model: Model, path: Path, how: _How, left_out: Sequence[str] = ()) -> None:
    """Give a model of layers that a file may list in any order the weights in it."""
    from convlab.files.flattened import flattened
    from convlab.files.keras.weights.reading import read_weights
    from convlab.files.torch.weights import is_torch_weights, read_torch_weights
    from convlab.files.weight_specs import LayerWeights, adopt

    images = flattened(model)
    asked = [
        LayerWeights(layer.name, type(layer).__name__, layer.shapes, images.get(layer.name))
        for layer in model.layers
        if layer.shapes
    ]
    if is_torch_weights(path):
        arrays, receipt = read_torch_weights(
            path, asked, names=how.names, strict=how.strict, chain=_is_chain(model), partial=bool(left_out)
        )
    else:
        arrays, receipt = read_weights(path, asked, also_known=left_out, layout=how.layout, strict=how.strict)
    adopt(model, arrays, receipt)


def _is_chain(model: Model) -> bool:
    """Tell whether each layer feeds the next, so that any order of the layers is the order of execution."""
    sources = [*model.inputs, *(node.name for node in model.nodes)]
    return len(model.inputs) == 1 and all(
        node.inputs == (source,) for node, source in zip(model.nodes, sources, strict=False)
    )


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


def _load_file(
    path: Path,
    weights: Weights,
    topology: str | Path | None,
    input_shape: Shape | None,
    how: _How,
    functions: Functions,
) -> Model:
    """Return a network whose architecture a file describes."""
    from convlab.files.keras.model import read_model, read_model_weights
    from convlab.files.torch.weights import is_torch_weights

    architecture = read_model(path, topology=topology, input_shape=input_shape, functions=functions)
    model = architecture.model

    def read(source: Path) -> None:
        if is_torch_weights(source):
            _read(model, source, how)
        else:
            read_model_weights(source, architecture, strict=how.strict, layout=how.layout)

    _assume_preprocessing(model)
    _give(model, path if weights == "pretrained" else weights, read)
    if model.receipt:
        told = {key: getattr(architecture, key) for key in ("neutral", "precision", "guessed")}
        model.receipt = replace(model.receipt, **told)
    return model


def _assume_preprocessing(model: Model) -> None:
    shapes = list(model.inputs.values())
    if len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][2] in (1, 3):
        model.preprocessing = assumed(_rescales(model), channels=shapes[0][2])


def _rescales(model: Model) -> bool:
    """Tell whether a network moves and scales its input's numbers, before anything else but crops and the like."""
    untouched = set(model.inputs)
    for node in model.nodes:
        if untouched.issuperset(node.inputs):
            constants = isinstance(node.layer, Elementwise) and any(one is not None for one in node.layer.operands)
            if constants or isinstance(node.layer, Rescaling | Normalization):
                return True
            untouched.update([] if node.layer.shapes else [node.name])
    return False


def _preprocessing(model: Model, wanted: str | Preprocessing) -> Preprocessing:
    if isinstance(wanted, Preprocessing):
        return wanted
    if len(model.input_shape) != 3:
        raise ShapeError(
            f"model {model.name!r} takes {model.input_shape}, no image: preprocessing {wanted!r} has no use"
        )
    return standard(wanted, model.input_shape[2])
