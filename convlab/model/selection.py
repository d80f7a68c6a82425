"""The selection of a network's values that a run keeps, and the memory they take."""

from collections.abc import Callable, Iterable, Mapping
from math import prod

from convlab.errors import BudgetError, LayerNameError
from convlab.model.graph import Graph
from convlab.model.nodes import has_activation
from convlab.runtime.arrays import Array, Shape
from convlab.wording import listed, say, unknown

Record = str | Iterable[str] | Callable[[str], bool]


def select(graph: Graph, record: Record, pre: bool) -> dict[str, Shape]:
    """Return name -> shape of what is to be kept, in order of execution; see `Model.run`."""
    names = {}
    for node in graph.nodes:
        if has_activation(node.layer):
            names[f"{node.name}/pre"] = node.output_shape
        names[node.name] = node.output_shape
    if record == "all":
        asked = {node.name for node in graph.nodes}
    elif callable(record):
        asked = {node.name for node in graph.nodes if record(node.name)}
    else:
        asked = {record} if isinstance(record, str) else set(record)
    for name in sorted(asked - set(names)):
        raise LayerNameError(unknown("layer", name, names))
    if not asked:
        available = listed([node.name for node in graph.nodes])
        raise LayerNameError(f"{say('record=', '--layers')} selects no layer; available: {available}")
    if pre:
        asked |= {f"{name}/pre" for name in asked}
    return {name: shape for name, shape in names.items() if name in asked}


def check_budget(graph: Graph, wanted: Mapping[str, Shape], x: Array, max_bytes: int) -> None:
    """Raise BudgetError where what is wanted of a batch like x takes more than so many bytes."""
    sizes = {name: len(x) * prod(shape) * x.itemsize for name, shape in wanted.items()}
    if sum(sizes.values()) > max_bytes:
        limit = say(f"max_bytes={max_bytes:,}", f"the limit of {max_bytes:,}")
        layers = say("record=", "--layers")
        raise BudgetError(
            f"recording {len(x)} image(s) of {graph.name!r} takes {sum(sizes.values()):,} bytes, more than"
            f" {limit}; narrow {layers} or the batch. Bytes by layer: {_table(sizes)}"
        )


def largest(graph: Graph, images: int) -> str:
    """Return what to do where a GPU has no room for a batch, with its largest layers in float32."""
    sizes = {node.name: prod(node.output_shape) * 4 * images for node in graph.nodes}
    names = sorted(sizes, key=lambda name: -sizes[name])[:3]
    return (
        f"give model {graph.name!r} fewer than {images} image(s) at a time, or record fewer layers. Bytes of the"
        f" largest: {_table({name: sizes[name] for name in names})}"
    )


def _table(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size:,}" for name, size in sizes.items())
