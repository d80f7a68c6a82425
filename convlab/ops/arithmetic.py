"""Arithmetic on two arrays."""

from convlab.ops.quiet import quiet
from convlab.runtime.arrays import Array, module_of
from convlab.runtime.policy import kernels, new_array


@quiet
def add(a: Array, b: Array, relu: bool = False) -> Array:
    """Return a + b, an input of size 1 along an axis repeated along it; with `relu`, 0 where that is negative."""
    if a.shape == b.shape and a.dtype == b.dtype and (elementwise := kernels("elementwise", a, a.size)):
        out = new_array(a, a.shape)
        elementwise.add(a, b, out, relu)
        return out
    total: Array = module_of(a).add(a, b)
    return module_of(a).maximum(total, 0) if relu else total
