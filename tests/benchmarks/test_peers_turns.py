"""Contenders take turns: called after pauses and back to back, and who cannot be the fastest is left out."""

from argparse import Namespace
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from benchmarks.peers import turns, worker
from benchmarks.peers.process import MissingError

OPTIONS = Namespace(rounds=3, turn=1.0, pause=0.0, wait=0.0)


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(turns, "pause", lambda *_: 0.25)


def contender(seconds, paused=None):
    """Return a contender whose calls take so long."""
    asked = []

    def ask(time, pause):
        asked.append((time, pause))
        return {"seconds": [(paused or seconds) if pause else seconds] * time}

    return {"worker": SimpleNamespace(ask=ask, asked=asked), "rounds": []}


def test_a_turn_is_single_calls_and_then_as_many_as_fill_it():
    present = {"convlab predict": contender(0.02, paused=0.03)}
    turns.take_turns(present, OPTIONS)
    assert present["convlab predict"]["worker"].asked == [(2, 0), *([(2, 0.3), (50, 0)] * 3)]
    row = {"calls": 50, "least": 0.02, "quartiles": pytest.approx((0.02,) * 3), "busy before": 0.25}
    paused = {"calls": 2, "least": 0.03, "quartiles": pytest.approx((0.03,) * 3)}
    assert present["convlab predict"]["rounds"] == [{**row, "after a pause": paused}] * 3


def test_calls_in_a_turn_have_bounds():
    assert [turns.calls_in_a_turn(contender(seconds)["worker"], 1.0) for seconds in (5, 0.1, 1e-5)] == [2, 10, 1000]


def test_who_cannot_be_the_fastest_is_timed_once():
    present = {
        "OpenVINO": contender(0.10),
        "PyTorch": contender(0.14),
        "ONNX Runtime": contender(0.16, paused=0.12),  # slow back to back, but not after a pause
        "TensorFlow": contender(0.16),
        "convlab run": contender(0.9),
    }
    turns.take_turns(present, OPTIONS)
    rounds = {name: len(each["rounds"]) for name, each in present.items()}
    assert rounds == {"OpenVINO": 3, "PyTorch": 3, "ONNX Runtime": 3, "TensorFlow": 1, "convlab run": 3}


def test_convlab_alone_takes_its_turns():
    present = {"convlab predict": contender(0.1), "convlab run": contender(0.2)}
    turns.take_turns(present, OPTIONS)
    assert [len(each["rounds"]) for each in present.values()] == [3, 3]


@pytest.mark.parametrize(("pause", "done"), [(0, ["call"] * 4), (0.3, [0.3, "call"] * 3)])
def test_a_worker_pauses_before_each_call_or_warms_up(monkeypatch, pause, done):
    seen = []
    monkeypatch.setattr(worker, "sleep", seen.append)
    assert len(worker.times(lambda: seen.append("call"), 3, pause)) == 3
    assert seen == done


def test_contenders_start_together_and_a_wrong_one_is_named(monkeypatch):
    done = []

    class Worker:
        def __init__(self, name, *_):
            if name == "TensorFlow":
                raise FileNotFoundError("no such interpreter")
            self.name = name
            done.append(f"{name} starts")

        def ready(self):
            done.append(f"{self.name} ready")
            return {"load": 0.5}

        def close(self):
            done.append(f"{self.name} closed")

    def check(task, worker):
        if worker.name == "PyTorch":
            raise MissingError("wrong")
        done.append(f"{worker.name} checked")
        return {"first": 0.1}

    monkeypatch.setattr(turns, "Worker", Worker)
    monkeypatch.setattr(turns, "check", check)
    options = Namespace(python={}, threads=2)
    with ExitStack() as stack:
        found = turns.start(None, ["OpenVINO", "TensorFlow", "PyTorch"], options, {}, stack)
    assert done[:5] == [*("OpenVINO starts", "PyTorch starts", "OpenVINO ready", "PyTorch ready", "OpenVINO checked")]
    assert sorted(done[5:]) == ["OpenVINO closed", "PyTorch closed"]
    assert found.pop("OpenVINO").keys() == {"worker", "rounds", "load", "first"}
    assert found == {"TensorFlow": {"missing": "no such interpreter"}, "PyTorch": {"missing": "wrong"}}
