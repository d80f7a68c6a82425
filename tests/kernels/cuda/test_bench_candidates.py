"""A rung as a candidate of a benchmark, without a GPU's clock: each call on new numbers, and checked."""

import pytest

from convlab.bench.case import Case
from convlab.bench.convolutions import measure
from convlab.bench.gpu_candidates import DeviceKernel
from convlab_kernels.cuda import METHODS
from support.candidates import Local, clock

CASE = Case((5, 4, 3), 4, batch=2)


class Stale(METHODS["direct"]):
    """A rung that finds its output where it left it."""

    def __call__(self, x, out, bias=None):
        if not hasattr(self, "done"):
            super().__call__(x, out, bias)
        self.done = True


@pytest.fixture
def judged(device, monkeypatch):
    """Return what becomes of a rung, by clocks of our own: the GPU's, and the host's beside it."""

    def judge(kernel, host=1.5e-3):
        monkeypatch.setattr("convlab.bench.gpu_candidates.METHODS", {"rung": kernel})
        monkeypatch.setattr("convlab.bench.gpu_candidates.both_seconds", lambda call: (1e-3, host))
        (result,) = measure(CASE, {"rung": Local(DeviceKernel("rung"))}, 1).results
        return result

    monkeypatch.setattr("convlab.bench.gpu_candidates.event_seconds", clock)
    monkeypatch.setattr("convlab.bench.turns.PAUSE", 0.0)
    return judge


def test_a_rung_is_timed(judged):
    assert judged(METHODS["direct"]).run.seconds == (1e-3,)


def test_a_stale_output_is_wrong(judged):
    result = judged(Stale)
    assert result.run is None
    assert result.fault == "right at the first call, wrong in calls that were timed"


def test_work_beside_the_clock_is_no_time(judged):
    result = judged(METHODS["direct"], host=7e-3)
    assert result.run is None
    assert result.fault == "the GPU's clock saw 1 ms of 7: expected all its work in the current stream"
