"""Arrays of one layer that two frameworks lay out differently, brought into one layout."""

import numpy as np

from convlab.arrays import Array
from convlab.layers import Shape


def layouts(shape: Shape, target: Shape) -> list[bool]:
    """Return the ways to read an array's shape as the target: as it is (False), channels first (True), or none."""
    shape = _with_batch(shape, target)
    ways = [(False, shape)]
    if len(shape) > 2:
        ways.append((True, (shape[0], *shape[2:], shape[1])))
    return [first for first, found in ways if _longer_than_one(found) == _longer_than_one(target)]


def lay_out(array: Array, target: Shape, channels_first: bool) -> tuple[Array, str]:
    """Return an array (N, C, ...) or (N, ..., C), the batch perhaps missing, in the target shape; and what was done.

    An array that does not have that shape is returned as near to it as it comes.
    """
    done = []
    if array.shape != _with_batch(array.shape, target):
        array = array[None]
        done.append("given its batch axis")
    if channels_first and array.ndim > 2:
        array = np.moveaxis(array, 1, -1)
        done.append("turned from channels first")
    if array.shape != target and _longer_than_one(array.shape) == _longer_than_one(target):
        array = array.reshape(target)
        done.append("given or spared axes of length 1")
    return array, ", ".join(done)


def _with_batch(shape: Shape, target: Shape) -> Shape:
    return (1, *shape) if len(shape) == len(target) - 1 and target[0] == 1 else shape


def _longer_than_one(shape: Shape) -> list[int]:
    return [side for side in shape if side != 1]
