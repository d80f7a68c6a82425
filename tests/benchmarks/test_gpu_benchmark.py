"""The benchmark on a GPU, without one: what it does first, and when something fails, and what it makes of times."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.gpu import layers as gpu_layers
from benchmarks.gpu import plan as gpu_plan
from benchmarks.gpu import session as gpu
from benchmarks.gpu import smoke as gpu_smoke
from benchmarks.gpu import work as gpu_work
from benchmarks.gpu.checkout import environment
from benchmarks.gpu.plan import BATCHES, LAYERS, RUNGS, TORCH, Task, carry_out, plan
from benchmarks.gpu.ratios import all_ratios, verdict
from benchmarks.gpu.report import as_markdown
from benchmarks.gpu.times import MOST, rated, spread, timed

ROOT = Path(__file__).parents[2]


def test_a_spread_is_the_quartiles():
    assert spread([4, 1, 2, 3, 5]) == {"median": 3.0, "low": 2.0, "high": 4.0, "calls": 5}


@pytest.mark.parametrize(("seconds", "calls"), [(1.0, 3), (0.01, 10), (1e-6, MOST)])
def test_a_turn_has_as_many_calls_as_fit(seconds, calls):
    asked = []
    assert timed(lambda count: asked.append(count) or [seconds] * count)["calls"] == calls
    assert asked == [1, calls]


@pytest.mark.parametrize(
    ("name", "tera", "doubted"), [("cuBLAS", 65, False), ("cuBLAS", 68, True), ("winograd", 590, False)]
)
def test_what_cannot_be_true_is_marked_and_kept(name, tera, doubted):
    clocks = 132 * 1.98e9  # 66.9 TFLOP/s
    found = rated(name, tera * 10**12, {"median": 1.0}, clocks)
    assert (found["median"], found["flops_a_second"]) == (1.0, tera * 1e12)
    assert ("doubt" in found) == doubted
    if doubted:
        assert found["doubt"].startswith("at most 66.9 TFLOP/s can be")


def test_the_plan_has_everything_once_and_the_most_important_first():
    tasks = plan("log")
    keys = [(task.kind, *task.arguments.values()) for task in tasks]
    assert len(set(keys)) == len(keys)
    kinds = [task.kind for task in tasks]
    assert kinds[:2] == ["facts", "launch"]
    assert kinds.index("tests") < kinds.index("layer") < kinds.index("network")
    assert kinds[-1] == "cpu"  # which the GPU waits for
    assert set(kinds) == set(gpu_work.DO)
    layers = {(layer, batch, name) for kind, layer, batch, name in (key for key in keys if key[0] == "layer")}
    assert {(layer, batch, name) for layer in range(9) for batch in (1, 8, 32) for name in RUNGS} <= layers
    batches = [task.arguments["batch"] for task in tasks if task.kind == "layer"]
    assert batches == sorted(batches, key=[32, 1, 8].index)
    assert set(batches) == set(BATCHES)
    networks = {key[1:] for key in keys if key[0] == "network"}
    assert {(n, b, t) for n in ("vgg16", "resnet50", "lenet5") for b in BATCHES for t in TORCH} <= networks
    assert {batch for _, batch, name in networks if name.endswith("graph")} == {1}
    assert sum(len(names) for *_, names in LAYERS) == 13


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self):
        return self.now


def test_what_does_not_fit_is_skipped_and_the_rest_goes_on():
    clock, told = Clock(), []
    tasks = [Task("a", limit=50, least=5), Task("b", limit=90), Task("big", least=40), Task("c", limit=60, least=2)]
    limits = {}

    def ask(task, limit):
        limits[task.kind] = limit
        clock.now += 30
        return {"error": "no"} if task.kind == "b" else {"found": task.kind}

    outcomes = carry_out(tasks, ask, 95, told.append, clock)
    assert outcomes == told
    assert limits == {"a": 50, "b": 65, "c": 35}
    assert [outcome.get("found") for outcome in outcomes] == ["a", None, None, "c"]
    assert outcomes[1]["error"] == "no"
    assert outcomes[2]["skipped"] == "35 s were left, it may need 40"
    assert [outcome["seconds"] for outcome in outcomes] == [30, 30, 0, 30]


def test_where_what_is_needed_fails_nothing_more_is_tried():
    asked = []

    def ask(task, limit):
        asked.append(task.kind)
        return {"error": "no"} if task.kind == "launch" else {"found": 1}

    tasks = [Task("facts", needed=True), Task("launch", needed=True), Task("layer"), Task("network")]
    outcomes = carry_out(tasks, ask, 1e6, [].append)
    assert asked == ["facts", "launch"]
    reason = "launch failed, without which it is of no use"
    assert [outcome.get("skipped") for outcome in outcomes] == [None, None, reason, reason]


def test_why_nothing_can_be_launched_is_printed_in_full(capsys):
    wrong = {"error": "AttributeError: no row_stack", "traceback": "Traceback ...\n  in compiled", "broken": False}
    asked = []

    def ask(request, limit):
        asked.append(request[0])
        return {"found": {"name": "a GPU"}} if request[0] == "facts" else wrong

    gpu.asked(list(gpu_smoke.tasks()), ask, 1e6, [].append)
    out = capsys.readouterr().out
    assert asked == ["facts", "launch"]
    assert out.count("launch failed, without which") == len(list(gpu_smoke.tasks())) - 2
    assert out.count("Traceback ...\n  in compiled\n") == 1


def test_a_few_kernels_are_among_those_of_the_plan():
    planned = [(task.kind, task.arguments) for task in plan("log")]
    tasks = [(task.kind, task.arguments) for task in gpu_smoke.tasks()]
    assert tasks[:2] == planned[:2]
    assert [task for task in tasks if task not in planned] == []


def test_what_ended_its_process_twice_is_not_tried_again():
    names = ["bad", "good", "bad", "wrong", "wrong", "wrong", "bad", "good", "bad"]
    asked = []

    def ask(task, limit):
        name = task.arguments["name"]
        asked.append(name)
        return {"found": 1} if name == "good" else {"error": "no", "broken": name == "bad"}

    outcomes = carry_out([Task("layer", {"n": i, "name": name}) for i, name in enumerate(names)], ask, 1e6, [].append)
    assert asked == [*names[:6], "good"]
    assert [o["arguments"]["n"] for o in outcomes if o.get("skipped") == "it ended its process twice"] == [6, 8]


def outcome(kind, found, **arguments):
    return {"task": kind, "arguments": arguments, "seconds": 1.0, "found": found}


def time_of(seconds, error=1e-6, flops=1.0):
    return {**spread([seconds]), "error": error, "host": 1e-5, "flops_a_second": flops / seconds}


def layer_outcomes(batch=32):
    """Return times of every contestant: cuBLAS 1 s times the layer's number from 1, and so on."""
    seconds = {"cuBLAS": 1.0, "implicit_gemm": 1.25, "torch": 2.0, "torch channels_last": 1.5, "torch TF32": 0.6}
    seconds |= {
        "winograd": 0.5,
        "winograd2x2": 0.75,
        "tensor_core": 0.25,
        "tensor_core_3x": 1.0,
        "direct_strided": 50.0,
    }
    errors = {"winograd": 2e-4, "tensor_core": 1e-3}
    return [
        outcome("layer", time_of(s * (i + 1), errors.get(name, 1e-6), 2e13), layer=i, batch=batch, name=name)
        for i in range(len(LAYERS))
        for name, s in seconds.items()
    ]


def test_the_ratios_are_those_of_sums_over_all_convolutions():
    first, second, third, fourth, cpu = all_ratios(layer_outcomes())[:5]
    assert (first["ratio"], first["verdict"], first["convolutions"]) == (pytest.approx(0.8), "floor met", 13)
    assert (second["ratio"], second["verdict"]) == (pytest.approx(1.2), "ambition met")
    assert third["ratio"] == pytest.approx(2.0)  # F(4x4) is off by too much: F(2x2) counts
    assert third["layers"] == pytest.approx([2.0] * 9)
    assert (fourth["ratio"], fourth["verdict"]) == (pytest.approx(2.4), "ambition met")
    assert (cpu["ratio"], cpu["verdict"]) == (None, "not measured")


def test_a_layer_counts_as_often_as_it_is_there_and_only_with_both_times():
    outcomes = [o for o in layer_outcomes() if o["arguments"]["layer"] in (7, 8)]
    for each in outcomes:
        if each["arguments"] == {"layer": 8, "batch": 32, "name": "cuBLAS"}:
            each["found"] = time_of(45.0)  # 5 a unit instead of 1
    ratio = all_ratios(outcomes)[0]
    assert ratio["ratio"] == pytest.approx((2 * 8 + 3 * 45) / (2 * 10 + 3 * 11.25))
    assert ratio["convolutions"] == 5
    outcomes = [o for o in outcomes if o["arguments"] != {"layer": 7, "batch": 32, "name": "implicit_gemm"}]
    assert all_ratios(outcomes)[0]["convolutions"] == 3


def test_the_processors_ratio():
    predict = outcome("network", time_of(0.02), network="vgg16", batch=32, name="convlab predict")
    small = outcome("network", time_of(1e-4), network="vgg16", batch=1, name="convlab predict")
    cpu = outcome("cpu", {"median": 2.1, "measured": 8}, batch=32, seconds=90.0)
    assert all_ratios([small, predict, cpu])[4]["ratio"] == pytest.approx(105)


@pytest.mark.parametrize(("ratio", "said"), [(1.0, "ambition met"), (0.9, "floor met"), (0.7, "below the floor")])
def test_verdicts(ratio, said):
    assert verdict(ratio, 0.8, 1.0) == said


def answers(request, limit):
    """Stand in for the process on the GPU: fixed times, and failures of several kinds."""
    kind, given = request
    if kind == "facts":
        return {"found": {"name": "a GPU", "memory": 80 << 30, "versions": {"torch": "2"}}}
    if kind == "launch":
        return {"found": {"host": 4e-6, "device": 2e-6}}
    if kind == "peak":
        return {"found": time_of(0.02) | {"a_second": 3e12 if given["of"] == "copy" else 5e13}}
    if kind == "tests":
        return {"found": {"status": "0", "last": "9 passed in 1.00s", "failed": [], "log": "gpu_tests.log"}}
    if kind == "cpu":
        return {"error": "MemoryError: no room", "traceback": "..."}
    if kind == "transfer":
        return {"found": {"pinned to device": time_of(0.01) | {"a_second": 5e10}}}
    place = {name: i for i, name in enumerate((*gpu_plan.PRODUCTS, *TORCH, *RUNGS, *gpu_plan.OURS, *gpu_plan.GRAPHS))}
    if given["name"] == "tiled":
        return {"error": "its process ended with status -6", "broken": True}
    if kind == "network":
        return {"found": spread([1e-3 * (1 + place[given["name"]]), 2e-3]) | {"error": 1e-5, "host": 1e-4}}
    flops = gpu_layers.case_of(given["layer"], given["batch"]).flops
    seconds = flops / (5e13 / (1 + place[given["name"]]))
    return {"found": time_of(seconds, flops=flops)}


def test_the_whole_script_without_a_gpu(tmp_path, capsys):
    gpu.measure(tmp_path, 1e6, answers)
    written = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert written.keys() == {"results.json", "report.md", "ladder.png", "roofline.png"}
    assert max(written.values()) < 16 << 20
    results = json.loads((tmp_path / "results.json").read_text())
    assert len(results["outcomes"]) == len(plan(""))
    assert results["ratios"][0]["ratio"] == pytest.approx(1 / 7)  # implicit_gemm comes 6 places after cuBLAS
    page = (tmp_path / "report.md").read_text()
    for part in ("# convlab on a GPU", "9 passed in 1.00s", "4.00 µs", "50.0 GB/s", "![ladder.png](ladder.png)"):
        assert part in page
    assert "- its process ended with status -6: layer 0 32 tiled, layer 1 32 tiled\n" in page
    assert "- it ended its process twice: layer 2 32 tiled, " in page
    assert page.count(" tiled") == 27
    assert "- MemoryError: no room: cpu 32 90.0\n" in page
    assert capsys.readouterr().out.count("\n") == len(results["outcomes"])
    for name in ("ladder.png", "roofline.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.width > 1000


@pytest.mark.parametrize("seconds", [1e6, 0.0])
def test_where_all_fails_or_no_time_is_left_there_is_a_page(seconds, tmp_path):
    gpu.measure(tmp_path, seconds, lambda request, limit: {"error": "OSError: the GPU fell off the bus"})
    failed, skipped = (tmp_path / "report.md").read_text().split("## What failed")[1].split("## What was left out")
    titles = [
        gpu_plan.title({"task": task.kind, "arguments": task.arguments}) for task in plan(f"{tmp_path}/gpu_tests.log")
    ]
    tried = titles[:2] if seconds else []
    assert [each for each in titles if each not in (failed if each in tried else skipped)] == []
    assert ("Nothing." in failed) == (seconds == 0)
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "report.md"}


def test_a_page_of_the_ratios():
    results = {"date": "today", "outcomes": layer_outcomes()}
    page = as_markdown(results)
    assert "| tensor_core against cuDNN with TF32, channels first | 32 | 2.40 | 1.2; 2 | ambition met |" in page
    assert "| tensor_core | 80 | 40 |" in page
    results["outcomes"][1]["found"]["doubt"] = "at most 15 TFLOP/s can be"  # implicit_gemm on the first layer
    page = as_markdown(results)
    assert "| implicit_gemm | 16? | 8 |" in page
    assert "## What is in doubt\n\n- at most 15 TFLOP/s can be: layer 0 32 implicit_gemm\n" in page


def test_without_a_gpu_it_says_so_in_one_line(tmp_path):
    command = [sys.executable, "-m", "benchmarks.gpu", str(tmp_path / "out")]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("benchmarks.gpu: device 'cuda': ")
    assert list(tmp_path.iterdir()) == []


def test_the_checkout_is_importable(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "before")
    monkeypatch.delenv("CONVLAB_CACHE", raising=False)
    given = environment(tmp_path)
    *path, last = given["PYTHONPATH"].split(os.pathsep)
    assert last == "before"
    packages = {package: [p for p in path if (Path(p) / package).is_dir()] for package in
                ("benchmarks", "convlab", "convlab_kernels", "convlab_weights")}  # fmt: skip
    assert all(packages.values()), packages
    assert given["CONVLAB_CACHE"].startswith(str(tmp_path))
