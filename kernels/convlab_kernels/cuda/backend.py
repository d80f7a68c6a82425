"""The compiler of GPU kernels: the one file that touches Numba's interface to CUDA, and the launch of a kernel.

A kernel is a Python function. Numba compiles it to NVVM's intermediate code, and nvJitLink that to the machine code
of one generation of GPUs; neither needs a GPU. CuPy loads the code and launches it on its current stream. Machine
code is kept on disk (see `kept`).

The intrinsics are machine instructions that Numba has no name for. Each has a twin, a Python function that says what
it does, so that a kernel can be run without a GPU. PTX is NVIDIA's "Parallel Thread Execution ISA", version 8.5; its
sections are named where an instruction is not plain.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from threading import RLock
from types import SimpleNamespace
from typing import Any

import numba_cuda
import numpy as np
from cuda.core import Linker, LinkerOptions, ObjectCode
from llvmlite import ir
from numba import cuda
from numba.cuda import dispatcher, types
from numba.cuda.extending import intrinsic
from numba.cuda.types import float32, int32, uint32

from convlab_kernels import kept

__all__ = [
    "FLOAT",
    "FLOATS",
    "INT",
    "Kernel",
    "copy4_async",
    "copy_fence",
    "copy_wait",
    "cuda",
    "float32",
    "inlined",
    "int32",
    "ints",
    "kernel",
    "load4",
    "load4_constant",
    "load_matrices",
    "multiply_tf32",
    "power_of_two",
    "split_tf32",
    "store1",
    "store2",
    "store4",
    "uint32",
]

Capability = tuple[int, int]  # of a generation of GPUs: (9, 0) is Hopper's
Grid = tuple[int, ...]

FLOAT, INT, FLOATS = types.float32, types.int32, types.CPointer(types.float32)
"""Types of a kernel's arguments: FLOATS is an array, which a kernel sees as the address of its first number."""

_lock = RLock()


def ints(count: int) -> Any:
    """Return the type of a tuple of so many int32."""
    return types.UniTuple(types.int32, count)


def inlined(function: Callable[..., Any]) -> Any:
    """Make a function part of the kernels that call it."""
    return cuda.jit(device=True, forceinline=True)(function)


class Kernel:
    """A function that all threads of a grid run, compiled when it is first launched on a GPU of a generation.

    Attributes
    ----------
    function : callable
    signature : sequence of types
    block : tuple of int
        Threads of a block along x, y, z.
    name : str
        No other kernel has it.
    blocks : int or None
        How many blocks a multiprocessor must have room for: the compiler keeps to the registers that leaves.
    shared : int
        Bytes of shared memory that are asked for at the launch, `cuda.shared.array(0, ...)`.
    """

    def __init__(
        self,
        function: Callable[..., None],
        signature: Sequence[Any],
        block: Grid,
        name: str = "",
        blocks: int | None = None,
        shared: int = 0,
    ) -> None:
        self.function, self.signature, self.block = function, tuple(signature), block
        self.name, self.blocks, self.shared = name or function.__name__, blocks, shared

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return int(np.prod(self.block))

    def compile(self, capability: Capability) -> tuple[bytes, str]:
        """Return the machine code for a generation of GPUs, and what the assembler says of it. It takes seconds."""
        bounds = None if self.blocks is None else (self.threads, self.blocks)
        with _compiling_for(capability):
            code, _ = cuda.compile(
                self.function,
                types.void(*self.signature),
                cc=capability,
                device=False,
                abi="numba",
                output="ltoir",
                launch_bounds=bounds,
            )
        options = LinkerOptions(arch=_architecture(capability), link_time_optimization=True, ptxas_options=["-v"])
        linker = Linker(ObjectCode.from_ltoir(code), options=options)
        return bytes(linker.link("cubin").code), linker.get_info_log()

    def machine_code(self, capability: Capability) -> bytes:
        """Return what `compile` does, from disk where it is kept."""
        versions = f"{numba_cuda.__version__} {_architecture(capability)}"
        path = kept.file_for(self.name, f"{self.name} {self.signature} {versions} {_sources()}")
        with suppress(OSError, RuntimeError):
            return kept.read(path)
        code, _ = self.compile(capability)
        with suppress(OSError, RuntimeError):
            kept.write(path, code)
        return code

    def __call__(self, grid: Grid, *args: Any) -> None:
        """Launch so many blocks along x, y, z; arguments are CuPy's arrays, NumPy's numbers, and tuples of them."""
        import cupy

        flat: list[Any] = []
        for arg in args:
            flat.extend(arg) if isinstance(arg, tuple) else flat.append(arg)
        loaded(self, cupy.cuda.runtime.getDevice())(grid, self.block, flat, self.shared)


def kernel(*signature: Any, block: Grid, **options: Any) -> Callable[[Callable[..., None]], Kernel]:
    """Make a kernel of a function with arguments of these types; for the options see `Kernel`."""
    return lambda function: Kernel(function, signature, block, **options)


@cache
def loaded(kernel: Kernel, device: int) -> Any:
    """Return a kernel as CuPy's function on a GPU."""
    from cupy.cuda import Device, driver
    from cupy.cuda.function import Module

    capability = Device(device).compute_capability
    code = kernel.machine_code((int(capability[:-1]), int(capability[-1])))
    module = Module()
    module.load(code)
    function = module.get_function(entry_of(code))
    if kernel.shared > 48 << 10:  # what no kernel need ask for
        driver.funcSetAttribute(function.ptr, driver.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, kernel.shared)
    return function


def entry_of(code: bytes) -> str:
    """Return the name that Numba gave the only kernel in machine code: its section's, after ".text."."""
    found = re.search(rb"\.text\.([^\0]+)", code)
    assert found is not None, "machine code without a kernel"
    return found[1].decode()


def _architecture(capability: Capability) -> str:
    return "sm_" + "".join(map(str, capability))


@cache
def _sources() -> str:
    """Return a hash of all the code from which kernels are compiled."""
    sha = hashlib.sha256()
    for source in sorted(Path(__file__).parents[1].rglob("*.py")):
        sha.update(source.read_bytes())
    return sha.hexdigest()


@contextmanager
def _compiling_for(capability: Capability) -> Iterator[None]:
    """Let inlined functions be compiled for this generation: Numba would ask the GPU in the machine for its own."""
    with _lock:
        asked = dispatcher.get_current_device
        dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
        try:
            yield
        finally:
            dispatcher.get_current_device = asked


# Intrinsics. An array is FLOATS or shared memory; a number's place is base + offset, and an offset that is a constant
# becomes part of the instruction.

_INT, _LONG, _FLOAT, _VOID = ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.VoidType()
_FOUR = types.UniTuple(types.float32, 4)


def _instruction(twin: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Make an intrinsic of a function that types and writes it, with a twin."""

    def make(function: Callable[..., Any]) -> Any:
        made = intrinsic(function)
        made.twin = twin
        return made

    return make


def _place(context: Any, builder: Any, kind: Any, array: Any, base: Any, offset: Any) -> Any:
    """Return the address of array[base + offset]."""
    data = array if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, array).data
    return builder.gep(builder.gep(data, [base]), [offset])


def _shared_place(context: Any, builder: Any, kind: Any, array: Any, base: Any, offset: Any) -> Any:
    """Return the address within shared memory, as an int32, of array[base + offset]."""
    place = _place(context, builder, kind, array, base, offset)
    return builder.ptrtoint(builder.addrspacecast(place, ir.PointerType(place.type.pointee, addrspace=3)), _INT)


def _ptx(builder: Any, code: str, constraints: str, result: Any, *args: Any) -> Any:
    """Write an instruction of PTX, which may read and write memory."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(ir.InlineAsm(kind, code, constraints, side_effect=True), args)


def _store(builder: Any, place: Any, numbers: Sequence[Any]) -> None:
    """Write numbers side by side, in one instruction."""
    vector = ir.Constant(ir.VectorType(_FLOAT, len(numbers)), ir.Undefined)
    for i, number in enumerate(numbers):
        vector = builder.insert_element(vector, number, _INT(i))
    builder.store(vector, builder.bitcast(place, vector.type.as_pointer(place.type.addrspace)), 4 * len(numbers))


def _aligned(base: Any, offset: Any, numbers: int) -> int:
    """Return base + offset, for twins; AssertionError where a vector may not begin there."""
    place = int(base) + int(offset)
    assert place % numbers == 0, f"a vector of {numbers} numbers begins at {place}"
    return place


def _load4_twin(array: Any, base: int, offset: int) -> tuple[Any, ...]:
    first = _aligned(base, offset, 4)
    return array[first], array[first + 1], array[first + 2], array[first + 3]


def _writes_load4(constant: bool) -> Callable[..., Any]:
    def load(typing: Any, array: Any, base: Any, offset: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            place = _place(context, builder, signature.args[0], *args)
            vector = ir.VectorType(_FLOAT, 4).as_pointer(place.type.addrspace)
            found = builder.load(builder.bitcast(place, vector), align=16)
            if constant:
                found.set_metadata("invariant.load", builder.module.add_metadata([]))
            numbers = [builder.extract_element(found, _INT(i)) for i in range(4)]
            return context.make_tuple(builder, signature.return_type, numbers)

        return _FOUR(array, base, offset), write

    return load


load4 = _instruction(_load4_twin)(_writes_load4(constant=False))
"""Return array[base + offset] and the three numbers after it, read at once; base + offset is a multiple of 4."""

load4_constant = _instruction(_load4_twin)(_writes_load4(constant=True))
"""The same, from an array that no thread writes to while the kernel runs: it may come from the read-only cache."""


def _store4_twin(array: Any, base: int, offset: int, numbers: tuple[Any, ...]) -> None:
    first = _aligned(base, offset, 4)
    for i, number in enumerate(numbers):
        array[first + i] = number


@_instruction(_store4_twin)
def store4(typing: Any, array: Any, base: Any, offset: Any, numbers: Any) -> Any:
    """Write four numbers at once to array[base + offset] and after it; base + offset is a multiple of 4."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], *args[:3])
        _store(builder, place, [builder.extract_value(args[3], i) for i in range(4)])
        return context.get_dummy_value()

    return types.void(array, base, offset, _FOUR), write


def _store2_twin(array: Any, base: int, offset: int, first: Any, second: Any) -> None:
    place = _aligned(base, offset, 2)
    array[place], array[place + 1] = first, second


@_instruction(_store2_twin)
def store2(typing: Any, array: Any, base: Any, offset: Any, first: Any, second: Any) -> Any:
    """Write two numbers at once to array[base + offset] and after it; base + offset is even."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _store(builder, _place(context, builder, signature.args[0], *args[:3]), args[3:])
        return context.get_dummy_value()

    return types.void(array, base, offset, types.float32, types.float32), write


def _store1_twin(array: Any, base: int, offset: int, number: Any) -> None:
    array[int(base) + int(offset)] = number


@_instruction(_store1_twin)
def store1(typing: Any, array: Any, base: Any, offset: Any, number: Any) -> Any:
    """Write a number to array[base + offset], without a check for indices that count from the end."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[3], _place(context, builder, signature.args[0], *args[:3]), 4)
        return context.get_dummy_value()

    return types.void(array, base, offset, types.float32), write


# Copies that go on while the thread computes (PTX, 9.7.9.25: cp.async). Twins carry them out when they are waited
# for, and no sooner: until then there is NaN.

_copies: ContextVar[tuple[Any, ...]] = ContextVar("copies that a thread has begun", default=())


def _copy4_async_twin(to: Any, base: int, offset: int, source: Any, place: int, inside: bool) -> None:
    first, start = _aligned(base, offset, 4), _aligned(place, 0, 4)
    numbers = [source[start + i] if inside else np.float32(0) for i in range(4)]
    _copies.set((*_copies.get(), (to, first, numbers)))


@_instruction(_copy4_async_twin)
def copy4_async(typing: Any, to: Any, base: Any, offset: Any, source: Any, place: Any, inside: Any) -> Any:
    """Begin to copy source[place] and the three after it to shared memory at base + offset; zeros unless `inside`."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        shared = _shared_place(context, builder, signature.args[0], *args[:3])
        start = builder.ptrtoint(_place(context, builder, signature.args[3], args[3], args[4], _INT(0)), _LONG)
        size = builder.select(args[5], _INT(16), _INT(0))
        code = "cp.async.cg.shared.global [$0], [$1], 16, $2;"
        _ptx(builder, code, "r,l,r,~{memory}", _VOID, shared, start, size)
        return context.get_dummy_value()

    return types.void(to, base, offset, source, place, types.boolean), write


def _copy_fence_twin() -> None:
    _copies.set((*_copies.get(), None))


@_instruction(_copy_fence_twin)
def copy_fence(typing: Any) -> Any:
    """Make one group of the copies begun since the last fence, be there any or none."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _ptx(builder, "cp.async.commit_group;", "~{memory}", _VOID)
        return context.get_dummy_value()

    return types.void(), write


def copy_wait(groups: int) -> Any:
    """Return the intrinsic that waits until at most so many of this thread's groups of copies are under way."""

    def twin() -> None:
        begun = list(_copies.get())
        while begun.count(None) > groups:
            copy = begun.pop(0)
            if copy is not None:
                to, first, numbers = copy
                to[first : first + 4] = numbers
        _copies.set(tuple(begun))

    @_instruction(twin)
    def wait(typing: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _ptx(builder, f"cp.async.wait_group {groups};", "~{memory}", _VOID)
            return context.get_dummy_value()

        return types.void(), write

    return wait


# Tensor cores. A warp's 32 threads hold matrices together; a thread's lane is its number in the warp.


def _of_warp(numbers: tuple[Any, ...]) -> Any:
    """Return an array (32, len(numbers)) of what each thread of the warp gives, for twins."""
    given = cuda.shared.array((1024, 10), float32)
    block = cuda.blockDim
    thread = cuda.threadIdx.x + block.x * (cuda.threadIdx.y + block.y * cuda.threadIdx.z)
    first = thread // 32 * 32
    given[thread, : len(numbers)] = numbers
    cuda.syncwarp()
    found = given[first : first + 32, : len(numbers)].copy()
    cuda.syncwarp()
    return thread % 32, found


def _load_matrices_twin(array: Any, base: int, offset: int) -> tuple[Any, ...]:
    lane, places = _of_warp((_aligned(base, offset, 4),))
    row, column = lane // 4, lane % 4
    return tuple(array[int(places[8 * i + row, 0]) + column] for i in range(4))


@_instruction(_load_matrices_twin)
def load_matrices(typing: Any, array: Any, base: Any, offset: Any) -> Any:
    """Return this lane's number of each of four matrices (8, 4) in shared memory (PTX, 9.7.14.5.15: ldmatrix).

    base + offset is where a row begins: lane 8 i + r names row r of matrix i, and gets of each matrix the number in
    row lane // 4, column lane % 4.
    """

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _shared_place(context, builder, signature.args[0], *args)
        code = "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {$0, $1, $2, $3}, [$4];"
        found = _ptx(builder, code, "=r,=r,=r,=r,r,~{memory}", ir.LiteralStructType([_INT] * 4), place)
        numbers = [builder.bitcast(builder.extract_value(found, i), _FLOAT) for i in range(4)]
        return context.make_tuple(builder, signature.return_type, numbers)

    return _FOUR(array, base, offset), write


_KEPT = 0xFFFFE000  # the bits of a float32 that TF32 has: sign, exponent and 10 of the fraction


def _bits(number: Any) -> Any:
    return np.asarray(number, np.float32).view(np.uint32)


def _truncated(numbers: Any) -> Any:
    return (_bits(numbers) & np.uint32(_KEPT)).view(np.float32)


def _multiply_tf32_twin(*numbers: Any) -> tuple[Any, ...]:
    lane, given = _of_warp(numbers[4:])
    factors = _truncated(given).astype(np.float64)
    row, column = lane // 4 * 4, lane % 4 * 8  # the lanes from these on hold the rows and columns asked for
    left = factors[row : row + 4].T[[[0, 2], [1, 3]]].reshape(2, 8)
    right = factors[column : column + 8, 4:].reshape(2, 4, 2).swapaxes(1, 2).reshape(2, 8)
    return tuple(np.float32(c + p) for c, p in zip(numbers[:4], (left @ right.T).ravel(), strict=True))


@_instruction(_multiply_tf32_twin)
def multiply_tf32(
    typing: Any, c0: Any, c1: Any, c2: Any, c3: Any, a0: Any, a1: Any, a2: Any, a3: Any, b0: Any, b1: Any
) -> Any:
    """Return this lane's four numbers of c (16, 8) + a (16, 8) @ b (8, 8), factors cut to TF32 (PTX, 9.7.14.5: mma).

    Takes the lane's four numbers of c, four of a and two of b. With r = lane // 4 and k = lane % 4 they are
    c[r, 2k], c[r, 2k+1], c[r+8, 2k], c[r+8, 2k+1]; a[r, k], a[r+8, k], a[r, k+4], a[r+8, k+4]; b[k, r], b[k+4, r].
    """

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        factors = [builder.bitcast(arg, _INT) for arg in args[4:]]
        code = (
            "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"
            " {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};"
        )
        constraints = "=f,=f,=f,=f,r,r,r,r,r,r,0,1,2,3"
        kind = ir.FunctionType(ir.LiteralStructType([_FLOAT] * 4), [_INT] * 6 + [_FLOAT] * 4)
        found = builder.call(ir.InlineAsm(kind, code, constraints), [*factors, *args[:4]])
        return context.make_tuple(builder, signature.return_type, [builder.extract_value(found, i) for i in range(4)])

    return _FOUR(*[types.float32] * 10), write


def _split_tf32_twin(number: Any) -> tuple[Any, Any]:
    large = _truncated(number)[()]
    return large, np.float32(number) - large


@_instruction(_split_tf32_twin)
def split_tf32(typing: Any, number: Any) -> Any:
    """Return a number cut to TF32 and what was cut off, exactly: their sum is the number."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        large = builder.bitcast(builder.and_(builder.bitcast(args[0], _INT), _INT(_KEPT - (1 << 32))), _FLOAT)
        return context.make_tuple(builder, signature.return_type, [large, builder.fsub(args[0], large)])

    return types.UniTuple(types.float32, 2)(types.float32), write


def _power_of_two_twin(number: Any) -> Any:
    return (_bits(number) & np.uint32(0xFF800000)).view(np.float32)[()]


@_instruction(_power_of_two_twin)
def power_of_two(typing: Any, number: Any) -> Any:
    """Return a number without its fraction: the power of two next to it towards zero; an infinity for NaN."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(builder.and_(builder.bitcast(args[0], _INT), _INT(-(1 << 23))), _FLOAT)

    return types.float32(types.float32), write
