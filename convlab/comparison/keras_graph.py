"""The graph of a Keras model: convlab's names for its layers, and which of a layer's calls Keras runs first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from convlab.errors import UnsupportedError

if TYPE_CHECKING:
    from keras import Model, Operation

Path = tuple[str, ...]
"""The name of an operation after those of the models around it, but for the outermost."""


def graph(model: Any) -> Any:
    """Return the model with operations and their calls (a Sequential keeps one inside); None where there is none."""
    inner = getattr(model, "_functional", None) or model
    return inner if hasattr(inner, "operations") else None


def checked(model: Model) -> Any:
    """Return the graph of the model to record; UnsupportedError where it has none."""
    if (found := graph(model)) is None:
        raise UnsupportedError(
            f"record_keras: {type(model).__name__} {model.name!r} has no graph of layers: give a Sequential that has"
            " been built, or a Functional model"
        )
    return found


def operations(model: Any, path: Path = ()) -> Iterator[tuple[Path, Operation]]:
    """Yield (path, operation) for all operations of a model and of the models in it, these included."""
    for operation in graph(model).operations:
        here = (*path, operation.name)
        if not _is_input(operation):
            yield here, operation
        if graph(operation):
            yield from operations(operation, here)


def names(model: Any) -> dict[Path, str]:
    """Return what convlab calls each operation: as Keras does where no other has that name, else the whole path."""
    paths = [path for path, operation in operations(model) if not graph(operation)]
    times = Counter([path[-1] for path in paths] + input_names(model))
    return {path: path[-1] if times[path[-1]] == 1 else "/".join(path) for path in paths}


def input_names(model: Any) -> list[str]:
    """Return the names of a model's inputs, in its order."""
    return [source(symbol) for symbol in model.inputs]


def source(symbol: Any) -> str:
    """Return the name of the operation that a symbolic tensor comes from."""
    name: str = symbol._keras_history.operation.name
    return name


def call_order(model: Any) -> dict[int, list[int]]:
    """Return operation (by id) -> numbers of its calls, as they were made, in the order in which Keras runs them."""
    nodes = graph(model)._nodes_by_depth
    runs = defaultdict(list)
    for depth in sorted(nodes, reverse=True):
        for node in nodes[depth]:
            runs[id(node.operation)].append(node.operation._inbound_nodes.index(node))
    return {operation: [sorted(calls).index(call) for call in calls] for operation, calls in runs.items()}


def _is_input(operation: Any) -> bool:
    from keras.layers import InputLayer

    return isinstance(operation, InputLayer)
