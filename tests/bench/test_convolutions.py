"""The benchmark of convolutions: what is right is timed, what is wrong is not. Nothing here depends on a time."""

import json
import os
import signal

import numpy as np
import pytest

import convlab
from convlab.bench.candidates import Candidate, First, Kernel, Torch
from convlab.bench.convolutions import Case, bench_conv, cases_of, measure
from convlab.bench.machine import Machine, Measurer
from convlab.bench.process import Remote
from convlab.bench.report import LONGEST, CaseResult, Report, Result
from convlab.bench.spread import Spread
from convlab.bench.turns import in_turns
from convlab.cli.options import print_json
from convlab.errors import BudgetError, ConvlabError, ShapeError, UnsupportedError
from convlab_kernels.cpu import Im2col
from convlab_kernels.window import Window
from support.candidates import Local
from support.recorded import live

SMALL = Case((7, 6, 4), 5)
MACHINE = Machine("a machine", "float32", 2e11, 1e10, 2, 2)


class Wrong(Im2col):
    """A kernel that forgets the bias."""

    def __call__(self, x, out, bias=None):
        super().__call__(x, out)


class Lazy(Im2col):
    """A kernel that leaves the last row as it found it."""

    def __call__(self, x, out, bias=None):
        before = out[:, -1].copy()
        super().__call__(x, out, bias)
        out[:, -1] = before


class Generous(Wrong):
    """A wrong kernel that says it may be."""

    amplification = 1e7


def local(kernel, monkeypatch):
    monkeypatch.setattr("convlab.bench.candidates.METHODS", {kernel.__name__: kernel, "im2col": Im2col})
    return Local(Kernel(kernel.__name__))


@pytest.mark.parametrize("kernel", [Wrong, Lazy])
def test_what_is_wrong_gets_no_time(kernel, monkeypatch):
    candidates = {"im2col": Local(Kernel("im2col")), kernel.__name__: local(kernel, monkeypatch)}
    right, wrong = measure(SMALL, candidates, repeats=2).results
    assert (right.wrong, wrong.wrong) == (False, True)
    assert wrong.run is None
    assert (wrong.share == np.inf) == (kernel is Lazy)  # what was not written is NaN
    assert right.run is not None
    assert len(right.run.seconds) >= 2
    text = CaseResult(SMALL, (right, wrong)).text(MACHINE)
    assert f"{kernel.__name__.ljust(LONGEST)} WRONG: relative error" in text
    assert text.index("WRONG") < text.index("run, ms")
    table = text.split("run, ms")[1]
    assert "im2col" in table
    assert kernel.__name__ not in table


def test_a_kernel_may_state_its_amplification(monkeypatch):
    (result,) = measure(SMALL, {"Generous": local(Generous, monkeypatch)}, repeats=1).results
    assert not result.wrong


class Picky(Im2col):
    """A kernel that takes no shape."""

    def __init__(self, w, window, groups):
        raise UnsupportedError(f"picky: kernel {w.shape} in {groups} group(s), expected another: use im2col")


def test_the_definition_is_skipped_where_it_would_take_long(monkeypatch):
    monkeypatch.setattr("convlab.bench.candidates.METHODS", {"direct": Im2col, "other": Im2col})
    monkeypatch.setattr("convlab.bench.candidates.seconds", lambda call: 0.01)  # for one place
    with pytest.raises(UnsupportedError, match=r"^would take about [\d,.]+ s; name it in --methods to wait for it$"):
        Kernel("direct", patient=False).open(Case((70, 30, 4), 5))
    assert Kernel("direct", patient=False).open(SMALL).output.shape == (1, 7, 6, 5)
    assert Kernel("direct").open(Case((70, 30, 4), 5)).output.shape == (1, 70, 30, 5)
    assert Kernel("other", patient=False).open(Case((70, 30, 4), 5)).output.shape == (1, 70, 30, 5)


def test_a_method_that_does_not_take_the_shape_says_why(monkeypatch):
    candidate = local(Picky, monkeypatch)
    (result,) = measure(SMALL, {"picky": candidate}, repeats=1).results
    assert result.skipped == "kernel (3, 3, 4, 5) in 1 group(s), expected another: use im2col"
    assert not result.wrong
    assert f"{'picky'.ljust(LONGEST)} skipped: kernel (3, 3, 4, 5)" in CaseResult(SMALL, (result,)).text(MACHINE)


class Short(Candidate):
    """Returns another shape."""

    def open(self, case):
        return First(np.zeros((1, 7, 6, 4), np.float32), 0.0, 0.0, 1.0)


def test_another_shape_is_a_failure():
    (result,) = measure(SMALL, {"short": Local(Short())}, repeats=1).results
    assert result.skipped == "failed: returned float32 (1, 7, 6, 4), expected float32 (1, 7, 6, 5)"


@pytest.fixture
def machine(monkeypatch):
    """Save the seconds that measuring the machine takes."""
    monkeypatch.setattr("convlab.bench.convolutions.measure_machine", lambda dtype: MACHINE)


def test_kernels_and_torch_in_processes_are_equal_to_float64(machine):
    live("torch", instead="bench/test_exact.py")
    case = Case((9, 8, 6), 12, Window.parse((2, 3), (2, 1), ((0, 2), (1, 0)), (1, 2)), groups=6, batch=3)
    heard = []
    report = bench_conv([case], ["im2col", "shifted", "torch"], 1, started=heard.append, finished=heard.append)
    assert heard == [MACHINE, report.cases[0]]
    assert [result.method for result in report.cases[0].results] == ["im2col", "shifted", "torch"]
    assert all(result.run for result in report.cases[0].results), str(report)
    assert report.agrees


@pytest.mark.parametrize("padding", ["same", "valid", ((0, 2), (1, 0))])
@pytest.mark.parametrize("groups", [1, 2])
def test_torch_computes_the_case(padding, groups):
    live("torch", instead="bench/test_exact.py")
    case = Case((9, 8, 6), 4, Window.parse((2, 3), (2, 1), padding, (1, 2)), groups, batch=3, dtype="float64")
    (result,) = measure(case, {"torch": Local(Torch(1))}, repeats=1).results
    assert 0 <= result.share <= 1


def test_the_report_is_plain_json(machine, capsys):
    case = bench_conv([SMALL], ["im2col", "shifted"], repeats=2)
    print_json(case.as_dict())
    found = json.loads(capsys.readouterr().out)
    assert found["cases"][0]["image"] == [7, 6, 4]
    assert found["cases"][0]["flops"] == 2 * 7 * 6 * 5 * 9 * 4
    assert found["cases"][0]["bytes"] == 4 * (7 * 6 * 4 + 9 * 4 * 5 + 5 + 7 * 6 * 5)
    right, skipped = found["cases"][0]["results"]
    assert (right["method"], right["right"]) == ("im2col", True)
    assert right["run"]["calls"] >= 2
    assert skipped.keys() == {"method", "skipped"}
    assert found["machine"]["product"] == 2e11


def test_the_convolutions_of_a_network():
    cases = cases_of(convlab.load("vgg16", weights=None), batch=2, dtype="float64")
    assert [(*case.image, case.filters, len(case.layers)) for case in cases] == [
        (224, 224, 3, 64, 1), (224, 224, 64, 64, 1), (112, 112, 64, 128, 1), (112, 112, 128, 128, 1),
        (56, 56, 128, 256, 1), (56, 56, 256, 256, 2), (28, 28, 256, 512, 1), (28, 28, 512, 512, 2),
        (14, 14, 512, 512, 3),
    ]  # fmt: skip
    assert cases[-1].layers == ("block5_conv1", "block5_conv2", "block5_conv3")
    assert {(case.batch, case.dtype, case.window.padding) for case in cases} == {(2, "float64", "same")}
    model = convlab.load("vgg16", weights=None).summary()
    convolutions = sum(row.multiply_adds for row in model.rows if row.type == "Conv2D")
    assert sum(case.flops * len(case.layers) for case in cases) == 2 * 2 * convolutions


def test_a_separable_convolution_is_two():
    from convlab.layers import Conv2D, SeparableConv2D
    from convlab.model.model import Model

    layers = [SeparableConv2D("s", 7, 3, stride=2, depth_multiplier=2), Conv2D("c", 6, (1, 2))]
    depthwise, pointwise, conv = cases_of(Model.sequential("m", (11, 9, 3), layers))
    assert (depthwise.image, depthwise.filters, depthwise.groups) == ((11, 9, 3), 6, 3)
    assert (pointwise.image, pointwise.filters, pointwise.groups) == ((5, 4, 6), 7, 1)
    assert (conv.image, conv.filters, conv.window.kernel) == ((5, 4, 7), 6, (1, 2))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"filters": 0}, ShapeError, "0 filters"),
        ({"filters": 5, "batch": 0}, ShapeError, "batch 0: expected whole numbers of at least 1"),
        ({"filters": 5, "groups": 3}, ShapeError, "takes 1 \\* 3 = 3"),
        ({"filters": 5, "window": Window((9, 3))}, ShapeError, "output height is not positive"),
        (
            {"filters": 5, "batch": 10**8},
            BudgetError,
            "bytes to check, more than 4,294,967,296: give a smaller shape",
        ),
    ],
)
def test_impossible_shapes(options, error, message):
    with pytest.raises(error, match=message):
        Case((7, 6, 4), **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "no convolutions to measure"),
        (([SMALL], None, 0), "repeats is 0, expected at least 1"),
        (([SMALL, Case((7, 6, 4), 5, dtype="float64")],), "cases of float32 and float64, expected one dtype"),
        (([SMALL], ["im2cool"]), "no method 'im2cool'; did you mean 'im2col'"),
    ],
)
def test_impossible_requests(arguments, message):
    with pytest.raises(ConvlabError, match=message):
        bench_conv(*arguments)


def test_sums_over_a_network_count_each_layer():
    def result(method, milliseconds):
        return Result(method, 0.0, 0.0, run=Spread((milliseconds / 1e3,) * 3))

    first, second = (Case((7, 6, 4), 5, batch=n, layers=names) for n, names in ((1, ("a", "b", "c")), (2, ("d",))))
    cases = (
        CaseResult(first, (result("im2col", 2), result("winograd", 1), result("torch", 0.5))),
        CaseResult(second, (result("im2col", 30), Result("winograd", skipped="stride"), result("torch", 40))),
    )
    report = Report(MACHINE, 2, cases)
    assert report.totals() == pytest.approx({"im2col": 0.036, "torch": 0.0415, "best": 0.033})
    assert report.footer()[0] == "all 4 convolutions, sums of medians: best 33 ms, im2col 36 ms, torch 41.5 ms"


def test_the_numbers_of_a_line():
    case = Case((56, 56, 128), 256)
    run = Spread((0.009, 0.010, 0.011, 0.012, 0.008))
    line = CaseResult(case, (Result("im2col", 1e-7, 0.25, 0.0012, 3.5, run),)).text(MACHINE).splitlines()[-1]
    # 2 * 56 * 56 * 9 * 128 * 256 = 1.85 GFLOP in 10 ms; 4 * (401,408 + 294,912 + 256 + 802,816) bytes
    assert line.split() == ["im2col", "float32", "1.2", "3,500", "10", "9", "-", "11", "185", "92%", "6%"]


def test_turns_are_taken_in_order_and_fast_calls_come_in_numbers():
    heard = []

    def timer(name, seconds):
        def time(calls):
            heard.append((name, calls))
            return [seconds] * calls

        return time

    times = in_turns({"fast": timer("fast", 0.01), "slow": timer("slow", 2.0)}, 2)
    assert heard == [("fast", 1), ("slow", 1), ("fast", 5), ("slow", 1)]
    assert times == {"fast": [0.01] * 6, "slow": [2.0] * 2}


class Moody:
    """Does what a process may do wrong."""

    def fail(self):
        raise ZeroDivisionError("in\nvain")

    def chat(self):
        print("chat")
        os.write(1, b"more chat")
        return "answer"

    def listen(self):
        os.set_blocking(0, False)
        return os.read(0, 1)

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_answers_and_its_failures_are_one_line(capfd):
    with Remote(Moody) as remote:
        with pytest.raises(UnsupportedError, match=r"^failed: ZeroDivisionError: in vain$"):
            remote.call("fail")
        assert remote.call("chat") == "answer"
        assert remote.call("listen") == b""
        for _ in range(2):
            with pytest.raises(UnsupportedError, match=r"^its process ended: Killed$"):
                remote.call("die")
    assert capfd.readouterr().out == ""


def test_the_machine_is_measured(monkeypatch):
    for name, value in (("SIDE", 64), ("COPIED", 1 << 16), ("ENOUGH", 0.0)):
        monkeypatch.setattr(f"convlab.bench.machine.{name}", value)
    machine = Measurer().machine("float64", 1)
    assert 1e8 < machine.product < 1e14
    assert 1e8 < machine.copy < 1e13
    assert machine.roof(2**-10) == machine.copy / 1024  # powers of two: the same to the last bit
    assert machine.roof(1e9) == machine.product
