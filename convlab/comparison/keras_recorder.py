"""Record what the layers of a Keras model compute, as convlab records its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from convlab.comparison import keras_graph
from convlab.comparison.calls import Calls
from convlab.errors import ShapeError
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array, ArrayLike
from convlab.runtime.tensors import channels_last

if TYPE_CHECKING:
    from keras import Model, Operation


def record_keras(model: Model, x: ArrayLike | Mapping[str, ArrayLike] | Sequence[ArrayLike]) -> Activations:
    """Run a Keras model (Sequential or Functional) as it predicts, and keep what each of its layers returns.

    The layers of a nested model take the place of that model. A layer is recorded under the name that convlab gives
    it when it loads the model's file: its own, or "nested/name" where the whole has several of that name. What a
    model with channels_first layers takes and returns is given and recorded channels last, but for what its Flatten
    makes, whose order is the model's. A layer that does not return one tensor is left out.

    Parameters
    ----------
    model
        Left as it was found.
    x
        (N, H, W, C), or a tensor of PyTorch, (N, C, H, W); for several inputs arrays by name, or a sequence of them
        in the order of `model.inputs`.

    Returns
    -------
    Activations
        Name -> array, in the order in which Keras runs them; the second call of a layer is recorded as `name/2`.

    Raises
    ------
    ShapeError
        x does not name the model's inputs, or has not their shapes.
    UnsupportedError
        The model is a class of its own, without a graph of layers.
    """
    import keras

    graph = keras_graph.checked(model)
    sources = _by_name(model, x)
    run = _Run(model)
    with ExitStack() as undo, _without_gradients():
        for operation in {id(operation): operation for _, operation in keras_graph.operations(model)}.values():
            vars(operation)["call"] = partial(run.call, operation, operation.call)  # past Keras' own bookkeeping
            undo.callback(vars(operation).pop, "call")
        given = {name: run.to_keras(array) for name, array in sources.items()}
        _check_shapes(model, given)
        packed = keras.tree.map_structure(lambda symbol: given[keras_graph.source(symbol)], graph.input)
        made = keras.tree.flatten(model(packed, training=False))
    symbols = [keras_graph.source(symbol) for symbol in model.outputs]
    names = [run.calls.made(output) or symbol for output, symbol in zip(made, symbols, strict=True)]
    return Activations(
        run.calls.arrays,
        run.calls.kinds,
        inputs={name: source.copy() for name, source in sources.items()},
        outputs={name: run.from_keras(output) for name, output in zip(names, made, strict=True)},
        model=model.name,
    )


class _Run:
    """One run of a model: where in it Keras is, and what has been computed."""

    def __init__(self, model: Model) -> None:
        formats = [getattr(operation, "data_format", None) for _, operation in keras_graph.operations(model)]
        self.channels_first = "channels_first" in formats
        self.calls = Calls()
        self.names = keras_graph.names(model)
        self.place = _Place((), 0, keras_graph.call_order(model))

    def call(self, operation: Operation, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Do a call of an operation in place of Keras, and keep what it returns."""
        path, number = self.place.enter(operation)
        if keras_graph.graph(operation):
            around, self.place = self.place, _Place(path, number, keras_graph.call_order(operation))
            output = call(*args, **options)
            self.place = around
            return output
        return self._keep(f"{self.names[path]}/{number + 1}".removesuffix("/1"), operation, call(*args, **options))

    def _keep(self, name: str, operation: Operation, output: Any) -> Any:
        import keras

        if not keras.ops.is_tensor(output):
            return output
        if self.calls.made(
            output
        ):  # Dropout returns what it was given: a copy tells of which of the two an output is
            output = keras.ops.copy(output)
        self.calls.keep(name, type(operation).__name__, output, self.from_keras(output))
        return output

    def to_keras(self, array: Array) -> Array:
        """Return an array (N, ..., C) in the model's order of axes."""
        return np.moveaxis(array, -1, 1) if self.channels_first and array.ndim > 2 else array

    def from_keras(self, tensor: Any) -> Array:
        """Return a copy of what Keras computed, channels last."""
        import keras

        array = np.array(keras.ops.convert_to_numpy(tensor))
        return np.moveaxis(array, 1, -1) if self.channels_first and array.ndim > 2 else array


class _Place:
    """A model that is being run.

    `path` leads to it, `number` is that of this call of it, `order` says in which order it makes its own calls.
    """

    def __init__(self, path: keras_graph.Path, number: int, order: Mapping[int, list[int]]) -> None:
        self.path, self.number, self.order = path, number, order
        self.left = {operation: iter(calls) for operation, calls in order.items()}

    def enter(self, operation: Operation) -> tuple[keras_graph.Path, int]:
        """Return an operation's path, and the number of its next call among all those of the whole run."""
        key = id(operation)
        return (*self.path, operation.name), self.number * len(self.order[key]) + next(self.left[key])


def _without_gradients() -> AbstractContextManager[Any]:
    """Keep PyTorch, where Keras runs on it, from keeping everything for a backward pass."""
    import keras

    if keras.backend.backend() != "torch":
        return nullcontext()
    import torch

    return torch.no_grad()


def _by_name(model: Model, x: Any) -> dict[str, Array]:
    """Return the model's inputs by name, in the model's order."""
    names = keras_graph.input_names(model)
    if isinstance(x, Mapping):
        given = x
    elif len(names) == 1:
        given = {names[0]: x}
    else:
        given = dict(zip(names, x, strict=False)) if len(x) == len(names) else {}
    if given.keys() != set(names):
        found = ", ".join(map(str, given)) or "no names"
        raise ShapeError(f"model {model.name!r} takes arrays by name ({', '.join(names)}), found {found}")
    return {name: np.asarray(channels_last(given[name], batches=1)) for name in names}


def _check_shapes(model: Model, given: Mapping[str, Array]) -> None:
    """Raise ShapeError for an array that Keras would refuse, in the order of axes that the model has."""
    for symbol in model.inputs:
        name = keras_graph.source(symbol)
        wanted, found = tuple(symbol.shape[1:]), given[name].shape[1:]
        if len(wanted) != len(found) or any(w not in (None, f) for w, f in zip(wanted, found, strict=True)):
            sides = ", ".join("any" if side is None else str(side) for side in wanted)
            raise ShapeError(f"record_keras: input {name!r} takes (N, {sides}), found {given[name].shape}")
