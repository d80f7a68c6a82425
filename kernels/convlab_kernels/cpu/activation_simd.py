"""Activation functions of float32, written as vector code: exp, and what can be made of it.

exp(x) = 2^k exp(r), x = k ln 2 + r with |r| <= ln(2) / 2: Muller, "Elementary Functions" (3rd edition, 2016), section
11.2. ln 2 is taken off in two parts, of which the first has few digits, so that k times it is exact; then a
polynomial: both as in `expf` of Moshier's Cephes library (1989). 2^k is made from its bits, in two factors, since one
alone would not reach the ends of the type. Where e^r - 1 is at hand, so is e^x - 1 with all its digits near 0.

Each function has NaN and infinities, and signs of zero, where `convlab.ops` has them.
"""

from collections.abc import Callable
from functools import partial
from math import e, log2, pi, sqrt
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from convlab_kernels.cpu.runtime.atomics import INT, instruction
from convlab_kernels.cpu.runtime.simd import Vector, Writer

LOWEST, HIGHEST = -104.0, 89.0
"""Beyond these, exp is 0 and infinite."""

MAGIC = 1.5 * 2**23
"""A number to which a small one added is rounded to a whole one, which then lies in the lowest bits."""

LN2 = 0.693359375, -2.12194440e-4

EXP = 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1
"""(e^r - 1 - r) / r^2, the highest power first."""

TAIL = (
    *(-7.381932129e-05, -6.575092504e-05, 6.906928446e-04, -3.008942713e-04, -5.002321468e-03, 1.793976692e-02),
    *(-3.219773996e-02, 2.859999391e-02, 1.399962932e-02, -9.670346664e-02, 4.720532065e-01),
)
"""(1 + a) e^(a^2 / 2) times the share of a normal distribution beyond a, by powers of (a - 4) / (a + 4).

The form is that of Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x" (Mathematics of
Computation 36, 1981); fitted for a up to 16, where e^(-a^2 / 2) is 0 in float32. Its relative error is 2e-8.
"""

LARGEST = float(np.finfo(np.float32).max)


def _polynomial(w: Writer, coefficients: tuple[float, ...], x: Vector) -> Vector:
    """Return a polynomial of x by Horner's rule."""
    total = w.constant(coefficients[0])
    for coefficient in coefficients[1:]:
        total = total.times_plus(x, w.constant(coefficient))
    return total


class _Exp:
    """exp(x + rest), `rest` so small that it changes no k: in parts, (1 + grown) * two powers of 2."""

    def __init__(self, w: Writer, x: Vector, rest: Vector | None = None) -> None:
        builder, self.w = w.builder, w
        x = x.at_least(w.constant(LOWEST)).at_most(w.constant(HIGHEST))
        shifted = x.times_plus(w.constant(log2(e)), w.constant(MAGIC))
        k = shifted - w.constant(MAGIC)
        r = k.times_plus(w.constant(-LN2[1]), k.times_plus(w.constant(-LN2[0]), x))
        if rest is not None:
            r = r + rest
        self.grown = _polynomial(w, EXP, r).times_plus(r * r, r)
        bits = ir.VectorType(ir.IntType(32), w.vector.count)
        whole = builder.sub(builder.bitcast(shifted.value, bits), builder.bitcast(w.constant(MAGIC).value, bits))
        half = builder.ashr(whole, ir.Constant(bits, [1] * bits.count))
        self.powers = self._power(half, bits), self._power(builder.sub(whole, half), bits)

    def _power(self, k: Any, bits: Any) -> Vector:
        builder = self.w.builder
        exponent = builder.add(k, ir.Constant(bits, [127] * bits.count))
        return Vector(
            builder, builder.bitcast(builder.shl(exponent, ir.Constant(bits, [23] * bits.count)), self.w.vector)
        )

    def value(self) -> Vector:
        """Return exp."""
        return (self.grown + self.w.constant(1)) * self.powers[0] * self.powers[1]

    def less_one(self) -> Vector:
        """Return exp - 1."""
        power = self.powers[0] * self.powers[1]
        return self.grown.times_plus(power, power - self.w.constant(1))


def _absolute(w: Writer, x: Vector) -> Vector:
    return w.call("llvm.fabs", x)


def _exp(w: Writer, x: Vector, _: Vector) -> Vector:
    return _Exp(w, x).value()


def _sigmoid(w: Writer, x: Vector, _: Vector) -> Vector:
    """1 / (1 + exp(-x)), from exp(-|x|), which does not overflow."""
    power = _Exp(w, -1.0 * _absolute(w, x)).value()
    return x.where_negative(power, w.constant(1)) / (w.constant(1) + power)


def _gated(w: Writer, x: Vector, gate: Vector) -> Vector:
    """X * gate, which is 0 at minus infinity."""
    return x.at_least(w.constant(-LARGEST)) * gate


def _silu(w: Writer, x: Vector, _: Vector) -> Vector:
    return _gated(w, x, _sigmoid(w, x, _))


def _tanh(w: Writer, x: Vector, _: Vector) -> Vector:
    """-m / (2 + m), m = exp(-2 |x|) - 1, with the sign of x."""
    less = _Exp(w, -2.0 * _absolute(w, x)).less_one()
    size = less / (w.constant(2) + less)
    return w.call("llvm.copysign", size, x)


def _gelu(w: Writer, x: Vector, _: Vector) -> Vector:
    """Return x times the share of a normal distribution below x; the square in its exponent is split, to be exact."""
    builder = w.builder
    size = _absolute(w, x).at_most(w.constant(16))
    bits = ir.VectorType(ir.IntType(32), w.vector.count)
    short = builder.and_(builder.bitcast(size.value, bits), ir.Constant(bits, [-(1 << 12)] * bits.count))
    coarse = Vector(builder, builder.bitcast(short, w.vector))
    bell = _Exp(w, -0.5 * (coarse * coarse), -0.5 * ((size - coarse) * (size + coarse))).value()
    ratio = (size - w.constant(4)) / (size + w.constant(4))
    beyond = bell * _polynomial(w, TAIL, ratio) / (size + w.constant(1))
    return _gated(w, x, x.where_negative(beyond, w.constant(1) - beyond))


def _gelu_tanh(w: Writer, x: Vector, _: Vector) -> Vector:
    """X sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)), GELU's approximation."""
    near = x.at_least(w.constant(-100)).at_most(w.constant(100))
    cube = near * near * near
    inner = (2 * sqrt(2 / pi)) * (near + 0.044715 * cube)
    return _gated(w, x, _sigmoid(w, inner, _))


def _hard_sigmoid(w: Writer, x: Vector, _: Vector) -> Vector:
    return (x + w.constant(3)).at_least(w.zero()).at_most(w.constant(6)) / w.constant(6)


def _hard_silu(w: Writer, x: Vector, _: Vector) -> Vector:
    return x.at_least(w.constant(-3)) * _hard_sigmoid(w, x, _)


def _leaky_relu(w: Writer, x: Vector, slope: Vector) -> Vector:
    return x.where_negative(x * slope, x)


def _elu(w: Writer, x: Vector, alpha: Vector) -> Vector:
    return x.at_least(w.zero()) + alpha * _Exp(w, x.at_most(w.zero())).less_one()


FUNCTIONS: dict[str, Callable[[Writer, Vector, Vector], Vector]] = {
    "exponential": _exp,
    "sigmoid": _sigmoid,
    "silu": _silu,
    "tanh": _tanh,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _hard_silu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
}
"""By name; compiled code knows them by their places here. The last two have a parameter."""

CODE = ir.FunctionType(ir.VoidType(), [INT] * 6 + [ir.DoubleType()])


@instruction
def code(typing: Any) -> Any:
    """Return the address of code (source, target, step, rows, columns, function, parameter).

    It reads rows of so many float32 at the source, applies a function of `FUNCTIONS`, by number, and writes to the
    target, which may be the source; `step` leads from one row to the next, in numbers. Kernels call this code by its
    address, so that it is compiled once and not into each of them.
    """

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        run = ir.Function(builder.module, CODE, builder.module.get_unique_name("activate"))
        run.linkage = "internal"
        own = ir.IRBuilder(run.append_basic_block())
        _write_code(Writer(own, types.float32), *run.args)
        own.ret_void()
        return builder.ptrtoint(run, INT)

    return types.int64(), write


def _write_code(
    w: Writer, source: Any, target: Any, step: Any, rows: Any, columns: Any, function: Any, parameter: Any
) -> None:
    given = w.to_all(w.builder.fptrunc(parameter, w.scalar))

    def make(x: Vector) -> Vector:
        return w.chosen(function, x, [partial(write, w, x, given) for write in FUNCTIONS.values()])

    with w.loop(rows) as row:
        here = w.builder.mul(row, step)
        w.row([partial(w.address, source, here)], w.address(target, here), columns, make)


@instruction
def call(
    typing: Any,
    code: Any,
    source: Any,
    target: Any,
    step: Any,
    rows: Any,
    columns: Any,
    function: Any,
    parameter: Any,
) -> Any:
    """Call the code at an address with the other arguments."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.call(builder.inttoptr(args[0], CODE.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7, types.float64), write
