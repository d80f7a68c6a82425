"""The door that weights come in by: what a network wants of a file, who reads it, and what becomes of the arrays."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from convlab.files.architecture import Architecture, KerasLayer
from convlab.files.flattened import flattened
from convlab.files.formats import holds_tensors
from convlab.files.keras.weights.opening import weights_file
from convlab.files.keras.weights.reading import read_keras_weights
from convlab.files.torch.weights import read_torch_weights
from convlab.files.weight_specs import LayerWeights, WantedWeights
from convlab.model.receipt import Receipt
from convlab.storage.tensors import Array

__all__ = ["give_weights", "read_weights", "wanted_by"]


def give_weights(
    architecture: Architecture,
    path: Path,
    *,
    layout: str = "HWIO",
    strict: bool = True,
    names: Mapping[str, str] | None = None,
) -> None:
    """Give a network the weights in a file, which become its own; `model.receipt` says what was read.

    Options and errors are those of `read_weights`; after an error the network is as it was.
    """
    arrays, receipt = read_weights(path, wanted_by(architecture), layout=layout, strict=strict, names=names)
    model = architecture.model
    for name, by_role in arrays.items():
        for array in by_role.values():
            array.flags.writeable = False  # so the layer need not copy it
        model[name].set_weights(**by_role)
    told = {key: getattr(architecture, key) for key in ("neutral", "precision", "guessed")}
    model.receipt = replace(receipt, **told)


def wanted_by(architecture: Architecture) -> WantedWeights:
    """Return what a network asks of a file of weights."""
    graph = architecture.model.graph
    images = flattened(graph)
    layers = {
        layer.name: LayerWeights(layer.name, type(layer).__name__, layer.shapes, images.get(layer.name))
        for layer in graph.layers.values()
    }
    nested = _nested(architecture.layers, layers)
    return WantedWeights(
        tuple(layers.values()),
        nested,
        left_out=architecture.left_out,
        chain=graph.is_chain,
        backend=architecture.backend,
        renamed=architecture.renamed,
    )


def _nested(tree: Sequence[KerasLayer], layers: Mapping[str, LayerWeights]) -> tuple[LayerWeights, ...]:
    """Return what layers ask as Keras sees them."""
    return tuple(
        replace(
            layers.get(one.layer or "") or LayerWeights(one.layer or one.name, one.kind, {}),
            kind=one.kind,
            keras_name=one.name,
            layers=_nested(one.layers, layers),
            written=one.written,
        )
        for one in tree
    )


def read_weights(
    path: Path,
    wanted: WantedWeights,
    *,
    layout: str = "HWIO",
    strict: bool = True,
    names: Mapping[str, str] | None = None,
) -> tuple[dict[str, dict[str, Array]], Receipt]:
    """Read weights from a file: of Keras, or in one of the `FORMATS` of others.

    Every array is checked before the first is read, and all are read before any is returned.

    Parameters
    ----------
    path
        The file; its ending tells whose it is, else its first bytes.
    wanted
        What is asked for, as `wanted_by` returns it.
    layout
        How a file of Keras stores convolution kernels, as `read_keras_weights` takes it.
    strict
        Whether missing and unexpected layers are an error, or only noted in the receipt.
    names
        Which module of another file is which layer, as `read_torch_weights` takes it.

    Returns
    -------
    weights
        float32 arrays by layer and name, in convlab's layout, which nobody else holds.
    receipt
        What was read from where, what was done to it, and what was not read.

    Raises
    ------
    WeightsError
        If the file is damaged, incomplete, unsafe or made for another network.
    """
    if holds_tensors(path):
        return read_torch_weights(
            path, wanted.layers, names=names, chain=wanted.chain, partial=bool(wanted.left_out), strict=strict
        )
    with weights_file(path, wanted.layers) as file:
        arrays, receipt = read_keras_weights(
            file,
            wanted.nested,
            also_known=wanted.left_out,
            layout=layout,
            backend=wanted.backend,
            renamed=wanted.renamed,
            strict=strict,
        )
    return arrays, replace(receipt, file=os.fspath(path))
