"""Bytes copied and cleared: those asked for, and none beside them."""

import numba
import numpy as np
import pytest

from convlab_kernels.cpu.runtime.jit import address
from convlab_kernels.cpu.runtime.memory import clear, copy


@numba.njit
def copied(source, target, first, size):
    copy(address(source, first), address(target, first), size)
    return source[0] + target[0]  # both are there until here


@numba.njit
def cleared(target, first, size):
    clear(address(target, first), size)
    return target[0]


@pytest.mark.parametrize("size", [0, 1, 7, 64, 129])
def test_bytes_are_copied_and_cleared(size):
    source = np.random.default_rng(size).integers(1, 255, 200).astype(np.uint8)
    target = np.full(200, 255, np.uint8)
    copied(source, target, 3, size)
    assert np.array_equal(target[3 : 3 + size], source[3 : 3 + size])
    assert (target[:3] == 255).all() and (target[3 + size :] == 255).all()
    cleared(target, 3, size)
    assert not target[3 : 3 + size].any() and (target[:3] == 255).all() and (target[3 + size :] == 255).all()
