"""What every layer pulls back, beside central differences of what it computes, in float64."""

import numpy as np
import pytest

from convlab.errors import UnsupportedError
from support.layers.beside_keras import built
from support.layers.samples import every_layer, inputs_for

REFUSED = {  # what they take or compute has no derivative that convlab knows
    "Embedding", "Lambda", "Residual",
}  # fmt: skip
STEP = 1e-6

CASES = [pytest.param(name, layer, shapes, id=f"{name}-{i}") for i, (name, layer, shapes) in enumerate(every_layer())]


@pytest.mark.parametrize(("name", "layer", "shapes"), CASES)
def test_pulling_back_is_the_adjoint_of_the_derivative(name, layer, shapes):
    """<pull_back(g), v> is <g, d layer(x + t v) / dt>: by central differences, away from kinks."""
    built(layer, *shapes)
    rng = np.random.default_rng(5)
    inputs = [x.astype(np.float64) for x in inputs_for(layer, shapes)]
    y = layer(*inputs)
    g = rng.normal(size=y.shape)
    if name in REFUSED:
        with pytest.raises(UnsupportedError, match="through which convlab has no gradient"):
            layer.pull_back(g, tuple(inputs), y)
        return
    pulled = layer.pull_back(g, tuple(inputs), y)
    assert [part.shape for part in pulled] == [x.shape for x in inputs]
    for i, (x, part) in enumerate(zip(inputs, pulled, strict=True)):
        v = rng.normal(size=x.shape)
        up, down = ([*inputs[:i], x + sign * STEP * v, *inputs[i + 1 :]] for sign in (0.5, -0.5))
        difference = (layer(*up) - layer(*down)) / STEP
        expected, size = (g * difference).sum(), np.abs(g * difference).sum()
        assert abs((part * v).sum() - expected) <= 1e-7 * size + 1e-9, name


@pytest.mark.parametrize(("name", "layer", "shapes"), CASES)
def test_no_images_have_no_gradients(name, layer, shapes):
    if name in REFUSED:
        pytest.skip("it has none at all")
    built(layer, *shapes)
    none = [x[:0] for x in inputs_for(layer, shapes)]
    y = layer(*none)
    assert [part.shape for part in layer.pull_back(y, tuple(none), y)] == [x.shape for x in none]
