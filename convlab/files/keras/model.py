"""Whole-model files: the network that a file of Keras describes, and its weights."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from convlab.errors import WeightsError
from convlab.files.flattened import flattened
from convlab.files.keras.archive import is_archive, unpack_member
from convlab.files.keras.config.architecture import Architecture, KerasLayer, read_architecture
from convlab.files.keras.config.builder import Functions
from convlab.files.keras.config.reading import read_config, read_topology
from convlab.files.keras.weights.reading import read_weights
from convlab.files.weight_specs import LayerWeights, Rows, adopt
from convlab.model.model import Model
from convlab.runtime.arrays import Shape
from convlab.storage.growth import check_growth

__all__ = ["read_model", "read_model_weights"]

WEIGHTS = "model.weights.h5"
COPIES = 6  # the weights, and what an optimizer keeps of each: AMSGrad three, a moving average, a sum of gradients
OVERHEAD = 16 << 10  # bytes of HDF5 for a layer: groups of about 2 kB, arrays of about 0.5 kB, each in COPIES
BASE = 16 << 20


def read_model(
    path: str | os.PathLike[str],
    *,
    topology: str | os.PathLike[str] | None = None,
    input_shape: Shape | None = None,
    functions: Functions | None = None,
) -> Architecture:
    """Build the network that a Keras file describes, without weights; it is named after the file.

    Parameters
    ----------
    path
        A whole-model .h5, .hdf5 or .keras, or the .json text of a topology; with `topology`, a file of weights that
        is not read yet.
    topology
        The architecture, where the file has none: a text file of what Keras' to_json() returned.
    input_shape
        (H, W, C) of the only input, in place of what the file says.
    functions
        By the name of a Lambda layer, what is computed in its place.

    Raises
    ------
    WeightsError
        If a file is damaged or unsafe, or holds no architecture.
    UnsupportedError
        If a layer, or an option of one, is not known.
    ShapeError
        If the layers do not fit together.
    """
    path = Path(path)
    source = path if topology is None else Path(topology)
    config = read_topology(source) if topology is not None or path.suffix == ".json" else read_config(path)
    architecture = read_architecture(
        config.values,
        str(source),
        config.keras_version,
        config.backend,
        input_shape=input_shape,
        functions=functions,
    )
    model = architecture.model
    model.graph = replace(model.graph, name=path.stem.removesuffix(".weights"))
    return architecture


def read_model_weights(
    path: str | os.PathLike[str], architecture: Architecture, *, strict: bool = True, layout: str = "HWIO"
) -> None:
    """Give a network the weights in a Keras file: .h5, .hdf5, .weights.h5 or .keras.

    All of them are read and checked before any is given to the model, whose `receipt` then says what was read.

    Parameters
    ----------
    path
        The file.
    architecture
        The network, as `read_model` returns it.
    strict
        Whether missing and unexpected layers are an error, or only noted in the receipt.
    layout
        How the file stores convolution kernels, as `read_weights` takes it.

    Raises
    ------
    WeightsError
        If the file is damaged, incomplete, unsafe or made for another network.
    """
    path, model = Path(path), architecture.model
    asked = _asked(architecture.layers, model, flattened(model))
    with _weights_file(path, model) as file:
        arrays, receipt = read_weights(file, asked, layout=layout, backend=architecture.backend, strict=strict)
    adopt(model, arrays, replace(receipt, file=os.fspath(path)))


def _asked(layers: Sequence[KerasLayer], model: Model, images: Mapping[str, Rows]) -> tuple[LayerWeights, ...]:
    """Return what the layers ask of a file, models inside the model as they are nested."""
    return tuple(
        LayerWeights(
            layer.layer or layer.name,
            layer.kind,
            model[layer.layer].shapes if layer.layer is not None and layer.layer in model else {},
            images.get(layer.layer or ""),
            layer.name,
            _asked(layer.layers, model, images),
            layer.written,
        )
        for layer in layers
    )


@contextmanager
def _weights_file(path: Path, model: Model) -> Iterator[Path]:
    """Give the HDF5 file of the weights: the file itself, or what an archive holds, for as long as it is needed.

    How large the latter may be, the model says: all that Keras keeps of a weight is of its size, at most float64.
    """
    if not is_archive(path):
        yield path
        return
    parameters = sum(layer.parameters for layer in model.layers)
    check_growth(path, 4 * parameters, "the weights of its architecture")
    with unpack_member(path, WEIGHTS, BASE + COPIES * (8 * parameters + OVERHEAD * len(model.layers))) as copy:
        try:
            yield copy
        except WeightsError as error:
            raise WeightsError(str(error).replace(str(copy), f"{path}: {WEIGHTS}", 1)) from error
