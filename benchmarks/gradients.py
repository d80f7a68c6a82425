"""Gradients by every layer of Keras' networks, beside those of torch.autograd.

    python -m benchmarks.gradients [NAME ...]

gives each network of docs/networks.md seeded random weights, and asks convlab and PyTorch, on which Keras runs, how
fast the value of a class before its softmax changes with each number of the input and of every layer. Prints the
table of docs/attribution.md, and exits with 1 where one layer differs.

In float64 both compute forwards and backwards by themselves. In float32 that would say little: where one of a million
numbers before ReLU is 0 but for rounding, one lets its gradient through and the other does not. So convlab's float32
kernels are held to what its own float64 pulls back over the same recording, the one that PyTorch has confirmed.
"""

import argparse
import gc
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any
from unittest.mock import patch

import numpy as np

import convlab
from benchmarks.keras.networks import NAMES, SMALL, STANDARD, build
from benchmarks.keras.random_weights import picture
from convlab.backward import engine
from convlab.backward.targets import seeds_of
from convlab.comparison import keras_graph
from convlab.comparison.comparison import TIMES
from convlab.comparison.distance import distance
from convlab.comparison.execution import run_nodes
from convlab.comparison.rounding import SINGLE, Noise, apart, terms_of
from convlab.files.keras.live import read_live
from convlab.layers import MaxPooling2D
from convlab.model.initialise import randomise as initialise
from convlab.model.model import Model, Node
from convlab.runtime.arrays import Array

DOUBLE = float(np.finfo(np.float64).eps)
CLASS = 3
SIZES = dict.fromkeys(STANDARD, SMALL)  # those with borders of which nothing would be left of less


@dataclass(frozen=True)
class Outcome:
    """What came of one network: by layer, relative errors in units of what rounding leads one to expect."""

    name: str
    float64: Mapping[str, float]
    float32: Mapping[str, float]

    @property
    def agrees(self) -> bool:
        """Whether no layer is further off than `compare` allows."""
        return max(*self.float64.values(), *self.float32.values()) <= TIMES

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in the table."""
        worst = [max(found, key=found.__getitem__) for found in (self.float64, self.float32)]
        errors = [f"{self.float64[worst[0]]:.1f}", f"`{worst[0]}`", f"{self.float32[worst[1]]:.1f}", f"`{worst[1]}`"]
        return self.name, f"{len(self.float64)}", *errors


HEADER = ("network", "layers", "float64, beside torch.autograd", "in layer", "float32, same recording", "in layer")


def compare_gradients(name: str) -> Outcome:
    """Build a network at a small size with its classifier, and compare gradients by all its layers."""
    network, model, x = in_both(name)
    theirs = keras_gradients(network, x)
    acts = model.run(x)
    ours = convlab.gradients(model, acts, CLASS)
    expected = {key: apart(found) for key, found in _pulled_twice(model, _run_twice(model, x), DOUBLE).items()}
    assert ours.keys() <= theirs.keys(), ours.keys() - theirs.keys()
    float64 = {key: _in_units(ours[key], theirs[key], expected[key], DOUBLE) for key in ours}
    single = model.run(x.astype(np.float32))
    ours = convlab.gradients(model, single, CLASS)
    tape = {key: np.concatenate([value] * 2).astype(np.float64) for key, value in {**single.inputs, **single}.items()}
    twice = _pulled_twice(model, tape, SINGLE)
    float32 = {key: _in_units(ours[key], twice[key][:1], apart(twice[key]), SINGLE) for key in ours}
    return Outcome(name, float64, float32)


def _in_units(ours: Array, theirs: Array, expected: float, eps: float) -> float:
    return distance(ours, theirs).relative / max(expected, eps)


def in_both(name: str) -> tuple[Any, Model, Array]:
    """Return a network in Keras, in float64, the same in convlab, of random float32 weights, and what to look at."""
    import keras

    keras.backend.clear_session()
    size = SIZES.get(name, (33, 47))
    with _double():
        network = build(name, size, top=True)
    model = read_live(network).model
    model.preprocessing = None
    initialise(model, 0)
    names = keras_graph.names(network)
    for path, layer in keras_graph.operations(network):
        if path in names and names[path] in model and model[names[path]].shapes:
            for weight, array in zip(layer.weights, model[names[path]].get_weights(), strict=False):
                weight.assign(array)  # all but how many pictures a Normalization was made of
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()
    x = picture(*size).astype(np.float64)
    return network, model, x if any(layer.kind == "Rescaling" for layer in model.layers) else x / 127 - 1


@contextmanager
def _double() -> Iterator[None]:
    """Let Keras compute in float64, which on PyTorch it takes back where two numbers meet (`result_type`).

    Afterwards it is as it was: its policy, too, which it would keep from whoever asks for it first.
    """
    import keras

    before, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        with patch.dict("keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE", {"float64": "float64"}):
            yield
    finally:
        keras.config.set_floatx(before)
        keras.config.set_dtype_policy(policy)


def keras_gradients(network: Any, x: Array) -> dict[str, Array]:
    """Return the gradient of the class, before its softmax, by the input and what each layer makes."""
    import keras
    import torch

    network.layers[-1].activation = keras.activations.linear
    given = torch.from_numpy(x).requires_grad_(True)
    [source] = keras_graph.input_names(network)
    made: dict[str, Any] = {source: given}
    names = keras_graph.names(network)

    def keep(name: str, call: Any, *inputs: Any, **options: Any) -> Any:
        made[name] = call(*inputs, **options).clone()  # of its own, where a layer only hands on what it gets
        return made[name]

    for path, operation in keras_graph.operations(network):
        if path in names:
            vars(operation)["call"] = partial(keep, names[path], operation.call)
    for weight in network.weights:
        weight.value.requires_grad_(False)
    with _double():
        number = network(given, training=False)[0, CLASS]
    found = torch.autograd.grad(number, list(made.values()), allow_unused=True)
    return {name: part.numpy() for name, part in zip(made, found, strict=True) if part is not None}


def _run_twice(model: Model, x: Array) -> dict[str, Array]:
    """Return what inputs and nodes are for a batch of two, of which rounding as of float64 disturbs the second."""
    noise = Noise(DOUBLE)

    def call(node: Node, given: list[Array]) -> Array:
        if node.layer.activates or isinstance(node.layer, MaxPooling2D):  # which tell from it what lets a gradient by
            return node.layer(*given)
        return noise.call(node, given, terms_of(node, model))[1]

    return run_nodes(model.nodes, {name: np.concatenate([x, x]) for name in model.inputs}, call)


def _pulled_twice(model: Model, values: Mapping[str, Array], eps: float) -> dict[str, Array]:
    """Return the gradients over a recording of two, in float64; noise of the size of eps disturbs the second."""
    noise = Noise(eps)

    def disturbed(node: Node, *others: Any) -> tuple[Array, ...]:
        given = sum(prod(shape) for shape in node.input_shapes)
        terms = 1 + max(node.multiply_adds, prod(node.output_shape)) / given
        return tuple(noise.added(part, terms) for part in plain(node, *others))

    plain = engine.pull_back_node
    seeds, _ = seeds_of(model.graph, CLASS, None, values[next(iter(model.inputs))])
    with patch.object(engine, "pull_back_node", disturbed):
        return engine.pull_back(model.graph, values, seeds, values)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help=f"of {', '.join(NAMES)} (all)")
    agree = True
    for row in (HEADER, ("---",) * len(HEADER)):
        print("|", " | ".join(row), "|")
    for name in parser.parse_args().names:
        outcome = compare_gradients(name)
        print("|", " | ".join(outcome.cells), "|", flush=True)
        agree = agree and outcome.agrees
        gc.collect()
    sys.exit(not agree)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # Keras' own
    main()
