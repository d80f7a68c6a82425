"""The number whose gradient is asked for: a class, a channel, a unit; and the gradients that the pass begins with."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from convlab.errors import LayerNameError, ShapeError
from convlab.model.graph import Graph
from convlab.model.logits import logits
from convlab.model.nodes import has_activation
from convlab.recording.activations import Activations
from convlab.recording.prediction import number_of_class
from convlab.runtime.arrays import Array, module_of
from convlab.wording import say, unknown

Target = Any  # int, str, (name, channel), (name, (y, x, channel)), (int or str, mask), or a mapping of arrays by name


def seeds_of(graph: Graph, target: Target, labels: Sequence[str] | None, like: Array) -> tuple[dict[str, Array], str]:
    """Return the gradients by name that the pass begins with, for a batch like an array, and what they are of.

    Raises
    ------
    LayerNameError
        For a layer, or a label, that the network does not have.
    ShapeError
        For a class, a channel or a unit that is not there, or arrays of another shape.
    """
    if isinstance(target, Mapping):
        return _given(graph, target, like), "given gradients"
    if _is_unit(target):
        name, place = target
        names = [node.name for node in graph.nodes]
        before = [f"{node.name}/pre" for node in graph.nodes if has_activation(node.layer)]
        if name not in names and name not in before:
            raise LayerNameError(unknown("layer", name, names))
        return _unit(graph, name, tuple(place) if isinstance(place, list) else place, like)
    mask = None
    if isinstance(target, tuple) and len(target) == 2:
        target, mask = target
    return _class(graph, class_number(graph, target, labels), mask, labels, like)


def layer_of(graph: Graph, target: Target) -> str:
    """Return the layer whose number a target is: that it names, or the one that makes the classes."""
    return (str(target[0]) if _is_unit(target) else logits(graph)).removesuffix("/pre")


def _is_unit(target: Target) -> bool:
    return isinstance(target, tuple) and len(target) == 2 and isinstance(target[0], str) and _is_place(target[1])


def _is_place(value: Any) -> bool:
    return all(map(_is_whole, value)) if isinstance(value, tuple | list) else _is_whole(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _given(graph: Graph, target: Mapping[str, Any], like: Array) -> dict[str, Array]:
    shapes = {**graph.shapes, **{f"{node.name}/pre": node.output_shape for node in graph.nodes}}
    for name, array in target.items():
        if name not in shapes:
            raise LayerNameError(unknown("layer", name, graph.shapes))
        if np.shape(array) != (len(like), *shapes[name]):
            raise ShapeError(
                f"gradients: by {name!r} of shape {np.shape(array)}, expected {(len(like), *shapes[name])}"
            )
    return {name: module_of(like).asarray(array, like.dtype) for name, array in target.items()}


def _unit(graph: Graph, name: str, place: Any, like: Array) -> tuple[dict[str, Array], str]:
    """Return the seed of the mean of a channel, or of one unit."""
    shape = graph.shapes[name.removesuffix("/pre")]
    seed = module_of(like).zeros((len(like), *shape), like.dtype)
    if isinstance(place, tuple):
        if len(place) != len(shape) or not all(0 <= at < size for at, size in zip(place, shape, strict=True)):
            raise ShapeError(f"gradients: layer {name!r} has no unit {place}: its shape is {shape}")
        seed[(slice(None), *place)] = 1
        return {name: seed}, f"{name} at {place}"
    if not 0 <= place < shape[-1]:
        raise ShapeError(f"gradients: layer {name!r} has channels 0 to {shape[-1] - 1}, found {place}")
    seed[..., place] = 1 / prod(shape[:-1])
    what = "the mean of channel" if len(shape) > 1 else "unit"
    return {name: seed}, f"{what} {place} of {name}"


def strongest_classes(acts: Activations) -> Array:
    """Return the most probable class of each image, int (N,); ShapeError where the output is no scores of classes."""
    scores = acts.output
    if scores.ndim != 2:
        asked = say("target=", "--class")
        raise ShapeError(f"the output is {scores.shape[1:]}, no scores of classes: give {asked}")
    if scores.shape[1] == 1 and (acts.activation == "sigmoid" or len(acts.labels or ()) == 2):
        return (scores[:, 0] > (0.5 if acts.activation == "sigmoid" else 0)).astype(int)
    return scores.argmax(axis=1)


def class_number(graph: Graph, target: Any, labels: Sequence[str] | None) -> int:
    """Return the number of a class that is given by its number or its label."""
    if isinstance(target, str):
        return number_of_class(target, labels, f"model {graph.name!r}")
    if isinstance(target, bool) or not isinstance(target, int | np.integer):
        raise ShapeError(
            f"gradients: target is {target!r}, expected a class, (layer, channel), (layer, (y, x, channel)),"
            " (class, mask), or arrays by name"
        )
    return int(target)


def _class(
    graph: Graph, number: int, mask: Any, labels: Sequence[str] | None, like: Array
) -> tuple[dict[str, Array], str]:
    """Return the seed of a class before its softmax or sigmoid; of a map its mean, all over or within a mask."""
    name = logits(graph)
    shape = graph.shapes[name.removesuffix("/pre")]
    called = f"class {number}" + (f" ({labels[number]})" if labels and 0 <= number < len(labels) else "")
    two_classes = name != graph.outputs[0] or (labels is not None and len(labels) == 2)
    channel, weight = number, 1
    if shape[-1] == 1 and two_classes and number in (0, 1):  # one channel is class 1's, and what is against class 0
        channel, weight = 0, 2 * number - 1
    if not 0 <= channel < shape[-1]:
        raise ShapeError(f"gradients: model {graph.name!r} has classes 0 to {shape[-1] - 1}, found {number}")
    seed = module_of(like).zeros((len(like), *shape), like.dtype)
    if mask is None:
        seed[..., channel] = weight / prod(shape[:-1])
        return {name: seed}, called
    inside = np.asarray(mask, bool)
    if inside.shape != shape[:-1] or not inside.any():
        raise ShapeError(f"gradients: mask of shape {inside.shape}, expected {shape[:-1]}, some of it true")
    seed[..., channel] = module_of(like).asarray(inside) * like.dtype.type(weight / inside.sum())
    return {name: seed}, f"{called} within a mask of {inside.sum()} places"
