"""Inputs and weights by rule, the same for whoever records and whoever tests.

They have few bits, so that sums of their products are exact in float32 whatever the order of summation.
"""

import zlib

import numpy as np

N = 2
SAMPLES = 96
WORDS = (12,)
"""An input of this shape is of words: whole numbers from 0 to 7."""


def _eighths(seed, shape, low, high):
    """Return multiples of 1/8; the stream of RandomState is frozen for all versions of NumPy."""
    random = np.random.RandomState(zlib.crc32(seed.encode()))
    return (random.randint(low, high + 1, shape) / 8).astype(np.float32)


def given(name, shape):
    """Return the batch for the input of that name, (N, *shape), within [-2, 2] unless it is of words."""
    if tuple(shape) == WORDS:
        return _eighths("input " + name, (N, *shape), 0, 7) * 8
    return _eighths("input " + name, (N, *shape), -16, 16)


def weight(layer, index, shape):
    """Return the weight number `index` of a layer.

    What has one axis may be a variance: it is positive. What has several is scaled by the power of two that keeps
    the size of the numbers through deep networks.
    """
    seed = f"{layer} {index}"
    if len(shape) < 2:
        return _eighths(seed, shape, 4, 12)
    fan_in = int(np.prod(shape[:-1]))
    scale = np.float32(2.0 ** -round(np.log2(fan_in) / 2))
    return _eighths(seed, shape, -12, 12) * scale


def samples(array, at_most=SAMPLES):
    """Return a number of numbers spread evenly over an array, and always its first and last."""
    flat = np.asarray(array).reshape(-1)
    return flat[np.linspace(0, flat.size - 1, min(at_most, flat.size)).astype(int)]
