"""NumPy's arrays or CuPy's."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab.errors import ShapeError, UnsupportedError
from convlab_kernels.arrays import module_of

__all__ = ["Array", "ArrayLike", "Shape", "as_floats", "kind_of", "like", "module_of", "on_host", "owner", "unshared"]

Array = NDArray[Any]
ArrayLike = Any  # an array of NumPy or CuPy, or nested lists of numbers (NumPy's ArrayLike knows no CuPy)
Shape = tuple[int, ...]

_SINGLE = np.dtype(np.float32)


def as_floats(*arrays: ArrayLike, optional: tuple[ArrayLike | None, ...] = ()) -> list[Any]:
    """Return the arrays, then the optional ones, in one floating type.

    It is float64 if one of them is a float64 array, else float32; numbers in lists carry no type of their own. An
    optional None stays None.
    """
    for array in (*arrays, *(a for a in optional if a is not None)):
        if type(array) is not np.ndarray or array.dtype != _SINGLE:
            break
    else:  # as nearly always: nothing to do
        return [*arrays, *optional]
    given = [_as_array(a) for a in arrays] + [None if a is None else _as_array(a) for a in optional]
    if len({module_of(array) for array in given if array is not None}) > 1:
        raise UnsupportedError("some of these arrays lie on a GPU, others do not: cupy.asarray(x), or x.get()")
    for array in given:
        if array is not None and array.dtype.kind not in "fiub":
            raise UnsupportedError(f"an array of {array.dtype} cannot be computed with: make it float32 or float64")
    double = any(array is not None and array.dtype.kind == "f" and array.dtype.itemsize > 4 for array in given)
    dtype = np.float64 if double else np.float32
    return [array if array is None else array.astype(dtype, copy=False) for array in given]


def _as_array(numbers: ArrayLike) -> Array:
    """Return an array as it is, and a list, a tensor of another library or a number as one."""
    if isinstance(numbers, module_of(numbers).ndarray):
        return numbers
    try:
        array = np.asarray(numbers)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that records its gradient
        raise ShapeError(f"these numbers make no array: {error}") from None
    return array if hasattr(numbers, "dtype") or array.dtype.kind != "f" else array.astype(np.float32)


def kind_of(x: Any) -> tuple[np.dtype[Any], int]:
    """Return what kernels and weights for x depend on: its type of numbers, and its GPU's number, -1 for none."""
    return x.dtype, -1 if module_of(x) is np else x.device.id


def like(array: Array, x: Array) -> Array:
    """Return an array in the type and on the device of x."""
    converted = array if array.dtype == x.dtype else array.astype(x.dtype)
    return converted if module_of(x) is np else module_of(x).asarray(converted)


def on_host(array: Any) -> Any:
    """Return an array as NumPy's: one on a GPU is copied."""
    return array if module_of(array) is np else array.get()


def owner(array: Array) -> Array:
    """Return the array that holds the memory of a view."""
    while isinstance(array.base, type(array)):
        array = array.base
    return array


def unshared(array: Array, owners: set[int]) -> Array:
    """Return the array, or a copy where the memory is that of an owner (by id) in the set; add what is returned.

    The owners must be alive: an id can come again. A view of a larger array is copied too: it would keep all of it.
    An array that fills its pooled buffer (`convlab.runtime.buffer_pool`) is as good as owned.
    """
    holder = owner(array)
    ours = holder.flags.owndata or hasattr(holder, "block")
    if id(holder) in owners or holder.nbytes > array.nbytes or not ours:
        array = holder = array.copy()
    owners.add(id(holder))
    return array
