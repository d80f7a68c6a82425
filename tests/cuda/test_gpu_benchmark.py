"""The benchmark on a GPU, without one: what it does first, and when something fails, and what it makes of times."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import stand_in_worker
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import gpu  # noqa: E402
import gpu_layers  # noqa: E402
import gpu_plan  # noqa: E402
import gpu_tests  # noqa: E402
import gpu_work  # noqa: E402
from gpu_plan import BATCHES, LAYERS, RUNGS, TORCH, Task, carry_out, plan  # noqa: E402
from gpu_process import Worker  # noqa: E402
from gpu_ratios import all_ratios, verdict  # noqa: E402
from gpu_report import as_markdown  # noqa: E402
from gpu_times import MOST, TimingError, rated, spread, timed  # noqa: E402


def test_a_spread_is_the_quartiles():
    assert spread([4, 1, 2, 3, 5]) == {"median": 3.0, "low": 2.0, "high": 4.0, "calls": 5}


@pytest.mark.parametrize(("seconds", "calls"), [(1.0, 3), (0.01, 10), (1e-6, MOST)])
def test_a_turn_has_as_many_calls_as_fit(seconds, calls):
    asked = []
    assert timed(lambda count: asked.append(count) or [seconds] * count)["calls"] == calls
    assert asked == [1, calls]


def test_what_cannot_be_true_is_a_timing_error():
    assert rated("implicit_gemm", 57 * 10**12, {"median": 1.0})["flops_a_second"] == 57e12
    assert rated("winograd", 590 * 10**12, {"median": 1.0})["flops_a_second"] == 590e12
    with pytest.raises(TimingError, match=r"timing error: implicit_gemm at 59\.0 TFLOP/s, expected at most 58"):
        rated("implicit_gemm", 59 * 10**12, {"median": 1.0})


def test_the_plan_has_everything_once_and_the_most_important_first():
    tasks = plan("log")
    keys = [(task.kind, *task.arguments.values()) for task in tasks]
    assert len(set(keys)) == len(keys)
    kinds = [task.kind for task in tasks]
    assert kinds[:2] == ["facts", "launch"]
    assert kinds.index("tests") < kinds.index("layer") < kinds.index("network") < kinds.index("cpu")
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


@pytest.fixture
def worker():
    made = Worker(stand_in_worker.serve)
    yield made
    made.close()


def test_another_process_takes_the_place_of_one_that_dies_hangs_or_breaks(worker):
    first = worker.ask("work", 30)["found"]
    assert worker.ask("work", 30) == {"found": first, "broken": False}
    assert worker.ask("die", 30) == {"error": "its process ended with status 3", "broken": True}
    second = worker.ask("work", 30)["found"]
    assert worker.ask("hang", 0.2) == {"error": "no answer in 0 s; its process was ended", "broken": True}
    third = worker.ask("break", 30)["found"]
    fourth = worker.ask("work", 30)["found"]
    assert len({os.getpid(), first, second, third, fourth}) == 5


def test_a_process_that_never_begins():
    slow = Worker(stand_in_worker.slow, ready=0.2)
    assert slow.ask("work", 30) == {"error": "its process was not ready in 0 s", "broken": True}
    stillborn = Worker(stand_in_worker.stillborn)
    assert [stillborn.ask("work", 30)["error"] for _ in range(3)] == ["its process ended with status 4"] * 3
    assert stillborn.ask("work", 30)["error"] == "a process that did not begin 3 times is not tried again"


def test_a_failure_is_one_line_and_a_traceback(monkeypatch):
    def fail(of):
        raise ValueError(f"no\n  {of}")

    monkeypatch.setattr(gpu_work, "_tidied", lambda: False)
    answer = gpu_work.answered(fail, {"of": "such thing"})
    assert (answer["error"], answer["broken"]) == ("ValueError: no such thing", True)
    assert "in fail" in answer["traceback"]
    assert gpu_work.answered(lambda of: of, {"of": 1}) == {"found": 1}


TESTS = """
import time, pytest
@pytest.mark.gpu
def test_good(): pass
@pytest.mark.gpu
def test_bad(): assert 1 == 2
@pytest.mark.gpu
def test_slow():
    open("STARTED", "w").close()
    time.sleep(600 * SLOW)
def test_other(): assert False
"""


@pytest.mark.parametrize("slow", [False, True])
def test_what_the_tests_on_the_gpu_came_to(slow, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu\n")
    started, seconds = tmp_path / "started", 120.0
    tests = TESTS.replace("SLOW", str(int(slow))).replace("STARTED", str(started))
    (tmp_path / "test_some.py").write_text(tests)

    class Impatient(subprocess.Popen):
        def wait(self, timeout=None):
            if not slow or timeout != seconds:
                return super().wait(timeout)
            while not started.exists() and self.poll() is None:
                time.sleep(0.05)
            raise subprocess.TimeoutExpired(self.args, timeout)

    monkeypatch.setattr(gpu_tests.subprocess, "Popen", Impatient)
    monkeypatch.setattr(gpu_tests, "SUMMING_UP", 60.0)
    found = gpu_tests.run(str(tmp_path / "log"), seconds, str(tmp_path / "test_some.py"))
    assert found["status"] == ("none: interrupted after 120 s" if slow else "1")
    assert found["last"].startswith("1 failed, 1 passed" if slow else "1 failed, 2 passed, 1 deselected in ")
    assert sum("test_bad FAILED" in line for line in found["failed"]) == 1
    assert "assert 1 == 2" in (tmp_path / "log").read_text()


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
    assert [each for each in titles if each not in (failed if seconds else skipped)] == []
    assert ("Nothing." in failed, "Nothing." in skipped) == (seconds == 0, seconds > 0)
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "report.md"}


def test_a_page_of_the_ratios():
    results = {"date": "today", "outcomes": layer_outcomes()}
    page = as_markdown(results)
    assert "| tensor_core against cuDNN with TF32, channels first | 32 | 2.40 | 1.2; 2 | ambition met |" in page
    assert "| tensor_core | 80 | 40 |" in page


def test_without_a_gpu_it_says_so_in_one_line(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), str(tmp_path / "out")]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("gpu.py: device 'cuda': ")
    assert list(tmp_path.iterdir()) == []


def test_the_checkout_is_importable(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PYTHONPATH", "before")
    monkeypatch.delenv("CONVLAB_CACHE", raising=False)
    gpu.make_importable(tmp_path)
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [*sys.path, "before"]
    packages = {package: [p for p in sys.path if (Path(p) / package).is_dir()] for package in
                ("convlab", "convlab_kernels", "convlab_weights")}  # fmt: skip
    assert all(packages.values()), packages
