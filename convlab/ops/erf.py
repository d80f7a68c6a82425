"""The error function and its complement, which NumPy lacks.

Cody, "Rational Chebyshev approximations for the error function" (Mathematics of Computation 23, 1969): one quotient
of polynomials for each of three ranges of |x|, good to 18 digits, so its error is far below the rounding of float64.
"""

from collections.abc import Sequence
from functools import reduce
from math import pi, sqrt

import numpy as np

from convlab.runtime.arrays import Array, ArrayLike, as_floats, module_of

Polynomial = Sequence[float]  # coefficients, the highest power first

_CENTRE: tuple[Polynomial, Polynomial] = (  # of x^2, |x| <= 0.46875: erf(x) / x
    (
        1.85777706184603153e-1,
        3.16112374387056560,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_FLANK: tuple[Polynomial, Polynomial] = (  # of |x|, up to 4: erfc(x) exp(x^2)
    (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    ),
)
_TAIL: tuple[Polynomial, Polynomial] = (  # of 1 / x^2, |x| > 4: (1 / sqrt(pi) - erfc(x) exp(x^2) |x|) x^2
    (
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4,
    ),
    (
        1.0,
        2.56852019228982242,
        1.87295284992346725,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)


def erfc(x: ArrayLike) -> Array:
    """Return 1 - erf(x), the area 2 / sqrt(pi) exp(-t^2) beyond x, without the loss of digits where erf is near 1."""
    (x,) = as_floats(x)
    size = abs(x)
    if (xp := module_of(x)) is not np:  # how many numbers lie in a range, a GPU would have to tell the host
        inner: Array = xp.where(size <= 0.46875, _centre(x), xp.where(size <= 4, _flank(x), _tail(x)))
        return inner
    out: Array = x.copy()  # NaN lies in no range
    for inside, compute in (
        (size <= 0.46875, _centre),
        ((size > 0.46875) & (size <= 4), _flank),
        (size > 4, _tail),
    ):
        out[inside] = compute(x[inside])
    return out


def erf(x: ArrayLike) -> Array:
    """Return 1 - erfc(x), the area 2 / sqrt(pi) exp(-t^2) between 0 and x, with all its digits near 0."""
    (x,) = as_floats(x)
    near = module_of(x).clip(x, -0.46875, 0.46875)
    return module_of(x).where(near == x, near * _quotient(_CENTRE, near * near), 1 - erfc(x))


def _centre(x: Array) -> Array:
    return 1 - x * _quotient(_CENTRE, x * x)


def _flank(x: Array) -> Array:
    size = abs(x)
    return _both_sides(x, _bell(size) * _quotient(_FLANK, size))


def _tail(x: Array) -> Array:
    size = module_of(x).minimum(abs(x), 30)  # from 27 on, erfc is 0 in float64 too
    inverse = 1 / (size * size)
    return _both_sides(x, _bell(size) / size * (1 / sqrt(pi) - inverse * _quotient(_TAIL, inverse)))


def _both_sides(x: Array, right: Array) -> Array:
    """Return erfc(x), given erfc(|x|)."""
    return module_of(x).where(x < 0, 2 - right, right)


def _bell(size: Array) -> Array:
    """Return exp(-size^2), the square split into one that is exact and a small rest (Cody's section on exp)."""
    xp = module_of(size)
    coarse = xp.trunc(size * 16) / 16
    return xp.exp(-coarse * coarse) * xp.exp(-(size - coarse) * (size + coarse))


def _quotient(polynomials: tuple[Polynomial, Polynomial], x: Array) -> Array:
    """Return P(x) / Q(x), each by Horner's rule."""
    above, below = (reduce(lambda total, c: total * x + c, p, np.zeros_like(x)) for p in polynomials)
    return above / below
