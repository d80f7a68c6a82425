"""The compiler of kernels finds what it asks NumPy for, whichever NumPy is installed, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from support.cuda import machine_code

pytestmark = pytest.mark.smoke

TESTS = Path(__file__).parents[2]
LIKE_NUMPY_2_5 = """
import numpy
vars(numpy).pop("row_stack", None)
from support.cuda import machine_code
from convlab_kernels.cuda.compiler.compilation import compiled
code, log = compiled(machine_code.kernels()["direct"], (9, 0))
print(code[:4], "Used" in log, hasattr(numpy, "row_stack"))
"""


@pytest.fixture
def compiler():
    """Return the module; skip where what it needs is not installed."""
    if absent := machine_code.missing():
        pytest.skip(absent)
    from convlab_kernels.cuda.compiler import compilation

    return compilation


def test_kernels_are_compiled_where_numpy_has_no_row_stack(compiler):
    """In a process of its own: numba-cuda asks for it when it first compiles."""
    command = [sys.executable, "-c", LIKE_NUMPY_2_5]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=TESTS, check=False)
    assert (ended.stdout, ended.returncode) == ("b'\\x7fELF' True False\n", 0), ended.stderr


@pytest.mark.parametrize("there", [True, False])
def test_numpy_is_as_it_was_also_after_an_error(there, compiler, monkeypatch):
    names, own = vars(np), object()
    monkeypatch.delitem(names, "row_stack", raising=False)
    if there:
        monkeypatch.setitem(names, "row_stack", own)
    with pytest.raises(ZeroDivisionError), compiler._numpy_with_all_its_names():
        assert names["row_stack"] is (own if there else np.vstack)
        raise ZeroDivisionError
    assert names.get("row_stack") is (own if there else None)


def test_a_kernel_is_compiled_with_numbas_things_in_place_of_ours(compiler):
    from numba import cuda

    from convlab_kernels.cuda.compiler import instructions, intrinsics, language
    from convlab_kernels.cuda.device_functions import clipped

    assert cuda.implementation == "NVIDIA"  # not the one that comes with Numba
    assert compiler._numbas(language.cuda) is cuda
    assert compiler._numbas(intrinsics.load4) is instructions.load4
    assert compiler._numbas(clipped) is compiler._numbas(clipped)
    assert compiler._numbas(clipped).py_func.__name__ == "clipped"
    assert str(compiler._type(language.FLOATS)) == "float32*"
    assert str(compiler._type(language.ints(3))) == "UniTuple(int32 x 3)"
