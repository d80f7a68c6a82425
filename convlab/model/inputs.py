"""The inputs of a network: one array, or several by name."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from convlab.errors import ShapeError, UnsupportedError
from convlab.images.preprocessing import Preprocessing
from convlab.model.graph import Graph
from convlab.model.selection import largest
from convlab.runtime.arrays import Array, as_floats, module_of
from convlab.runtime.device import device_memory, placed
from convlab.runtime.tensors import channels_last
from convlab.wording import listed


def prepare_input(
    graph: Graph, preprocessing: Preprocessing | None, source: Any, **options: Any
) -> tuple[Array, list[str]]:
    """Return images, or arrays for a network of other inputs, as the only input, and what was done to pictures.

    See `Model.prepare`.
    """
    if len(graph.input_shape) != 3:
        from convlab.images.volumes import prepare_arrays

        return prepare_arrays(source, graph.input_shape, **options)
    if preprocessing is None:
        raise UnsupportedError(
            f"model {graph.name!r} has no preprocessing: give run() an array of your own; commands take pictures"
        )
    from convlab.images.reading import prepare_telling

    height, width, channels = graph.input_shape
    return prepare_telling(source, (height, width, channels), preprocessing, **options)


def read_inputs(
    graph: Graph, x: Any, preprocessing: Preprocessing | None = None, device: str = "cpu"
) -> dict[str, Array]:
    """Return a model's inputs by name, in the model's order, checked, all of one type and one batch.

    Parameters
    ----------
    graph
    x
        The array of the only input; arrays by name; or, for several inputs, a sequence of arrays in their order.
    """
    given = _by_name(graph, x)
    if given.keys() != graph.inputs.keys():
        expected, found = listed(graph.inputs), listed(given) or "no names"
        raise ShapeError(f"model {graph.name!r} takes arrays by name ({expected}), found {found}")
    arrays = [_check(graph, preprocessing, name, given[name]) for name in graph.inputs]
    if len({len(array) for array in arrays}) > 1:
        batches = ", ".join(f"{name} {len(array)}" for name, array in zip(graph.inputs, arrays, strict=True))
        raise ShapeError(f"model {graph.name!r}: inputs are batches of different sizes: {batches}")
    with device_memory(device, lambda: largest(graph, len(arrays[0]))):
        floats = as_floats(*(placed(array, device) for array in arrays))
    return dict(zip(graph.inputs, floats, strict=True))


def _by_name(graph: Graph, x: Any) -> Mapping[str, Any]:
    if isinstance(x, Mapping):
        return x
    if len(graph.inputs) == 1:
        return dict.fromkeys(graph.inputs, x)
    return dict(zip(graph.inputs, x, strict=True)) if isinstance(x, Sequence) and len(x) == len(graph.inputs) else {}


def _check(graph: Graph, preprocessing: Preprocessing | None, name: str, x: Any) -> Array:
    if type(x) is not np.ndarray or x.dtype != np.float32:  # small networks take microseconds
        x = _floats(graph, x)
    if x.shape[1:] != graph.inputs[name]:
        first = (*x.shape[2:], *x.shape[1:2]) == graph.inputs[name]
        advice = (
            "its channels are first: give np.moveaxis(x, 1, -1)"
            if first
            else "model.prepare makes one from a picture"
        )
        raise ShapeError(
            f"model {graph.name!r}: {name} has shape {x.shape}, expected (N, {str(graph.inputs[name])[1:]}; {advice}"
        )
    if preprocessing is not None and module_of(x) is np:  # on a GPU it would have to be waited for
        preprocessing.check(x)
    return x


def _floats(graph: Graph, x: Any) -> Array:
    if isinstance(x, str | PathLike):
        raise ShapeError(f"model {graph.name!r}: {x!s} is no array; model.prepare makes one from a picture")
    (x,) = as_floats(channels_last(x, batches=1))
    # of no class derived from NumPy's: what shares its memory would not be known for it
    return np.asarray(x) if module_of(x) is np else x
