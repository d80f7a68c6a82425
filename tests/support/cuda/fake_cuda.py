"""What `cupy.cuda` does, without a GPU: memory that runs out, streams, events, graphs, and a list of all transfers.

What a GPU would do later is done later here too: a copy to the host that was not waited for has not arrived (the
numbers are poisoned), and work that is captured runs when its graph is launched, and no sooner.
"""

import time
from contextlib import contextmanager
from types import MappingProxyType, ModuleType, SimpleNamespace
from weakref import finalize

import numpy as np

MEMORY = 80 << 30
"""Bytes of the device."""

BLOCK = 512
"""CuPy's pool hands out multiples of so many bytes."""


def poisoned(host):
    """Fill an array with what nobody wrote."""
    host.fill(np.nan if host.dtype.kind in "fc" else 85)
    return host


class OutOfMemoryError(MemoryError):
    def __init__(self, size, total, limit=0):
        limited = f", limit set to: {limit:,} bytes" if limit else ""
        super().__init__(f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes{limited}).")


class CUDARuntimeError(RuntimeError):
    pass


class MemoryPool:
    """Counts; the memory is NumPy's."""

    def __init__(self):
        self._used = self._limit = 0

    def set_limit(self, size=None, fraction=None):
        self._limit = int(fraction * MEMORY) if size is None else size

    def get_limit(self):
        return self._limit

    def used_bytes(self):
        return self._used

    def total_bytes(self):
        return self._used

    def free_bytes(self):
        return 0

    def n_free_blocks(self):
        return 0

    def free_all_blocks(self, stream=None):
        pass

    def malloc(self, size):
        raise NotImplementedError("give it to using_allocator: arrays take their memory by themselves")

    def _take(self, size):
        size = -(-size // BLOCK) * BLOCK
        if self._used + size > (self._limit or MEMORY):
            raise OutOfMemoryError(size, self._used, self._limit)
        self._used += size
        return size

    def _give(self, host, size):
        poisoned(host)
        self._used -= size


class Memory:
    """Memory of the pool, an array of NumPy's: given back, and spoiled, when no array on the device holds it."""

    def __init__(self, host):
        self.size = _state.using._take(host.nbytes)
        finalize(self, _state.using._give, host, self.size)


class Graph:
    """Work that was captured."""

    def __init__(self, work):
        self._work = work

    def launch(self, stream=None):
        for step in self._work:
            (stream or current())._do(step)

    def upload(self, stream=None):
        pass


class Event:
    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self._stream, self._count, self._time = None, 0, None

    def record(self, stream=None):
        self._stream = stream or current()
        self._count, self._time = self._stream._begun, time.perf_counter()

    @property
    def done(self):
        return self._stream is None or self._stream._done >= self._count

    def synchronize(self):
        if self._stream is not None:
            self._stream._finish(self._count)


class Stream:
    """Work in order. Only what reaches the host waits for `synchronize`; the rest is done at once."""

    null: "Stream"

    def __init__(self, null=False, non_blocking=False, ptds=False, priority=None):
        self.is_non_blocking, self.priority = non_blocking, priority or 0
        self.ptr = 0 if null else id(self)
        self._waiting, self._begun, self._done, self._captured, self._entered = [], 0, 0, None, []

    def __enter__(self):
        self._entered.append(_state.stream)
        _state.stream = self
        return self

    def __exit__(self, *error):
        _state.stream = self._entered.pop()

    def use(self):
        _state.stream = self
        return self

    def begin_capture(self, mode=None):
        if self.ptr == 0:
            raise CUDARuntimeError(
                "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing"
            )
        self._captured = []

    def is_capturing(self):
        return self._captured is not None

    def end_capture(self):
        if self._captured is None:
            raise CUDARuntimeError("cudaErrorIllegalState: the operation cannot be performed in the present state")
        work, self._captured = self._captured, None
        return Graph(work)

    def synchronize(self):
        _refuse_in_capture(self)
        self._finish(self._begun)

    @property
    def done(self):
        return not self._waiting

    def record(self, event=None):
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event):
        if self._captured is None:
            event.synchronize()

    def launch_host_func(self, callback, arg):
        self._later(lambda: callback(arg))

    def _do(self, step):
        """Do a step on the device now, or keep it where the stream is capturing."""
        if self._captured is None:
            step()
        else:
            self._captured.append(step)

    def _later(self, step):
        """Do a step when the stream is waited for."""
        self._waiting.append(step)
        self._begun += 1

    def _finish(self, count):
        while self._done < count:
            self._done += 1
            self._waiting.pop(0)()


class Device:
    compute_capability = "90"
    attributes = MappingProxyType(
        {
            "ClockRate": 1_980_000,
            "L2CacheSize": 50 << 20,
            "MaxSharedMemoryPerBlock": 48 << 10,
            "MaxSharedMemoryPerBlockOptin": 227 << 10,
            "MaxThreadsPerBlock": 1024,
            "MultiProcessorCount": 132,
            "WarpSize": 32,
        }
    )

    def __init__(self, device=None):
        self.id = 0 if device is None else int(device)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def use(self):
        return self

    def synchronize(self):
        synchronize()

    @property
    def mem_info(self):
        return memory_info()


def get_elapsed_time(start, end):
    return max(1e-3, 1e3 * (end._time - start._time))


@contextmanager
def using_allocator(allocator=None):
    before, _state.using = _state.using, allocator.__self__
    try:
        yield
    finally:
        _state.using = before


def current(device_id=-1):
    return _state.stream


def default_pool():
    return _state.pool


def memory_info():
    return MEMORY - default_pool().used_bytes(), MEMORY


def synchronize():
    current().synchronize()


def transferred(direction, size):
    """Note a transfer, "to device" or "to host", of so many bytes that the program waits for."""
    _refuse_in_capture(current())
    noted(direction, size)


def noted(direction, size):
    _state.transfers.append((direction, size))


def _refuse_in_capture(stream):
    if stream.is_capturing():
        stream._captured = None
        raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing")


Stream.null = Stream(null=True)
_state = SimpleNamespace()


@contextmanager
def fresh():
    """Give a device of which nothing is used yet, and the list of its transfers."""
    before, pool = vars(_state).copy(), MemoryPool()
    vars(_state).update(stream=Stream.null, pool=pool, using=pool, transfers=[])
    try:
        yield _state
    finally:
        vars(_state).update(before)


def modules():
    """Return `cupy.cuda` and what is imported from it, by name."""
    runtime = {
        "CUDARuntimeError": CUDARuntimeError,
        "getDevice": lambda: 0,
        "getDeviceCount": lambda: 1,
        "getDeviceProperties": lambda device: {
            "name": b"NVIDIA stand-in",
            "totalGlobalMem": MEMORY,
            "multiProcessorCount": Device.attributes["MultiProcessorCount"],
            "major": 9,
            "minor": 0,
        },
        "deviceSynchronize": synchronize,
        "memGetInfo": memory_info,
        "runtimeGetVersion": lambda: 13000,
        "driverGetVersion": lambda: 13000,
        "streamCaptureModeGlobal": 0,
        "streamCaptureModeThreadLocal": 1,
        "streamCaptureModeRelaxed": 2,
    }
    cuda = {
        "is_available": lambda: True,
        "Device": Device,
        "Event": Event,
        "Graph": Graph,
        "MemoryPool": MemoryPool,
        "Stream": Stream,
        "get_current_stream": current,
        "get_device_id": lambda: 0,
        "get_elapsed_time": get_elapsed_time,
        "using_allocator": using_allocator,
        "runtime": module("cupy.cuda.runtime", runtime),
        "memory": module("cupy.cuda.memory", {"OutOfMemoryError": OutOfMemoryError, "MemoryPool": MemoryPool}),
        "stream": module("cupy.cuda.stream", {"Stream": Stream, "Event": Event, "get_current_stream": current}),
    }
    made = module("cupy.cuda", cuda)
    return {"cupy.cuda": made} | {f"cupy.cuda.{name}": cuda[name] for name in ("runtime", "memory", "stream")}


def module(name, members):
    made = ModuleType(name)
    vars(made).update(members)
    return made


def pinned(shape, dtype=float, order="C"):
    """Return memory of the host from which copies need not be waited for."""
    return np.empty(shape, dtype, order)
