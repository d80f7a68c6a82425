"""What every layer pulls back, in float64: beside central differences, and of convolutions the exact adjoint."""

import numpy as np
import pytest

from convlab.errors import UnsupportedError
from support.adjoint import check_beside_differences, check_convolution
from support.kernels.sweep import CORNERS, CROSSED
from support.layers.beside_keras import built
from support.layers.samples import every_layer, inputs_for

REFUSED = {  # what they take or compute has no derivative that convlab knows
    "Embedding", "Lambda", "Residual",
}  # fmt: skip

CASES = [pytest.param(name, layer, shapes, id=f"{name}-{i}") for i, (name, layer, shapes) in enumerate(every_layer())]


@pytest.mark.parametrize(("name", "layer", "shapes"), CASES)
def test_pulling_back_is_the_adjoint_of_the_derivative(name, layer, shapes):
    built(layer, *shapes)
    inputs = [x.astype(np.float64) for x in inputs_for(layer, shapes)]
    if name in REFUSED:
        y = layer(*inputs)
        with pytest.raises(UnsupportedError, match="through which convlab has no gradient"):
            layer.pull_back(y, tuple(inputs), y)
        return
    check_beside_differences(name, layer, inputs)


def test_pulling_back_through_every_convolution_of_the_sweep_is_its_adjoint():
    for case in (*CROSSED, *CORNERS):
        check_convolution(case)


@pytest.mark.parametrize(("name", "layer", "shapes"), CASES)
def test_no_images_have_no_gradients(name, layer, shapes):
    if name in REFUSED:
        pytest.skip("it has none at all")
    built(layer, *shapes)
    none = [x[:0] for x in inputs_for(layer, shapes)]
    y = layer(*none)
    assert [part.shape for part in layer.pull_back(y, tuple(none), y)] == [x.shape for x in none]
