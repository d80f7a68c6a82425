"""A Keras model and convlab's reading of its config, given the same weights and the same pictures."""

import json

import numpy as np

from convlab.files.keras.config.architecture import read_architecture
from support.closeness import assert_close, gamma
from support.recorded import answer, file, text, this_test
from support.stand_in import StandIn

SEED = 3
ROUNDINGS = 1000  # more than any number here goes through; a config read wrongly is wrong in the first digit


def randomise(network, seed=SEED):
    """Give a Keras model weights none of which is like another: its own zeros and ones would hide mistakes."""
    if isinstance(network, StandIn):
        return network
    for weight, array in zip(network.weights, _drawn(_described(network)["weights"], seed), strict=True):
        if "int" not in str(weight.dtype):
            weight.assign(array)
    return network


def _described(network):
    weights = [(weight.path, str(weight.dtype), tuple(weight.shape)) for weight in network.weights]
    return {"weights": weights, "inputs": [tuple(x.shape) for x in network.inputs], "outputs": len(network.outputs)}


def described(network):
    """Return the weights' paths, types and shapes, the inputs' shapes, and how many outputs a Keras model has."""
    return json.loads(text("keras", (this_test(), "described"), lambda: json.dumps(_described(network))))


def _drawn(weights, seed):
    rng = np.random.default_rng(seed)
    for path, dtype, shape in weights:
        if "int" in dtype:
            yield np.zeros(shape, dtype)
        else:
            yield rng.uniform(0.5 if "variance" in path else -1, 1.5, shape).astype(np.float32)


def weights_of(network):
    """Return the weights that `randomise` gave a Keras model."""
    drawn = list(_drawn(described(network)["weights"], SEED))
    if not isinstance(network, StandIn):
        assert all(np.array_equal(a, b) for a, b in zip(drawn, network.get_weights(), strict=True))
    return drawn


def config(network):
    """Return a Keras model's JSON."""
    return json.loads(text("keras", (this_test(), "config"), network.to_json))


def saved(network, path):
    """Save a Keras model; return the path."""
    return file("keras", (this_test(),), network.save, path)


def layers_in(tree):
    """Yield the layers that became convlab's, in the order in which Keras lists their weights."""
    for layer in tree:
        yield from layers_in(layer.layers)
        if layer.layer is not None:
            yield layer


def read(network, **options):
    """Return what `read_architecture` makes of a Keras model's JSON, with the model's weights."""
    architecture = read_architecture(config(network), "m.json", **options)
    weights = iter(weights_of(network))
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
    rng, about = np.random.default_rng(seed), described(network)
    pictures = [rng.normal(size=(2, *shape[1:])).astype(np.float32) for shape in about["inputs"]]
    given = zip(model.inputs.items(), pictures, strict=True)
    ours = model.predict({name: channels_last(x, shape) for (name, shape), x in given})
    ours = list(ours.values()) if isinstance(ours, dict) else [ours]
    assert len(ours) == about["outputs"]
    question, theirs = this_test(), [] if isinstance(network, StandIn) else _called(network, pictures)

    def output(i):
        return answer("keras", (question, i), lambda: channels_last(theirs[i], ours[i].shape[1:]), lambda: ours[i])

    return [(own, output(i)) for i, own in enumerate(ours)]


def _called(network, pictures):
    outputs = network(pictures if len(pictures) > 1 else pictures[0], training=False)
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    return [y.detach().cpu().numpy() for y in outputs]


def assert_same_outputs(network, model):
    for ours, theirs in outputs_of_both(network, model):
        bound = gamma(ROUNDINGS, np.float32) * np.abs(theirs).max()
        assert_close(ours, theirs, bound, model.name)


def assert_same(network, **options):
    """Assert that a Keras model and its reading agree; return the reading."""
    architecture = read(randomise(network), **options)
    assert_same_outputs(network, architecture.model)
    return architecture
