"""The distance to which rounding alone takes two correct computations of a network, layer by layer."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, prod, sqrt

import numpy as np

from convlab.comparison.distance import distance
from convlab.comparison.execution import run_nodes
from convlab.layers import ACTIVATIONS, Activated
from convlab.model.model import Model, Node
from convlab.runtime.arrays import Array

SINGLE = float(np.finfo(np.float32).eps)
IMAGES = 4  # so many show it as well as all
ASSUMED_TERMS = 4608  # of a 3 x 3 convolution of 512 channels, where no network says how many


def expected_errors(model: Model, inputs: Mapping[str, Array], eps: float) -> dict[str, float]:
    """Return name -> relative L2 distance to expect of two runs in arithmetic of precision `eps`.

    The network runs twice side by side, once with noise of the size of rounding errors added to the inputs and to
    what each layer computes. The layers themselves carry the noise on, so what cancels (in batch normalisation, in
    Subtract) enlarges it here as it enlarges rounding errors there: Parker's Monte Carlo arithmetic (UCLA CSD-970002,
    1997), with one sample of noise for many numbers.

    Summing K terms of mixed signs one by one leaves a relative error of about eps/2 * sqrt(K/2) (Higham, "Accuracy
    and Stability of Numerical Algorithms", 2nd edition, section 2.8); two such sums differ by eps/2 * sqrt(K). Half
    precision is taken as the type that numbers are stored in, and float32 as the one they are summed in.
    """
    noise, errors = Noise(eps), {}

    def call(node: Node, given: list[Array]) -> Array:
        before, y = noise.call(node, given, terms_of(node, model))
        if before is not None:
            errors[f"{node.name}/pre"] = apart(before)
        errors[node.name] = apart(y)
        return y

    dtype = np.float64 if eps < SINGLE else np.float32
    with np.errstate(all="ignore"):
        twice = {name: np.concatenate([x[:IMAGES]] * 2).astype(dtype) for name, x in inputs.items()}
        run_nodes(model.nodes, {name: noise.added(x, 0) for name, x in twice.items()}, call)
    return {name: max(error, eps) if isfinite(error) else eps for name, error in errors.items()}


class Noise:
    """Noise of the size of rounding errors in precision `eps`, in the second half of a batch."""

    def __init__(self, eps: float) -> None:
        self.eps, self.random = eps, np.random.default_rng(0)

    def added(self, x: Array, terms: float) -> Array:
        """Return a batch with noise, in the scale of each channel, as of sums of so many terms."""
        half = len(x) // 2
        clean = x[half:]
        scale = np.sqrt(np.mean(np.square(clean), axis=tuple(range(clean.ndim - 1)), keepdims=True))
        size = (min(self.eps, SINGLE) * sqrt(terms) + self.eps) / 2
        noise = self.random.standard_normal(clean.shape, np.float32) * (scale * size)
        return np.concatenate([x[:half], clean + noise.astype(x.dtype)])

    def call(self, node: Node, given: list[Array], terms: float) -> tuple[Array | None, Array]:
        """Return what a node makes before an activation function of its own, if it has a place for one, and after."""
        layer = node.layer
        if not isinstance(layer, Activated):
            return None, node.silence(self.added(layer(*given), terms))
        before = self.added(layer.linear(*given), terms)
        return before, node.silence(ACTIVATIONS[layer.activation](before))


def terms_of(node: Node, model: Model) -> float:
    """Return how many terms a node sums for one number, about: products where it has weights, else inputs."""
    output = model.shapes[node.name]
    inputs = sum(prod(model.shapes[source]) for source in node.inputs)
    return 1 + max(node.multiply_adds, inputs) / prod(output)


def assumed_errors(arrays: Iterable[Array | None], precisions: Sequence[float]) -> list[float]:
    """Return the distances to expect layer by layer where no network is at hand, only what one of the runs made.

    `precisions` holds each layer's eps. A layer is taken to sum ASSUMED_TERMS terms and to pass earlier errors on as
    they are; errors of different layers are independent, so their squares add up. Numbers that are probabilities are
    taken for a softmax of the layer before, which turns absolute differences of its inputs into relative ones.
    """
    errors, largest = [], 0.0
    for depth, (array, eps) in enumerate(zip(arrays, precisions, strict=True), start=1):
        step = (min(eps, SINGLE) * sqrt(ASSUMED_TERMS) + eps) / 2
        softmax = array is not None and _are_probabilities(array)
        errors.append(step * sqrt(depth) * (2 * largest + 1 if softmax else 1))
        largest = 0.0 if array is None else float(np.abs(array[np.isfinite(array)]).max(initial=0))
    return errors


def apart(x: Array) -> float:
    """Return the relative L2 distance of the second half of a batch from the first."""
    half = len(x) // 2
    return distance(x[half:], x[:half]).relative


def _are_probabilities(array: Array) -> bool:
    if array.ndim < 2 or array.shape[-1] < 2 or not array.size or array.min() < 0:
        return False
    return bool((array <= 1).all() and (np.abs(array.sum(axis=-1, dtype=np.float64) - 1) < 1e-2).all())
