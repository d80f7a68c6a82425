"""The exact convolution, and the distance to which rounding may take one from it.

Written once more, with no code of the kernels: one matrix product in float64 for each cell of the window, on a view
of the image that is shifted there. A sum of K products in whatever order errs by at most gamma_K times the sum of
their magnitudes, gamma_K = K u / (1 - K u), u the unit roundoff: Higham, "Accuracy and Stability of Numerical
Algorithms" (2nd edition), section 3.1. That is the worst that can happen to one number. All together are held to what
is likely: with products of random signs the error is a small multiple of u times that sum, whatever K is (Higham and
Mary, "Sharper probabilistic backward error analysis for basic linear algebra kernels with random data", SIAM Journal
on Scientific Computing 42:5, 2020). A method that sums other products than these (Winograd's) states a factor.
"""

from dataclasses import dataclass

import numpy as np

from convlab.bench.case import Case
from convlab.runtime.arrays import Array

LIKELY = 8
"""The small multiple: so many times u is the norm of the error allowed to be, of the norm of the magnitudes."""


@dataclass(frozen=True)
class Exact:
    """The output of a case, and how far from it rounding may take another.

    Attributes
    ----------
    value : array (N, OH, OW, O)
        In float64.
    bound : array (N, OH, OW, O)
        The error allowed to each number.
    together : float
        The L2 norm allowed to the error of all.
    """

    value: Array
    bound: Array
    together: float

    def verdict(self, actual: Array, amplification: float = 1.0) -> tuple[float, float]:
        """Return the relative L2 error, and the error as a share of what is allowed; NaN is infinitely wrong.

        The share is that of the worst number or that of all, whichever is larger; what is not above 1 is right.
        """
        error = np.abs(actual - self.value)
        norm = float(np.linalg.norm(error))
        share = max(float(np.max(error / self.bound)), norm / self.together) / amplification
        relative = norm / float(np.linalg.norm(self.value))
        return (relative, share) if np.isfinite(error).all() else (np.inf, np.inf)


def exact(case: Case) -> Exact:
    """Compute a case in float64."""
    x, w, b = (array.astype(np.float64) for array in case.arrays())
    value = _convolve(case, x, w) + b
    magnitude = _convolve(case, np.abs(x), np.abs(w)) + np.abs(b)
    bound = (_gamma(case.terms, case.dtype) + _gamma(case.terms, "float64")) * magnitude
    together = LIKELY * _unit(case.dtype) * float(np.linalg.norm(magnitude))
    return Exact(value, bound, together)


def _unit(dtype: str) -> float:
    return float(np.finfo(dtype).eps) / 2


def _gamma(terms: int, dtype: str) -> float:
    return terms * _unit(dtype) / (1 - terms * _unit(dtype))


def _convolve(case: Case, x: Array, w: Array) -> Array:
    n, oh, ow, o = case.output
    (top, bottom), (left, right) = case.window.pads(case.image[:2])
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    (kh, kw), (dh, dw), (sh, sw) = case.window.kernel, case.window.dilation, case.window.stride
    g = case.groups
    total = np.zeros((g, n * oh * ow, o // g))
    for ky, kx in np.ndindex(kh, kw):
        rows = slice(ky * dh, ky * dh + (oh - 1) * sh + 1, sh)
        columns = slice(kx * dw, kx * dw + (ow - 1) * sw + 1, sw)
        # (G, N*OH*OW, C/G) @ (G, C/G, O/G) -> (G, N*OH*OW, O/G)
        seen = padded[:, rows, columns].reshape(n * oh * ow, g, -1).transpose(1, 0, 2)
        total += seen @ w[ky, kx].reshape(-1, g, o // g).transpose(1, 0, 2)
    return total.transpose(1, 0, 2).reshape(n, oh, ow, o)
