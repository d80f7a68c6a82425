"""What the functions are called on."""

import numpy as np

from .cases import BATCH, SIDES


def given(side):
    """Return the images t or u: numbers of float32 around 0, both signs, none of them near another."""
    rng = np.random.RandomState({"t": 5, "u": 6}[side])
    return rng.uniform(-1.5, 2, (BATCH, *SIDES)).astype("float32")
