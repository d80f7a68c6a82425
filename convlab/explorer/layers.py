"""What is true of each input and layer of a network, whatever runs through it."""

import shlex
from collections.abc import Mapping
from typing import Any, Literal

from convlab.explorer.groups import groups_of
from convlab.layers.base import ONE_CELL
from convlab.model.model import Model, Node
from convlab.model.receptive_field import Field, receptive_fields
from convlab.runtime.arrays import Shape
from convlab_kernels.axis import Axis

AXES = ("slices", "rows", "columns")
Told = dict[str, Any]


def told_layers(model: Model) -> list[Told]:
    """Return what a page is told of the inputs, then of the nodes in order of execution."""
    places = {name: i for i, name in enumerate(model.shapes)}
    fields = model.receptive_fields()
    found = [_input(name, shape, fields[name]) for name, shape in model.inputs.items()]
    shown: set[str] = set()
    for node, group in zip(model.nodes, groups_of(model.nodes), strict=True):
        weights = 0 if node.layer.name in shown else node.layer.parameters
        shown.add(node.layer.name)
        alone = model.graph.inputs_behind[node.name] is not None
        found.append(
            {
                "name": node.name,
                "quoted": shlex.quote(node.name),
                "kind": node.layer.kind,
                "group": group,
                "shape": node.output_shape,
                "inputs": [places[source] for source in node.inputs],
                "says": node.layer.says,
                **_window(node),
                "weights": weights,
                "multiply_adds": node.multiply_adds,
                "field": _field(fields[node.name]) if alone else None,
                "step": _field(_step(node, model.shapes)),
            }
        )
    return found


def _input(name: str, shape: Shape, field: Field | Literal["varies"] | None) -> Told:
    return {
        "name": name,
        "quoted": shlex.quote(name),
        "kind": "InputLayer",
        "group": [],
        "shape": shape,
        "inputs": [],
        "says": "What goes into the network.",
        "formula": None,
        "window": None,
        "weights": 0,
        "multiply_adds": 0,
        "field": _field(field),
        "step": None,
    }


def _window(node: Node) -> Told:
    """Return the window and the arithmetic of the output's size; None where a layer has none, or it is one cell."""
    window, size = node.window, _size(node.input_shapes[0])
    walk: Any = window
    if window is None or window in ("varies", ONE_CELL) or len(size) != len(walk.kernel):
        return {"formula": None, "window": None}
    named = zip(AXES[-len(size) :], size, walk.pads(size), walk.kernel, walk.stride, walk.dilation, strict=True)
    axes = [Axis(*side) for side in named][-len(node.input_shapes[0]) + 1 :]  # a sequence is walked along its steps
    sides = list(zip(walk.kernel, walk.stride, walk.dilation, walk.pads(size), strict=True))[-2:]
    told = {axis.arithmetic: [one.side for one in axes if one.arithmetic == axis.arithmetic] for axis in axes}
    return {
        "formula": "\n".join(f"{' and '.join(names)}: {arithmetic}" for arithmetic, names in told.items()),
        "window": [
            {"kernel": kernel, "stride": stride, "dilation": dilation, "before": before, "after": after}
            for kernel, stride, dilation, (before, after) in sides
        ],
    }


def _size(shape: Shape) -> Any:
    """Return (H, W), of a volume (D, H, W), of a sequence (1, W)."""
    return (1, *shape)[-3:-1] if len(shape) < 4 else shape[:-1]


def _step(node: Node, shapes: Mapping[str, Shape]) -> Field | Literal["varies"] | None:
    """Return what the layer's units see of its first input, as that were the image."""
    first, window = node.inputs[0], node.window
    return receptive_fields([first], [(node.name, (first,), window)], {first: shapes[first]})[node.name]


def _field(field: Field | Literal["varies"] | None) -> Told | str:
    if isinstance(field, Field):
        return {"start": field.start, "end": field.end, "jump": field.jump}
    return field or "all"
