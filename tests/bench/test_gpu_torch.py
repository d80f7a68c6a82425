"""PyTorch on a GPU as a candidate: on a machine without one, with the CPU in the GPU's place."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from convlab.bench.case import Case
from convlab.bench.convolutions import measure
from convlab.bench.gpu_torch import PEERS, DeviceTorch
from convlab.errors import UnsupportedError
from convlab_kernels.window import Window
from support.candidates import Local, clock
from support.recorded import live

CASES = [
    Case((7, 6, 3), 5, batch=2),
    Case((9, 8, 4), 6, Window((3, 2), stride=(2, 1), padding=((0, 1), (1, 0)), dilation=(1, 2)), groups=2),
]


@pytest.fixture
def torch():
    return live("torch", instead="bench/test_page.py")


@pytest.fixture
def on_cpu(torch, monkeypatch):
    """Let PyTorch and CuPy find a GPU that is the CPU, with a clock of our own."""

    stand = SimpleNamespace(from_dlpack=np.from_dlpack, ndarray=type("ndarray", (), {}))
    monkeypatch.setitem(sys.modules, "cupy", stand)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    settings = torch.backends.cudnn, torch.backends.cuda.matmul
    kept, tried = [one.allow_tf32 for one in settings], torch.backends.cudnn.benchmark
    for module in ("gpu_torch", "gpu_candidates"):
        monkeypatch.setattr(f"convlab.bench.{module}.placed", lambda array, device: np.array(array))
    monkeypatch.setattr("convlab.bench.gpu_candidates.event_seconds", clock)
    monkeypatch.setattr("convlab.bench.gpu_candidates.both_seconds", lambda call: (1e-3, 1e-3))
    yield
    for one, before in zip(settings, kept, strict=True):
        one.allow_tf32 = before
    torch.backends.cudnn.benchmark = tried


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_computes_the_case_in_each_call(name, case, torch, on_cpu):
    (result,) = measure(case, {name: Local(DeviceTorch(name))}, 1).results
    assert not result.skipped
    assert not result.wrong
    assert result.run.seconds == (1e-3,)
    assert torch.backends.cudnn.allow_tf32 is (name == "torch_tf32")
    assert torch.backends.cuda.matmul.allow_tf32 is (name == "torch_tf32")


def test_a_pytorch_for_the_cpu_says_so(torch, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnsupportedError, match="the PyTorch that is installed computes on no GPU"):
        DeviceTorch("torch")
