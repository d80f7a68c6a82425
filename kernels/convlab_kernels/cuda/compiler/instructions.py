"""The instructions of `intrinsics` in LLVM's intermediate code or in PTX; what each does is said there.

An intrinsic of Numba's is a function of the types of its arguments. It returns the types of the instruction's, the
result's first, and the function that writes it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.cuda import types
from numba.cuda.extending import intrinsic

from convlab_kernels.cuda.compiler.intrinsics import KEPT

_INT, _LONG, _FLOAT, _VOID = ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.VoidType()
_FOUR = types.UniTuple(types.float32, 4)


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


load4 = intrinsic(_writes_load4(constant=False))
load4_constant = intrinsic(_writes_load4(constant=True))


@intrinsic
def store4(typing: Any, array: Any, base: Any, offset: Any, numbers: Any) -> Any:
    """Write a vector of four numbers."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], *args[:3])
        _store(builder, place, [builder.extract_value(args[3], i) for i in range(4)])
        return context.get_dummy_value()

    return types.void(array, base, offset, _FOUR), write


@intrinsic
def store2(typing: Any, array: Any, base: Any, offset: Any, first: Any, second: Any) -> Any:
    """Write a vector of two numbers."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _store(builder, _place(context, builder, signature.args[0], *args[:3]), args[3:])
        return context.get_dummy_value()

    return types.void(array, base, offset, types.float32, types.float32), write


@intrinsic
def store1(typing: Any, array: Any, base: Any, offset: Any, number: Any) -> Any:
    """Write a number where it says."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[3], _place(context, builder, signature.args[0], *args[:3]), 4)
        return context.get_dummy_value()

    return types.void(array, base, offset, types.float32), write


@intrinsic
def copy4_async(typing: Any, to: Any, base: Any, offset: Any, source: Any, place: Any, inside: Any) -> Any:
    """Begin a copy of 16 bytes, of which none is read where zeros are asked for."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        shared = _shared_place(context, builder, signature.args[0], *args[:3])
        start = builder.ptrtoint(_place(context, builder, signature.args[3], args[3], args[4], _INT(0)), _LONG)
        size = builder.select(args[5], _INT(16), _INT(0))
        code = "cp.async.cg.shared.global [$0], [$1], 16, $2;"
        _ptx(builder, code, "r,l,r,~{memory}", _VOID, shared, start, size)
        return context.get_dummy_value()

    return types.void(to, base, offset, source, place, types.boolean), write


@intrinsic
def commit_group(typing: Any) -> Any:
    """Close a group of copies."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _ptx(builder, "cp.async.commit_group;", "~{memory}", _VOID)
        return context.get_dummy_value()

    return types.void(), write


def wait_group(groups: int) -> Any:
    """Return the instruction that waits until so many groups are left."""

    @intrinsic
    def wait(typing: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _ptx(builder, f"cp.async.wait_group {groups};", "~{memory}", _VOID)
            return context.get_dummy_value()

        return types.void(), write

    return wait


@intrinsic
def load_matrices(typing: Any, array: Any, base: Any, offset: Any) -> Any:
    """Read matrices of 8 rows of 16 bytes."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _shared_place(context, builder, signature.args[0], *args)
        code = "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {$0, $1, $2, $3}, [$4];"
        found = _ptx(builder, code, "=r,=r,=r,=r,r,~{memory}", ir.LiteralStructType([_INT] * 4), place)
        numbers = [builder.bitcast(builder.extract_value(found, i), _FLOAT) for i in range(4)]
        return context.make_tuple(builder, signature.return_type, numbers)

    return _FOUR(array, base, offset), write


@intrinsic
def multiply_tf32(
    typing: Any, c0: Any, c1: Any, c2: Any, c3: Any, a0: Any, a1: Any, a2: Any, a3: Any, b0: Any, b1: Any
) -> Any:
    """Multiply matrices: it reads no memory, so the compiler may move it."""

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


@intrinsic
def split_tf32(typing: Any, number: Any) -> Any:
    """Take the bits that TF32 keeps, and subtract."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        large = builder.bitcast(builder.and_(builder.bitcast(args[0], _INT), _INT(KEPT - (1 << 32))), _FLOAT)
        return context.make_tuple(builder, signature.return_type, [large, builder.fsub(args[0], large)])

    return types.UniTuple(types.float32, 2)(types.float32), write


@intrinsic
def power_of_two(typing: Any, number: Any) -> Any:
    """Take the sign and the exponent."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(builder.and_(builder.bitcast(args[0], _INT), _INT(-(1 << 23))), _FLOAT)

    return types.float32(types.float32), write
