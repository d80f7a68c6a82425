"""Guesses about how a layer normalises."""

import numpy as np

from convlab import ops
from convlab.comparison.suspect import Outputs, Suspect
from convlab.layers import BatchNormalization, GroupNormalization, LayerNormalization
from convlab.model.model import Node
from convlab.runtime.arrays import Array, Shape

EPSILONS = (1e-3, 1e-5, 1e-4, 1e-6, 1e-2, 0.0, 1e-7, 1e-8, 1e-12)


def another_epsilon(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Give a normalisation another epsilon: a usual one, or the one that the numbers ask for."""
    layer = node.layer
    epsilon = getattr(layer, "epsilon", None)
    if epsilon is None:
        return
    for other in (*EPSILONS, *_solved_epsilons(suspect, node, inputs)):
        yield f": {other:.3g} instead of {epsilon:g}", layer.altered(epsilon=other)(*inputs)


def _solved_epsilons(suspect: Suspect, node: Node, inputs: list[Array]) -> list[float]:
    """Work epsilon out from the channel of least variance, where it shows most.

    With r = (theirs - beta) / (ours - beta), which is sqrt(variance + epsilon) / sqrt(variance + their epsilon).
    """
    layer = node.layer
    if not isinstance(layer, BatchNormalization) or node.name != suspect.nodes[-1].name:
        return []
    y = layer(*inputs) - layer.weights.get("beta", 0)
    theirs = suspect.theirs - layer.weights.get("beta", 0)
    if y.shape != theirs.shape or y.shape[-1] != layer.weights["moving_variance"].size:
        return []
    y, theirs = (array.reshape(-1, y.shape[-1]).astype(np.float64) for array in (y, theirs))
    ratio = (y * theirs).sum(axis=0) / np.square(y).sum(axis=0)
    variance = layer.weights["moving_variance"].astype(np.float64)
    epsilons = (variance + layer.epsilon) / ratio**2 - variance
    if np.isfinite(epsilons).sum() < 2:
        return []  # some epsilon fits any one channel
    best = epsilons[np.argmin(np.where(np.isfinite(epsilons), variance, np.inf))]
    return [float(f"{best:.3g}"), float(best)] if best > 0 else []


def batch_statistics(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Normalise by the batch's own mean and variance, as in training."""
    if isinstance(node.layer, BatchNormalization):
        (x,) = inputs
        axes: Shape = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axis=axes, dtype=np.float64), x.var(axis=axes, dtype=np.float64)
        yield "", node.layer.altered({"moving_mean": mean, "moving_variance": variance})(x)


def other_statistics(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Take mean and variance over other numbers of an example: groups of channels in all places, or each place's."""
    layer = node.layer
    if not isinstance(layer, LayerNormalization | GroupNormalization):
        return
    (x,) = inputs
    gamma, beta = layer.weights.get("gamma"), layer.weights.get("beta")
    if any(weight is not None and weight.shape != x.shape[-1:] for weight in (gamma, beta)) or x.ndim < 3:
        return
    channels = x.shape[-1]
    for epsilon in dict.fromkeys((layer.epsilon, *EPSILONS[:4])):
        more = "" if epsilon == layer.epsilon else f", with an epsilon of {epsilon:g}"
        for groups in (g for g in range(1, channels + 1) if channels % g == 0 and g != getattr(layer, "groups", 0)):
            yield f" {_told(groups, channels)}{more}", ops.group_norm(x, groups, gamma, beta, epsilon)
        if isinstance(layer, GroupNormalization):
            yield f" of each place (LayerNormalization){more}", ops.layer_norm(x, gamma, beta, epsilon)


def _told(groups: int, channels: int) -> str:
    if groups == 1:
        return "of all channels and places (GroupNorm(1, ...))"
    return "of each channel (instance normalisation)" if groups == channels else f"of {groups} groups of channels"
