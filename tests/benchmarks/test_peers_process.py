"""A contender in another interpreter: it answers, or it is said why not."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks.peers import process
from benchmarks.peers.files import Task
from benchmarks.peers.process import MissingError, Worker, environment

ANSWERS_ONCE = """
import os, pickle, sys
def reply(**values):
    pickle.dump(values, sys.stdout.buffer)
    sys.stdout.flush()
reply(load=0.5)
reply(seconds=[float(os.environ["OMP_NUM_THREADS"])] * pickle.load(sys.stdin.buffer)["time"])
"""


@pytest.fixture
def worker(tmp_path):
    """Return what makes a worker whose interpreter runs some code instead."""
    made = []

    def worker(code):
        (tmp_path / "code.py").write_text(code)
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{tmp_path / 'code.py'}'\n")
        python.chmod(0o755)
        made.append(Worker("PyTorch", Task(tmp_path, "lenet5", 1, "predict"), str(python), 3, dict(os.environ)))
        return made[-1]

    yield worker
    for each in made:
        each.close()


def test_it_answers_and_what_ends_is_missing(worker):
    contender = worker(ANSWERS_ONCE)
    assert contender.ready() == {"load": 0.5}
    assert contender.ask(time=2) == {"seconds": [3.0, 3.0]}
    with pytest.raises(MissingError, match=r"^ended with 0$"):
        contender.ask(time=2)


def test_its_last_words_are_the_reason(worker):
    with pytest.raises(MissingError, match=r"^ModuleNotFoundError: No module named 'a_framework'$"):
        worker("import a_framework").ready()


def test_it_is_given_up(worker, monkeypatch):
    monkeypatch.setattr(process, "PATIENCE", 0.1)
    with pytest.raises(MissingError, match=r"^no answer within 0.1 s$"):
        worker("input()").ready()


def test_it_finds_nothing_of_the_checkout_but_benchmarks(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "before")
    with environment() as own:
        folder, *others = own["PYTHONPATH"].split(os.pathsep)
        assert [path.name for path in Path(folder).iterdir()] == ["benchmarks"]
        assert (Path(folder) / "benchmarks/peers/worker.py").is_file()
    assert others == ["before"]
    assert own["PYTHONSAFEPATH"] == "1"
