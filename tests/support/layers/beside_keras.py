"""A layer of convlab with random weights, and the Keras layer with the same options and weights."""

import warnings

import numpy as np

from support.recorded import answer, live

DTYPES = [np.float32, np.float64]
NO_NAME_OF_KERAS = {"gelu_tanh", "hard_sigmoid_keras2"}
"""Activation functions of ours that Keras 3 has under no such name; Keras is not asked for these."""

NO_CLASS_OF_KERAS = {
    *("DepthToSpace", "Elementwise", "ExpandDims", "GLU", "Lambda", "OneRow", "Pad", "Reduce", "Slice"),
    *("SpaceToDepth", "Split", "Squeeze", "Stack", "Take", "TimeDistributed"),
}
"""Layers that no Keras writes: of functions on tensors, of an activation, around another, given by the caller."""


def random(seed, shape, low=-1.0, high=1.0):
    """Return random numbers that float32 holds exactly, as float64."""
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32).astype(np.float64)


def built(layer, *shapes, seed=3):
    """Return the layer built for the input shapes, with random weights."""
    layer.build(*shapes)
    weights = {
        name: random([seed, i], shape, *((0.5, 1.5) if name in layer.positive_weights else (-1.0, 1.0)))
        for i, (name, shape) in enumerate(layer.shapes.items())
    }
    if weights:
        layer.set_weights(**weights)
    return layer


def run(layer, *inputs):
    """Call a layer, and check what is true of every layer: shape, type, an input left alone, an empty batch."""
    before = [x.copy() for x in inputs]
    output, shape = layer(*inputs), layer.infer_shape(*(x.shape[1:] for x in inputs))
    assert output.shape == (len(inputs[0]), *shape)
    assert output.dtype == inputs[0].dtype
    assert all(np.array_equal(x, y) for x, y in zip(inputs, before, strict=True))
    assert layer(*(x[:0] for x in inputs)).shape == (0, *shape)
    return output


def keras_library():
    """Return Keras; skip the test without it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return live("keras", instead="layers/test_activation_functions.py")


def keras_output(layer, *inputs, **options):
    """Return what Keras' layer of the same class computes with the layer's weights, in float64.

    Without Keras the record of it is returned: see references/README.md. Even a layer of float64 may be computed in
    float32: except on TensorFlow, Keras 3.15 has float32 as the common type of two float64 arrays.
    """
    question = type(layer).__name__, options, layer.shapes, *layer.weights.values(), *inputs
    found = answer(
        "keras", question, lambda: _asked(layer, inputs, options), ours=lambda: layer(*inputs).astype(np.float64)
    )
    return found.astype(np.float64)


def _asked(layer, inputs, options):
    """Build Keras' layer, compare all shapes, and call it."""
    keras = keras_library()
    dtype, several = inputs[0].dtype, len(inputs) > 1
    shapes = [x.shape for x in inputs] if several else inputs[0].shape
    twin = getattr(keras.layers, type(layer).__name__)(**options, dtype=dtype.name)
    twin.build(shapes)
    assert [(w.name, tuple(w.shape)) for w in twin.weights] == list(layer.shapes.items())
    assert twin.count_params() == layer.parameters
    ours = layer.infer_shape(*(x.shape[1:] for x in inputs))
    assert tuple(twin.compute_output_shape(shapes))[1:] == ours  # Keras returns a list now and then
    twin.set_weights([w.astype(dtype) for w in layer.weights.values()])
    if hasattr(twin, "finalize_state"):
        twin.finalize_state()  # as Keras does when it has read a file
    return keras.ops.convert_to_numpy(twin(list(inputs) if several else inputs[0]))
