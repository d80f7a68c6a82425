"""Vector instructions for kernels, which compilers do not find by themselves.

An `@intrinsic` of Numba writes LLVM's intermediate code where it is called. Here are the means to write that code
as arithmetic on vectors: as wide as the processor's registers, and LLVM turns what a processor does not have into
what it has, so that it is correct everywhere.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.registry import cpu_target

INT = ir.IntType(64)


@cache
def _features() -> frozenset[str]:
    """Return the names of the instruction sets that are compiled for."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return frozenset(name[1:] for name in features.split(",") if name.startswith("+"))


@cache
def register_bytes() -> int:
    """Return the width of a vector register: 64 with AVX-512, 32 with AVX, 16 with NEON, SSE and whatever else."""
    return 64 if "avx512f" in _features() else 32 if "avx" in _features() else 16


@cache
def registers() -> int:
    """Return how many vector registers there are."""
    return 32 if _features() & {"avx512f", "neon"} else 16


def lanes(itemsize: int) -> int:
    """Return how many numbers of so many bytes a register holds."""
    return register_bytes() // itemsize


class Vector:
    """A vector while code is written: its operators write instructions."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def __add__(self, other: "Vector") -> "Vector":
        return Vector(self.builder, self.builder.fadd(self.value, other.value))

    def __sub__(self, other: "Vector") -> "Vector":
        return Vector(self.builder, self.builder.fsub(self.value, other.value))

    def __mul__(self, other: "Vector") -> "Vector":
        return Vector(self.builder, self.builder.fmul(self.value, other.value))

    def __truediv__(self, other: "Vector") -> "Vector":
        return Vector(self.builder, self.builder.fdiv(self.value, other.value))

    def __rmul__(self, factor: float) -> "Vector":
        return Vector(
            self.builder,
            self.builder.fmul(ir.Constant(self.value.type, [factor] * self.value.type.count), self.value),
        )

    def times_plus(self, factor: "Vector", addend: "Vector") -> "Vector":
        """Return self * factor + addend, rounded once where the processor can."""
        kind = self.value.type
        name = f"llvm.fmuladd.v{kind.count}f{32 if isinstance(kind.element, ir.FloatType) else 64}"
        function = cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(kind, [kind] * 3), name)
        return Vector(self.builder, self.builder.call(function, [self.value, factor.value, addend.value]))

    def where_negative(self, below: "Vector", other: "Vector") -> "Vector":
        """Return the numbers of one vector where this one's are below 0, of the other elsewhere."""
        negative = self.builder.fcmp_ordered(
            "<", self.value, ir.Constant(self.value.type, [0.0] * self.value.type.count)
        )
        return Vector(self.builder, self.builder.select(negative, below.value, other.value))

    def at_least(self, bound: "Vector") -> "Vector":
        """Return the larger of the two; NaN stays NaN."""
        smaller = self.builder.fcmp_ordered("<", self.value, bound.value)
        return Vector(self.builder, self.builder.select(smaller, bound.value, self.value))

    def at_most(self, bound: "Vector") -> "Vector":
        """Return the smaller of the two; NaN stays NaN."""
        larger = self.builder.fcmp_ordered(">", self.value, bound.value)
        return Vector(self.builder, self.builder.select(larger, bound.value, self.value))


class Writer:
    """Writes vector code on numbers of one type."""

    def __init__(self, builder: Any, dtype: Any) -> None:
        self.builder = builder
        self.scalar = ir.FloatType() if dtype == types.float32 else ir.DoubleType()
        self.itemsize = dtype.bitwidth // 8
        self.vector = ir.VectorType(self.scalar, lanes(self.itemsize))

    def address(self, base: Any, *offsets: Any) -> Any:
        """Return base (an address in bytes) and so many numbers on."""
        for offset in offsets:
            base = self.builder.add(base, self.builder.mul(self.integer(offset), self.integer(self.itemsize)))
        return base

    def integer(self, value: Any) -> Any:
        """Return a Python int as a constant, and what is in a register already as it is."""
        return ir.Constant(INT, value) if isinstance(value, int) else value

    @property
    def _suffix(self) -> str:
        return f"v{self.vector.count}f{8 * self.itemsize}"

    def _intrinsic(self, name: str, result: Any, kinds: list[Any]) -> Any:
        return cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, kinds), name)

    def _pointer(self, address: Any, kind: Any) -> Any:
        return self.builder.inttoptr(address, kind.as_pointer())

    def load(self, address: Any) -> Vector:
        """Return the vector at an address."""
        value = self.builder.load(self._pointer(address, self.vector))
        value.align = self.itemsize
        return Vector(self.builder, value)

    def store(self, vector: Vector, address: Any) -> None:
        """Write a vector to an address."""
        self.builder.store(vector.value, self._pointer(address, self.vector)).align = self.itemsize

    def lanes_before(self, count: Any) -> Any:
        """Return a mask of the first lanes, so many of them as there are; none where the count is 0 or less."""
        numbers = ir.Constant(ir.VectorType(INT, self.vector.count), list(range(self.vector.count)))
        limit = self._splat(count, ir.VectorType(INT, self.vector.count))
        return self.builder.icmp_signed("<", numbers, limit)

    def load_lanes(self, address: Any, mask: Any) -> Vector:
        """Return the vector at an address, with zeros in the lanes beside the mask, which are not read."""
        pointer = self._pointer(address, self.vector)
        kinds = [pointer.type, ir.IntType(32), mask.type, self.vector]
        function = self._intrinsic(f"llvm.masked.load.{self._suffix}.p0", self.vector, kinds)
        align = ir.Constant(ir.IntType(32), self.itemsize)
        return Vector(self.builder, self.builder.call(function, [pointer, align, mask, self.zero().value]))

    def store_lanes(self, vector: Vector, address: Any, mask: Any) -> None:
        """Write the lanes of the mask, and nothing beside them."""
        pointer = self._pointer(address, self.vector)
        kinds = [self.vector, pointer.type, ir.IntType(32), mask.type]
        function = self._intrinsic(f"llvm.masked.store.{self._suffix}.p0", ir.VoidType(), kinds)
        self.builder.call(function, [vector.value, pointer, ir.Constant(ir.IntType(32), self.itemsize), mask])

    def prefetch(self, address: Any, to_write: bool = False) -> None:
        """Have the cache line at an address, if there is one, fetched into the second level of the cache.

        What is to be written is fetched into the first, and other cores give it away.
        """
        kind, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = self._intrinsic("llvm.prefetch.p0", ir.VoidType(), [kind, number, number, number])
        how = [ir.Constant(number, value) for value in ((1, 3, 1) if to_write else (0, 2, 1))]  # how near, data
        self.builder.call(function, [self.builder.inttoptr(address, kind), *how])

    def load_to_all(self, address: Any) -> Vector:
        """Return a vector with the number at an address in all its lanes."""
        number = self.builder.load(self._pointer(address, self.scalar))
        number.align = self.itemsize
        return self.to_all(number)

    def to_all(self, number: Any) -> Vector:
        """Return a vector with a number in all its lanes."""
        return Vector(self.builder, self._splat(number, self.vector))

    def _splat(self, number: Any, kind: Any) -> Any:
        undefined = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
        lanes_ = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
        return self.builder.shuffle_vector(first, undefined, lanes_)

    def load_integer(self, address: Any, index: Any) -> Any:
        """Return one of the 64-bit integers at an address."""
        place = self.builder.add(address, self.builder.mul(self.integer(index), self.integer(8)))
        return self.builder.load(self._pointer(place, INT))

    def zero(self) -> Vector:
        """Return a vector of zeros."""
        return Vector(self.builder, ir.Constant(self.vector, [0.0] * self.vector.count))

    def call(self, name: str, *vectors: Vector) -> Vector:
        """Return what an intrinsic function of LLVM, of that name, makes of vectors."""
        function = self._intrinsic(f"{name}.{self._suffix}", self.vector, [self.vector] * len(vectors))
        return Vector(self.builder, self.builder.call(function, [vector.value for vector in vectors]))

    def constant(self, number: float) -> Vector:
        """Return a vector with a number of Python's in all its lanes."""
        return Vector(self.builder, ir.Constant(self.vector, [float(number)] * self.vector.count))

    def variable(self, vector: Vector) -> Any:
        """Return a place for a vector that changes in a loop; LLVM makes it a register."""
        place = cgutils.alloca_once(self.builder, self.vector)
        self.builder.store(vector.value, place)
        return place

    def get(self, variable: Any) -> Vector:
        """Return what a variable holds."""
        return Vector(self.builder, self.builder.load(variable))

    def set(self, variable: Any, vector: Vector) -> None:
        """Change what a variable holds."""
        self.builder.store(vector.value, variable)

    def chosen(self, number: Any, other: Vector, writers: Iterable[Callable[[], Vector]]) -> Vector:
        """Return what the writer of that number writes, of which only that is carried out; `other` for any other."""
        result = self.variable(other)

        def setting(write: Callable[[], Vector]) -> Callable[[], None]:
            return lambda: self.set(result, write())

        self.switch(number, map(setting, writers))
        return self.get(result)

    def switch(
        self, number: Any, writers: Iterable[Callable[[], None]], other: Callable[[], None] = lambda: None
    ) -> None:
        """Write what all writers write, of which only that of the number is done; for another, that of `other`."""
        builder = self.builder
        writers = [*writers, other]
        blocks = [builder.append_basic_block() for _ in writers]
        end = builder.append_basic_block()
        choice = builder.switch(number, blocks[-1])
        for i, block in enumerate(blocks[:-1]):
            choice.add_case(self.integer(i), block)
        for block, write in zip(blocks, writers, strict=True):
            builder.position_at_end(block)
            write()
            builder.branch(end)
        builder.position_at_end(end)

    @contextmanager
    def loop(self, count: Any, step: int = 1) -> Iterator[Any]:
        """Write a loop; the block gets the index: 0, step, ... below count."""
        with cgutils.for_range_slice(self.builder, self.integer(0), count, self.integer(step), INT) as (index, _):
            yield index

    def row(self, sources: list[Callable[[Any], Any]], target: Any, count: Any, make: Callable[..., Vector]) -> None:
        """Write a loop that makes so many numbers at an address, a vector at a time, the last in part.

        sources : the address of each vector that goes into one, from which number it is
        """
        builder, lanes = self.builder, self.integer(self.vector.count)
        whole = builder.mul(builder.sdiv(count, lanes), lanes)
        rest = builder.sub(count, whole)
        with self.loop(whole, self.vector.count) as i:
            self.store(make(*(self.load(source(i)) for source in sources)), self.address(target, i))
        with builder.if_then(builder.icmp_signed(">", rest, self.integer(0))):
            mask = self.lanes_before(rest)
            numbers = [self.load_lanes(source(whole), mask) for source in sources]
            self.store_lanes(make(*numbers), self.address(target, whole), mask)
