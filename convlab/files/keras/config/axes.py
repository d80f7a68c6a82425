"""The axes of a tensor in its moved form: Keras' first axis, after the batch, as our last."""

from collections.abc import Iterable

from convlab.runtime.arrays import Shape


def moved_shape(shape: Shape) -> Shape:
    """Return (C, H, W) as (H, W, C)."""
    return (*shape[1:], *shape[:1])


def dims_between_forms(rank: int, moved: bool) -> tuple[int, ...]:
    """Return how Permute brings a tensor into the moved form, or back into Keras'; `rank` leaves out the batch."""
    axes = tuple(range(1, rank + 1))
    return moved_shape(axes) if moved else (axes[-1], *axes[:-1])


def moved_axes(axes: Iterable[int], rank: int) -> tuple[int, ...]:
    """Return where Keras' axes lie in the moved form.

    They count from the batch, 0, or back from the last, -1; `rank` includes the batch.
    """
    return tuple(-1 if axis in (1, 1 - rank) else axis - 1 for axis in axes)
