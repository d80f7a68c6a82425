"""What links one cell to what a layer makes of it: how fast each number of the output changes with the cell.

    d target / d cell = sum over the outputs that it reaches of  d target / d output x d output / d cell

The layer itself is asked, and nothing is known here of any one class. A NaN in the cell shows what it reaches. What a
layer with weights makes of a 1 in the cell and 0 everywhere else, without its bias, are the weights that link it: of
a convolution its kernel, turned by 180 degrees. Of any other layer the derivative is pulled back, output by output.
"""

from math import prod

import numpy as np
from numpy.typing import NDArray

from convlab.errors import UnsupportedError
from convlab.layers import Activated, Layer
from convlab.layers.merging import Joining, Merge
from convlab.model.nodes import Node
from convlab.runtime.arrays import Array
from convlab.runtime.policy import using_policy

MOST_WORK = 1 << 28
"""Numbers to be pulled back, of all outputs that a cell reaches together, before it takes too long."""

Links = tuple[NDArray[np.bool_], Array]


def links(node: Node, which: int, inputs: tuple[Array, ...], output: Array, cell: tuple[int, ...]) -> Links:
    """Return which numbers of a call's output a cell of one of its inputs reaches, and how fast each changes with it.

    Both have a batch of one, as the output has.

    Parameters
    ----------
    node
        The call; what is linked is what it computes before its activation function.
    which
        The input that the cell lies in, by its number.
    inputs, output
        What it was given and what it made: batches of one.
    cell
        Its place, without the batch.
    """
    with using_policy(compiled=False, propagate_nan=True):
        if isinstance(node.layer, Activated):
            return _weights(node.layer, inputs[0], cell)
        if isinstance(node.layer, Merge) and not isinstance(node.layer, Joining):
            return _shares(node.layer, which, inputs, output, cell)
        return _slopes(node.layer, which, inputs, output, cell)


def _weights(layer: Activated, x: Array, cell: tuple[int, ...]) -> Links:
    unbiased = layer.altered({"bias": np.zeros(layer.shapes["bias"])}) if "bias" in layer.shapes else layer
    probes = np.zeros((2, *x.shape[1:]), x.dtype)
    probes[0][cell], probes[1][cell] = 1, np.nan
    made = unbiased.linear(probes)
    return np.isnan(made[1:]), made[:1]


def _shares(layer: Merge, which: int, inputs: tuple[Array, ...], output: Array, cell: tuple[int, ...]) -> Links:
    """Merge what is repeated as if it were not: then each number has a part in one output alone."""
    here = np.zeros(inputs[which].shape, bool)
    here[(0, *cell)] = True
    *spread, reached = (
        np.broadcast_to(x.reshape(1, *(1,) * (output.ndim - x.ndim), *x.shape[1:]), output.shape)
        for x in (*inputs, here)
    )
    shares = layer.pull_back(np.ones_like(output), tuple(spread), output)
    return reached, np.where(reached, shares[which], 0)


def _slopes(layer: Layer, which: int, inputs: tuple[Array, ...], output: Array, cell: tuple[int, ...]) -> Links:
    marked = [x.copy() for x in inputs]
    marked[which][(0, *cell)] = np.nan
    reached = np.isnan(layer(*marked)) & ~np.isnan(output)
    places = np.argwhere(reached)
    if len(places) * sum(prod(x.shape) for x in inputs) > MOST_WORK:
        raise UnsupportedError(
            f"layer {layer.name!r} is a {layer.kind}, in which one number reaches {len(places):,} others:"
            " no explanation"
        )
    slopes, one = np.zeros_like(output), np.zeros_like(output)
    for place in map(tuple, places):
        one[place] = 1
        slopes[place] = layer.pull_back(one, inputs, output)[which][(0, *cell)]
        one[place] = 0
    return reached, slopes
