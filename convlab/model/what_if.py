"""What if a layer had made something else: what follows is computed again, all else is shared with the recording."""

from collections.abc import Callable, Mapping
from typing import Any

from convlab.errors import LayerNameError, ShapeError, UnsupportedError
from convlab.model.execution import call
from convlab.model.graph import Graph
from convlab.recording.recorded import Recorded
from convlab.runtime.arrays import Array, as_floats, like
from convlab.runtime.host_copies import arrays_on
from convlab.wording import listed, unknown

Replacement = Array | Callable[[Array], Any]


def affected(graph: Graph, names: Mapping[str, Any]) -> list[str]:
    """Return the nodes that depend on those named, these left out, in order."""
    reached = set(names)
    for node in graph.nodes:
        if reached.intersection(node.inputs):
            reached.add(node.name)
    return [node.name for node in graph.nodes if node.name in reached and node.name not in names]


def recompute(
    graph: Graph, acts: Recorded, values: dict[str, Array], replaced: Mapping[str, Replacement], device: str
) -> dict[str, Any]:
    """Return the fields of `Recorded` that change where some inputs or layers had made something else.

    Parameters
    ----------
    graph, acts, values
        The network, a recording, and what all inputs and nodes are in it; changed to what they become.
    replaced
        By name, the array in place of what was made, or a function that makes it of that.
    device
        Where the network computes.

    Raises
    ------
    LayerNameError
        For a layer that is not there.
    ShapeError
        For an array of another shape.
    """
    for name, value in replaced.items():
        if name not in graph.shapes:
            raise LayerNameError(unknown("layer", name, graph.shapes))
        values[name] = _checked(name, value(values[name].copy()) if callable(value) else value, values[name])
    follow = affected(graph, replaced)
    for node in graph.nodes:
        if node.name not in follow:
            continue
        given = [values[source] for source in node.inputs]
        before, after = call(node.layer, given, f"{node.name}/pre" in acts.arrays)
        values[node.name] = node.silence(after)
        if before is not None:
            values[f"{node.name}/pre"] = before
    kinds = _kinds(graph, acts.kinds, replaced)
    changed: dict[str, Any] = {"kinds": kinds}
    for field, names in (("arrays", kinds), ("inputs", acts.inputs), ("outputs", acts.outputs)):
        changed[field] = arrays_on(device)
        changed[field].update({name: values[name] for name in names})
    still = [name for name in acts.replaced if name not in follow]
    changed["replaced"] = tuple(dict.fromkeys([*still, *(name for name in replaced if name not in graph.inputs)]))
    same = [node.name for node in graph.nodes if node.name not in follow and node.name not in replaced]
    told = listed(same) if same else "nothing"
    what = f"what if {listed(list(replaced))} had made something else; not affected: {told}"
    return {**changed, "note": ", ".join(filter(None, [acts.note, what]))}


def _kinds(graph: Graph, kinds: Mapping[str, str], replaced: Mapping[str, Any]) -> dict[str, str]:
    """Return the kinds of what is recorded, in order, and of what is replaced: from no other array can it be told."""
    added = {node.name: node.layer.kind for node in graph.nodes if node.name in replaced}
    place = {name: i for i, node in enumerate(graph.nodes) for name in (f"{node.name}/pre", node.name)}
    return dict(sorted({**kinds, **added}.items(), key=lambda item: place.get(item[0], -1)))


def _checked(name: str, value: Any, instead_of: Array) -> Array:
    if isinstance(value, Mapping | str):
        raise UnsupportedError(
            f"rerun: {name!r} is replaced by {type(value).__name__}, expected an array, or a function that makes one"
        )
    (array,) = as_floats(value)
    if array.shape != instead_of.shape:
        raise ShapeError(f"rerun: {name!r} is replaced by an array {array.shape}, expected {instead_of.shape}")
    return like(array, instead_of)
