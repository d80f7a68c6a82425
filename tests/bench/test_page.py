"""CPU and GPU on one page: what is measured, what is predicted and marked so, and the records for a notebook."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.bench.convolutions import Case
from convlab.bench.error_classes import Distance
from convlab.bench.h100 import h100
from convlab.bench.layer_times import layer_times
from convlab.bench.machine import Machine
from convlab.bench.network_page import bench_model_page
from convlab.bench.page import bench_page
from convlab.bench.page_report import Page
from convlab.bench.report import CaseResult, Report, Result
from convlab.bench.roofline import roofline
from convlab.bench.spread import Spread
from convlab.cli.options import print_json
from convlab.errors import ShapeError, UnsupportedError
from support.candidates import remote

MACHINE = Machine("a machine", "float32", 2e11, 1e10, 2, 2)
GPU = Machine("a GPU", "float32", 5e13, 2e12, 0, 0)
CASE = Case((14, 15, 32), 64, layers=("a", "b"))


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    """Have no GPU, and save the seconds that measuring the machine takes."""
    for module in ("page", "network_page"):
        monkeypatch.setattr(f"convlab.bench.{module}.gpu_here", lambda: False)
    for module in ("page", "networks"):
        monkeypatch.setattr(f"convlab.bench.{module}.measure_machine", lambda dtype: MACHINE)


def right(method, *milliseconds, **others):
    return Result(method, 1e-7, 0.1, run=Spread(tuple(value / 1e3 for value in milliseconds)), **others)


ON_CPU = (right("im2col", 8, 10, 12), right("torch", 4, 5, 6), Result("winograd", 1.0, 9.0))
ON_GPU = (right("implicit_gemm", 0.5), right("torch_tf32", 0.25, error_class="TF32"), Result("direct", skipped="no"))
GUESSED = tuple(replace(result, bound="memory") for result in ON_GPU[:1])


def page_of(on_gpu, machine=GPU, copies=(0.003, 0.0015)):
    sides = {"cpu": (MACHINE, CaseResult(CASE, ON_CPU)), "cuda": (machine, CaseResult(CASE, on_gpu, copies))}
    return Page({device: Report(of, 2, (case,)) for device, (of, case) in sides.items()})


def rows(page):
    """Return the table of a page's only case, as cells by device and method."""
    table = page.texts[0].split("\n\n")[-1].splitlines()
    assert re.split(r"  +", table[0])[3:] == [
        "run, ms", "spread", "TFLOP/s", "of roof", "copies, ms", "speed-up", "with them",
    ]  # fmt: skip
    return {tuple(line.split()[:2]): line.split()[2:] for line in table[2:]}


def test_the_numbers_of_the_table():
    rate = CASE.flops / 0.005 / 1e12
    found = rows(page_of(ON_GPU))
    assert list(found) == [("cpu", "torch"), ("cpu", "im2col"), ("cuda", "torch_tf32"), ("cuda", "implicit_gemm")]
    assert found["cpu", "torch"] == ["float32", "5", "20%", f"{rate:.2g}", f"{rate / 0.2:.0%}", "1x"]
    assert found["cpu", "im2col"][-1] == "0.500x"
    assert found["cuda", "torch_tf32"][-3:] == ["4.5", "20x", "1.05x"]
    assert found["cuda", "implicit_gemm"][1:3] == ["0.500", f"{CASE.flops / 5e-4 / 1e12:.2g}"]  # one call, no spread


def test_what_is_predicted_is_marked_wherever_it_is_seen():
    page = page_of(GUESSED, h100())
    assert rows(page)["cuda", "implicit_gemm"][:2] == ["predicted", ">0.500"]
    assert rows(page)["cuda", "implicit_gemm"][-3:] == [">4.5", "<10x", "<1.000x"]
    line = "\ncuda  implicit_gemm  equal to float64 if simulated (1.0e-07); predicted, not measured: memory\n"
    assert line in page.texts[0]
    assert page.footer[-1].startswith("Predicted, not measured: there is no GPU here.")
    assert "predicted, not measured" in page.head
    guess = page.as_dict()["records"][-1]
    assert (guess["measured"], guess["predicted"], guess["right"], guess["binds"]) == (False, True, True, "memory")
    assert page.agrees is False  # winograd, on the CPU
    figure = roofline(page)
    texts = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert {"cuda, predicted: at least, not measured", "> 0.500 ms", "cuda peak 66,908 GFLOP/s"} <= set(texts)


def test_what_is_measured_is_not():
    page = page_of(ON_GPU)
    assert "predicted" not in str(page)
    assert not any(record["predicted"] for record in page.as_dict()["records"])


def test_both_machines_have_their_roofs_and_squares_are_of_the_gpu():
    plot, bars = roofline(page_of(ON_GPU)).axes
    roofs = [line.get_data()[1][-1] for line in plot.lines if len(line.get_xdata()) == 3]
    assert roofs == [200, 50_000]
    points = [line for line in plot.lines if len(line.get_xdata()) == 1]
    assert [line.get_marker() for line in points] == ["D", "o", "D", "s"]
    assert [label.get_text() for label in bars.get_yticklabels()] == [
        "torch",
        "im2col",
        "torch_tf32",
        "implicit_gemm",
    ]
    hollow = roofline(page_of(GUESSED)).axes[0].lines[-1]
    assert (hollow.get_marker(), hollow.get_markerfacecolor()) == ("s", "white")


def test_a_record_for_each_contender(capsys):
    print_json(page_of(ON_GPU).as_dict())
    found = json.loads(capsys.readouterr().out)
    assert found["machines"].keys() == {"cpu", "cuda"}
    records = found["records"]
    assert [(one["device"], one["method"]) for one in records] == [
        ("cpu", "im2col"), ("cpu", "torch"), ("cpu", "winograd"), ("cuda", "implicit_gemm"), ("cuda", "torch_tf32"),
        ("cuda", "direct"),
    ]  # fmt: skip
    assert len({tuple(one) for one in records}) == 1  # the same keys: a table
    slow, wrong, skipped = records[0], records[2], records[5]
    assert (slow["lower_quartile"], slow["seconds"], slow["upper_quartile"]) == pytest.approx((0.009, 0.01, 0.011))
    assert (slow["calls"], slow["right"], slow["speed_up"]) == (3, True, 0.5)
    assert (wrong["right"], wrong["seconds"], wrong["measured"]) == (False, None, False)
    assert (skipped["right"], skipped["skipped"]) == (None, "no")
    assert (records[4]["copy_to_device"], records[4]["copy_to_host"]) == (0.003, 0.0015)
    assert records[4]["speed_up_with_copies"] == pytest.approx(5 / 4.75)


def documented(begin, end):
    """Return the names between two places of the page that says what the JSON holds."""
    text = (Path(__file__).parents[2] / "docs" / "benchmark.md").read_text(encoding="utf-8")
    return set(re.findall(r"`(\w+)`", text[text.index(begin) : text.index(end)]))


def test_the_docs_name_what_a_record_holds():
    told = documented("| key | |", "Of `bench model` a record")
    assert told == set(page_of(ON_GPU).as_dict()["records"][0])
    record = bench_model_page(convlab.load("lenet5"), repeats=1).as_dict()["records"][0]
    assert documented("Of `bench model` a record", "In a notebook:") - {"predict", "run"} == set(record)


def test_without_a_right_one_on_the_cpu_there_is_no_speed_up():
    page = page_of(ON_GPU)
    page = Page(page.reports | {"cpu": Report(MACHINE, 2, (CaseResult(CASE, ON_CPU[2:]),))})
    assert rows(page)["cuda", "torch_tf32"][-1] == "4.5"
    assert page.as_dict()["records"][-2]["speed_up"] is None


def test_a_page_without_a_gpu():
    heard = []
    page = bench_page([CASE], ["im2col", "tiled"], 1, started=heard.append, finished=heard.append)
    assert page.agrees
    assert list(rows(page)) == [("cpu", "im2col"), ("cuda", "im2col"), ("cuda", "tiled")]
    assert "cpu   im2col         equal to float64" in page.texts[0]
    assert max(map(len, str(page).splitlines())) <= 100
    assert [one.texts for one in heard] == [[], page.texts]
    assert "cuda, all 2 convolutions (predicted, not measured: at least): im2col" in page.footer[0]


def test_a_method_that_no_device_has():
    with pytest.raises(UnsupportedError, match="no method 'tile'; did you mean 'tiled'"):
        bench_page([CASE], ["im2col", "tile"])
    with pytest.raises(ShapeError, match="no convolutions"):
        bench_page([])


def simulated(monkeypatch, distance):
    """Return a page on which a rung is predicted, with the simulator's finding."""
    monkeypatch.setattr("convlab.bench.page.Remote", remote)
    monkeypatch.setattr("convlab.bench.simulated.Simulator.distance", distance)
    return bench_page([CASE], ["tiled"], 1)


def test_a_rung_that_is_wrong_if_simulated_has_no_time(monkeypatch):
    page = simulated(monkeypatch, lambda *_: Distance(0.5, 1e5, 0.5))
    assert not page.agrees
    assert "cuda  tiled          WRONG: relative error 5.0e-01" in page.texts[0]
    assert "run, ms" not in page.texts[0]
    assert page.as_dict()["records"][0]["right"] is False


def test_without_a_simulator_it_is_said_that_nothing_was_compared(monkeypatch):
    def none(*_):
        raise UnsupportedError("greenlet is not installed")

    page = simulated(monkeypatch, none)
    assert page.agrees
    line = "cuda  tiled          not compared: greenlet is not installed; predicted, not measured: "
    assert line in page.texts[0]
    assert page.as_dict()["records"][0]["right"] is None


def test_with_a_gpu_all_is_measured_and_checked(monkeypatch):
    """The simulator stands for the GPU, with a clock of our own."""
    pytest.importorskip("greenlet")
    from convlab.simulator.machine import simulate
    from convlab_kernels.cuda.compiler.language import Kernel

    def event_seconds(call, calls, before, after):
        before()
        after(call())
        return [1e-6] * calls

    monkeypatch.setattr(Kernel, "__call__", simulate)
    monkeypatch.setattr("convlab.bench.gpu_candidates.placed", lambda array, device: np.array(array))
    monkeypatch.setattr("convlab.bench.gpu_candidates.event_seconds", event_seconds)
    monkeypatch.setattr("convlab.bench.gpu_candidates.both_seconds", lambda call: (1e-6, 1e-6))
    monkeypatch.setattr("convlab.bench.convolutions.Remote", remote)
    monkeypatch.setattr("convlab.bench.page.gpu_here", lambda: True)
    monkeypatch.setattr("convlab.bench.page.measure_gpu", lambda dtype: GPU)
    page = bench_page([Case((6, 5, 4), 3)], ["im2col", "direct"], 1)
    assert page.agrees
    assert not page.predicted
    assert [key for key in rows(page) if key[0] == "cuda"] == [("cuda", "im2col"), ("cuda", "direct")]
    assert page.texts[0].count("equal to float64") == 4
    there, back = page.reports["cuda"].cases[0].copies
    assert min(there, back) > 0


def test_a_network_without_a_gpu():
    page = bench_model_page(convlab.load("lenet5"), (1, 3), 1, record=True)
    text = str(page)
    assert page.agrees
    assert "cuda  predicted, not measured: nothing was compared" in text
    assert max(map(len, text.splitlines())) <= 100
    convolution = r"^conv2 +10x10x16 +[\d.]+ +>0\.00\d+ +<[\d.,]+x +implicit_gemm: "
    assert len(re.findall(convolution, text, re.MULTILINE)) == 2
    assert len(re.findall(r"^all layers, copies +[\d.,]+ +>[\d.]+ +<[\d.,]+x$", text, re.MULTILINE)) == 2
    records = page.as_dict()["records"]
    assert len({tuple(one) for one in records}) == 1
    sums = [sum(one["seconds"] for one in records if one["device"] == "cuda" and one["batch"] == n) for n in (1, 3)]
    assert 0 < sums[0] < sums[1]
    assert {one["name"] for one in records if one["type"] is None} == {
        "predict", "run", "copy to device", "copy to host",
    }  # fmt: skip
    titles = [ax.get_title(loc="left") for ax in layer_times(page).axes]
    assert titles[1] == "cuda, batch 1: predicted, not measured: at least"
    assert titles[2].startswith("cpu, batch 3: predict ")


def test_a_network_that_is_wrong_on_the_cpu_is_predicted_nothing(monkeypatch):
    model = convlab.load("lenet5")
    predict = model.predict
    monkeypatch.setattr(model, "predict", lambda x: predict(x) * (np.nan if x["input"].dtype == np.float32 else 1))
    page = bench_model_page(model, repeats=1)
    assert not page.agrees
    assert "cpu   WRONG, not timed: " in str(page)
    assert "cuda  predicted" in str(page)
    assert "cuda, ms" not in str(page)


def test_a_network_with_a_gpu_is_measured_on_both(monkeypatch):
    """What is measured on the GPU stands in for itself: of each layer a tenth of the CPU's time."""
    from convlab.bench import networks

    model, asked = convlab.load("lenet5"), []

    def bench_model(model, *arguments, **options):
        asked.append(model.device)
        model.device, device = "cpu", model.device
        report = networks.bench_model(model, *arguments, **options)
        model.device = device
        return report if device == "cpu" else faster(report)

    def faster(report):
        (batch,) = report.batches
        layers = tuple(replace(one, run=Spread((one.run.median / 10,))) for one in batch.layers)
        return replace(
            report, machine=GPU, batches=(replace(batch, layers=layers, calls={"predict": Spread((1e-3,))}),)
        )

    monkeypatch.setattr("convlab.runtime.device._missing", lambda: None)
    for name, stand in {
        "gpu_here": lambda: True,
        "bench_model": bench_model,
        "copy_seconds": lambda _: (2e-3, 1e-3),
    }.items():
        monkeypatch.setattr(f"convlab.bench.network_page.{name}", stand)
    page = bench_model_page(model, (2,), 2)
    assert (asked, model.device) == (["cpu", "cuda"], "cpu")
    text = str(page)
    assert page.agrees
    assert "predicted" not in text
    assert text.count("layers agree with float64") == 2
    assert re.search(r"^copies +3$", text, re.MULTILINE)
    assert re.search(r"^predict +[\d.]+ +1 +[\d.]+x$", text, re.MULTILINE)
    copies = [one for one in page.as_dict()["records"] if one["name"].startswith("copy")]
    assert [(one["name"], one["seconds"]) for one in copies] == [("copy to device", 2e-3), ("copy to host", 1e-3)]
    assert not any(one["predicted"] for one in page.as_dict()["records"])
