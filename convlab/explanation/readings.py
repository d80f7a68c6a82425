"""What comes back to one cell from one call that takes it: the gradients of the outputs that it reaches, weighted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlab.backward.result import Gradients
from convlab.explanation.asked import as_images
from convlab.explanation.contributions import Position, WeightedSum
from convlab.explanation.links import links
from convlab.layers import Activated
from convlab.model.nodes import Node, has_activation
from convlab.runtime.arrays import Array, on_host
from convlab_kernels.window import Window
from convlab_kernels.window3d import Window3D

OWN = 16
"""Roundings of a slope that hangs on numbers, and of its product, as of a function's values: shares of the largest
slope, or of 1, for it may be the difference of such numbers (of softmax y - y^2)."""


@dataclass(frozen=True)
class Reading:
    """What comes back to one cell through one call.

    Attributes
    ----------
    node
        The call.
    which
        The number of its input that the cell lies in.
    total
        The gradients of its outputs, before its activation function, times the weights that link them to the cell.
    """

    node: Node
    which: int
    total: WeightedSum

    @property
    def source(self) -> str:
        """What the call computes before its activation function is called."""
        return f"{self.node.name}/pre" if has_activation(self.node.layer) else self.node.name

    @property
    def link(self) -> str:
        """What the weights are, in words; nothing where they are slopes."""
        layer, window, size = self.node.layer, self.node.window, self.total.kernel.shape[:2]
        if not isinstance(layer, Activated):
            return ""
        if not isinstance(window, Window | Window3D) or set(window.kernel) == {1}:
            return "its weights"
        part = f", {size[0]} x {size[1]} of its cells" if size != window.kernel[-2:] else ""
        return f"its kernel, turned by 180 degrees{part}"


def reading(grads: Gradients, node: Node, which: int, at: tuple[int, ...]) -> Reading | None:
    """Return what comes back through a call to a place (image, ...) of its input of that number; None if nothing can.

    A call whose outputs the place does not reach, such as one of a stride that steps over it, is no part of the sum.
    """
    image, *cell = at
    *inputs, output = (on_host(grads.made[name])[[image]] for name in (*node.inputs, node.name))
    linked = links(node, which, tuple(inputs), output, tuple(cell))
    reached, weights, gradient = (
        as_images(node.name, node.layer.kind, one)[0]
        for one in (*linked, on_host(grads.before_activation(node.name))[[image]])
    )
    if not reached.any():
        return None
    place = _around(reached)
    patch, kernel = place.cells(gradient), place.cells(weights)
    with np.errstate(invalid="ignore", over="ignore"):
        products = np.where(place.cells(reached) > 0, patch * kernel, 0.0)
    exact = isinstance(node.layer, Activated)
    total = WeightedSum(
        place=place,
        patch=patch,
        kernel=kernel,
        products=products,
        formula=_written(patch, kernel, products),
        trained=patch.size > 1,  # else the formula says it all
        roundings=None if exact else products.size + OWN,
        magnitude=None if exact else float(np.abs(patch).sum() * max(1.0, np.abs(kernel).max())),
    )
    return Reading(node, which, total)


def _around(reached: Array) -> Position:
    """Return the least box of cells, at an even pace along each axis, that has all that are reached."""
    return box([_paced(np.unique(axis)) for axis in reached.nonzero()], reached.shape)


def box(cells: Sequence[range], shape: Sequence[int]) -> Position:
    """Return cells of an image (H, W, C), or of a volume (D, H, W, C), as a position."""
    rows, columns, channels = cells[-3:]
    slices, depth = (cells[0], shape[0]) if len(shape) == 4 else (None, 0)
    return Position(rows, columns, channels, (shape[-3], shape[-2]), slices, depth)


def _paced(cells: NDArray[np.intp]) -> range:
    return range(int(cells[0]), int(cells[-1]) + 1, int(np.gcd.reduce(np.diff(cells))) or 1)


def _written(patch: Array, kernel: Array, products: Array) -> str:
    if patch.size == 1:
        return f"gradient {patch[0, 0, 0]:.6g} x slope {kernel[0, 0, 0]:.6g}"
    return f"sum of {products.size:,} products {products.sum():.6g}"
