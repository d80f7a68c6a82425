"""Sources of a comparison: a recording, a file of arrays, a dictionary of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from convlab.comparison.before import PRE, Before
from convlab.comparison.npz_arrays import NUMBERS, NpzArrays
from convlab.errors import ShapeError, UnsupportedError, WeightsError
from convlab.images.preprocessing import Preprocessing
from convlab.model.model import INPUT, Model
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array, Shape

ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # with members, and without


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two things compared: named arrays, and what went into the network where that is known.

    Attributes
    ----------
    label : str
        What messages call it.
    layers, inputs, outputs : tuple of str
        Names of the arrays, in order; an output may be a layer, too.
    before : mapping of str to array
        What layers had before their activation functions, `name/pre`, though it was not recorded.
    """

    label: str
    layers: tuple[str, ...]
    inputs: tuple[str, ...]
    sources: Mapping[str, Mapping[str, Any]]
    kinds: Mapping[str, str] = field(default_factory=dict)
    network: Model | None = None
    preprocessing: Preprocessing | None = None
    outputs: tuple[str, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    _shapes: dict[str, Shape] = field(default_factory=dict)

    @property
    def order(self) -> tuple[str, ...]:
        """The layers in order, and before each what it had before its activation function, recorded or not."""
        names = {name: f"{name}{PRE}" for name in self.layers}
        return tuple(each for name, pre in names.items() for each in ((pre, name) if pre in self.before else (name,)))

    def shape(self, name: str) -> Shape:
        """Return an array's shape; of an .npz file without reading the numbers."""
        if name in self.before:
            return self.shape(name.removesuffix(PRE))
        if name not in self._shapes:
            arrays = self.sources[name]
            self._shapes[name] = arrays.shape(name) if isinstance(arrays, NpzArrays) else self.read(name).shape
        return self._shapes[name]

    def read(self, name: str) -> Array:
        """Return an array of real numbers, floats or whole ones as they are stored."""
        source = self.sources[name][name]
        try:
            array = np.asarray(source)
        except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that records its gradient
            raise ShapeError(f"{self.label}: {name!r} makes no array: {error}") from None
        if not array.dtype.name.startswith(NUMBERS):
            raise UnsupportedError(f"{self.label}: {name!r} is an array of {array.dtype}, expected real numbers")
        if not array.ndim:
            raise ShapeError(f"{self.label}: {name!r} is a single number, expected an array (N, ...)")
        return array


def read_side(source: Any, label: str, input_names: Collection[str] = (INPUT,)) -> Side:
    """Return one side of a comparison.

    Parameters
    ----------
    source : Activations, path, or mapping of str to array
        A path names a saved recording or an .npz file.
    label : str
        What messages call it; a file is called by its path.
    input_names : collection of str
        The entries of a mapping or .npz file that hold the network's inputs.

    Raises
    ------
    WeightsError
        For a file that is neither, or is damaged.
    UnsupportedError
        For another object.
    """
    if isinstance(source, str | PathLike):
        label, source = str(source), _open(Path(source))
    if isinstance(source, Activations):
        before = Before(source)
        parts = (before, source.inputs, source.outputs, source.arrays)
        return Side(
            label,
            tuple(source.arrays),
            tuple(name for name in source.inputs if name not in source.arrays),
            {name: part for part in parts for name in part},
            source.kinds,
            source.network,
            source.preprocessing,
            tuple(source.outputs),
            {name: before for name in before if name not in source.arrays},
        )
    if not isinstance(source, Mapping):
        raise UnsupportedError(
            f"compare: {label} is a {type(source).__name__}; give a recording, the path of one or of an .npz file,"
            " or a dictionary name -> array"
        )
    inputs = tuple(name for name in source if name in input_names)
    return Side(label, tuple(name for name in source if name not in inputs), inputs, dict.fromkeys(source, source))


def holds_activations(path: Path) -> bool:
    """Whether a file holds what was recorded (.npz, a saved recording) and not a network; False where there is none.

    Raises
    ------
    WeightsError
        For a file that is neither.
    """
    if not path.is_file() or path.suffix in (".keras", ".json"):
        return False
    if _is_zip(path):
        return True
    from convlab.storage.hdf5 import open_hdf5, read_text

    with open_hdf5(path) as file:
        return (read_text(file, "format") or "").startswith("convlab recording")


def _open(path: Path) -> Activations | NpzArrays:
    return NpzArrays(path) if path.is_file() and _is_zip(path) else Activations.open(path)


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in ZIP
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
