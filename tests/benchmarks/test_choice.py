"""The sweep behind `method="auto"`: whose turn it is, who stands still, what is wrong or not taken."""

import os
import time

import pytest

from benchmarks.choice.report import summary
from benchmarks.choice.sweep import Plan, check, measure, time_in_turns
from benchmarks.choice.worker import Method, Paused
from convlab.bench.case import Case
from convlab.bench.exact import exact
from convlab.errors import UnsupportedError
from convlab_kernels.window import Window

CASE = Case((7, 6, 4), 5, Window((3, 2)), layers=("Net/conv",))


class Fake:
    """A method of known seconds whose answer is off by a factor, and which may have none."""

    def __init__(self, name="", seconds=0.01, factor=1.0, heard=None):
        self.name, self.seconds, self.factor, self.heard = name, seconds, factor, [] if heard is None else heard

    def call(self, method, argument):
        if method == "laps":
            self.heard.append((self.name, argument))
            return [self.seconds] * argument
        if self.factor == 0:
            raise UnsupportedError("failed: MemoryError: no memory")
        return None if self.seconds == 0 else exact(argument).value * self.factor


def test_turns_alternate_and_what_is_slow_has_two_calls():
    heard = []
    methods = {name: Fake(name, s, heard=heard) for name, s in (("a", 0.01), ("slow", 0.11), ("b", 0.02))}
    times = time_in_turns(methods, Plan(rounds=2, seconds=0.16))
    assert heard == [("a", 2), ("slow", 2), ("b", 2), ("a", 4), ("b", 2), ("b", 2), ("a", 4)]
    assert times == {"a": [0.01] * 10, "slow": [0.11] * 2, "b": [0.02] * 6}


def test_what_fails_or_is_wrong_is_not_timed(capsys):
    methods = {
        "indirect_gemm": Fake(seconds=0.02),
        "im2col": Fake(seconds=0.01),
        "widened": Fake(factor=1.5),
        "toeplitz": Fake(factor=0),
        "winograd": Fake(seconds=0),
    }
    row = measure(CASE, methods, Plan(1, 0.1))
    assert row["milliseconds"] == {"indirect_gemm": 20, "im2col": 10}
    assert row["errors"] == {"indirect_gemm": 0, "im2col": 0, "widened": pytest.approx(0.5), "toeplitz": None}
    assert (row["chosen"], row["fastest"], row["cost"]) == ("indirect_gemm", "im2col", 2)
    assert capsys.readouterr().err == "7x6x4 -> 5 3x2 valid: toeplitz: failed: MemoryError: no memory\n"
    assert "- wrong, and left out: widened on 7x6x4 -> 5 3x2 valid, relative error 5.0e-01\n" in summary([row])
    assert "- wrong, and left out: toeplitz on 7x6x4 -> 5 3x2 valid, no finite answer\n" in summary([row])


def stops(pid):
    """Say whether a child stops: it does within milliseconds, or on a busy machine within minutes."""
    for _ in range(30_000):
        changed, status = os.waitpid(pid, os.WUNTRACED | os.WNOHANG)
        if changed:
            return os.WIFSTOPPED(status)
        time.sleep(0.01)
    return False


@pytest.mark.skipif(not hasattr(os, "WUNTRACED"), reason="no process can be stopped")
def test_a_process_stands_still_between_calls():
    with Paused(Method, "im2col") as method:
        for _ in range(2):
            assert check(CASE, {"im2col": method})["im2col"] < 1e-6
            assert stops(method._process.pid)
        assert len(method.call("laps", 3)) == 3


def test_a_method_says_what_it_does_not_take():
    assert Method("shifted").first(CASE) is None


def test_what_was_timed_is_checked():
    method = Method("im2col")
    method.first(CASE)
    assert len(method.laps(2)) == 2
    method._call = lambda: None
    with pytest.raises(UnsupportedError, match="relative error inf in what was timed"):
        method.laps(2)


def test_the_same_code_under_another_name_is_not_faster():
    methods = {"indirect_gemm": Fake(seconds=0.01), "pointwise": Fake(seconds=0.02), "im2col": Fake(seconds=0.03)}
    row = measure(Case((7, 6, 4), 5, Window((1, 1))), methods, Plan(1, 0.1))
    assert (row["chosen"], row["fastest"], row["cost"]) == ("pointwise", "pointwise", 1)
