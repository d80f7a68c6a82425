"""A layer keeps nothing of a call: what it said and made of one size it says and makes again after another."""

import inspect

import numpy as np
import pytest

from convlab.errors import ShapeError
from convlab.layers import Layer
from support.layers.beside_keras import built
from support.layers.samples import every_layer, inputs_for

SAMPLES = list(every_layer())


def larger(shapes):
    """Return the shapes with the first side twice as long, where it is not one that is repeated."""
    return [(side if side == 1 else 2 * side, *others) for side, *others in shapes]


def told(layer, shapes):
    """Return everything that a layer says of inputs of these shapes."""
    layer.check_inputs(*shapes)
    weights = layer.weight_shapes(*shapes)
    fans = [layer.fan_in(name, *shapes) for name in weights if name.endswith("kernel")]
    return weights, layer.infer_shape(*shapes), layer.window_on(*shapes), layer.multiply_adds(*shapes), fans


def kept(layer):
    """Return all that a layer holds, and a layer inside it, but for what is prepared from it."""
    return {
        name: kept(value) if isinstance(value, Layer) else repr(value)
        for name, value in vars(layer).items()
        if name != "_held"
    }


def concrete(kind):
    """Return the classes of ours below one that can be made."""
    found = {kind} if kind.__module__.startswith("convlab.layers.") and not inspect.isabstract(kind) else set()
    return found.union(*(concrete(one) for one in kind.__subclasses__()))


def test_every_layer_is_here():
    assert {type(layer) for _, layer, _ in SAMPLES} == concrete(Layer), (
        "a row of SAME in support/layers/samples.py, or of SUMS if it adds up"
    )


@pytest.mark.parametrize(("name", "layer", "shapes"), SAMPLES, ids=[name for name, *_ in SAMPLES])
def test_a_layer_keeps_nothing_of_a_call(name, layer, shapes):
    before = kept(built(layer, *shapes))
    first, x, others = told(layer, shapes), inputs_for(layer, shapes), larger(shapes)
    y = layer(*x)
    assert first[1] == y.shape[1:]
    try:
        shape = layer.build(*others)
    except ShapeError:
        pass  # its weights or options fix the size
    else:
        other = layer(*inputs_for(layer, others))
        assert shape == told(layer, others)[1] == other.shape[1:]
    assert kept(layer) == before
    assert told(layer, shapes) == first
    assert np.array_equal(layer(*x), y)


def test_every_layer_is_tried_on_another_size():
    def takes(layer, shapes):
        try:
            built(layer, *shapes).build(*larger(shapes))
        except ShapeError:
            return False
        return True

    assert {name for name, *sample in SAMPLES if takes(*sample)} == {name for name, *_ in SAMPLES}, (
        "a sample in support/layers/samples.py on which the layer takes a first side twice as long"
    )
