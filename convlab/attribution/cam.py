"""Class activation maps: a layer's maps, weighted by the gradient of the class."""

from collections.abc import Callable

import numpy as np

from convlab.attribution.ablation import ablation_cam as silenced_cam
from convlab.attribution.result import Attribution
from convlab.backward.gradients import gradients
from convlab.backward.targets import Target, class_number, layer_of, seeds_of
from convlab.errors import LayerNameError, ShapeError
from convlab.layers import Add
from convlab.model.graph import Graph
from convlab.model.model import Model
from convlab.model.nodes import has_activation
from convlab.recording.activations import Activations
from convlab.recording.recorded import check_runs_anew
from convlab.runtime.arrays import Array, on_host
from convlab.wording import unknown

Combine = Callable[[Array, Array], Array]


def grad_cam(
    model: Model, acts: Activations, target: Target, layer: str | None = None, *, signed: bool = False
) -> Attribution:
    """Return the maps of a layer, each times its mean gradient, summed: Selvaraju et al., arXiv 1610.02391.

    Parameters
    ----------
    model, acts, target
        As of `convlab.gradients`.
    layer : str, optional
        A layer of maps; by default the last one before the number after an addition or an activation function.
    signed : bool
        Whether what speaks against the number stays, as negative values; else it is 0.

    Raises
    ------
    LayerNameError, ShapeError
        For a layer that is not there, or has no maps; and as of `convlab.gradients`.
    """

    def combine(maps: Array, gradient: Array) -> Array:
        return maps * gradient.mean(axis=(1, 2), keepdims=True)

    return _cam("grad_cam", "each map times its mean gradient", combine, model, acts, target, layer, signed)


def grad_cam_plus_plus(
    model: Model, acts: Activations, target: Target, layer: str | None = None, *, signed: bool = False
) -> Attribution:
    """Return the maps of a layer, each times a weighted mean of its positive gradients; as `grad_cam` otherwise.

    Chattopadhay et al., arXiv 1710.11063, equations 10 and 19, without the factor exp(class), which all maps share.
    """

    def combine(maps: Array, gradient: Array) -> Array:
        square = gradient.astype(np.float64) ** 2
        below = 2 * square + maps.sum(axis=(1, 2), keepdims=True) * square * gradient
        alpha = np.divide(square, below, out=np.zeros_like(square), where=below != 0)
        weights = (alpha * np.maximum(gradient, 0)).sum(axis=(1, 2), keepdims=True)
        return (maps * weights).astype(maps.dtype)

    note = "each map times a weighted mean of its positive gradients"
    return _cam("grad_cam_plus_plus", note, combine, model, acts, target, layer, signed)


def hires_cam(
    model: Model, acts: Activations, target: Target, layer: str | None = None, *, signed: bool = False
) -> Attribution:
    """Return the maps of a layer times their gradients, place by place, summed; as `grad_cam` otherwise.

    Draelos and Carin, arXiv 2011.08891, section 3.3: no gradient is averaged.
    """
    return _cam("hires_cam", "the maps times their gradients", np.multiply, model, acts, target, layer, signed)


def layer_cam(model: Model, acts: Activations, target: Target, layer: str | None = None) -> Attribution:
    """Return the maps of a layer times their positive gradients, place by place, summed; as `grad_cam` otherwise.

    Jiang et al., "LayerCAM" (IEEE TIP 30, 2021), equations 4 and 5.
    """

    def combine(maps: Array, gradient: Array) -> Array:
        return maps * np.maximum(gradient, 0)

    return _cam("layer_cam", "the maps times their positive gradients", combine, model, acts, target, layer, False)


def ablation_cam(
    model: Model, acts: Activations, target: int | str, layer: str | None = None, *, batch: int = 32
) -> Attribution:
    """Return the maps of a layer, each times what silencing it costs a class, summed, without gradients.

    Desai and Ramaswamy (WACV 2020), section 3; `convlab.ablation_cam` tells more, and returns the array alone.

    Parameters
    ----------
    model, acts, layer
        As of `grad_cam`.
    target : int or str
        A class, by its number or its label.
    batch : int
        How many channels are silenced side by side: more is faster and takes more memory.

    Raises
    ------
    LayerNameError, ShapeError
        For a layer, or a class, that is not there.
    """
    check_runs_anew(acts, "ablation_cam")
    number = class_number(model.graph, target, model.labels)
    name, called = _maps(model, layer, number)
    values = silenced_cam(model, acts.inputs, name, number, batch=batch)
    note = f"each map times what silencing it costs, as a share of the score, summed over the channels of {called}"
    _, what = seeds_of(model.graph, number, model.labels, values)
    return Attribution(values, "ablation_cam", what, name, note, acts, model)


def _cam(
    method: str, note: str, combine: Combine, model: Model, acts: Activations, target: Target,
    layer: str | None, signed: bool,
) -> Attribution:  # fmt: skip
    name, called = _maps(model, layer, target)
    if name not in model.shapes:
        raise LayerNameError(unknown("layer", name, model.shapes))
    if len(model.shapes[name]) != 3:
        raise ShapeError(f"{method}: layer {name!r} has shape {model.shapes[name]}, not (H, W, C)")
    found = gradients(model, acts, target, to=name)
    values = combine(on_host(found.made[name]), found[name]).sum(axis=-1)
    kept = "signed" if signed else "what speaks against it is 0"
    told = f"{note}, summed over the channels of {called}; {kept}"
    return Attribution(values if signed else np.maximum(values, 0), method, found.target, name, told, acts, model)


def _maps(model: Model, layer: str | None, target: Target) -> tuple[str, str]:
    """Return a layer, or the one that is chosen where none is given, and how a note names it."""
    if layer is not None:
        return layer, layer
    name = last_maps(model.graph, layer_of(model.graph, target))
    return name, f"{name}, the last layer of maps after an addition or an activation"


def last_maps(graph: Graph, end: str) -> str:
    """Return the last node of maps (H, W, C) before another one that ends an addition or an activation function.

    Or else the last one of maps at all; ShapeError where there is none.
    """
    behind = graph.until(end).nodes[:-1]
    maps = [node for node in behind if len(node.output_shape) == 3 and max(node.output_shape[:2]) > 1]
    if not maps:
        raise ShapeError(f"model {graph.name!r} has no layer of maps (H, W, C) before {end!r}")
    ends = [
        node for node in maps if has_activation(node.layer) or node.layer.activates or isinstance(node.layer, Add)
    ]
    return (ends or maps)[-1].name
