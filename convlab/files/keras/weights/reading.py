"""Read the weights of a known architecture from a file that Keras wrote.

The architecture decides what is asked for; the file only answers, and an answer is checked before it is read.
"""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from convlab.errors import WeightsError
from convlab.files import registry
from convlab.files.keras.weights.layouts import Contents, find_contents
from convlab.files.keras.weights.weight_names import match_roles
from convlab.files.weight_specs import LayerWeights, change_of_order, check_rows, rows_in_order
from convlab.model.receipt import Receipt, ReceiptRow, describe_difference
from convlab.runtime.arrays import Shape
from convlab.storage import hdf5
from convlab.storage.growth import check_growth
from convlab.storage.hdf5_arrays import check_floats, read_floats
from convlab.wording import say

__all__ = ["LAYOUTS", "LayerWeights", "read_keras_weights"]

Array: TypeAlias = NDArray[np.float32]
Step: TypeAlias = tuple[str, Callable[[Array], Array]]

AXES = ("HWIO", "OIHW")  # of kernels; those of volumes have a D before the H
BACKENDS = ("theano", "tensorflow")  # who wrote the kernels, where the file does not say
LAYOUTS = (*AXES, *(f"{axes}-{backend}" for axes in AXES for backend in BACKENDS))
COUNTS = ("count",)  # the arrays that Keras stores as integers
ROTATED = ("Conv1D", "Conv2D", "Conv2DTranspose", "Conv3D")  # what Keras 2 turns when it loads a file of Theano's


@dataclass(frozen=True)
class Request:
    """One array to read: for whom, from where, how it is stored and what to do with it."""

    layer: str
    role: str
    dataset: h5py.Dataset
    stored_shape: Shape
    steps: list[Step]

    def __str__(self) -> str:
        return f"{self.layer} {self.role} ({self.path})"

    @property
    def path(self) -> str:
        """Its path inside the file."""
        return str(self.dataset.name).lstrip("/")

    def fetch(self) -> Array:
        """Read the array and bring it into convlab's layout."""
        values = read_floats(self.dataset, self.stored_shape, str(self), integers=self.role in COUNTS)
        for _, step in self.steps:
            values = step(values)
        return np.asarray(values, order="C")

    def receipt_row(self, shape: Shape) -> ReceiptRow:
        """Describe what `fetch` does."""
        transform = ", ".join(description for description, _ in self.steps) or "as stored"
        return ReceiptRow(self.layer, self.role, shape, self.path, transform)


def read_keras_weights(
    path: str | os.PathLike[str],
    layers: Sequence[LayerWeights],
    *,
    also_known: Collection[str] = (),
    layout: str = "HWIO",
    backend: str | None = None,
    renamed: bool = False,
    strict: bool = True,
) -> tuple[dict[str, dict[str, Array]], Receipt]:
    """Read the weights of an architecture from a Keras HDF5 file.

    Every array is checked before the first is read, and all are read before any is returned.

    Parameters
    ----------
    path
        The file: legacy .h5 (weights or whole model) or Keras 3 .weights.h5.
    layers
        What is asked for, in the order of the model.
    also_known
        Layers of the full architecture that this model leaves out: not unexpected when the file has them.
    layout
        How the file stores convolution kernels, "HWIO" or "OIHW"; with "-theano" or "-tensorflow" behind it who
        wrote them, where the file does not say.
    backend
        Who wrote them as far as the architecture says.
    renamed
        Whether an .h5 file may have other names for the layers, whose order tells them.
    strict
        Whether missing and unexpected layers are an error, or only noted in the receipt.

    Returns
    -------
    weights
        float32 arrays by layer and name; convolution kernels (KH, KW, I, O), dense kernels (in, out).
    receipt
        What was read from where, what was done to it, and what was not read.

    Raises
    ------
    WeightsError
        If the file is not what it should be; the message says what was found and what was expected.
    """
    if layout not in LAYOUTS:
        raise WeightsError(f"{path}: layout {layout!r} is unknown, expected one of {', '.join(LAYOUTS)}")
    axes, _, told = layout.partition("-")
    if axes == "OIHW":
        check_rows(Path(path), _leaves(layers))
    with hdf5.open_hdf5(path) as file:
        contents = find_contents(file, layers, renamed)
        missing, unexpected, left_out = _account(contents, layers, also_known)
        if strict and (missing or unexpected):
            hdf5.refuse(file, describe_difference(dict.fromkeys(missing, ""), dict.fromkeys(unexpected, "")))
        contents = _with_backend(contents, told, backend)
        requests = _plan(contents, layers, axes)
        if contents.theano is None and axes == "OIHW" and any(map(_is_turned_by_theano, _leaves(layers))):
            hdf5.refuse(file, _unsaid())
        check_growth(Path(path), sum(request.dataset.nbytes for request in requests), "the weights asked for")
        arrays: dict[str, dict[str, Array]] = {}
        rows = []
        for request in requests:
            values = request.fetch()
            arrays.setdefault(request.layer, {})[request.role] = values
            rows.append(request.receipt_row(values.shape))
    registry.check(Path(path))
    return arrays, Receipt(os.fspath(path), contents.layout, tuple(rows), missing, unexpected, left_out)


def _with_backend(contents: Contents, told: str, backend: str | None) -> Contents:
    """Return the contents with who wrote the kernels: as the caller says, else the file, else the architecture."""
    if told or (contents.theano is None and backend):
        by = f"{told} (told by layout)" if told else f"{backend} (told by the architecture)"
        return replace(contents, theano=(told or backend) == "theano", layout=f"{contents.layout}, backend {by}")
    if contents.theano is None:
        return replace(contents, layout=f"{contents.layout}, backend not stated")
    return contents


def _account(
    contents: Contents, layers: Sequence[LayerWeights], also_known: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Compare what is asked for with what there is: missing, unexpected and left-out layers."""
    wanted = dict.fromkeys(layer.name for layer in _leaves(layers))
    rest = [name for name in contents.layers if name not in wanted]
    missing = tuple(name for name in wanted if name not in contents.layers)
    unexpected = tuple(name for name in rest if name not in also_known)
    left_out = tuple(name for name in rest if name in also_known)
    return missing, unexpected, left_out


def _plan(contents: Contents, layers: Sequence[LayerWeights], axes: str) -> list[Request]:
    """Find and check every array of every layer, without reading any."""
    found = [(layer, contents.layers[layer.name]) for layer in _leaves(layers) if layer.name in contents.layers]
    return [
        _request(layer, role, stored.group, path, axes, contents.theano is True)
        for layer, stored in found
        for role, path in match_roles(layer, stored).items()
    ]


def _leaves(layers: Sequence[LayerWeights]) -> list[LayerWeights]:
    """Return every layer with weights once, those of nested models among them."""
    return list({leaf.name: leaf for layer in layers for _, leaf in layer.leaves()}.values())


def _request(layer: LayerWeights, role: str, group: h5py.Group, path: str, axes: str, theano: bool) -> Request:
    dataset = hdf5.get_dataset(group, path)
    if dataset is None:
        hdf5.refuse(group, f"{layer.name} lists {path}, but the file has no such dataset")
    shape = layer.shapes[role]
    steps = _steps(layer, role, axes, theano)
    request = Request(layer.name, role, dataset, _stored_shape(role, shape, axes), steps)
    hints = {_stored_shape(role, shape, other): f": this is {other}; pass {_layout(other)}" for other in AXES}
    check_floats(dataset, request.stored_shape, str(request), hints, integers=role in COUNTS)
    return request


def _stored_shape(role: str, shape: Shape, axes: str) -> Shape:
    return (*shape[:-3:-1], *shape[:-2]) if _is_kernel(role, shape) and axes == "OIHW" else shape


def _is_kernel(role: str, shape: Shape) -> bool:
    return role.endswith("kernel") and len(shape) in (4, 5)


def _is_turned_by_theano(layer: LayerWeights) -> bool:
    return layer.kind in ROTATED and any(_is_kernel(*array) for array in layer.shapes.items())


def _steps(layer: LayerWeights, role: str, axes: str, theano: bool) -> list[Step]:
    """Return what has to be done to an array of a layer, in order."""
    steps: list[Step] = []
    shape = layer.shapes[role]
    if _is_kernel(role, shape) and axes == "OIHW":
        sides = "HW" if len(shape) == 4 else "DHW"
        steps.append((f"OI{sides} -> {sides}IO", lambda kernel: kernel.transpose(*range(2, kernel.ndim), 1, 0)))
    if role == "kernel" and theano and layer.kind in ROTATED:  # Theano turned kernels; everyone else correlates
        steps.append(("rotated 180 degrees (Theano)", lambda kernel: np.flip(kernel, tuple(range(kernel.ndim - 2)))))
    if role == "kernel" and len(shape) == 2 and axes == "OIHW" and layer.image is not None:
        image = layer.image
        steps.append((f"rows {change_of_order(image)}", lambda kernel: rows_in_order(kernel, image)))
    return steps


def _layout(which: str) -> str:
    return say(f"layout={which!r}", f"--layout {which}")


def _unsaid() -> str:
    return (
        "its kernels are OIHW, and neither it nor the architecture says who wrote them: Theano's are turned by 180"
        f" degrees; pass {_layout('OIHW-theano')} to turn them back ('th kernels'),"
        f" {_layout('OIHW-tensorflow')} to take them as they are ('tf kernels')"
    )
