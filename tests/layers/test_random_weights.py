"""Random weights keep the scale of a network of ReLUs: each layer doubles the variance that ReLU will halve."""

import numpy as np
import pytest

from convlab.layers import Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, SeparableConv2D
from convlab.model.initialise import randomise
from convlab.model.model import Model

IMAGE, SEQUENCE = (12, 14, 64), (168, 64)
KINDS = {
    "dense": (Dense("m", 48), IMAGE),
    "conv": (Conv2D("m", 48, (3, 2)), IMAGE),
    "groups": (Conv2D("m", 48, (3, 5), groups=4), IMAGE),
    "sequence": (Conv1D("m", 48, 3), SEQUENCE),
    "depthwise": (DepthwiseConv2D("m", (3, 5), depth_multiplier=2), IMAGE),
    "to few channels": (Conv2DTranspose("m", 3, (3, 2)), IMAGE),
    "from few channels": (Conv2DTranspose("m", 64, (3, 2)), (12, 14, 3)),
    "twice as large": (Conv2DTranspose("m", 3, (2, 4), 2, "same"), IMAGE),
    "three times as long": (Conv1DTranspose("m", 5, 3, 3), SEQUENCE),
}


def gain(layer, shape):
    """Return by how much a layer multiplies the variance of numbers around 0."""
    model = Model.sequential("one", shape, [layer])
    randomise(model, 3)
    x = np.random.default_rng(4).normal(size=(3, *shape))
    return model.predict(x).var() / x.var()


@pytest.mark.parametrize(("layer", "shape"), KINDS.values(), ids=KINDS)
def test_the_variance_is_doubled(layer, shape):
    """It is fan_in * 2 / fan_in (He et al., section 2.2); at least 192 weights are drawn, so a tenth is chance."""
    assert gain(layer, shape) == pytest.approx(2, rel=0.2)


def test_both_kernels_of_a_separable_convolution_double_it():
    assert gain(SeparableConv2D("m", 48, (3, 5), depth_multiplier=2), IMAGE) == pytest.approx(4, rel=0.2)
