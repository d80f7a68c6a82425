"""What takes part in the benchmark on a GPU, without one: it computes what it is to compute, or gets no time."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.gpu import chip as gpu_chip
from benchmarks.gpu import layers as gpu_layers
from benchmarks.gpu import networks as gpu_networks
from benchmarks.gpu.plan import TORCH
from benchmarks.gpu.recheck import Recheck
from benchmarks.gpu.resnet50 import resnet50
from convlab.bench import gpu_machine
from convlab.bench.case import Case
from convlab.bench.exact import exact


def clock(asked):
    def seconds(call, calls, flush=True, *, before, after):
        asked.append(calls)
        call()
        for _ in range(min(calls, 3)):
            before()
            after(call())
        return [1e-3] * calls

    return seconds


@pytest.fixture
def layer(device, monkeypatch):
    """Make one layer of the plan a small one, and time without a GPU's clock; return how often that was asked for."""
    asked = []
    monkeypatch.setattr(gpu_layers, "LAYERS", ((6, 3, 5, ("small",)),))
    monkeypatch.setattr("convlab.bench.gpu_candidates.event_seconds", clock(asked))
    gpu_layers.problem.cache_clear()
    yield asked
    gpu_layers.problem.cache_clear()


def test_a_rung_is_checked_then_timed(layer):
    found = gpu_layers.measure(0, 2, "direct")
    assert found["flops_a_second"] == 2 * 2 * 36 * 27 * 5 / 1e-3
    assert 0 < found["error"] < 1e-6
    assert layer == [1, 50]


def broken(last):
    class Broken(gpu_layers.METHODS["direct"]):
        def __call__(self, x, out, bias):
            super().__call__(x, out, bias)
            last(out)

    return Broken


def _wrong(out):
    out[-1, -1, -1, -1] += 0.05


def _unwritten(out):
    out[-1, 2, 1, 3] = np.nan


def _infinite(out):
    out[0, 2, 1, 3] = np.inf


@pytest.mark.parametrize("last", [_wrong, _unwritten, _infinite])
def test_a_wrong_rung_is_never_timed(last, layer, monkeypatch):
    monkeypatch.setattr(gpu_layers, "METHODS", {"direct": broken(last)})
    with pytest.raises(
        gpu_layers.WrongError, match=r"direct: off by .* standard deviations, expected at most 0\.001"
    ):
        gpu_layers.measure(0, 2, "direct")
    assert layer == []


def test_the_exact_output_is_that_of_the_oracle(layer):
    from support import oracle

    given = gpu_layers.problem(0, 2)
    x, w, b = given.case.arrays()
    total, _ = oracle.conv2d(x, w, padding="same")
    np.testing.assert_allclose(given.exact.get(), total + b, rtol=1e-12, atol=1e-12)
    assert given.deviation == pytest.approx((total + b).std())


def test_a_gpu_is_described_by_facts_and_by_a_line_of_them(device):
    facts = gpu_chip.facts()
    assert facts["memory"] >= facts["memory free"] > 0
    assert facts["clocks of all a second"] > 1e9 * facts["multiprocessors"]
    assert facts["host"].keys() >= {"processor", "cores", "caches"}
    driver = facts["driver for CUDA"]
    line = f"{facts['name']}, {facts['multiprocessors']} multiprocessors, driver for CUDA {driver // 1000}."
    assert gpu_machine._description().startswith(line)


@pytest.fixture
def torch(monkeypatch):
    """Let PyTorch compute on the host; give its settings back."""
    torch = pytest.importorskip("torch")
    settings = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    monkeypatch.setattr(gpu_chip, "PLACE", "cpu")
    yield torch
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = settings


@pytest.mark.parametrize("name", TORCH)
def test_pytorchs_convolution_is_the_same(name, torch, monkeypatch):
    case = Case((7, 6, 4), 5, batch=2)
    x, w, b = case.arrays()
    given = gpu_layers.Problem(case, x, w, b, exact(case).value, float(exact(case).value.std()))
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(from_dlpack=np.from_dlpack))
    one = gpu_layers.ready(name, given)
    assert gpu_layers.error_of(one.output(one.call()), given) < 1e-6
    assert one.call().is_contiguous(memory_format=torch.channels_last) == ("channels_last" in name)
    assert rechecked(one) < 1e-6
    assert torch.backends.cudnn.allow_tf32 == torch.backends.cuda.matmul.allow_tf32 == ("TF32" in name)


def rechecked(one):
    """Return the largest error of two calls on numbers of their own."""
    check = Recheck(one.given, one.renewed)
    first = one.given.x.copy()
    for _ in range(2):
        check.before()
        check.after(one.output(one.call()))
    error = check.error()
    assert not np.array_equal(one.given.x, first)
    check.restore()
    np.testing.assert_array_equal(one.given.x, first)
    return error


@pytest.mark.parametrize("tf32", [False, True])
def test_cublas_multiplies_matrices_of_the_same_size(tf32, monkeypatch):
    case = Case((7, 6, 4), 5, batch=2)
    x, w, b = case.arrays()
    shapes = []

    def multiply(a, b, tf32):
        shapes.append((a.shape, b.shape, tf32))
        out = np.empty((len(a), b.shape[1]), np.float32)
        return lambda: np.matmul(a, b, out=out)

    monkeypatch.setattr(gpu_layers, "PRODUCTS", {"torch" if tf32 else "CuPy": multiply})
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(resize=np.resize, from_dlpack=lambda array: array))
    given = gpu_layers.Problem(case, x, w, b, np.ones(case.output), 1.0)
    one = gpu_layers.ready("cuBLAS TF32" if tf32 else "cuBLAS", given)
    assert shapes == [((2 * 7 * 6, 9 * 4), (9 * 4, 5), tf32)]
    assert rechecked(one) < 1e-6
    stale = replace(one, call=lambda: None, renewed=lambda: None)
    assert rechecked(stale) > 0.5
    unwritten = replace(one, call=lambda: None)
    assert rechecked(unwritten) == np.inf


class Stale(gpu_layers.METHODS["direct"]):
    """A rung that finds its output where it left it."""

    def __call__(self, x, out, bias):
        if not hasattr(self, "done"):
            super().__call__(x, out, bias)
        self.done = True


class Replaying(gpu_layers.METHODS["direct"]):
    """A rung that copies what it computed of the same array."""

    def __call__(self, x, out, bias):
        if not hasattr(self, "kept"):
            super().__call__(x, out, bias)
            self.kept = out.copy()
        out[...] = self.kept


@pytest.mark.parametrize("rung", [Stale, Replaying])
def test_a_rung_that_computes_once_is_caught(rung, layer, monkeypatch):
    monkeypatch.setattr(gpu_layers, "METHODS", {"direct": rung})
    with pytest.raises(gpu_layers.WrongError, match="standard deviations in a call that was timed, right before"):
        gpu_layers.measure(0, 2, "direct")
    assert layer == [1, 50]


def test_the_numbers_are_afterwards_those_of_the_problem(layer):
    given = gpu_layers.problem(0, 2)
    first = given.x.get(), given.b.get()
    gpu_layers.measure(0, 2, "direct")
    assert gpu_layers.problem(0, 2) is given
    for array, before in zip((given.x, given.b), first, strict=True):
        np.testing.assert_array_equal(array.get(), before)


def test_pytorchs_product(torch):
    a, b = np.eye(3, dtype=np.float32), np.arange(12, dtype=np.float32).reshape(3, 4)
    seen = []
    torch_matmul, torch.matmul = torch.matmul, lambda *args, out: seen.append(torch_matmul(*args, out=out))
    try:
        gpu_chip.with_torch(a, b, tf32=True)()
    finally:
        torch.matmul = torch_matmul
    np.testing.assert_array_equal(seen[0].numpy(), b)
    assert torch.backends.cuda.matmul.allow_tf32


def test_a_network_of_pytorchs_is_measured(device, torch, monkeypatch):
    monkeypatch.setattr("convlab.model.computing.check_device", lambda name: None)
    monkeypatch.setattr("convlab.bench.gpu_candidates.event_seconds", clock([]))
    gpu_networks.contestants.cache_clear()
    for name in ("torch", "torch channels_last TF32", "torch TF32"):
        assert gpu_networks.measure("lenet5", 3, name)["error"] < 1e-5
        weight = gpu_networks.contestants("lenet5").twin.parts[3].weight  # (O, C, KH, KW), several of each
        assert weight.is_contiguous(memory_format=torch.channels_last) == ("channels_last" in name)
    gpu_networks.contestants.cache_clear()


@pytest.mark.parametrize("right", [True, False])
def test_a_graph_of_pytorchs_is_replayed_on_new_images(right, device, torch, monkeypatch):
    monkeypatch.setattr("convlab.model.computing.check_device", lambda name: None)
    monkeypatch.setattr("convlab.bench.gpu_candidates.event_seconds", clock([]))

    def captured(call):
        y = call()
        return (lambda: torch.inference_mode()(y.copy_)(call())) if right else (lambda: None), y

    monkeypatch.setattr(gpu_networks, "_captured", captured)
    gpu_networks.contestants.cache_clear()
    if right:
        assert gpu_networks.measure("lenet5", 1, "torch graph")["error"] < 1e-5
    else:
        with pytest.raises(gpu_layers.WrongError, match="off by inf standard deviations in a call that was timed"):
            gpu_networks.measure("lenet5", 1, "torch graph")
    gpu_networks.contestants.cache_clear()


def test_the_networks():
    model = resnet50()
    assert sum(layer.parameters for layer in model.layers) == 25_636_712  # as many as Keras' ResNet50 has
    assert model.shapes["conv5_block3_add"] == (7, 7, 2048)


def replaying(compute):
    kept = {}

    def replay(x):
        if x.shape not in kept:
            kept[x.shape] = compute(x)
        return kept[x.shape]

    return replay


@pytest.mark.slow
def test_a_network_of_ours_is_measured(device, monkeypatch):
    monkeypatch.setattr("convlab.model.computing.check_device", lambda name: None)
    monkeypatch.setattr("convlab.bench.gpu_candidates.event_seconds", clock([]))
    model = gpu_networks.network("lenet5")
    images = gpu_networks.images_for(model, 2)
    twin = gpu_networks.network("lenet5")
    given = gpu_networks.Contestants(
        model.to("cuda"), None, images, lambda images: twin.predict(images.astype(np.float64))
    )
    monkeypatch.setattr(gpu_networks, "contestants", lambda name: given)
    for name in ("convlab predict", "convlab run", "convlab predict TF32"):
        found = gpu_networks.measure("lenet5", 2, name)
        assert found["median"] == 1e-3
        assert found["error"] < (1e-2 if "TF32" in name else 1e-5)
    for compute in ("predict", "run"):
        monkeypatch.setattr(model, compute, replaying(getattr(model, compute)))
        with pytest.raises(gpu_layers.WrongError, match="in a call that was timed, right before"):
            gpu_networks.measure("lenet5", 2, f"convlab {compute}")
