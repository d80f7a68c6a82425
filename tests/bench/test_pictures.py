"""The pictures of benchmarks: every point and bar stands where its number says."""

import matplotlib.image
import numpy as np
import pytest

from convlab.bench.convolutions import Case
from convlab.bench.layer_times import MOST, layer_times
from convlab.bench.machine import Machine
from convlab.bench.network_report import BatchResult, LayerTime, ModelReport
from convlab.bench.report import CaseResult, Report, Result
from convlab.bench.roofline import roofline
from convlab.bench.spread import Spread
from convlab.errors import FileError, ShapeError

MACHINE = Machine("a machine", "float32", 2e11, 1e10, 2, 2)
DEEP, WIDE = Case((14, 15, 512), 256, layers=("a", "b")), Case((56, 57, 64), 64, groups=64, layers=("c",))


def right(method, *milliseconds):
    return Result(method, 1e-7, 0.1, run=Spread(tuple(value / 1e3 for value in milliseconds)))


ONE = CaseResult(DEEP, (right("im2col", 8, 10, 12), right("torch", 5, 5, 5), Result("winograd", 1.0, 9.0)))
TWO = CaseResult(WIDE, (right("im2col", 7, 7, 7), Result("winograd", skipped="groups"), right("torch", 1, 1, 1)))


def points(ax):
    """Return marker and place of each point."""
    single = [line for line in ax.lines if len(line.get_xdata()) == 1]
    return [(line.get_marker(), *(float(values[0]) for values in line.get_data())) for line in single]


def test_each_kernel_is_a_point_under_the_roofs():
    figure = roofline(Report(MACHINE, 2, (ONE,)))
    plot, bars = figure.axes
    rate = DEEP.flops / 1e9
    assert points(plot) == [
        ("D", DEEP.intensity, pytest.approx(rate / 0.005)), ("o", DEEP.intensity, pytest.approx(rate / 0.010)),
    ]  # fmt: skip
    (roof,) = [line for line in plot.lines if len(line.get_xdata()) == 3]
    x, y = roof.get_data()
    assert y == pytest.approx([x[0] * 10, 200, 200])
    assert (plot.get_xscale(), plot.get_yscale()) == ("log", "log")
    texts = {text.get_text() for text in (*plot.texts, *bars.texts)}
    assert {"im2col", "torch", "matrix product 200 GFLOP/s", "copy 10 GB/s", "10 ms", "5 ms"} <= texts
    assert "winograd" not in texts
    low, high = plot.get_ylim()
    assert all(low < y < high for _, _, y in points(plot))


def test_bars_are_as_long_as_the_medians():
    _, bars = roofline(Report(MACHINE, 2, (ONE,))).axes
    assert [label.get_text() for label in bars.get_yticklabels()] == ["torch", "im2col"]
    slowest = 11  # the upper quartile of im2col
    assert [bar.get_width() for bar in bars.patches] == pytest.approx([5 / slowest, 10 / slowest])
    assert [tuple(line.get_xdata()) for line in bars.lines][1] == pytest.approx((9 / slowest, 1))


def test_several_cases_are_numbered_and_summed():
    plot, bars = roofline(Report(MACHINE, 2, (ONE, TWO))).axes
    assert len(points(plot)) == 4
    assert {"1", "2"} <= {text.get_text() for text in plot.texts}
    headings = [text.get_text() for text in bars.texts if " ms" not in text.get_text()]
    assert headings == ["1   14 × 15 × 512 to 256, 3 × 3, 2 layers", "2   56 × 57 × 64 to 64, 3 × 3", "all 3 layers"]
    sums = [text.get_text() for text in bars.texts if " ms" in text.get_text()][-3:]
    assert sums == ["11 ms", "27 ms", "27 ms"]  # torch 2 * 5 + 1; im2col and the best of our own 2 * 10 + 7
    colours = [bar.get_facecolor() for bar in bars.patches]
    assert colours[0] == colours[2]  # torch
    assert colours[1] == colours[3]  # im2col
    assert colours[0] != colours[1]


def test_nothing_timed_is_nothing_to_draw():
    with pytest.raises(ShapeError, match="nothing was timed"):
        roofline(Report(MACHINE, 2, (CaseResult(DEEP, ONE.results[2:]),)))
    with pytest.raises(ShapeError, match="nothing was timed"):
        layer_times(ModelReport("net", MACHINE, 5, (BatchResult(1, "wrong", 2.0),)))


def layer(number, seconds, kind="Conv2D"):
    return LayerTime(f"layer{number}", kind, (3, 4, 5), 10**6, 10**4, Spread((seconds,) * 3))


def test_each_layer_is_a_bar():
    layers = layer(1, 0.002), layer(2, 0.001, "MaxPooling2D"), layer(3, 0.005, "Dense")
    calls = {"predict": Spread((0.007,)), "run": Spread((0.009,))}
    batches = [BatchResult(n, "fine", 0.1, 0.0, 0.0, calls, layers) for n in (1, 8)]
    one, eight = layer_times(ModelReport("net", MACHINE, 5, tuple(batches))).axes
    assert [bar.get_width() for bar in one.patches] == [0.002, 0.001, 0.005]
    assert len({bar.get_facecolor() for bar in one.patches}) == 3
    assert one.texts[0].get_text() == "2 ms · 25% · 0.500 GFLOP/s"
    assert eight.get_title(loc="left") == "batch 8: predict 7 ms, run 9 ms"


def test_of_many_layers_the_largest_are_drawn():
    layers = tuple(layer(i, 0.001 + (i % 2) * 0.001) for i in range(2 * MOST))
    batch = BatchResult(1, "fine", 0.1, 0.0, 0.0, {"predict": Spread((1.0,))}, layers)
    (ax,) = layer_times(ModelReport("net", MACHINE, 5, (batch,))).axes
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [*(f"layer{i}" for i in range(1, 2 * MOST, 2)), f"{MOST} others"]
    assert ax.patches[-1].get_width() == pytest.approx(MOST * 0.001)


def test_saved_and_closed(tmp_path):
    path = tmp_path / "roof.png"
    roofline(Report(MACHINE, 2, (ONE, TWO)), path=path)
    pixels = matplotlib.image.imread(path)
    assert np.ptp(pixels) > 0.5
    with pytest.raises(FileError, match="cannot be written"):
        roofline(Report(MACHINE, 2, (ONE,)), path=tmp_path / "none" / "roof.png")
