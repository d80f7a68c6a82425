"""The explanation of one number of a gradient: what was added up on the way back, and from where.

Griewank and Walther, "Evaluating derivatives" (2nd edition), section 3.2: the gradient by a value is the sum of what
each of its readers pulls back to it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from convlab.backward.result import Gradients
from convlab.errors import LayerNameError, UnsupportedError
from convlab.explanation.asked import about, as_images, indices
from convlab.explanation.contributions import Position, WeightedSum
from convlab.explanation.readings import Reading, box, reading
from convlab.explanation.result import Explanation
from convlab.explanation.seen import seen
from convlab.layers import Activated
from convlab.model.model import Model
from convlab.model.nodes import Node
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import on_host
from convlab.wording import listed, unknown


@quiet
def explain_backwards(
    model: Model, grads: Gradients, layer: str, asked: Mapping[str, Any], image: int
) -> Explanation:
    """Explain one number of gradients: the sum, over the outputs that its cell reaches, of gradient x weight."""
    if grads.rule != "gradient":
        raise UnsupportedError(f"explain: what the rule {grads.rule!r} makes are no gradients, but pictures of edges")
    model.check_made(grads)
    calls = _calls(model, grads, layer)
    gradient = as_images(layer, grads.kinds[layer], grads[layer])
    image, *place = indices(layer, gradient, image, asked)
    at = (image, *place[-len(model.shapes[layer]) :])
    found = [one for node, which in calls if (one := reading(grads, node, which, at))]
    spot = box([range(i, i + 1) for i in place], gradient.shape[1:])
    told = about(model, layer, asked, gradient, (image, *place))
    told |= {"target": grads.target, "kind": grads.kinds[layer], "field": None}
    if told["input"]:
        told["field"] = seen(model.receptive_fields()[layer], spot)
    own = sum(float(on_host(seed)[at]) for seed in _own_seeds(model, grads, layer))
    whole = _explained(told, found, _together(found, spot, own), gradient[(image, *place)])
    if len(found) < 2:
        return whole
    parts = tuple(
        _explained(told, [one], one.total, on_host(grads.handed_back(one.node.name)[one.which])[at]) for one in found
    )
    return replace(whole, parts=parts, tolerance=whole.tolerance + sum(part.tolerance for part in parts))


def _calls(model: Model, grads: Gradients, layer: str) -> list[tuple[Node, int]]:
    """Return the calls that lead from a layer to the target, each with the number of the input that the layer is."""
    if layer not in model.shapes:
        raise LayerNameError(unknown("layer", layer, model.shapes))
    leading = {name.removesuffix("/pre") for name in grads.seeds}
    for node in reversed(model.nodes):
        if node.name in leading and node.name not in grads.replaced:
            leading.update(node.inputs)
    if layer not in leading or (layer not in grads and f"{layer}/pre" in grads.seeds):
        raise LayerNameError(f"explain: {grads.target} has no gradient by what layer {layer!r} makes")
    readers = [node for node in model.nodes if node.name in leading and layer in node.inputs]
    readers = [node for node in readers if node.name not in grads.replaced and not _begins_before(grads, node)]
    needed = [layer, *(node.name for node in readers if f"{node.name}/pre" not in grads.seeds)]
    if missing := [name for name in needed if name not in grads]:
        raise LayerNameError(
            f"layer {layer!r} cannot be explained from these gradients, which lack {listed(missing)}:"
            f" make them by {listed(needed)}, too"
        )
    return [(node, which) for node in readers for which, source in enumerate(node.inputs) if source == layer]


def _begins_before(grads: Gradients, node: Node) -> bool:
    """Return whether the pass began before a function that is a layer of its own: with the gradient by its input."""
    return f"{node.name}/pre" in grads.seeds and not isinstance(node.layer, Activated)


def _own_seeds(model: Model, grads: Gradients, layer: str) -> list[Any]:
    """Return the gradients by the layer itself that the pass began with, which come on top of what comes back."""
    before = [node.name for node in model.nodes if layer in node.inputs and _begins_before(grads, node)]
    return [grads.seeds[name] for name in (layer, *(f"{name}/pre" for name in before)) if name in grads.seeds]


def _together(found: list[Reading], spot: Position, own: float) -> WeightedSum:
    """Return the sum of what comes back through all calls, and of what the pass began with: of one call its own."""
    if len(found) == 1:
        total = found[0].total
    else:
        shares = np.array([[[one.total.before for one in found]]])
        formula = f"sum of what {len(found)} layers give back {shares.sum():.6g}" if found else "nothing comes back"
        place = replace(spot, channels=range(len(found)))
        total = WeightedSum(place=place, patch=shares, kernel=np.ones_like(shares), products=shares, formula=formula)
    return replace(total, bias=own, formula=f"{total.formula} + {own:.6g} to begin with") if own else total


def _explained(told: Mapping[str, Any], found: list[Reading], total: WeightedSum, recorded: Any) -> Explanation:
    """Return what explains a recorded number, in its own type of numbers, as a sum of what comes back."""
    return Explanation(
        **vars(total),
        **told,
        weighted=any(one.node.layer.shapes for one in found),
        sources=tuple(one.source for one in found),
        link=found[0].link if len(found) == 1 else "",
        activation="linear",
        function="linear",
        after=total.before,
        recorded=float(recorded) + 0.0,  # which is no -0
        tolerance=total.rounding(recorded.dtype),
    )
