"""Random weights: for studying an architecture without trained ones, and for tests."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from convlab.model.model import Model, Node
from convlab.runtime.arrays import Array, Shape

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

PART = 1 << 20  # values drawn at a time: they stay in the cache while they are scaled, and parts go to all cores


def randomise(model: Model, seed: int) -> None:
    """Give every layer random float32 weights; the same seed gives the same ones.

    Kernels are uniform with the variance 2 / fan_in that keeps the scale of ReLU networks through any depth (He et
    al., arXiv 1502.01852, section 2.2). Everything else is small but not zero, so that nothing hides.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        for index, node in enumerate({node.layer: node for node in model.nodes}.values()):
            if node.layer.shapes:
                node.layer.set_weights(**_random_weights(node, [seed, index], pool))


def _random_weights(node: Node, seed: list[int], pool: ThreadPoolExecutor) -> dict[str, Array]:
    weights = {}
    for number, (name, shape) in enumerate(node.layer.shapes.items()):
        weights[name] = _uniform(shape, *_range(node, name), [*seed, number], pool)
        weights[name].flags.writeable = False  # adopted by the layer, not copied
    return weights


def _range(node: Node, name: str) -> tuple[float, float]:
    if name.endswith("kernel"):
        limit = sqrt(6 / node.layer.fan_in(name, *node.input_shapes))
        return -limit, limit
    return (0.5, 1.5) if name in ("gamma", *node.layer.positive_weights) else (-0.1, 0.1)


def _uniform(shape: Shape, low: float, high: float, seed: list[int], pool: ThreadPoolExecutor) -> Array:
    array = np.empty(shape, np.float32)
    flat = array.reshape(-1)

    def fill(start: int) -> None:
        part = flat[start : start + PART]
        np.random.default_rng([*seed, start]).random(out=part, dtype=np.float32)
        part *= high - low
        part += low

    list(pool.map(fill, range(0, flat.size, PART)))
    return array
