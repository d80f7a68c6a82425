"""Matrix products."""

from math import prod
from typing import TYPE_CHECKING

from convlab.errors import ShapeError
from convlab.ops.finish import NOTHING, Finish, finished
from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, ArrayLike, as_floats
from convlab.runtime.policy import kernels, new_array
from convlab_kernels.epilogue import finish as add_bias_and_clip

if TYPE_CHECKING:
    from convlab_kernels.cpu.dense import Dense


@quiet
def dense(x: ArrayLike, w: ArrayLike, b: ArrayLike | None = None) -> Array:
    """Return x @ w + b.

    Parameters
    ----------
    x : array (N, ..., in)
    w : array (in, out)
    b : array (out,), optional

    Returns
    -------
    array (N, ..., out)

    Raises
    ------
    ShapeError
        Where the sizes do not fit together.
    """
    x, w, b = as_floats(x, w, optional=(b,))
    if x.ndim < 2 or w.ndim != 2 or x.shape[-1] != w.shape[0]:
        raise ShapeError(
            f"dense: input {x.shape} and kernel {w.shape} do not fit: (N, ..., in) and (in, out) expected"
        )
    if b is not None and b.shape != (w.shape[1],):
        raise ShapeError(f"dense: bias has shape {b.shape}, expected ({w.shape[1]},)")
    if compiled := kernels("dense", x, x.size * w.shape[1]):
        return run_dense(compiled.Dense(w), x, b)
    return multiply(x, w, b)


@quiet
def multiply(x: Array, w: Array, b: Array | None = None, finish: Finish = NOTHING) -> Array:
    """Multiply x (N, ..., in) with w (in, out), add b (out,), apply a function: by the array module."""
    rows = x if x.ndim == 2 else x.reshape(prod(x.shape[:-1]), x.shape[-1])  # faster than a product for each (N, ...)
    out: Array = rows.dot(w)  # (N * ..., out) = (N * ..., in) @ (in, out)
    add_bias_and_clip(out, b, finish.relu, finish.ceiling)
    if finish.function is not None:
        out = finish.function(out)
    return out if x.ndim == 2 else out.reshape(*x.shape[:-1], w.shape[1])


@quiet
def run_dense(kernel: "Dense", x: Array, b: Array | None = None, finish: Finish = NOTHING) -> Array:
    """Call a prepared kernel on x (N, ..., in) and return (N, ..., out)."""
    rows = x.reshape(prod(x.shape[:-1]), x.shape[-1])
    out = new_array(x, (len(rows), kernel.w.shape[1]))
    return finished(kernel, rows, out, b, finish).reshape(*x.shape[:-1], out.shape[1])
