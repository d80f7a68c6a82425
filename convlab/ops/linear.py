"""Matrix products."""

from math import prod

from convlab.arrays import Array, ArrayLike, as_floats
from convlab.errors import ShapeError
from convlab.ops.quiet import quiet


@quiet
def dense(x: ArrayLike, w: ArrayLike, b: ArrayLike | None = None) -> Array:
    """Return x @ w + b: (N, ..., in) and (in, out) -> (N, ..., out)."""
    x, w, b = as_floats(x, w, optional=(b,))
    if x.ndim < 2 or w.ndim != 2 or x.shape[-1] != w.shape[0]:
        raise ShapeError(
            f"dense: input {x.shape} and kernel {w.shape} do not fit: (N, ..., in) and (in, out) expected"
        )
    if b is not None and b.shape != (w.shape[1],):
        raise ShapeError(f"dense: bias has shape {b.shape}, expected ({w.shape[1]},)")
    rows = x.reshape(prod(x.shape[:-1]), x.shape[-1])  # one product is faster than one for each (N, ...)
    out: Array = rows @ w  # (N * ..., out) = (N * ..., in) @ (in, out)
    if b is not None:
        out += b
    return out.reshape(*x.shape[:-1], w.shape[1])
