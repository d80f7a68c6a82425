"""What fools a benchmark, knowingly or not: each gets no time, or is called what it is. Nothing depends on a time."""

from dataclasses import replace

import numpy as np
import pytest

import convlab
from convlab.bench.callables import CallableConv
from convlab.bench.candidates import Kernel
from convlab.bench.case import Case
from convlab.bench.convolutions import measure
from convlab.bench.gpu_machine import Gpu
from convlab.bench.machine import Machine
from convlab.bench.report import LONGEST, CaseResult
from convlab_kernels.cpu import METHODS, Im2col
from convlab_kernels.cpu.runtime.threads import CORES
from convlab_kernels.window import Window
from support.candidates import Local

CASE = Case((9, 8, 6), 12, Window.parse((2, 3), (2, 1), ((0, 2), (1, 0)), (1, 2)), groups=3, batch=2)
MACHINE = Machine("a machine", "float32", 2e11, 1e10, 2, 2)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr("convlab.bench.turns.PAUSE", 0.0)


def conv(x, w, bias, **options):
    return convlab.conv2d(x, w, bias, **options)


def judged(function, case=CASE, machine=None):
    (result,) = measure(case, {"cheat": Local(CallableConv(function))}, 3, machine=machine).results
    return result


def caught(function, fault):
    result = judged(function)
    assert result.wrong
    assert result.run is None
    assert fault in result.fault
    assert f"{'cheat'.ljust(LONGEST)} WRONG: " in CaseResult(CASE, (result,)).text(MACHINE)


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_constants_are_wrong_at_once(constant):
    result = judged(lambda *given, **options: np.full(CASE.output, constant, np.float32))
    assert result.share > 1
    assert result.run is None


KEYS = {
    "the array": lambda x, w: (id(x), id(w)),
    "its place": lambda x, w: (x.ctypes.data, w.ctypes.data),
    "the shapes": lambda x, w: (x.shape, w.shape),
    "a few numbers": lambda x, w: (x.shape, *np.sign(x.ravel()[:2])),
}


@pytest.mark.parametrize("key", KEYS)
def test_a_result_is_not_replayed(key):
    results = {}

    def replay(x, w, bias, **options):
        name = KEYS[key](x, w)
        if name not in results:
            results[name] = conv(x, w, bias, **options)
        return results[name].copy()

    caught(replay, "right at the first call, wrong in calls that were timed")


def test_weights_that_were_kept_are_old():
    kept = {}

    def keep(x, w, bias, **options):
        return conv(x, kept.setdefault(w.shape, w.copy()), bias, **options)

    caught(keep, f"right at the shape that is timed, wrong on {CASE.smaller}")

    def keep_them(x, w, bias, **options):
        return conv(x, kept.setdefault(x.shape, w.copy()), bias, **options)

    kept.clear()
    caught(keep_them, "wrong in calls that were timed")


def test_numbers_never_come_again():
    seen = []

    def note(x, w, bias, **options):
        seen.append((x.tobytes(), w.tobytes(), bias.tobytes()))
        return conv(x, w, bias, **options)

    found = judged(note)
    assert not found.wrong
    timed = len(found.run.seconds)
    assert timed >= 3
    for each in zip(*seen, strict=True):
        assert len(set(each)) >= timed + 1  # and those of the first call


class Later(np.ndarray):
    """An array that would be computed when somebody looks."""


@pytest.mark.parametrize("from_call", [0, 5])
def test_what_is_computed_later_is_no_array(from_call):
    calls = []

    def lazy(x, w, bias, **options):
        calls.append(1)
        y = conv(x, w, bias, **options)
        return y.view(Later) if len(calls) > from_call else y

    caught(lazy, "it returned Later, expected numpy.ndarray itself")


def test_work_is_not_put_off_to_the_next_call():
    waiting = []

    def put_off(x, w, bias, **options):
        for out, given in waiting:
            out[...] = conv(*given, **options)
        honest = not waiting and len(done) < 4
        done.append(1)
        y = conv(x, w, bias, **options) if honest else np.zeros(CASE.output, np.float32)
        waiting[:] = [] if honest else [(y, (x.copy(), w.copy(), bias.copy()))]
        return y

    done = []
    caught(put_off, "wrong in calls that were timed")


def test_a_result_is_not_overwritten_by_the_next():
    memory = np.empty((2, *CASE.output), np.float32)
    calls = []

    def reuse(x, w, bias, **options):
        calls.append(1)
        y = conv(x, w, bias, **options)
        if y.shape != CASE.output or len(calls) < 5:
            return y
        memory[0] = y
        return memory[0]

    caught(reuse, "it returned memory of an earlier result, expected an array of its own")


@pytest.mark.parametrize(("name", "place"), [("x", 0), ("w", 1), ("b", 2)])
def test_what_was_given_is_not_written(name, place):
    def write(*given, **options):
        y = conv(*given, **options)
        given[place].ravel()[-1] += 1
        return y

    caught(write, f"it wrote into {name}, which are not its own")


def rounded(x, bits):
    """Return float32 with so many bits of 24 left."""
    step = 1 << (24 - bits)
    return ((x.view(np.uint32) + step // 2) & ~np.uint32(step - 1)).view(np.float32)


@pytest.mark.parametrize("case", [CASE, Case((9, 9, 256), 8)], ids=str)
@pytest.mark.parametrize("from_call", [0, 5])
def test_factors_of_11_bits_are_called_so(from_call, case):
    calls = []

    def short(x, w, bias, **options):
        calls.append(1)
        honest = len(calls) <= from_call
        return conv(x, w, bias, **options) if honest else conv(rounded(x, 11), rounded(w, 11), bias, **options)

    result = judged(short, case)
    assert result.error_class == "TF32"
    assert not result.wrong
    text = CaseResult(case, (result,)).text(MACHINE)
    assert text.splitlines()[-1].split()[:2] == ["cheat", "TF32"]


@pytest.mark.parametrize("case", [CASE, Case((9, 9, 256), 8)], ids=str)
@pytest.mark.parametrize("from_call", [0, 5])
def test_factors_of_8_bits_are_wrong(from_call, case):
    calls = []

    def short(x, w, bias, **options):
        calls.append(1)
        honest = len(calls) <= from_call
        return conv(x, w, bias, **options) if honest else conv(rounded(x, 8), rounded(w, 8), bias, **options)

    result = judged(short, case)
    assert result.wrong
    assert (result.error_class, result.run) == ("none", None)


def test_float32_is_not_enough_for_float64():
    def short(x, w, bias, **options):
        return conv(*(a.astype(np.float32) for a in (x, w, bias)), **options).astype(np.float64)

    assert judged(short, Case((7, 6, 4), 5, dtype="float64")).share > 1


def test_what_a_stranger_says_of_its_error_counts_for_nothing():
    def generous(x, w, bias, **options):
        return conv(x, w, None, **options)

    generous.amplification = 1e9
    assert judged(generous).wrong


def test_right_at_the_first_call_alone():
    calls = []

    def once(x, w, bias, **options):
        calls.append(1)
        return conv(x, w, bias, **options) * (1 if len(calls) <= 3 else 1.001)

    caught(once, "right at the first call, wrong in calls that were timed")


def test_right_at_the_timed_shape_alone():
    def here(x, w, bias, **options):
        return conv(x, w, bias, **options) * np.float32(x.shape == (2, 9, 8, 6))

    caught(here, "right at the shape that is timed, wrong on 4 x 7 x 6 -> 12")


def test_a_failure_after_the_first_call_is_told_and_the_others_go_on():
    calls = []

    def tired(x, w, bias, **options):
        calls.append(1)
        if len(calls) > 5:
            raise convlab.errors.UnsupportedError("tired: no more")
        return conv(x, w, bias, **options)

    candidates = {"tired": Local(CallableConv(tired)), "conv": Local(CallableConv(conv))}
    tired, honest = measure(CASE, candidates, 3).results
    assert tired.fault == "it computed once, then tired: no more"
    assert len(honest.run.seconds) >= 3


class Stale(Im2col):
    """A kernel that computes once, and finds its output there."""

    def __call__(self, x, out, bias=None):
        if not hasattr(self, "done"):
            super().__call__(x, out, bias)
        self.done = True


class Replaying(Im2col):
    """A kernel that copies what it computed of the same array."""

    def __call__(self, x, out, bias=None):
        if not hasattr(self, "kept"):
            super().__call__(x, out, bias)
            self.kept = out.copy()
        out[...] = self.kept


class Writing(Im2col):
    """A kernel that uses its input as scratch."""

    def __call__(self, x, out, bias=None):
        super().__call__(x, out, bias)
        x[:] = 0


class Last(Im2col):
    """A kernel that leaves out one number, where it has been called before."""

    calls = 0

    def __call__(self, x, out, bias=None):
        super().__call__(x, out, bias)
        Last.calls += 1
        if Last.calls > 2:
            out[-1, -1, -1, -1] = 0


@pytest.mark.parametrize(
    ("kernel", "fault"),
    [
        (Stale, "wrong in calls that were timed"),
        (Replaying, "wrong in calls that were timed"),
        (Writing, "it wrote into x"),
        (Last, "wrong in calls that were timed"),
    ],
)
def test_kernels_that_fill_an_array_are_checked_too(kernel, fault, monkeypatch):
    monkeypatch.setattr("convlab.bench.candidates.METHODS", {"cheat": kernel})
    (result,) = measure(CASE, {"cheat": Local(Kernel("cheat"))}, 3).results
    assert fault in result.fault
    assert result.run is None


def test_a_time_that_no_machine_has(monkeypatch):
    assert not judged(conv, machine=MACHINE).wrong
    monkeypatch.setattr("convlab.bench.machine.CYCLES", 1.0)
    result = judged(conv, machine=MACHINE)
    assert result.run is None
    assert "ms is impossible, expected at least" in result.fault


def test_the_clock_that_others_see_is_not_ours(monkeypatch):
    def stop(*given, **options):
        monkeypatch.setattr("time.perf_counter", lambda: 0.0)
        return conv(*given, **options)

    result = judged(stop, machine=MACHINE)
    assert min(result.run.seconds) > 0


def test_a_clock_that_stands_still_gives_no_time(monkeypatch):
    def stop(*given, **options):
        monkeypatch.setattr("convlab.bench.turns.perf_counter", lambda: 0.0)
        return conv(*given, **options)

    result = judged(stop, machine=MACHINE)
    assert result.run is None
    assert "0 ms is impossible" in result.fault


def test_the_floor_is_computed_and_not_measured():
    floor = MACHINE.floor(4 * CORES * 6e9 * 64, 1.0)
    assert floor == MACHINE.floor(1.0, CORES * 6e9 * 128) == 1.0
    assert replace(MACHINE, product=1.0, copy=1.0).floor(4 * CORES * 6e9 * 64, 1.0) == floor
    gpu = Gpu("a GPU", "float32", 5e13, 3e12, 0, 0)
    assert gpu.floor(4 * 16 * 5e13, 1.0) == gpu.floor(1.0, 16 * 3e12) == 1.0


CASES = [
    CASE,
    Case((8, 11, 16), 9, Window((3, 3), padding="same"), dtype="float64"),
    Case((6, 5, 9), 9, Window.parse((1, 1), (3, 2), "same"), groups=9),
    Case((7, 9, 5), 8, Window((3, 3), padding="same")),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_false_alarm(case):
    names = [name for name in METHODS if name != "direct"]
    results = measure(case, {name: Local(Kernel(name)) for name in names}, 2, machine=None).results
    assert [result for result in results if result.wrong] == []
    assert any(result.run for result in results)
    (own,) = measure(case, {"conv2d": Local(CallableConv(conv))}, 2).results
    assert own.run
    assert own.error_class in ("float32", "float64", "F(2,3)", "F(4,3)")
