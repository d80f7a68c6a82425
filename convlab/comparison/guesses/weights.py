"""Guesses about a layer's weights: another order of a kernel's axes, no bias."""

from collections.abc import Callable

import numpy as np

from convlab.comparison.suspect import Outputs, Suspect
from convlab.layers import Layer
from convlab.model.model import Node
from convlab.runtime.arrays import Array


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
