"""Kernels are imported and simulated without what compiles them, and what is put in their names' place is theirs."""

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from convlab_kernels import disk_cache
from convlab_kernels.cuda.compiler import intrinsics, launch
from convlab_kernels.cuda.compiler.language import (
    FLOATS,
    INT,
    Array,
    Intrinsic,
    cuda,
    device_function,
    ints,
    kernel,
    rewritten,
)

pytestmark = pytest.mark.smoke

TESTS = Path(__file__).parents[2]

WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("numba_cuda", "numba.cuda", "cuda.", "cupy", "llvmlite.ir")) or name == "cuda":
            raise ModuleNotFoundError(f"{name} is not installed", name=name)
sys.meta_path.insert(0, Absent())
"""

SIMULATED = """
import numpy as np
from support.cuda import machine_code
from convlab.simulator.machine import simulate
from convlab_kernels.cuda import METHODS
from convlab_kernels.cuda.compiler.language import Kernel
from convlab_kernels.window import Window
Kernel.__call__ = simulate
x, w, out = np.ones((1, 3, 5, 4), np.float32), np.ones((1, 1, 4, 3), np.float32), np.zeros((1, 3, 5, 3), np.float32)
METHODS["implicit_gemm"](w, Window((1, 1)))(x, out)
print(len(machine_code.kernels()), sorted(set(out.ravel().tolist())))
"""


def python(code, **options):
    """Run code in a process of its own, in the folder of the tests."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, cwd=TESTS, check=False, **options)


def test_kernels_are_there_and_run_without_compiler_and_cupy():
    pytest.importorskip("greenlet")
    ended = python(WITHOUT + SIMULATED)
    assert (ended.stdout, ended.returncode) == ("26 [4.0]\n", 0), ended.stderr


@pytest.mark.slow
def test_without_greenlet_what_is_simulated_is_skipped():
    tests = [f"kernels/cuda/test_{name}.py" for name in ("pooling_cuda", "ladder_readme", "twins")]
    without = f"import sys, pytest; sys.modules['greenlet'] = None; sys.exit(pytest.main({[*tests, '-q']}))"
    ended = python("import warnings; warnings.simplefilter('default')\n" + without)
    assert ended.returncode == 0, ended.stdout
    assert "kernels are simulated with greenlet, which is not installed" in ended.stdout


def test_every_intrinsic_has_an_instruction_with_its_arguments():
    """Read, not imported: the compiler need not be there."""
    source = Path(inspect.getfile(intrinsics)).with_name("instructions.py")
    written = {node.name: node for node in ast.parse(source.read_text()).body if isinstance(node, ast.FunctionDef)}
    found = [thing for thing in vars(intrinsics).values() if isinstance(thing, Intrinsic)]
    assert len(found) == 11
    for thing in found:
        if not thing.name.startswith("load4"):  # two that one function makes
            arguments = [argument.arg for argument in written[thing.name].args.args]
            assert arguments == ["typing", *inspect.signature(thing.emulation).parameters], thing.name
    assert [argument.arg for argument in written["wait_group"].args.args] == ["groups"]
    assert intrinsics.wait_group(3).given == (3,)


@device_function
def twice(number):
    return 2 * number


def test_a_function_is_rewritten_in_its_globals_closures_and_functions_within():
    place = SimpleNamespace(x=5)

    def plus(number, more=1):
        def within():
            return twice(number) + more + cuda.x + place.x

        return within()

    stands = {id(twice): twice.function, id(cuda): SimpleNamespace(x=100), id(place): SimpleNamespace(x=1000)}
    made = rewritten(plus, lambda thing: stands.get(id(thing), thing))
    assert made(7) == 14 + 1 + 100 + 1000
    assert (made.__name__, made.__module__) == ("plus", __name__)
    assert place.x == 5


def test_types_are_told_apart():
    assert len({FLOATS, INT, ints(2), ints(3), Array(np.int32)}) == 5
    assert ints(2) == ints(2)


# What is kept of compiled kernels.


@kernel(FLOATS, block=(32,))
def nothing(x):
    """Do nothing."""


@pytest.fixture
def compiled(monkeypatch):
    """Stand in for the compiler; return the generations it was asked for."""
    asked = []
    monkeypatch.setattr(launch, "version", lambda name: "1.0")
    monkeypatch.setattr(
        launch, "_compiled", lambda kernel, capability: asked.append(capability) or b"%d%d" % capability
    )
    return asked


def test_a_kernel_is_compiled_once_for_a_generation(compiled, tmp_path, monkeypatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path))
    codes = [launch.machine_code(nothing, capability) for capability in ((9, 0), (8, 0), (9, 0), (8, 0))]
    assert codes == [b"90", b"80", b"90", b"80"]
    assert compiled == [(9, 0), (8, 0)]
    for path in disk_cache.cache_folder().iterdir():
        path.write_bytes(b"damaged")
    assert launch.machine_code(nothing, (9, 0)) == b"90"
    assert compiled == [(9, 0), (8, 0), (9, 0)]


@pytest.mark.parametrize("name", ["window.py", "cuda/tiles.py", "cuda/compiler/launch.py"])
def test_a_change_of_any_source_of_kernels_or_of_the_compiler_is_compiled(name, compiled, tmp_path, monkeypatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path))
    source = tmp_path / name
    source.parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(launch, "__file__", str(tmp_path / "cuda" / "compiler" / "launch.py"))
    monkeypatch.setattr(launch, "_sources", launch._sources.__wrapped__)
    for text in ("# before", "# after", "# after"):
        source.write_text(text)
        launch.machine_code(nothing, (9, 0))
    assert compiled == [(9, 0)] * 2


def test_what_another_process_made_meanwhile_is_taken(compiled, tmp_path, monkeypatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path))
    turn = disk_cache.turn
    monkeypatch.setattr(disk_cache, "turn", lambda path: disk_cache.write(path, b"theirs") or turn(path))
    assert launch.machine_code(nothing, (9, 0)) == b"theirs"
    assert compiled == []


def test_where_nothing_can_be_kept_it_is_compiled(compiled, monkeypatch):
    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setattr(disk_cache, "cache_folder", homeless)
    assert launch.machine_code(nothing, (9, 0)) == b"90"


TOOLKITS = [((), None), (("nvcc",), "nvcc"), (("usual",), "usual"), (("nvcc", "usual"), "nvcc")]


@pytest.mark.parametrize(("installed", "taken"), TOOLKITS)
def test_the_compilers_libraries_are_found_in_the_toolkit(installed, taken, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "environ", environment := {"PATH": "/bin"})
    monkeypatch.setattr(launch, "TOOLKIT", tmp_path / "usual")
    for place in installed:
        (tmp_path / place / "nvvm").mkdir(parents=True)
    program = tmp_path / "nvcc" / "bin" / "nvcc"
    monkeypatch.setattr(launch.shutil, "which", lambda name: str(program) if name == "nvcc" else None)
    launch._name_toolkit()
    assert environment.get("CUDA_PATH") == (taken and str(tmp_path / taken))
    environment.update(CUDA_HOME="/mine", CUDA_PATH="/too")
    launch._name_toolkit()
    assert (environment["CUDA_HOME"], environment["CUDA_PATH"]) == ("/mine", "/too")


def test_with_machine_code_on_disk_no_compiler_is_loaded(compiled, tmp_path, monkeypatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path))
    launch.machine_code(nothing, (9, 0))
    again = """
from kernels.cuda import test_language
test_language.launch.version = lambda name: "1.0"
print(test_language.launch.machine_code(test_language.nothing, (9, 0)))
"""
    ended = python(WITHOUT + again)
    assert (ended.stdout, ended.returncode) == ("b'90'\n", 0), ended.stderr
