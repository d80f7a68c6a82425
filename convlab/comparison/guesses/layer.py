"""Guesses about one layer of the network: what it would compute, were it built in another way.

Each function takes the suspect, the node and the arrays that go into it, and yields (details, what would come out).
The layer itself is never changed.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from convlab import ops
from convlab.comparison.guesses.values import flat_orders
from convlab.comparison.suspect import Guess, Suspect
from convlab.layers import (
    ACTIVATIONS,
    Activated,
    AveragePooling2D,
    AveragePooling3D,
    BatchNormalization,
    Dense,
    Flatten,
    Layer,
    MaxPooling2D,
    MaxPooling3D,
)
from convlab.model.model import Node
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.window import Sides, Window
from convlab_kernels.window3d import Sides3D, Window3D

Outputs = Iterator[tuple[str, Array]]

EPSILONS = (1e-3, 1e-5, 1e-4, 1e-6, 1e-2, 0.0, 1e-7, 1e-8, 1e-12)
SLOPES = (0.01, 0.2, 0.3, 0.1)  # PyTorch's, a usual one, Keras', Darknet's


# ---- weights


def kernel_turned(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Turn each kernel by 180 degrees."""
    yield from _other_kernels(
        node.layer, inputs, lambda k: [("", np.flip(k, tuple(range(k.ndim - 2))))] if k.ndim > 2 else []
    )


def kernel_reshaped(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Read the buffer of one order of axes as another, where it should have been transposed."""

    def variants(k: Array) -> list[tuple[str, Array]]:
        if k.ndim == 2 and k.shape[0] == k.shape[1]:
            return []  # to reshape it is to swap its axes
        if k.ndim == 2:
            return [
                (": an (out, in) buffer read as (in, out)", k.T.reshape(k.shape)),
                (": an (in, out) buffer read as (out, in)", k.reshape(k.shape[::-1]).T),
            ]
        *window, i, o = k.shape
        sides, spatial = "DHW"[-len(window) :], tuple(range(len(window)))
        first = k.reshape(o, i, *window).transpose(*(axis + 2 for axis in spatial), 1, 0)
        return [
            (f": an OI{sides} buffer read as {sides}IO", k.transpose(-1, -2, *spatial).reshape(k.shape)),
            (f": an {sides}IO buffer read as OI{sides}", first),
        ]

    yield from _other_kernels(node.layer, inputs, variants)


def kernel_axes_swapped(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Swap two axes of a kernel that are equally long, or two pairs of them."""

    def variants(k: Array) -> list[tuple[str, Array]]:
        if k.ndim == 2:
            return [(": inputs and outputs", k.T)]
        if k.ndim == 5:
            return [(": inputs and outputs", k.swapaxes(3, 4)), (": slices and rows", k.swapaxes(0, 1))]
        swaps = {": rows and columns": (1, 0, 2, 3), ": inputs and outputs": (0, 1, 3, 2), ": both": (1, 0, 3, 2)}
        return [(details, k.transpose(axes)) for details, axes in swaps.items()]

    yield from _other_kernels(node.layer, inputs, variants)


def bias_missing(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Leave out the bias."""
    shape = node.layer.shapes.get("bias")
    if shape:
        yield "", node.layer.altered({"bias": np.zeros(shape, np.float32)})(*inputs)


def _other_kernels(
    layer: Layer, inputs: list[Array], variants: Callable[[Array], list[tuple[str, Array]]]
) -> Outputs:
    for name, weight in layer.weights.items():
        if "kernel" in name and weight.ndim in (2, 4, 5):
            for details, kernel in variants(weight):
                if kernel.shape == weight.shape and not np.array_equal(kernel, weight):
                    yield details, layer.altered({name: kernel})(*inputs)


# ---- where the numbers are


def flattened_otherwise(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Flatten channels first, or undo that; or feed a dense layer so, which is all its kernel can tell."""
    x = inputs[0]
    if isinstance(node.layer, Flatten):
        if x.ndim in (4, 5):
            yield from flat_orders(node.layer(x), x.shape[1:])
    elif isinstance(node.layer, Dense) and (image := suspect.flattened.get(node.name)):
        for details, row in flat_orders(x, image):
            yield details, node.layer(row)


def padding_on_the_other_side(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Put the odd cell of an uneven padding at the top and the left."""
    pads = _pads(node.layer, inputs)
    if pads and any(before != after for before, after in pads):
        yield "", node.layer.altered(padding=tuple(side[::-1] for side in pads))(*inputs)


def zeros_compete(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Let the cells of the padding take part in max pooling as zeros."""
    if isinstance(node.layer, MaxPooling2D | MaxPooling3D):
        yield from _pooled_with_zeros(node.layer, inputs)


def zeros_count(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Count the cells of the padding in average pooling."""
    if isinstance(node.layer, AveragePooling2D | AveragePooling3D):
        yield from _pooled_with_zeros(node.layer, inputs)


def _pooled_with_zeros(layer: Layer, inputs: list[Array]) -> Outputs:
    pads: Any = _pads(layer, inputs)
    if pads and any(map(any, pads)):
        pad = ops.zero_pad2d if len(pads) == 2 else ops.zero_pad3d
        yield "", layer.altered(padding="valid")(pad(inputs[0], pads))


def _pads(layer: Layer, inputs: list[Array]) -> Sides | Sides3D | None:
    window: Any = layer.window
    if not isinstance(window, Window | Window3D) or not hasattr(layer, "padding"):
        return None
    pads: Sides | Sides3D = window.pads(inputs[0].shape[1:-1])
    return pads


# ---- functions


def activation_missing(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Leave out the activation function."""
    layer = node.layer
    if isinstance(layer, Activated):
        if layer.activation != "linear":
            yield f" ({layer.activation})", layer.linear(*inputs)
    elif layer.activates:
        yield f" ({type(layer).__name__})", inputs[0]


def relu_applied(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Add a ReLU."""
    yield "", ops.relu(node.layer(*inputs))


def activation_twice(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Apply the activation function again (a ReLU does not show it, a softmax does)."""
    if node.layer.activation != "linear":
        yield f" ({node.layer.activation})", ACTIVATIONS[node.layer.activation](node.layer(*inputs))


def gelu_of_the_other_kind(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Compute GELU by the error function instead of tanh, or the other way round."""
    other = {"gelu": "gelu_tanh", "gelu_tanh": "gelu"}.get(node.layer.activation)
    if other:
        yield f": {other} instead of {node.layer.activation}", node.layer.altered(activation=other)(*inputs)


def another_slope(_: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Give a leaky ReLU another slope."""
    slope = getattr(node.layer, "negative_slope", None)
    for other in SLOPES if slope else ():
        yield f": {other:g} instead of {slope:g}", node.layer.altered(negative_slope=other)(*inputs)


# ---- normalisation


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
    if not isinstance(layer, BatchNormalization) or node is not suspect.nodes[-1]:
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


LAYER_GUESSES = (
    Guess("kernel turned", "the kernel is turned by 180 degrees (a true convolution)", kernel_turned),
    Guess("kernel reshaped", "the kernel is reshaped instead of transposed", kernel_reshaped),
    Guess("kernel axes swapped", "the kernel's axes are swapped", kernel_axes_swapped),
    Guess("flatten order", "it is flattened in another order", flattened_otherwise),
    Guess(
        "padding on the other side", "the odd cell of the padding is at the top and left", padding_on_the_other_side
    ),
    Guess("activation missing", "its activation function is missing", activation_missing),
    Guess("ReLU applied", "a ReLU is applied to it", relu_applied),
    Guess("activation twice", "its activation function is applied twice", activation_twice),
    Guess("another GELU", "GELU is computed by the other formula", gelu_of_the_other_kind),
    Guess("another slope", "the slope below zero is another", another_slope),
    Guess("batch statistics", "it uses the statistics of the batch, as in training", batch_statistics),
    Guess("another epsilon", "its epsilon is another", another_epsilon),
    Guess("bias missing", "its bias is missing", bias_missing),
    Guess("zeros in max pooling", "the padding's zeros compete in max pooling", zeros_compete),
    Guess("zeros in average pooling", "the padding's zeros count in average pooling", zeros_count),
)
