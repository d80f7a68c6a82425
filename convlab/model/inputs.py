"""The inputs of a network: one array, or several by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from convlab.errors import ShapeError, UnsupportedError
from convlab.model.selection import largest
from convlab.runtime.arrays import Array, Shape, as_floats, module_of
from convlab.runtime.device import device_memory, placed

if TYPE_CHECKING:
    from convlab.model.model import Model


def sides(model: str, shape: Sequence[int]) -> Shape:
    """Return an input's shape as a tuple of ints; ShapeError for what is none."""
    if not isinstance(shape, Sequence) or not all(isinstance(n, Integral) and n > 0 for n in shape):
        raise ShapeError(
            f"model {model!r}: input shape {shape!r}, expected whole numbers of at least 1, as (H, W, C)"
        )
    return tuple(int(n) for n in shape)


def prepare_input(model: Model, source: Any, **options: Any) -> Array:
    """Return images, or arrays for a network of other inputs, as the model's only input; see `Model.prepare`."""
    if len(model.input_shape) != 3:
        from convlab.images.volumes import prepare_arrays

        return prepare_arrays(source, model.input_shape, **options)
    if model.preprocessing is None:
        raise UnsupportedError(
            f"model {model.name!r} has no preprocessing: give run() an array of your own; commands take pictures"
        )
    from convlab.images.reading import prepare

    height, width, channels = model.input_shape
    return prepare(source, (height, width, channels), model.preprocessing, **options)


def read_inputs(model: Model, x: Any) -> dict[str, Array]:
    """Return a model's inputs by name, in the model's order, checked, all of one type and one batch.

    Parameters
    ----------
    model
    x
        The array of the only input; arrays by name; or, for several inputs, a sequence of arrays in their order.
    """
    given = _by_name(model, x)
    if given.keys() != model.inputs.keys():
        expected, found = ", ".join(model.inputs), ", ".join(map(str, given)) or "no names"
        raise ShapeError(f"model {model.name!r} takes arrays by name ({expected}), found {found}")
    arrays = [_check(model, name, given[name]) for name in model.inputs]
    if len({len(array) for array in arrays}) > 1:
        batches = ", ".join(f"{name} {len(array)}" for name, array in zip(model.inputs, arrays, strict=True))
        raise ShapeError(f"model {model.name!r}: inputs are batches of different sizes: {batches}")
    with device_memory(model.device, lambda: largest(model, len(arrays[0]))):
        floats = as_floats(*(placed(array, model.device) for array in arrays))
    return dict(zip(model.inputs, floats, strict=True))


def _by_name(model: Model, x: Any) -> Mapping[str, Any]:
    if isinstance(x, Mapping):
        return x
    if len(model.inputs) == 1:
        return dict.fromkeys(model.inputs, x)
    return dict(zip(model.inputs, x, strict=True)) if isinstance(x, Sequence) and len(x) == len(model.inputs) else {}


def _check(model: Model, name: str, x: Any) -> Array:
    if isinstance(x, str | PathLike):
        raise ShapeError(f"model {model.name!r}: {x!s} is no array; model.prepare makes one from a picture")
    (x,) = as_floats(x)
    if x.shape[1:] != model.inputs[name]:
        raise ShapeError(
            f"model {model.name!r}: {name} has shape {x.shape}, expected (N, {str(model.inputs[name])[1:]};"
            " model.prepare makes one from a picture"
        )
    if model.preprocessing is not None and module_of(x) is np:  # on a GPU it would have to be waited for
        model.preprocessing.check(x)
    return x
