"""What a network is run on, as a command is told it: a picture, a matrix, or arrays by name."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from convlab.comparison.npz_arrays import NpzArrays
from convlab.errors import ImageError, ShapeError
from convlab.images.volumes import prepare_arrays
from convlab.model.inputs import prepare_input
from convlab.model.model import Model
from convlab.model.sources import RANDOM
from convlab.runtime.arrays import Array
from convlab.storage.growth import check_growth

SOME_FAILED = 3  # the exit status where some pictures of a folder were left out
HELP = "picture, matrix as .npy, or the arrays of several inputs by name as .npz"


class Image(NamedTuple):
    """One image of a file, or one of its several: what to call it and files made of it, and what was done to it."""

    name: str
    stem: str
    inputs: dict[str, Array]
    told: list[str]


def titled(model: Model, name: str) -> str:
    """Return what to call an image where it is shown what a network made of it."""
    return f"{name} ({RANDOM})" if model.random_layers else name


def read_images(model: Model, paths: Iterable[str], arguments: argparse.Namespace) -> list[Image]:
    """Return what files give a network: all of them, before anything is computed.

    Raises
    ------
    ImageError, ShapeError, WeightsError
        For a file that cannot be read, or holds something else than the network takes.
    """
    return [image for path in paths for image in _images(model, path, arguments)]


def _images(model: Model, path: str, arguments: argparse.Namespace) -> Iterator[Image]:
    if Path(path).is_dir():
        raise ImageError(
            f"{path}: a directory; expected a picture: give those in it, {Path(path) / '*'}, or use convlab scan"
        )
    arrays, told = prepared(model, path, arguments)
    count = min(map(len, arrays.values()))
    for i in range(count):
        name = path if count == 1 else f"{path}[{i}]"
        yield Image(name, Path(path).stem, {key: array[[i]] for key, array in arrays.items()}, told)


def prepared(model: Model, path: str, arguments: argparse.Namespace) -> tuple[dict[str, Array], list[str]]:
    """Return the inputs of a network by name, each a batch, and what was done to a picture."""
    span = getattr(arguments, "span", None) and tuple(arguments.span)
    by_name = Path(path).suffix.lower() == ".npz"
    if len(model.inputs) > 1:
        if not by_name:
            wanted = ", ".join(f"{name} {shape}" for name, shape in model.inputs.items())
            raise ShapeError(f"{path}: the network has several inputs ({wanted}): give an .npz with arrays by name")
        return _arrays(model, path)
    source: Any = _only_array(Path(path)) if by_name else path
    options: dict[str, Any] = {"span": span, "fit": getattr(arguments, "fit", "stretch")}
    x, told = prepare_input(model.graph, model.preprocessing, source, **options)
    return dict.fromkeys(model.inputs, x), told


def _arrays(model: Model, path: str) -> tuple[dict[str, Array], list[str]]:
    arrays = _open(Path(path))
    if arrays.keys() != model.inputs.keys():
        raise ShapeError(f"{path}: holds {_listed(arrays)}, the network takes {_listed(model.inputs)}")
    read = {name: prepare_arrays(_read(arrays, name), shape) for name, shape in model.inputs.items()}
    found = {name: array for name, (array, _) in read.items()}
    if len({len(array) for array in found.values()}) > 1:
        counts = ", ".join(f"{name} {len(array)}" for name, array in found.items())
        raise ShapeError(f"{path}: its arrays are batches of different sizes: {counts}")
    return found, [f"{name}: {line}" for name, (_, told) in read.items() for line in told]


def _only_array(path: Path) -> Array:
    arrays = _open(path)
    if len(arrays) > 1:
        raise ShapeError(f"{path}: holds {_listed(arrays)}, the network has one input: give an .npz with one array")
    return _read(arrays, next(iter(arrays)))


def _open(path: Path) -> NpzArrays:
    if not path.is_file():
        raise ImageError(f"{path}: there is no such file")
    return NpzArrays(path)


def _read(arrays: NpzArrays, name: str) -> Array:
    size = int(np.prod(arrays.shape(name), dtype=object)) * 8
    check_growth(arrays.path, size, f"array {name!r}")
    return arrays[name]


def _listed(names: Any) -> str:
    return ", ".join(list(names)[:10])
