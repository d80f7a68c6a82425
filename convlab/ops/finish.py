"""What is done to the sums of a convolution or a dense layer before they are read again."""

from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

import numpy as np

from convlab.ops.with_kernel import kernel_of
from convlab.runtime.arrays import Array, module_of


class Finish(NamedTuple):
    """The activation function: ReLU with its ceiling, which all kernels have, or another.

    Attributes
    ----------
    relu : bool
        Whether sums are clipped at zero, and at the ceiling.
    ceiling : float
    function : function or None
        Array -> array of the same shape.
    """

    relu: bool = False
    ceiling: float = inf
    function: Callable[[Array], Array] | None = None


NOTHING = Finish()


def finished(kernel: Any, x: Array, out: Array, b: Array | None, finish: Finish) -> Array:
    """Call a kernel, and return what it wrote into `out`, and a function if there is one: by the kernel if it can."""
    if finish.function is None:
        kernel(x, out, b, finish.relu, finish.ceiling)
        return out
    if getattr(kernel, "activates", False) and (named := kernel_of(finish.function)) and _is_single(x):
        from convlab_kernels.cpu.activation import activation  # which loads Numba's compiler

        kernel(x, out, b, activation=activation(*named))
        return out
    kernel(x, out, b)
    return finish.function(out)


def _is_single(x: Array) -> bool:
    return module_of(x) is np and x.dtype == np.float32
