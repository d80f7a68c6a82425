"""A GPU where there is one, else stand-ins: a simulator of kernels, and a CuPy whose arrays lie in the host."""

import sys
from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from convlab.errors import UnsupportedError
from convlab.simulator.machine import NO_GREENLET, simulate
from convlab_kernels.cuda import choice
from convlab_kernels.cuda.compiler.language import Array, Kernel, Several
from support.cuda import fake_array, fake_cuda, fake_cupy


@cache
def real_cupy():
    """Return CuPy where it finds a GPU, else None."""
    try:
        import cupy
    except ModuleNotFoundError:
        return None
    return cupy if cupy.cuda.is_available() else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what runs on the GPU, so that `pytest -m gpu` runs that and all of it."""
    for item in items:
        if real_cupy() and {"gpu", "device"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("gpu")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """Skip what would have to be simulated where the simulator cannot."""
    try:
        return (yield)
    except UnsupportedError as error:
        if str(error) != NO_GREENLET:
            raise
        pytest.skip(NO_GREENLET)


@pytest.fixture
def gpu(monkeypatch):
    """Return how arrays get to what computes and back: `gpu.take(array)`, `gpu.give(array)`."""
    if cupy := real_cupy():
        return SimpleNamespace(take=cupy.array, give=cupy.asnumpy)
    monkeypatch.setattr(Kernel, "__call__", simulate)
    return SimpleNamespace(take=np.array, give=np.array)


@pytest.fixture
def device(monkeypatch):
    """Return a GPU as the engine sees it.

    `device.cupy` is CuPy; `device.take(array)` and `device.give(array)` bring arrays there and back. What else was
    copied `device.transfers` lists, ("to device" or "to host", bytes); it is None on a GPU, which keeps no list.
    Without a GPU "auto" is im2col for all convolutions: simulated, those that are fast on a GPU take seconds.
    """
    if cupy := real_cupy():
        yield SimpleNamespace(cupy=cupy, take=cupy.array, give=cupy.asnumpy, transfers=None)
        cupy.get_default_memory_pool().free_all_blocks()
        return
    monkeypatch.setattr(Kernel, "__call__", launch)
    monkeypatch.setattr(choice, "fastest", lambda *shapes, **options: "im2col")
    compiler = {"numba_cuda": ModuleType("numba_cuda")}  # which is looked for, and not used
    for name, module in (fake_cupy.modules() | compiler).items():
        monkeypatch.setitem(sys.modules, name, module)
    with fake_cuda.fresh() as state:
        unseen = {"take": fake_cupy.array, "give": fake_cupy.asnumpy}
        unseen = {name: _unseen(function, state.transfers) for name, function in unseen.items()}
        yield SimpleNamespace(cupy=sys.modules["cupy"], transfers=state.transfers, **unseen)


def _unseen(function, transfers):
    def called(array):
        before = len(transfers)
        found = function(array)
        del transfers[before:]
        return found

    return called


def launch(kernel, grid, *args):
    """Run a kernel on the stand-in's arrays, after what a GPU would not check: types, and that arrays are whole."""
    hosts = [_checked(kernel, arg, kind) for arg, kind in zip(args, kernel.signature, strict=True)]
    fake_array.done(lambda: simulate(kernel, grid, *hosts))


def _checked(kernel, arg, kind):
    if isinstance(kind, Array):
        assert isinstance(arg, fake_array.ndarray), f"{kernel.name}: {type(arg)}, expected an array on the device"
        assert arg.dtype == kind.dtype, f"{kernel.name}: {arg.dtype}, expected {kind.dtype}"
        assert arg.flags.c_contiguous, f"{kernel.name}: an array of {arg.shape} in strides {arg.strides}"
        return arg._host
    several = isinstance(kind, Several)
    numbers, expected = (arg, kind.dtype) if several else ((arg,), kind)
    assert all(type(number) is expected for number in numbers), f"{kernel.name}: {arg}, expected {kind}"
    return arg
