"""The exact convolution, and the distance to which rounding may take one from it.

Written once more, with no code of the kernels: one matrix product in float64 for each cell of the window, on a view
of the image that is shifted there. A sum of K products in whatever order errs by at most gamma_K times the sum of
their magnitudes, gamma_K = K u / (1 - K u), u the unit roundoff: Higham, "Accuracy and Stability of Numerical
Algorithms" (2nd edition), section 3.1. That is the worst that can happen to one number. All together are held to what
is likely: with products of random signs the error is a small multiple of u times that sum, whatever K is (Higham and
Mary, "Sharper probabilistic backward error analysis for basic linear algebra kernels with random data", SIAM Journal
on Scientific Computing 42:5, 2020). What sums other products than these (Winograd's) is allowed a factor.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from convlab.bench.case import Case
from convlab.bench.error_classes import Distance
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
    scale : float
        The L2 norm that the output would have, were all signs random.
    """

    value: Array
    bound: Array
    together: float
    scale: float

    def distance(self, actual: Array) -> Distance:
        """Return how far a result is from this; NaN is infinitely far.

        The share of what is allowed is that of the worst number or that of all, whichever is larger.
        """
        error = np.abs(actual - self.value)
        if not np.isfinite(error).all():
            return Distance(np.inf, np.inf, np.inf)
        norm = float(np.linalg.norm(error))
        share = max(float(np.max(error / self.bound)), norm / self.together)
        with np.errstate(divide="ignore", invalid="ignore"):  # all of it may be 0
            relative = float(norm / np.linalg.norm(self.value))
        return Distance(relative, share, norm / self.scale)

    def verdict(self, actual: Array, amplification: float = 1.0) -> tuple[float, float]:
        """Return the relative L2 error, and the error as a share of what is allowed; what is above 1 is wrong."""
        found = self.distance(actual)
        return found.relative, found.share / amplification


def exact(case: Case, seed: int = 0) -> Exact:
    """Compute a case in float64, on the numbers of a seed."""
    x, w, b = (array.astype(np.float64) for array in case.arrays(seed))
    magnitude = _convolve(case, np.abs(x), np.abs(w)) + np.abs(b)
    return around(_convolve(case, x, w) + b, magnitude, case.terms, case.dtype)


def around(value: Array, magnitude: Array, terms: int, dtype: str) -> Exact:
    """Return sums of so many products, and how far from them rounding may take others, by the sums of magnitudes."""
    bound = (gamma(terms, dtype) + gamma(terms, "float64")) * magnitude
    norm = float(np.linalg.norm(magnitude))
    return Exact(value, bound, LIKELY * unit(dtype) * norm, norm / terms**0.5)


def unit(dtype: str) -> float:
    """Return the unit roundoff."""
    return float(np.finfo(dtype).eps) / 2


def gamma(terms: int, dtype: str) -> float:
    """Return the error of a sum of so many products, by that of their magnitudes."""
    return terms * unit(dtype) / (1 - terms * unit(dtype))


def windows(case: Case, x: Array) -> Iterator[tuple[tuple[int, int], Array]]:
    """Yield each cell (ky, kx) of the window, and what all outputs see there: a view (N, OH, OW, C) of the image."""
    _, oh, ow, _ = case.output
    (top, bottom), (left, right) = case.window.pads(case.image[:2])
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    (kh, kw), (dh, dw), (sh, sw) = case.window.kernel, case.window.dilation, case.window.stride
    for ky, kx in np.ndindex(kh, kw):
        rows = slice(ky * dh, ky * dh + (oh - 1) * sh + 1, sh)
        columns = slice(kx * dw, kx * dw + (ow - 1) * sw + 1, sw)
        yield (ky, kx), padded[:, rows, columns]


def _convolve(case: Case, x: Array, w: Array) -> Array:
    (n, oh, ow, o), g = case.output, case.groups
    total = np.zeros((g, n * oh * ow, o // g))
    for cell, seen in windows(case, x):
        # (G, N*OH*OW, C/G) @ (G, C/G, O/G) -> (G, N*OH*OW, O/G)
        grouped = seen.reshape(n * oh * ow, g, -1).transpose(1, 0, 2)
        total += grouped @ w[cell].reshape(-1, g, o // g).transpose(1, 0, 2)
    return total.transpose(1, 0, 2).reshape(n, oh, ow, o)
