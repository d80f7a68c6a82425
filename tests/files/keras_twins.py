"""A Keras model and convlab's reading of its config, given the same weights and the same pictures."""

import json

import numpy as np
from closeness import assert_close, gamma

from convlab.files.keras.architecture import read_architecture

ROUNDINGS = 1000  # more than any number here goes through; a config read wrongly is wrong in the first digit


def randomise(network, seed=3):
    """Give a Keras model weights none of which is like another: its own zeros and ones would hide mistakes."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if "int" not in str(weight.dtype):
            low = 0.5 if "variance" in weight.path else -1
            weight.assign(rng.uniform(low, 1.5, weight.shape).astype(np.float32))
    return network


def layers_in(tree):
    """Yield the layers that became convlab's, in the order in which Keras lists their weights."""
    for layer in tree:
        yield from layers_in(layer.layers)
        if layer.layer is not None:
            yield layer


def read(network, **options):
    """Return what `read_architecture` makes of a Keras model's JSON, with the model's weights."""
    architecture = read_architecture(json.loads(network.to_json()), "m.json", **options)
    weights = iter(network.get_weights())
    for layer in layers_in(architecture.layers):
        ours = architecture.model[layer.layer]
        if ours.shapes:
            ours.set_weights(**{role: next(weights) for role in ours.shapes})
    assert not list(weights)
    return architecture


def channels_last(x, shape):
    """Return x (N, C, ...) as (N, ..., C) where that is the shape expected."""
    return x if x.shape[1:] == shape else np.moveaxis(x, 1, -1)


def outputs_of_both(network, model, seed=5):
    """Run both on the same pictures; return a list of (ours, Keras' as we would have it)."""
    rng = np.random.default_rng(seed)
    pictures = [rng.normal(size=(2, *x.shape[1:])).astype(np.float32) for x in network.inputs]
    given = zip(model.inputs.items(), pictures, strict=True)
    ours = model.predict({name: channels_last(x, shape) for (name, shape), x in given})
    theirs = network(pictures if len(pictures) > 1 else pictures[0], training=False)
    theirs = theirs if isinstance(theirs, list | tuple) else [theirs]
    ours = list(ours.values()) if isinstance(ours, dict) else [ours]
    arrays = [y.detach().cpu().numpy() for y in theirs]
    return [(own, channels_last(y, own.shape[1:])) for own, y in zip(ours, arrays, strict=True)]


def assert_same_outputs(network, model):
    for ours, theirs in outputs_of_both(network, model):
        bound = gamma(ROUNDINGS, np.float32) * np.abs(theirs).max()
        assert_close(ours, theirs, bound, model.name)


def assert_same(network, **options):
    """Assert that a Keras model and its reading agree; return the reading."""
    architecture = read(randomise(network), **options)
    assert_same_outputs(network, architecture.model)
    return architecture
