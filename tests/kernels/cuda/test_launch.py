"""What only a launch on a GPU would show: that kernels are called as they were compiled, and CuPy as it is."""

import ast
import inspect
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial, reduce
from importlib import import_module
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import convlab
import convlab_kernels
from convlab_kernels.cuda import METHODS, dense, elementwise, pooling
from convlab_kernels.cuda.compiler import launch
from convlab_kernels.cuda.compiler.language import FLOAT, FLOATS, INT, Several
from convlab_kernels.window import Window
from support.cuda import machine_code

CAPABILITY = 9, 0
GRID = 2**31 - 1, 65535, 65535
"""Most blocks along x, y and z ("CUDA C++ Programming Guide", "Technical Specifications")."""

SIZES = {FLOATS: 8, FLOAT: 4, INT: 4}
"""Bytes of an argument."""

PARAMETER = re.compile(r"Ordinal : 0x([0-9a-f]+)\s+Offset\s+: 0x([0-9a-f]+)\s+Size\s+: 0x([0-9a-f]+)")
SHARED = re.compile(r"^ +\S+ +\S+ +([0-9a-f]+) +\S+ +([0-9a-f]+) +NOBITS .* \.nv\.shared\._Z", re.MULTILINE)
ENTRY = re.compile(r"FUNC +GLOBAL +DEFAULT +ENTRY +\S+ +(\S+)")


def flat(signature):
    """Return the types of the arguments that a kernel has once tuples are taken apart."""
    several = ([one.dtype] * one.size if isinstance(one, Several) else [one] for one in signature)
    return [kind for kinds in several for kind in kinds]


# What was compiled.


def elf(name):
    """Return the machine code of a kernel, and what is said of it as a file."""
    from convlab_kernels.cuda.compiler.compilation import compiled

    code, _ = compiled(machine_code.kernels()[name], CAPABILITY)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.cubin")
        path.write_bytes(code)
        asked = [machine_code.cuobjdump(), "-elf", path]
        return code, subprocess.run(asked, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def files():
    """Return machine codes and what is said of them by name."""
    if absent := machine_code.missing():
        pytest.skip(absent)
    names = sorted(machine_code.kernels())
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        return dict(zip(names, pool.map(elf, names), strict=True))


@pytest.mark.slow
def test_a_kernel_takes_what_its_signature_says(files):
    for name, kernel in machine_code.kernels().items():
        found = sorted(tuple(int(part, 16) for part in one) for one in PARAMETER.findall(files[name][1]))
        sizes = [SIZES[kind] for kind in flat(kernel.signature)]
        assert [size for _, _, size in found] == sizes, name
        assert [place for _, place, _ in found] == list(accumulate(sizes, initial=0))[:-1], name


def test_machine_code_has_one_kernel_and_its_name_is_found(files):
    for name, (code, said) in files.items():
        assert ENTRY.findall(said) == [launch.entry_of(code)], name


def test_shared_memory_of_a_launch_begins_where_four_numbers_may(files):
    """It lies behind what the code says itself: nothing may, and the whole begins at a multiple of 16 bytes."""
    reserved = 1 << 10  # for the system, of each block
    launched = {name for name, kernel in machine_code.kernels().items() if kernel.shared}
    assert launched
    for name in launched:
        assert [(int(size, 16), int(align, 16)) for size, align in SHARED.findall(files[name][1])] == [(reserved, 16)]


# What is launched.

SAME = Window.parse((3, 3), (1, 1), "same", (1, 1))


def convolves(name):
    x, w, b = (np.zeros(shape, np.float32) for shape in ((2, 17, 13, 5), (3, 3, 5, 7), (7,)))
    METHODS[name](w, SAME)(x, np.zeros((2, 17, 13, 7), np.float32), b, True, 6.0)


def convolves_each_channel():
    x, w = np.zeros((2, 17, 13, 5), np.float32), np.zeros((3, 3, 1, 10), np.float32)
    METHODS["depthwise"](w, SAME, 5)(x, np.zeros((2, 17, 13, 10), np.float32))


def splits_the_depth():
    x, w = np.zeros((1, 5, 3, 256), np.float32), np.zeros((3, 3, 256, 8), np.float32)
    METHODS["implicit_gemm"](w, SAME)(x, np.zeros((1, 5, 3, 8), np.float32))


def pools(function):
    function(np.zeros((2, 17, 13, 5), np.float32), np.zeros((2, 17, 13, 5), np.float32), SAME)


def pools_all(function):
    function(np.zeros((2, 37, 43, 5), np.float32), np.zeros((2, 5), np.float32))


def computes_each_number():
    x, c = np.zeros((2, 17, 13, 5), np.float32), np.zeros(5, np.float32)
    elementwise.normalise(x, c, c, c, np.empty_like(x), True)
    elementwise.add(x, x, np.empty_like(x))
    elementwise.rectify(x, np.empty_like(x), 6)


def multiplies_a_row():
    x, w = np.zeros((1, 37), np.float32), np.zeros((37, 5), np.float32)
    dense.Dense(w)(x, np.zeros((1, 5), np.float32), np.zeros(5, np.float32), True)


RUNGS = sorted(set(METHODS) - {"im2col", "depthwise"})  # im2col has no kernel of its own
CALLS = [
    *(pytest.param(partial(convolves, name), id=name) for name in RUNGS),
    convolves_each_channel,
    splits_the_depth,
    *(pytest.param(partial(pools, kind), id=kind.__name__) for kind in (pooling.max_pool, pooling.avg_pool)),
    *(
        pytest.param(partial(pools_all, kind), id=kind.__name__)
        for kind in (pooling.global_max_pool, pooling.global_avg_pool)
    ),
    computes_each_number,
    multiplies_a_row,
]


@pytest.fixture
def launches(monkeypatch):
    """Return a list of what CuPy's functions are called with: (kernel, grid, block, args, shared)."""
    made = []
    runtime = SimpleNamespace(getDevice=lambda: 0)
    cupy = SimpleNamespace(cuda=SimpleNamespace(runtime=runtime), ndarray=type("ndarray", (), {}))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(launch, "loaded", lambda kernel, device: lambda *call: made.append((kernel, *call)))
    return made


def kind_of(arg):
    """Return the type of what CuPy hands over for an argument: of an array its address."""
    if isinstance(arg, np.ndarray):
        assert arg.dtype == np.float32 and arg.flags.c_contiguous
        return FLOATS
    return type(arg)


@pytest.mark.parametrize("call", CALLS)
def test_a_launch_passes_what_the_kernel_takes(call, launches):
    with np.errstate(all="ignore"):  # what no kernel computed may be any number
        call()
    assert launches
    for kernel, grid, block, args, shared in launches:
        assert [kind_of(arg) for arg in args] == flat(kernel.signature), kernel.name
        assert shared == kernel.shared
        for sizes, most in ((grid, GRID), (block, (1024, 1024, 64))):
            assert type(sizes) is tuple and all(type(size) is int for size in sizes), kernel.name
            assert all(1 <= size <= limit for size, limit in zip(sizes, most, strict=False)), kernel.name


def test_every_kernel_is_launched(launches):
    with np.errstate(all="ignore"):
        for call in CALLS:
            (call if callable(call) else call.values[0])()

    def without_sizes(name):
        return re.sub(r"_\d+x[\dx]+$", "", name)

    launched = {without_sizes(kernel.name) for kernel, *_ in launches}
    assert launched == set(map(without_sizes, machine_code.kernels())), "a call in CALLS"


# What is asked of CuPy.

PACKAGES = [Path(package.__file__).parent for package in (convlab, convlab_kernels)]


def trees():
    for path in (path for package in PACKAGES for path in sorted(package.rglob("*.py"))):
        yield path.name, ast.parse(path.read_text(encoding="utf-8"))


def imported(tree):
    """Return {name in a file: what it is called within CuPy} of what the file imports from there."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    of_cupy = [node for node in found if node.module.split(".")[0] in ("cupy", "cupyx")]
    return {one.name: f"{node.module}.{one.name}" for node in of_cupy for one in node.names}


def path_of(node, names):
    """Return what an expression such as `xp.lib.stride_tricks.as_strided` is called within CuPy, or None."""
    if isinstance(node, ast.Attribute) and (within := path_of(node.value, names)):
        return f"{within}.{node.attr}"
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "module_of":
        return "cupy"
    return names.get(node.id) if isinstance(node, ast.Name) else None


def asked():
    """Yield (where, what, node) for each expression in our sources that is something of CuPy's."""
    for file, tree in trees():
        names = {"cupy": "cupy", "cupyx": "cupyx", "xp": "cupy", **imported(tree)}
        for node in ast.walk(tree):
            if path := path_of(node.func if isinstance(node, ast.Call) else node, names):
                yield f"{file}:{node.lineno}", path, node


@pytest.fixture(scope="module")
def found():
    """Return a function that finds what CuPy calls so; AttributeError where it has no such thing."""
    pytest.importorskip("cupy")
    return lambda path: reduce(getattr, path.split(".")[1:], import_module(path.split(".")[0]))


def test_cupy_has_what_is_asked_of_it(found):
    absent, paths = [], {path: place for place, path, _ in asked()}
    assert {"cupy.lib.stride_tricks.as_strided", "cupy.cuda.driver.funcSetAttribute"} <= paths.keys()
    assert {"cupy.cuda.function.Module", "cupy.cuda.MemoryPool", "cupyx.empty_pinned"} <= paths.keys()
    for path, place in paths.items():
        try:
            found(path)
        except AttributeError:
            absent.append(f"{place}: {path}")
    assert not absent
    assert found("cupy.cuda.driver.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES") == 8  # in cuda.h


def test_functions_of_cupy_take_the_arguments_that_they_are_given(found):
    calls, refused = 0, []
    for place, path, node in asked():
        if not isinstance(node, ast.Call) or any(isinstance(arg, ast.Starred) for arg in node.args):
            continue
        try:
            signature = inspect.signature(found(path))
        except ValueError:  # compiled: it says nothing
            continue
        calls += 1
        try:
            signature.bind(*node.args, **{one.arg: None for one in node.keywords if one.arg})
        except TypeError as error:
            refused.append(f"{place}: {path}: {error}")
    assert calls > 20
    assert not refused


def test_cupy_knows_the_attributes_of_a_gpu_that_are_asked_for(found):
    of_attributes = [
        node.slice.value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and getattr(node.value, "attr", "") == "attributes"
    ]
    assert "MultiProcessorCount" in of_attributes
    known = vars(found("cupy.cuda.runtime"))
    assert [name for name in of_attributes if f"cudaDevAttr{name}" not in known] == []
