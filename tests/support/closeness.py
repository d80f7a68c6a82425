"""How far a computed number may lie from the exact one, and what to say when it lies further.

A sum of K products computed in floating point, in whatever order, errs by at most gamma_K times the sum of the
products' magnitudes, gamma_K = K u / (1 - K u), u the unit roundoff: Higham, "Accuracy and Stability of Numerical
Algorithms" (2nd edition), section 3.1, equations 3.3 and 3.4. No test here allows more.
"""

import numpy as np


def gamma(terms, dtype):
    """Return Higham's gamma_K for K = `terms` roundings in `dtype`."""
    u = np.finfo(dtype).eps / 2
    return terms * u / (1 - terms * u)


def sum_bound(terms, magnitude, dtype):
    """Return the error allowed to a sum of `terms` products in `dtype`, beside a reference summed in float64."""
    return (gamma(terms, dtype) + gamma(terms, np.float64)) * magnitude


def assert_close(actual, expected, bound, label=""):
    """Assert equal shapes, and |actual - expected| <= bound everywhere (NaN and infinities where expected)."""
    assert actual.shape == expected.shape, f"{label}: shape {actual.shape}, expected {expected.shape}"
    both = np.broadcast_arrays(actual.astype(np.float64), expected, bound)
    wrong = [tuple(index) for index in np.argwhere(~_within(*both)).tolist()]
    if wrong:
        worst = max(wrong, key=lambda index: _excess(*(array[index] for array in both)))
        got, wanted, allowed = (float(array[worst]) for array in both)
        raise AssertionError(
            f"{label}: {len(wrong)} of {actual.size} values are off; the worst, at {worst}, is {got!r}, expected"
            f" {wanted!r}: error {abs(got - wanted):.3g}, tolerance {allowed:.3g}"
        )


def _within(actual, expected, bound):
    finite = np.isfinite(actual) & np.isfinite(expected)
    difference = np.abs(np.subtract(actual, expected, where=finite, out=np.zeros(actual.shape)))
    same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
    return np.where(finite, difference <= bound, same)


def _excess(actual, expected, bound):
    error = abs(actual - expected) if np.isfinite([actual, expected]).all() else np.inf
    return error - bound
