"""What the functions are called on."""

import numpy as np

from .cases import BATCH, SIDES


def given(side):
    """Return the images t or u: numbers of float32 around 0, both signs, none of them near another."""
    rng = np.random.RandomState({"t": 5, "u": 6}[side])
    return rng.uniform(-1.5, 2, (BATCH, *SIDES)).astype("float32")


def picture(shape):
    """Return a batch of pictures, 0 to 255."""
    return np.random.RandomState(7).randint(0, 256, (BATCH, *shape)).astype("float32")


def weights(shapes):
    """Return weights by rule, none of which is like another, in the order of their shapes."""
    rng = np.random.RandomState(8)
    return [_weight(rng, shape) for shape in shapes]


def _weight(rng, shape):
    if len(shape) < 2:
        return rng.uniform(0.5, 1.5, shape).astype("float32")
    return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))).astype("float32")
