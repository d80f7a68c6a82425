"""Memory that begins where a cache line does."""

import numpy as np
from numpy.typing import NDArray

LINE = 64
"""Bytes of a cache line: arrays begin at one, so that no vector lies across two."""


def aligned(size: int) -> NDArray[np.uint8]:
    """Return so many bytes, not set, that begin at a cache line."""
    whole = np.empty(size + LINE, np.uint8)
    return whole[-whole.ctypes.data % LINE :][:size]
