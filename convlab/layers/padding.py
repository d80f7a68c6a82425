"""A border around an input along any axes but the batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers.base import Layer
from convlab.runtime.arrays import Array, Shape, module_of
from convlab.wording import unknown
from convlab_kernels.window import Pair

MODES = ("constant", "reflect", "symmetric")


@dataclass(eq=False)
class Pad(Layer):
    """Cells before and after each axis but the batch.

    Parameters
    ----------
    name : str
        What the network calls it.
    cells : sequence of (int, int)
        How many before and after, for each axis but the batch.
    mode : "constant", "reflect" or "symmetric"
        What they are: `value`, or what lies inside, mirrored: at the outermost cell, which stands once, or behind it,
        so that it stands twice.
    value : float
        For "constant".

    Raises
    ------
    UnsupportedError
        For a mode that is not known.
    ShapeError
        In a network, for an input of another number of axes, or too few cells to mirror.
    """

    name: str
    cells: Sequence[Pair]
    mode: str = "constant"
    value: float = 0.0
    window = "varies"

    def __post_init__(self) -> None:
        """Refuse an unknown mode."""
        if self.mode not in MODES:
            raise UnsupportedError(f"layer {self.name!r}: {unknown('mode', self.mode, MODES)}")

    def infer_shape(self, shape: Shape) -> Shape:
        """Return the sizes with the cells added."""
        if len(self.cells) != len(shape):
            raise ShapeError(f"cells for {len(self.cells)} axes, expected {len(shape)}")
        for size, pair in zip(shape, self.cells, strict=True):
            most = size if self.mode == "symmetric" else size - 1
            if self.mode != "constant" and max(pair) > most:
                raise ShapeError(f"{tuple(pair)} cells, expected at most {most} ({self.mode}) beside {size}")
        return tuple(before + size + after for size, (before, after) in zip(shape, self.cells, strict=True))

    def __call__(self, x: Array) -> Array:
        """Pad (N, ...)."""
        sides = [(0, 0), *map(tuple, self.cells)]
        if self.mode == "constant":
            return module_of(x).pad(x, sides, constant_values=self.value)
        return module_of(x).pad(x, sides, mode=self.mode)

    def pull_back(self, gradient: Array, inputs: tuple[Array, ...], output: Array) -> tuple[Array, ...]:
        """Return the gradient without its border; what was mirrored there comes back to where it was taken from."""
        xp = module_of(gradient)
        for axis, (size, cells) in enumerate(zip(inputs[0].shape[1:], self.cells, strict=True), start=1):
            moved = xp.moveaxis(gradient, axis, 0)
            places, pads = np.arange(size), tuple(cells)
            if self.mode == "constant":
                moved = moved[cells[0] : cells[0] + size]
            else:
                places = np.pad(places, pads, "reflect" if self.mode == "reflect" else "symmetric")
            out = xp.zeros((size, *moved.shape[1:]), gradient.dtype)
            xp.add.at(out, xp.asarray(places), moved)
            gradient = xp.moveaxis(out, 0, axis)
        return (gradient,)
