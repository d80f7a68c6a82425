"""Arrays as compiled kernels take them: every kind of array would be another function to compile."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.errors import ShapeError


def contiguous(x: NDArray[Any]) -> NDArray[Any]:
    """Return x, or a copy of it: contiguous in C order and aligned."""
    return x if x.flags.c_contiguous and x.flags.aligned else np.require(x, requirements=["C", "A"])


def readable(x: NDArray[Any]) -> NDArray[Any]:
    """Return x, or a view or a copy of it: contiguous in C order, aligned and read-only."""
    x = contiguous(x)
    if x.flags.writeable:
        x = x.view()
        x.flags.writeable = False
    return x


def offsets_of(bias: NDArray[Any] | None, out: NDArray[Any]) -> NDArray[Any]:
    """Return what is added to out (..., O): the bias (O,), or zeros."""
    return readable(np.zeros(out.shape[-1], out.dtype) if bias is None else bias)


def check_out(out: NDArray[Any], kernel: str) -> None:
    """Raise ShapeError unless results can be written into `out` as it is."""
    if not out.flags.c_contiguous:
        raise ShapeError(f"{kernel}: out is not contiguous in C order; give a whole array, not a part of one")


def bounds(dtype: np.dtype[Any], relu: bool, ceiling: float) -> tuple[Any, Any]:
    """Return between which numbers results are clipped: 0 and the ceiling with `relu`, else the infinities."""
    low, high = (0.0, ceiling) if relu else (-np.inf, np.inf)
    return dtype.type(low), dtype.type(high)
