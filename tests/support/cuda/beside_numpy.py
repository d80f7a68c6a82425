"""What is computed on the device beside what NumPy computes of the same numbers."""

import numpy as np

from convlab.runtime.arrays import module_of
from convlab.runtime.policy import using_policy
from support.closeness import assert_close, gamma, sum_bound

DTYPES = [np.float32, np.float64]

SIZE = 8.0
"""No number on the way to a result is larger, here."""


def numbers(seed, shape, dtype, low=-1.0, high=1.0):
    """Return numbers that float32 holds exactly."""
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32).astype(dtype)


def assert_as_numpy(device, compute, *arrays, terms=0, magnitude=None):
    """Assert that a function of arrays returns on the device what it returns for NumPy's, and leaves it there.

    By default the steps are the same, so the stand-in's result is to the bit; on a GPU each step may be rounded
    otherwise. With `terms`, results are sums of so many products, and `magnitude` those of the products' magnitudes.
    """
    with using_policy(False):
        expected = compute(*(array.astype(np.float64) if terms else array for array in arrays))
    given = [device.take(array) for array in arrays]
    found = compute(*given)
    assert module_of(found) is device.cupy
    assert found.dtype == arrays[0].dtype
    for array, kept in zip(given, arrays, strict=True):
        assert np.array_equal(device.give(array), kept, equal_nan=True)
    if terms:
        bound = sum_bound(terms, magnitude, found.dtype)
    else:
        bound = 0.0 if device.transfers is not None else gamma(64, found.dtype) * SIZE
    assert_close(device.give(found), expected, bound)


def assert_no_copies(device):
    """Assert that nothing was copied between host and device."""
    assert not device.transfers
