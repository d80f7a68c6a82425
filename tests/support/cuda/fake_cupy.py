"""CuPy without a GPU.

What CuPy refuses is refused here: to become an array of NumPy, to meet one in an operation, names and arguments that
only NumPy has. What it does in silence is in plain sight: `transfers` of `fake_cuda.fresh` lists each copy between
host and device, and fresh memory is full of NaN. Stricter than CuPy: an index beyond an array is an error.
"""

import numpy as np

from support.cuda import fake_cuda
from support.cuda.cupy_names import recorded, signature
from support.cuda.fake_array import (
    FUNCTIONS,
    MEMBERS,
    array,
    asarray,
    computed,
    ndarray,
    operand,
    refuse_product,
    wrapped,
)
from support.cuda.fake_cuda import module, poisoned, transferred


class ufunc:  # noqa: N801
    """A function of numbers, applied to arrays number by number."""

    def __init__(self, name, nin, nout):
        self.name, self.nin, self.nout, self._function = name, int(nin), int(nout), getattr(np, name)

    def __call__(self, *args, out=None, dtype=None, casting="same_kind", **others):
        if others:
            raise TypeError(f"Wrong arguments {others}")
        if self.name in PRODUCTS:
            refuse_product()
        if len(args) > self.nin:
            args, out = args[: self.nin], args[self.nin]
        if out is not None and not isinstance(out, ndarray):
            raise TypeError("Output arguments type must be cupy.ndarray")
        hosts = [operand(arg) for arg in args]
        into = {} if out is None else {"out": out._host}
        return computed(lambda: self._function(*hosts, **into, dtype=dtype, casting=casting), out)

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False):
        if self.name not in ("add", "multiply"):
            raise NotImplementedError(f"cupy_{self.name}.reduce is not supported")
        into = None if out is None else out._host
        return computed(lambda: self._function.reduce(array._host, axis, dtype, into, keepdims), out)

    def at(self, a, indices, b=None):
        if self.name not in ("add", "subtract", "maximum", "minimum"):
            raise NotImplementedError(f"`{self.name}.at` is not supported yet")
        self._function.at(a._host, operand(indices), operand(b))


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    return a.get(stream, order, out, blocking) if isinstance(a, ndarray) else np.asarray(a, order=order)


def empty(shape, dtype=float, order="C"):
    return ndarray(shape, dtype, order=order)


def empty_like(prototype, dtype=None, order="K", subok=None, shape=None):
    return wrapped(poisoned(np.empty_like(prototype._host, dtype, order, True, shape)))


def as_strided(x, shape=None, strides=None):
    return wrapped(np.lib.stride_tricks.as_strided(x._host, shape, strides))


def sliding_window_view(x, window_shape, axis=None):
    return wrapped(np.lib.stride_tricks.sliding_window_view(x._host, window_shape, axis, writeable=True))


def get_array_module(*args):
    import cupy

    return cupy if any(isinstance(arg, ndarray) for arg in args) else np


ANSWERS = "allclose", "array_equal", "array_equiv", "count_nonzero"
"""Functions of which NumPy's return a number of Python's."""

PRODUCTS = "dot", "inner", "matmul", "tensordot", "vdot"
"""Functions that call cuBLAS."""

SIZED = "argwhere", "compress", "extract", "flatnonzero", "nonzero", "unique"
"""Functions whose result is of a size that the host has to be told."""


def _function(name, words, owner=np):
    """Return NumPy's function or an array's method of a name with CuPy's arguments."""
    arguments, compute = signature(words), getattr(owner, name)

    def called(*args, **kwargs):
        given = arguments.bind(*args, **kwargs).arguments
        first, out = next(iter(given.values()), None), given.get("out")
        if next(iter(given), None) == "tup" and not all(isinstance(a, ndarray) for a in first):
            raise TypeError("Only cupy arrays can be concatenated")
        if isinstance(first, list) and next(iter(given)) in ("a", "x", "arr", "array", "condition"):
            raise AttributeError(f"'list' object has no attribute {name!r}")
        if name in PRODUCTS:
            refuse_product()
        if name in SIZED or (name == "where" and len(given) == 1):
            transferred("to host", 8)
        hosts, named = _hosts(args), {key: _hosts(value) for key, value in kwargs.items()}
        found = np.asarray if name in ANSWERS else lambda x: x
        return computed(lambda: found(compute(*hosts, **named)), out)

    called.__name__ = name
    return called


def _hosts(value):
    if isinstance(value, tuple | list):
        return type(value)(map(_hosts, value))
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    return value._host if isinstance(value, ndarray) else value


def _operator(name, inplace=False):
    if inplace:
        return lambda x, y: FUNCTIONS[name](x, y, out=x)
    return lambda x, y: getattr(np, name)(x, y)  # noqa: PLW0108  a ufunc is no method of what holds it


def _complete(names):
    """Give arrays the methods and attributes that are NumPy's, and the operators."""
    for name, words in names["method"].items():
        if not hasattr(ndarray, name) and hasattr(np.ndarray, name):
            setattr(ndarray, name, _function(name, ["self", *words], np.ndarray))
    for name in ("T", "mT", "dtype", "imag", "itemsize", "nbytes", "ndim", "real", "shape", "size", "strides"):
        setattr(ndarray, name, property(lambda x, name=name: wrapped(getattr(x._host, name))))
    arithmetic = "add subtract multiply true_divide floor_divide remainder power left_shift right_shift"
    signs = "add sub mul truediv floordiv mod pow lshift rshift and or xor"
    functions = f"{arithmetic} bitwise_and bitwise_or bitwise_xor"
    for sign, name in zip(signs.split(), functions.split(), strict=True):
        setattr(ndarray, f"__{sign}__", _operator(name))
        setattr(ndarray, f"__r{sign}__", lambda x, y, name=name: getattr(np, name)(y, x))
        setattr(ndarray, f"__i{sign}__", _operator(name, inplace=True))
    for sign in ("less", "less_equal", "equal", "not_equal", "greater", "greater_equal"):
        setattr(ndarray, f"__{sign[0]}{'t' if '_' not in sign else 'e'}__", _operator(sign))
    ndarray.__eq__, ndarray.__ne__ = _operator("equal"), _operator("not_equal")
    for sign, name in {"neg": "negative", "abs": "absolute", "invert": "invert"}.items():
        setattr(ndarray, f"__{sign}__", lambda x, name=name: FUNCTIONS[name](x))


def _members(names):
    """Give the module what it holds: all that both CuPy and NumPy have, and what is CuPy's own."""
    functions = {name: ufunc(name, *sizes) for name, sizes in names["ufunc"].items() if hasattr(np, name)}
    functions |= {name: _function(name, words) for name, words in names["function"].items() if hasattr(np, name)}
    ours = (asarray, array, asnumpy, empty, empty_like, get_array_module)
    functions |= {function.__name__: function for function in ours}
    functions["asanyarray"] = asarray
    values = {name: getattr(np, name) for name in names["constant"] if hasattr(np, name)}
    numbers = {
        n: v for n, v in values.items() if isinstance(v, float) or (isinstance(v, type) and issubclass(v, np.generic))
    }
    tricks = {"as_strided": as_strided, "sliding_window_view": sliding_window_view}
    lib = module("cupy.lib", {"stride_tricks": module("cupy.lib.stride_tricks", tricks)})
    own = {"ndarray": ndarray, "ufunc": ufunc, "newaxis": None, "lib": lib, "__version__": "14.2.0"}
    FUNCTIONS.update(functions)
    MEMBERS.update(functions | numbers | own | {"get_default_memory_pool": fake_cuda.default_pool})


_names = recorded()
_members(_names)
_complete(_names)


def modules():
    """Return the modules to import in place of CuPy's, by name."""
    cuda = fake_cuda.modules()
    cupyx = {"empty_pinned": fake_cuda.pinned}
    return {"cupy": module("cupy", MEMBERS | {"cuda": cuda["cupy.cuda"]}), "cupyx": module("cupyx", cupyx)} | cuda
