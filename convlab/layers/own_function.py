"""A layer that is a function of the user's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.errors import ShapeError
from convlab.layers.base import SeveralInputs
from convlab.runtime.arrays import Array, Shape, module_of


@dataclass(eq=False)
class Lambda(SeveralInputs):
    """What a function of the user's makes of a batch (N, ...), or of a list of them: an array (N, ...).

    It is called on zeros first, to see what shape comes out.

    Parameters
    ----------
    name : str
        What the network calls it.
    function : callable
        Takes arrays of NumPy, read-only, or of CuPy where the network is on a GPU, and handles each example by
        itself, whatever their number.

    Raises
    ------
    ShapeError
        In a network, where the function fails on zeros, or makes no batch of a batch.
    """

    name: str
    function: Callable[[Any], Any]
    window = "varies"
    arity = None

    def infer_shape(self, *shapes: Shape) -> Shape:
        """Return the shape that two examples of zeros become."""
        zeros = [np.zeros((2, *shape), np.float32) for shape in shapes]
        try:
            made = self._called(zeros)
        except Exception as error:  # whatever a user's function may raise
            raise ShapeError(f"its function fails on zeros: {type(error).__name__}: {error}") from error
        shape = getattr(made, "shape", ())
        if not shape or shape[0] != 2:
            raise ShapeError(f"its function makes {shape or type(made).__name__} of a batch of 2, expected (2, ...)")
        return tuple(int(side) for side in shape[1:])

    def _called(self, inputs: list[Array]) -> Any:
        given = [_guarded(x) for x in inputs]
        return self.function(given if len(given) > 1 else given[0])

    def __call__(self, *inputs: Array) -> Array:
        """Call the function; what it returns becomes of the input's type."""
        first = inputs[0]
        made = module_of(first).asarray(self._called(list(inputs)), first.dtype)
        shape = self._made_of_zeros(*(x.shape[1:] for x in inputs))
        if made.shape != (len(first), *shape):
            raise ShapeError(
                f"layer {self.name!r}: its function made {made.shape} of a batch of {len(first)}, expected"
                f" (N, {str(shape)[1:]} as of zeros"
            )
        return made

    def _made_of_zeros(self, *shapes: Shape) -> Shape:
        """Return what `infer_shape` found, once for all calls; no lock is held, for a user's function may need it."""
        known = self._held.prepared
        if (key := ("zeros", *shapes)) not in known:
            known[key] = self.infer_shape(*shapes)
        shape: Shape = known[key]
        return shape


def _guarded(x: Array) -> Array:
    """Return a view that cannot be written to: what a network has recorded stays."""
    if module_of(x) is not np:
        return x
    view = x.view()
    view.flags.writeable = False
    return view
