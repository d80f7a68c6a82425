"""CuPy's array without a GPU: one of NumPy's in disguise, which mixes with NumPy's no more than one on a GPU does."""

import operator
from functools import reduce
from types import SimpleNamespace
from weakref import WeakValueDictionary

import numpy as np

from support.cuda import fake_cuda
from support.cuda.fake_cuda import current, poisoned, transferred

SCALARS = bool, int, float, complex, np.number, np.bool_

FUNCTIONS, MEMBERS = {}, {}
"""What the module `fake_cupy` makes has: its functions, and all it has, by name."""

_holders = WeakValueDictionary()  # id of an array of NumPy's that holds memory of the device -> what was made with it


class ndarray:  # noqa: N801
    """An array on the device."""

    __slots__ = ("__weakref__", "_host", "_memory", "base")
    __array_priority__ = 100
    __hash__ = None

    def __new__(cls, shape, dtype=float, memptr=None, strides=None, order="C"):
        return wrapped(poisoned(np.empty(shape, dtype, order)))

    def __array__(self, dtype=None):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        found = getattr(FUNCTIONS.get(ufunc.__name__), method, None)
        others = all(isinstance(x, (ndarray, np.ndarray, *SCALARS)) for x in (*inputs, *(out or ())))
        if found is None or not others:
            return NotImplemented
        if out is not None:
            kwargs["out"] = out[0] if len(out) == 1 else out
        return found(*inputs, **kwargs)

    def __array_function__(self, function, types, args, kwargs):
        try:
            place = reduce(getattr, function.__module__.split(".")[1:], SimpleNamespace(**MEMBERS))
            found = getattr(place, function.__name__)
        except AttributeError:
            return NotImplemented
        return found(*args, **kwargs) if set(types) <= {ndarray, np.ndarray} else NotImplemented

    # To the host and back

    def get(self, stream=None, order="C", out=None, blocking=True):
        """Return a copy on the host: not there before the stream was waited for, unless `blocking`."""
        stream = stream or current()
        if out is None:
            out = np.empty(self.shape, self.dtype, order if order in "CF" else "C")
        elif not isinstance(out, np.ndarray) or out.dtype != self.dtype:
            raise TypeError(f"{getattr(out, 'dtype', type(out))} array cannot be obtained from {self.dtype} array")
        elif out.shape != self.shape:
            raise ValueError(f"Shape mismatch. Expected shape: {self.shape}, actual shape: {out.shape}")
        fake_cuda.noted("to host", self.nbytes)
        poisoned(out)

        def begin():
            numbers = self._host.copy()
            stream._later(lambda: np.copyto(out, numbers))

        stream._do(begin)
        if blocking:
            stream.synchronize()
        return out

    def set(self, arr, stream=None):
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
        if arr.shape != self.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        if not (self.flags.c_contiguous or self.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        transferred("to device", arr.nbytes)
        np.copyto(self._host, arr)

    def __bool__(self):
        return bool(self.get())

    def __int__(self):
        return int(self.get())

    def __float__(self):
        return float(self.get())

    def __complex__(self):
        return complex(self.get())

    def __repr__(self):
        return repr(self.get())

    def __str__(self):
        return str(self.get())

    def __format__(self, spec):
        return format(self.get(), spec)

    def __reduce__(self):
        return array, (self.get(),)

    def item(self):
        return self.get().item()

    def tolist(self):
        return self.get().tolist()

    def tobytes(self, order="C"):
        return self.get().tobytes(order)

    # What it is

    @property
    def flags(self):
        return Flags(self._host.flags, self.base is None)

    @property
    def data(self):
        return SimpleNamespace(ptr=self._host.__array_interface__["data"][0], device_id=0, mem=self._memory)

    @property
    def device(self):
        return fake_cuda.Device(0)

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # Parts of it

    def __getitem__(self, key):
        index, _ = _on_host(key)
        return computed(lambda: self._host[index])

    def __setitem__(self, key, value):
        index, advanced = _on_host(key)
        given = asarray(value) if advanced and isinstance(value, np.ndarray | list) else value
        if isinstance(given, np.ndarray):
            if given.ndim:
                raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
            given = given[()]
        number = operand(given)
        done(lambda: operator.setitem(self._host, index, number))

    def fill(self, value):
        self[...] = value

    def take(self, indices, axis=None, out=None):
        if not isinstance(indices, (ndarray, *SCALARS)):
            indices = asarray(indices, int)
        hosts = [x._host if isinstance(x, ndarray) else x for x in (indices, out)]
        return computed(lambda: self._host.take(hosts[0], axis, hosts[1]), out)

    # In another form

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
        if not copy and self.dtype == dtype:
            return self
        return computed(lambda: self._host.astype(dtype, order, casting or "unsafe"))

    def view(self, dtype=None, type=None):
        return wrapped(self._host.view() if dtype is None else self._host.view(dtype))

    def dot(self, b, out=None):
        refuse_product()
        if not isinstance(b, ndarray):
            raise TypeError(f"Argument 'b' has incorrect type (expected ndarray, got {type(b).__name__})")
        return computed(lambda: self._host.dot(b._host, None if out is None else out._host), out)

    def sort(self, axis=-1, kind=None):
        done(lambda: self._host.sort(axis))

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __matmul__(self, other):
        return FUNCTIONS["matmul"](self, other)

    def __pos__(self):
        return self


class Flags:
    def __init__(self, flags, owndata):
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, owndata


def refuse_product():
    """Raise as CuPy does where it would call cuBLAS in a capture."""
    if current().is_capturing():
        raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")


def operand(value):
    """Return what NumPy computes with in place of a device's array or a number; nothing else may be an operand."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, SCALARS):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def done(step):
    """Do what changes arrays on the device."""

    def quietly():
        with np.errstate(all="ignore"):
            step()

    current()._do(quietly)


def computed(compute, out=None):
    """Return on the device what NumPy computes; `out` where it writes there."""
    if out is not None:
        done(compute)
        return out
    with np.errstate(all="ignore"):
        made = wrapped(compute())
    fresh = [array._host for array in _flat(made) if array.base is None]
    if fresh and current().is_capturing():
        done(lambda: [np.copyto(host, found) for host, found in zip(fresh, _flat(compute()), strict=True)])
        for host in fresh:
            poisoned(host)
    return made


def _flat(found):
    if isinstance(found, ndarray | np.ndarray | np.generic):
        return [found]
    return list(found) if isinstance(found, tuple | list) else []


def wrapped(found):
    """Return what NumPy found as arrays on the device: numbers too, but not what is no number of an array."""
    if isinstance(found, tuple | list):
        return type(found)(map(wrapped, found)) if type(found) in (tuple, list) else tuple(map(wrapped, found))
    if not isinstance(found, np.ndarray | np.generic):
        return found
    made, host = object.__new__(ndarray), np.asarray(found)
    holder = host
    while getattr(holder, "base", None) is not None:
        holder = holder.base
    made.base = _holders.get(id(holder))
    made._host = host if made.base is not None or holder is host else host.copy("K")
    if made.base is None:
        made._memory = fake_cuda.Memory(made._host)
        _holders[id(made._host)] = made
    else:
        made._memory = made.base._memory
    return made


def _on_host(key):
    """Return an index for NumPy, and whether it holds more than numbers and slices."""
    parts, found, advanced = key if isinstance(key, tuple) else (key,), [], False
    for part in parts:
        numbers = np.asarray(part) if isinstance(part, list) else getattr(part, "_host", part)
        if isinstance(numbers, np.ndarray):
            advanced = True
            if not isinstance(part, ndarray):
                transferred("to device", numbers.nbytes)
            if numbers.dtype == bool:
                transferred("to host", 4)  # how many there are
        found.append(numbers)
    return tuple(found if any(part is Ellipsis for part in found) else (*found, ...)), advanced


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    """Return an array on the device; one that is on the host is copied."""
    if isinstance(a, ndarray):
        same = dtype is None or a.dtype == dtype
        return a if same and not copy else a.astype(a.dtype if same else dtype)
    host = np.array(_inner(a), dtype, order=order or "K")
    if host.dtype.kind not in "biufc":
        raise ValueError(f"Unsupported dtype {host.dtype}")
    transferred("to device", host.nbytes)
    return wrapped(host)


def _inner(a):
    if isinstance(a, list | tuple):
        return [_inner(part) for part in a]
    return a._host if isinstance(a, ndarray) else a


def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    made = asarray(obj, dtype, order, copy=copy)
    return made[(None,) * (ndmin - made.ndim)] if made.ndim < ndmin else made
