"""The epilogue after the sums, in kernels that leave it to the array module."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.arrays import module_of


def finish(out: NDArray[Any], bias: NDArray[Any] | None, relu: bool, ceiling: float) -> None:
    """Add the bias (O,) to out (..., O); with `relu`, clip at 0 and at the ceiling. NaN stays."""
    if bias is not None:
        out += bias
    if relu:
        xp = module_of(out)
        xp.maximum(out, 0, out=out)
        if ceiling < np.inf:
            xp.minimum(out, ceiling, out=out)
