"""The adjoint of a convolution, phase by phase: exact, and with no product that the convolution does not have."""

from itertools import product

import numpy as np
import pytest

import convlab
from convlab import ops
from convlab.layers import Conv2D
from convlab_kernels.window import Window

WALKS = [
    (stride, dilation, padding)
    for stride, dilation in product([(1, 1), (2, 1), (3, 2), (2, 4), (5, 3)], [(1, 1), (2, 3), (4, 2)])
    for padding in [0, "same", ((4, 1), (0, 5)), ((9, 8), (7, 6))]
]


@pytest.mark.parametrize(("stride", "dilation", "padding"), WALKS)
@pytest.mark.parametrize("groups", [1, 2])
def test_pulling_back_is_the_adjoint(stride, dilation, padding, groups):
    layer = Conv2D("c", 6, (3, 2), stride=stride, dilation=dilation, padding=padding, groups=groups)
    layer.build((17, 14, 4))
    rng = np.random.default_rng(0)
    w, b = rng.normal(size=(3, 2, 4 // groups, 6)).astype(np.float32), np.zeros(6)
    layer.set_weights(kernel=w, bias=b)
    v = rng.normal(size=(2, 17, 14, 4))
    y = convlab.conv2d(v, w.astype(float), None, stride, padding, dilation, groups)
    g = rng.normal(size=y.shape)
    (pulled,) = layer.pull_back(g, (v,), y)
    assert abs((pulled * v).sum() - (g * y).sum()) <= 1e-13 * np.abs(g * y).sum()


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 7])
def test_each_cell_of_the_kernel_is_in_one_phase(stride):
    """Spreading the gradient by the stride would put all of them into each: stride x stride times the products."""
    parts = ops.phases(Window.parse((7, 5), stride, padding=2), (23, 29))
    taps = [tap for rows, columns in parts for tap in product(rows.taps, columns.taps)]
    assert sorted(taps) == sorted(product(range(7), range(5)))
