"""What the benchmark on a GPU runs in processes of their own, its work and the tests; what it says of the host."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.gpu import process as gpu_process
from benchmarks.gpu import tests as gpu_tests
from benchmarks.gpu import work as gpu_work
from benchmarks.gpu.process import Worker
from convlab.bench import host
from convlab.bench.process import Process
from support.cuda import stand_in_worker

ROOT = Path(__file__).parents[2]


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


def test_a_process_that_does_not_end_is_not_waited_for():
    waited = []

    class Stuck(Process):
        def wait(self, timeout=None):
            if timeout is not None:
                waited.append(timeout)
                raise subprocess.TimeoutExpired(self.args, timeout)
            return super().wait()

    process = Stuck([sys.executable, "-c", "input()"], os.environ)
    worker = Worker(stand_in_worker.serve)
    worker.process = process
    worker.close()
    assert waited == [gpu_process.ENDING]
    assert worker.process is None
    process.wait()


def test_a_machine_that_does_not_know_its_caches(tmp_path, monkeypatch):
    for name, size in (("index0", "48K"), ("index1", None), ("index2", "2M")):
        (tmp_path / name).mkdir()
        facts = {"level": name[-1], "type": "Unified", "size": size}
        for fact, text in facts.items():
            if text is not None:
                (tmp_path / name / fact).write_text(f"{text}\n")
    monkeypatch.setattr(host, "CACHES", tmp_path)
    assert host.facts()["caches"] == "L0 48K, L2 2M"


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
    found = gpu_tests.run(str(tmp_path / "log"), seconds, [str(tmp_path / "test_some.py")])
    assert found["status"] == ("none: interrupted after 120 s" if slow else "1")
    assert found["last"].startswith("1 failed, 1 passed" if slow else "1 failed, 2 passed, 1 deselected in ")
    assert sum("test_bad FAILED" in line for line in found["failed"]) == 1
    assert "assert 1 == 2" in (tmp_path / "log").read_text()


def test_tests_of_our_kernels_come_first_and_none_is_left_out():
    names = [Path(module).name for module in gpu_tests.modules()]
    assert sorted(names) == sorted(path.name for path in (ROOT / "tests" / "kernels" / "cuda").glob("test_*.py"))
    assert names[:4] == ["test_tensor_core.py", "test_winograd_cuda.py", "test_implicit_gemm.py", "test_row_cuda.py"]
    assert names.index("test_model_on_device.py") < names.index("test_fake_cupy.py")
    elsewhere = [path for path in (ROOT / "tests").rglob("test_*.py") if path.parent.name != "cuda"]
    wanting = [path for path in elsewhere if re.search(r"def test\w*\([^)]*\b(gpu|device)\b[,)]", path.read_text())]
    assert wanting == []
