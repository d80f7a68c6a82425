"""The stand-in for CuPy refuses what CuPy refuses, and has nothing that CuPy lacks. On a GPU, CuPy is tested."""

import inspect

import numpy as np
import pytest

from convlab_kernels.arrays import module_of
from convlab_kernels.cuda.direct import Direct
from support.cuda import fake_array, fake_cuda, fake_cupy
from support.cuda.cupy_names import RECORD, lines, recorded, signature, words_of
from support.cuda.rungs import ANY

HOST = np.arange(12, dtype=np.float32).reshape(3, 4)

IMPLICIT = "Implicit conversion to a NumPy array"
UNSUPPORTED = r"Unsupported type <class 'numpy\.ndarray'>"


@pytest.fixture
def x(device):
    return device.take(HOST)


def test_the_record_is_that_of_cupy():
    cupy = pytest.importorskip("cupy")
    assert cupy.__version__.startswith("14.2"), "write the record again: see cupy_names"
    assert RECORD.read_text().splitlines() == list(lines(cupy))


def test_it_has_no_names_and_arguments_that_cupy_lacks():
    names = recorded()
    modules = {"lib", "__version__"}
    assert (
        set(fake_cupy.MEMBERS)
        <= {name for kind in ("ufunc", "function", "constant") for name in names[kind]} | modules
    )
    ours = {name for name in dir(fake_array.ndarray) if not name.startswith("_")}
    assert ours <= {*names["method"], *names["attribute"]}
    for kind, owner in (
        ("function", vars(fake_cupy)),
        ("function", vars(fake_array)),
        ("method", vars(fake_array.ndarray)),
    ):
        for name in owner.keys() & names[kind].keys():
            given = words_of(owner[name])
            if inspect.isfunction(owner[name]) and "*args" not in given:
                assert given[kind == "method" :] == names[kind][name], name


def test_its_streams_and_memory_have_no_names_and_arguments_that_cupys_lack():
    cuda = pytest.importorskip("cupy").cuda
    assert {name for name in vars(fake_cuda.modules()["cupy.cuda"]) if name[0] != "_"} <= set(dir(cuda))
    for name in ("runtime", "memory", "stream"):
        module = fake_cuda.modules()[f"cupy.cuda.{name}"]
        assert {name for name in vars(module) if name[0] != "_"} <= set(dir(getattr(cuda, name)))
    for kind in (fake_cuda.Stream, fake_cuda.Event, fake_cuda.Graph, fake_cuda.Device, fake_cuda.MemoryPool):
        real = getattr(cuda, kind.__name__)
        assert {name for name in dir(kind) if name[0] != "_"} <= set(dir(real)), kind


REFUSED = [
    (TypeError, IMPLICIT, lambda xp, x: np.asarray(x)),
    (TypeError, IMPLICIT, lambda xp, x: np.array(x)),
    (TypeError, IMPLICIT, lambda xp, x: np.ascontiguousarray(x)),
    (TypeError, IMPLICIT, lambda xp, x: np.require(x, np.float32, "W")),
    (TypeError, IMPLICIT, lambda xp, x: np.float32(x)),
    (TypeError, IMPLICIT, lambda xp, x: HOST.copy().__setitem__(0, x[0])),
    (TypeError, UNSUPPORTED, lambda xp, x: x + HOST),
    (TypeError, UNSUPPORTED, lambda xp, x: HOST + x),
    (TypeError, UNSUPPORTED, lambda xp, x: x == HOST),
    (TypeError, UNSUPPORTED, lambda xp, x: xp.maximum(x, HOST)),
    (TypeError, UNSUPPORTED, lambda xp, x: np.maximum(x, HOST)),
    (TypeError, UNSUPPORTED, lambda xp, x: x.__iadd__(HOST)),
    (TypeError, UNSUPPORTED, lambda xp, x: xp.where(x > 1, x, HOST)),
    (TypeError, ".", lambda xp, x: np.add(x, x, out=HOST.copy())),
    (TypeError, ".", lambda xp, x: xp.concatenate([x, HOST])),
    (TypeError, ".", lambda xp, x: np.concatenate([HOST, x])),
    (TypeError, ".", lambda xp, x: x.dot(HOST.T)),
    (TypeError, ".", lambda xp, x: xp.matmul(x, HOST.T)),
    (TypeError, ".", lambda xp, x: x @ HOST.T),
    (TypeError, ".", lambda xp, x: x + [1, 2, 3, 4]),  # noqa: RUF005
    (TypeError, "Wrong arguments", lambda xp, x: xp.add(x, x, where=x > 1)),
    (TypeError, "where", lambda xp, x: xp.sum(x, where=x > 1)),
    (TypeError, "initial", lambda xp, x: x.max(initial=0)),
    (TypeError, ".", lambda xp, x: range(x.sum().astype(int))),
    (TypeError, "unhashable", lambda xp, x: {x}),
    (TypeError, "0-d", lambda xp, x: list(x.sum())),
    (ValueError, "non-scalar", lambda xp, x: x.__setitem__(slice(None), HOST)),
    (ValueError, "truth value", lambda xp, x: bool(x)),
    (ValueError, "dtype", lambda xp, x: xp.asarray(["a"])),
    (AttributeError, "writeable", lambda xp, x: x.flags.writeable),
    (AttributeError, "block", lambda xp, x: setattr(x, "block", 1)),
    (AttributeError, "sum", lambda xp, x: xp.sum([1, 2])),
    (AttributeError, "nditer", lambda xp, x: xp.nditer),
]


@pytest.mark.parametrize(("error", "message", "attempt"), REFUSED)
def test_what_cupy_refuses_is_refused(error, message, attempt, device, x):
    with pytest.raises(error, match=message):
        attempt(device.cupy, x)
    assert np.array_equal(device.give(x), HOST)


@pytest.mark.parametrize(("error", "message", "attempt"), REFUSED)
def test_cupy_itself_refuses_it_as_far_as_it_comes_without_a_gpu(error, message, attempt):
    cupy, host = pytest.importorskip("cupy"), HOST.copy()
    memory = cupy.cuda.UnownedMemory(host.ctypes.data, host.nbytes, host, 0)  # to which CuPy does not look at first
    x = cupy.ndarray(host.shape, host.dtype, cupy.cuda.MemoryPointer(memory, 0))
    with pytest.raises((error, cupy.cuda.runtime.CUDARuntimeError), match=f"{message}|^cudaError"):
        attempt(cupy, x)


@pytest.mark.parametrize(
    "compute",
    [
        lambda xp, x: x + 1,
        lambda xp, x: np.float32(2) * x,
        lambda xp, x: np.float64(2) * x,
        lambda xp, x: 1 - x / 3 + x**2,
        lambda xp, x: abs(-x) // 2 % 3,
        lambda xp, x: ((x > 2) & (x <= 7)) | ~(x != 4),
        lambda xp, x: np.maximum(x, 5),
        lambda xp, x: np.where(x > 3, x, np.float32(0)),
        lambda xp, x: np.zeros_like(x),
        lambda xp, x: np.concatenate([x, x], axis=1),
        lambda xp, x: np.broadcast_to(x[0], (2, 4)),
        lambda xp, x: xp.pad(x, ((1, 0), (0, 2)), constant_values=-xp.inf),
        lambda xp, x: xp.stack([x[0], x[1]], axis=1) @ xp.ones((2, 3), xp.float32),
        lambda xp, x: xp.divmod(x, 3)[1],
        lambda xp, x: x.sum(),
        lambda xp, x: np.add.reduce(x, axis=1),
        lambda xp, x: x.mean(axis=(0, 1), keepdims=True, dtype=np.float64),
        lambda xp, x: x[1:, ::2].T.reshape(4).astype(np.int8).max(),
        lambda xp, x: x[1, 2],
        lambda xp, x: x[..., None].squeeze(-1).swapaxes(0, 1).ravel(),
        lambda xp, x: x.take(2 * xp.arange(2), 1).repeat(2, 0).clip(1, 5),
        lambda xp, x: x[x > 3],
        lambda xp, x: xp.take_along_axis(x, x.argmax(axis=1, keepdims=True), axis=1),
        lambda xp, x: xp.lib.stride_tricks.as_strided(x, (2, 2, 2), (16, 16, 4)),
        lambda xp, x: xp.array_equal(x, x),
    ],
)
def test_what_is_computed_stays_on_the_device_and_is_what_numpy_computes(compute, device, x):
    found, expected = compute(device.cupy, x), compute(np, HOST)
    assert module_of(found) is device.cupy
    assert found.dtype == np.asarray(expected).dtype
    assert np.array_equal(device.give(found), expected)


def test_views_share_memory_and_results_do_not(device, x):
    part = x[1:, ::2]
    assert part.base is x and not part.flags.owndata and not part.flags.c_contiguous and part.strides == (16, 8)
    assert x.reshape(-1).base is x and x.ravel().data.ptr == x.data.ptr
    assert (x + 0).base is None and x.copy().flags.owndata
    part += 1
    part[0] = 0
    x[x == 9] = 7
    x[-1, -1:] = part[1, 1:]
    x[0].fill(2)
    expected = HOST.copy()
    expected[1:, ::2] += 1
    expected[1, ::2] = 0
    expected[expected == 9] = 7
    expected[-1, -1] = expected[2, 2]
    expected[0] = 2
    assert np.array_equal(device.give(x), expected)


def test_outputs_are_written_to(device, x):
    out = device.cupy.empty_like(x)
    assert np.multiply(x, 2, out=out) is out
    assert device.cupy.add(out, x, out) is out
    assert device.cupy.matmul(x, x.T, out=out[:, :3]).shape == (3, 3)
    assert np.array_equal(device.give(out)[:, 3], 3 * HOST[:, 3])


def test_copies_between_host_and_device_are_noted(device, x):
    if device.transfers is None:
        pytest.skip("a GPU does not list what is copied")
    device.cupy.asarray(HOST), device.cupy.asarray(x), device.cupy.zeros((3, 4)), x * 2
    assert device.transfers == [("to device", 48)]
    float(x.sum()), bool(x[0, 0] > 1), x[x > 1], x[[0, 2]], x[0].tolist()
    assert device.transfers[1:] == [
        ("to host", 4),
        ("to host", 1),
        ("to host", 4),
        ("to device", 16),
        ("to host", 16),
    ]


def test_a_copy_arrives_when_its_stream_is_waited_for(device, x):
    if device.transfers is None:
        pytest.skip("when a copy arrives is chance on a GPU")
    stream, out = device.cupy.cuda.Stream(non_blocking=True), np.zeros((3, 4), np.float32)
    x.get(stream=stream, out=out, blocking=False)
    x[...] = 0
    assert np.isnan(out).all()
    stream.synchronize()
    assert np.array_equal(out, HOST)


def test_captured_work_runs_at_each_launch(device, x):
    stream, y = device.cupy.cuda.Stream(non_blocking=True), device.cupy.zeros_like(x)
    device.cupy.cuda.Device().synchronize()

    def add_to_y():
        doubled = x * 2
        np.add(y, doubled[:, :1], out=y)

    with stream:
        add_to_y()  # on a GPU, what is captured must have been compiled
        stream.begin_capture()
        add_to_y()
        graph = stream.end_capture()
        for times in (1, 2, 3):
            assert np.array_equal(device.give(y), np.broadcast_to(times * 2 * HOST[:, :1], (3, 4)))
            graph.launch()
        x[...] = 1
        graph.launch()
        assert np.array_equal(device.give(y), np.broadcast_to(8 * HOST[:, :1] + 2, (3, 4)))


@pytest.mark.parametrize("wait", [float, lambda x: x[x > 1], lambda x: fake_array.current().synchronize()])
def test_what_is_captured_must_not_wait(wait, device, x):
    if device.transfers is None:
        pytest.skip("a GPU does not recover from it before the stream is gone")
    stream = device.cupy.cuda.Stream(non_blocking=True)
    with stream, pytest.raises(device.cupy.cuda.runtime.CUDARuntimeError, match="Capture"):
        stream.begin_capture()
        wait(x[0, 0])
    assert not stream.is_capturing()


def test_memory_is_counted_runs_out_and_comes_back(device):
    pool = device.cupy.get_default_memory_pool()
    before, limit = pool.used_bytes(), pool.get_limit()
    pool.free_all_blocks()
    pool.set_limit(size=pool.total_bytes() + (8 << 20) + 4096)
    try:
        x = device.cupy.zeros((1 << 20,), np.float32)
        part = x[1:]
        with pytest.raises(device.cupy.cuda.memory.OutOfMemoryError, match="Out of memory allocating"):
            device.cupy.zeros((2 << 20,), np.float32)
        del x
        assert pool.used_bytes() == before + (4 << 20)
        del part
        assert pool.used_bytes() == before
        assert device.cupy.zeros((2 << 20,), np.float32).any().shape == ()
    finally:
        pool.set_limit(size=limit)


def test_kernels_run_on_its_arrays_if_they_are_whole_and_of_the_right_type(device):
    x, w, b, expected, _ = ANY[0].arrays()
    x, w, b = map(device.take, (x, w, b))
    out = device.cupy.empty(expected.shape, np.float32)
    rung = Direct(w, ANY[0].window)
    rung(x, out, b)
    assert np.allclose(device.give(out), expected, atol=1e-4)
    if device.transfers is None:
        return
    assert not device.transfers
    for wrong in (x.swapaxes(1, 2), x.astype(np.float64), device.give(x)):
        with pytest.raises(AssertionError, match="direct: "):
            rung.launch(wrong, b, out, np.float32(0), np.float32(1))
    with pytest.raises(AssertionError, match="direct: "):
        rung.launch(x, b, out, 0.0, np.float32(1))


def test_signatures_are_read_as_python_writes_them():
    def example(a, b=1, *args, c, d=2, **kwargs): ...

    assert words_of(example) == ["a", "b=", "*args", "c", "d=", "**kwargs"]
    for given in ((1,), (1, 2, 3)):
        signature(words_of(example)).bind(*given, c=0, e=5)
    with pytest.raises(TypeError, match="'c'"):
        signature(words_of(example)).bind(1)
