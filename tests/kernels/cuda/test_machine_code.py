"""The compiler makes of every kernel what it was written for, on each generation of GPUs.

What the golden file says may change with any kernel; what is asserted beside it may not.
"""

import ast
import inspect
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import convlab_kernels.cuda
from convlab_kernels.cuda.compiler.language import FLOATS, cuda, float32, kernel
from support.cuda import machine_code

pytestmark = pytest.mark.smoke

STATIC, DYNAMIC = 48 << 10, {"8.0": 163 << 10, "9.0": 227 << 10, "10.0": 227 << 10}
"""Bytes of shared memory that a block may have ("CUDA C++ Programming Guide", "Technical Specifications")."""

THREADS, REGISTERS = 1024, 64 << 10
"""Of a block, and of a multiprocessor."""

HOW = "if the new code is as good, write the golden file anew: python tests/support/cuda/machine_code.py --write"


@pytest.fixture(scope="module")
def codes():
    """Return machine codes of all kernels by generation and name."""
    if absent := machine_code.missing():
        pytest.skip(absent)
    return machine_code.all_compiled(machine_code.kernels(), machine_code.CAPABILITIES)


def each(codes, *prefixes):
    """Yield generation and name, and the machine code, of kernels whose names begin so; assert that there are any."""
    found = [(f"{cc} {name}", code) for cc in codes for name, code in codes[cc].items() if name.startswith(prefixes)]
    assert found, f"no kernel is called {' or '.join(prefixes)}"
    return found


def changes(old, new):
    """Yield what differs between machine codes of kernels by name."""
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            yield f"{name}: {'no longer there' if name in old else 'new'}"
            continue
        before, after = asdict(old[name]), asdict(new[name])
        for field in before:
            if before[field] != after[field]:
                yield f"{name}: {field} was {before[field]}, is {after[field]}"


def without_lengths(codes):
    """Return machine codes but for how long they are in all: by a few moves, that depends on Python's bytecode."""
    return {
        cc: {name: replace(code, code=code.code | {"all": 0}) for name, code in of_cc.items()}
        for cc, of_cc in codes.items()
    }


@pytest.mark.slow
def test_all_is_as_in_the_golden_file(codes):
    made, expected = machine_code.golden()
    here = machine_code.versions()
    if made["numba"] != here["numba"]:
        pytest.skip(f"the golden file was made with numba {made['numba']}, this is {here['numba']}")
    assert codes.keys() == expected.keys()
    if made["Python"] != here["Python"]:
        codes, expected = without_lengths(codes), without_lengths(expected)
    found = [f"{cc} {change}" for cc in codes for change in changes(expected[cc], codes[cc])]
    assert not found, "\n".join([*found, HOW])


def test_no_kernel_is_left_out():
    """Every function in the sources that `kernel` is applied to is compiled here."""
    written = set()
    for path in Path(convlab_kernels.cuda.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            calls = [found.func for found in getattr(node, "decorator_list", []) if isinstance(found, ast.Call)]
            if any(isinstance(call, ast.Name) and call.id == "kernel" for call in calls):
                written.add((path.name, node.name))
    functions = [found.function for found in machine_code.kernels().values()]
    assert written == {(Path(inspect.getfile(function)).name, function.__name__) for function in functions}


@pytest.mark.slow
def test_nothing_computes_in_float64(codes):
    assert {name: code.float64 for name, code in each(codes, "") if code.float64} == {}


@pytest.mark.slow
def test_blocks_fit_on_a_multiprocessor(codes):
    for name, code in each(codes, ""):
        assert code.threads <= THREADS, name
        assert code.threads * code.registers <= REGISTERS, name
        assert code.shared <= STATIC, name
        assert code.shared + code.dynamic <= DYNAMIC[name.split()[0]], name


@pytest.mark.slow
def test_products_stay_in_registers(codes):
    for name, code in each(codes, "implicit_gemm", "tensor_core"):
        assert code.spills == code.stack == 0, f"{name}: {code}"
        assert not code.code.keys() & {"LDL.32", "LDL.64", "LDL.128", "STL.32", "STL.64", "STL.128"}, name


@pytest.mark.slow
def test_implicit_gemm_multiplies_and_reads_in_fours(codes):
    for name, code in each(codes, "implicit_gemm"):
        reads = {kind for kind in code.loop if kind.startswith(("LDS", "LDG"))}
        assert reads == {"LDS.128", "LDG.128"}, f"{name}: {code.loop}"
    for name, code in each(codes, "implicit_gemm_128x128"):
        assert code.registers <= 128, name
        assert code.loop["FFMA"] == 1024, name  # 64 outputs for each of 16 numbers of the depth
        assert code.density >= 0.85, f"{name}: {code.density:.1%}"


@pytest.mark.slow
def test_tensor_core_multiplies_matrices_and_copies_beside_it(codes):
    for name, code in each(codes, "tensor_core"):
        assert {"HMMA.TF32", "LDGSTS.128", "LDSM"} <= code.loop.keys(), f"{name}: {code.loop}"
        assert not code.loop.keys() & {"LDS.32", "LDS.64", "LDG.32", "LDG.64"}, f"{name}: {code.loop}"


@kernel(FLOATS, FLOATS, block=(1024,), blocks=2)
def spoiled(x, out):
    """Compute in float64, and with more numbers at a time than 32 registers hold."""
    numbers = cuda.local.array(64, float32)
    for i in range(64):
        numbers[i] = x[cuda.threadIdx.x + 1024 * i]
    cuda.syncthreads()
    for i in range(64):
        out[cuda.threadIdx.x + 1024 * i] = numbers[i] * 0.1 + numbers[63 - i]


def test_what_no_kernel_may_do_would_be_seen():
    if absent := machine_code.missing():
        pytest.skip(absent)
    code = machine_code.machine_code(spoiled, (9, 0))
    assert code.float64 >= 64
    assert code.spills > 0
