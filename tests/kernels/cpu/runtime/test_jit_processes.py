"""Compiled functions from one process to the next: read where nothing changed, whoever's code they are."""

import os
import subprocess
import sys

import pytest

from convlab_kernels.disk_cache import cache_folder


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path / "cache"))


def files():
    return sorted(cache_folder().iterdir())


PROGRAM = """
from convlab_kernels.cpu.runtime.jit import compiled, seconds_compiling
@compiled
def squares(n):
    total = 0
    for i in range(n):
        total += i * i
    return total
print(squares(10), seconds_compiling() == 0.0)
"""


def process(*arguments):
    """Return what a process of its own prints."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False, env=os.environ
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


@pytest.fixture
def program(tmp_path):
    """A file with a compiled function."""
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    return file


@pytest.mark.slow
def test_a_second_process_compiles_nothing(program):
    assert process(program) == "285 False\n"
    (path,) = files()
    assert path.name.startswith("squares-")
    assert process(program) == "285 True\n"
    path.write_bytes(path.read_bytes()[:1000])
    assert process(program) == "285 False\n"
    assert process(program) == "285 True\n"


ALLOCATES = """
import sys
import numpy as np
from convlab_kernels.cpu.runtime.jit import compiled
@compiled
def ones(n):
    if n < 0:
        raise ValueError("negative")
    return np.ones(n)
print(ones(3), end=" ")
try:
    ones(-1)
except ValueError as error:
    print(error, "numba.np.linalg" in sys.modules)
"""


@pytest.mark.slow
def test_what_is_read_needs_no_compiler(tmp_path):
    file = tmp_path / "program.py"
    file.write_text(ALLOCATES)
    assert process(file) == "[1. 1. 1.] negative True\n"
    assert process(file) == "[1. 1. 1.] negative False\n"


@pytest.mark.slow
def test_a_function_changed_outside_the_package_is_compiled_again(program):
    assert process(program) == "285 False\n"
    program.write_text(PROGRAM.replace("i * i", "i * i * i"))
    assert process(program) == "2025 False\n"
    assert process(program) == "2025 True\n"
    program.write_text(PROGRAM)
    assert process(program) == "285 True\n" and len(files()) == 2


SHARED = """
import numpy as np
from convlab_kernels.cpu.runtime.jit import seconds_compiling
from convlab_kernels.cpu.runtime.parallel_for import shared
from convlab_kernels.cpu.runtime.threads import parallel_for
def part(worker, first, last, out):
    out[first:last] = 4
out = np.zeros(3, np.int64)
parallel_for(shared(part), (out,), 3, cost=1)  # by one thread: a worker may still compile its own when all is done
print(out.tolist(), seconds_compiling() == 0.0)
"""


@pytest.mark.slow
def test_a_part_changed_outside_the_package_is_compiled_again(program):
    program.write_text(SHARED)
    assert process(program) == "[4, 4, 4] False\n"
    assert process(program) == "[4, 4, 4] True\n"
    program.write_text(SHARED.replace("= 4", "= 5"))
    assert process(program) == "[5, 5, 5] False\n"


@pytest.mark.slow
def test_a_function_without_a_file_is_not_kept():
    assert process("-c", PROGRAM) == "285 False\n"
    assert process("-c", PROGRAM.replace("i * i", "i + i")) == "90 False\n"
    assert not cache_folder().exists()


def test_importing_compiles_nothing():
    program = """
import convlab_kernels.cpu as cpu
import sys
assert "numba" not in sys.modules
kernels = [cpu.METHODS[name] for name in cpu.METHODS]
from convlab_kernels.cpu.runtime.jit import seconds_compiling
assert seconds_compiling() == 0.0 and "numba" in sys.modules
"""
    assert process("-c", program) == ""
    assert not cache_folder().exists()
