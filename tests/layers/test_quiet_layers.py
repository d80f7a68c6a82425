"""Infinities and NaN are results: no layer, and no function, warns of them."""

import numpy as np
import pytest

import convlab
from convlab.layers import (
    Add,
    Average,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    CustomScaleLayer,
    Dense,
    Elementwise,
    GlobalAveragePooling2D,
    GroupNormalization,
    LayerNormalization,
    LayerScale,
    LeakyReLU,
    Multiply,
    Normalization,
    PReLU,
    Reduce,
    ReLU,
    Rescaling,
    Resizing,
    SeparableConv2D,
    Subtract,
    UnitNormalization,
)
from convlab.layers.merging import Merge

pytestmark = pytest.mark.usefixtures("both_ways")

SHAPE = (7, 5, 4)
HUGE = np.resize(np.array([np.inf, -np.inf, np.nan, 3e38, -3e38, 0, 1], np.float32), (3, *SHAPE))
NOISY = {
    "add": Add("m"),
    "subtract": Subtract("m"),
    "multiply": Multiply("m"),
    "average": Average("m"),
    "scaled sum": CustomScaleLayer("m", scale=5.0),
    "divide": Elementwise("m", "divide", (None, 0.0)),
    "power": Elementwise("m", "power", (None, 9.0)),
    "logarithm": Elementwise("m", "log"),
    "sum": Reduce("m", "sum", (1, 2)),
    "deviation": Reduce("m", "standard_deviation", (1, 2)),
    "log of sum of exp": Reduce("m", "log_sum_exp", -1),
    "dense": Dense("m", 3),
    "conv": Conv2D("m", 3, 2),
    "transposed": Conv2DTranspose("m", 3, 2),
    "separable": SeparableConv2D("m", 3, 2),
    "batch": BatchNormalization("m", epsilon=0),
    "layer": LayerNormalization("m", epsilon=0),
    "group": GroupNormalization("m", 2),
    "unit": UnitNormalization("m"),
    "rescaling": Rescaling("m", 5.0, 1.0),
    "scale": LayerScale("m"),
    "normalization": Normalization("m", mean=-1e38, variance=1e-6),
    "denormalization": Normalization("m", mean=1e38, variance=25.0, invert=True),
    "leaky": LeakyReLU("m", 2.0),
    "relu": ReLU("m", negative_slope=2.0, threshold=1e38),
    "prelu": PReLU("m"),
    "average pool": AveragePooling2D("m", 2),
    "mean": GlobalAveragePooling2D("m"),
    "resizing": Resizing("m", 5, 4),
}


@pytest.mark.parametrize("layer", NOISY.values(), ids=NOISY)
def test_what_is_not_finite_is_a_result_and_no_warning(layer):
    """A warning fails any test; that numbers can be so large that there would be one is seen without `quiet`."""
    several = isinstance(layer, Merge) and not isinstance(layer, Elementwise)
    inputs = [HUGE, HUGE[::-1]] if several else [HUGE]
    layer.build(*[SHAPE] * len(inputs))
    if layer.shapes:  # with a variance of 0, and a weight beyond float32
        layer.set_weights(**{name: np.resize([0, 1e300, 2], shape) for name, shape in layer.shapes.items()})
    assert not np.isfinite(layer(*inputs)).all()


def test_the_functions_are_as_quiet_as_the_layers():
    x = HUGE.reshape(-1, 4)
    assert not np.isfinite(convlab.dense(x, np.full((4, 3), 2e38, np.float32))).all()
    zeros = np.zeros(4, np.float32)
    assert not np.isfinite(convlab.batch_norm(x, zeros, zeros, epsilon=0)).all()
