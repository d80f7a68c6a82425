"""Recording a Keras model: every layer of it and of the models in it, channels last, and nothing left behind."""

import numpy as np
import pytest

import convlab
from convlab.comparison.comparison import compare
from convlab.comparison.keras_recorder import record_keras
from support.frameworks import assert_close, keras_lenet5
from support.recorded import live

keras = live("keras", instead="files/keras/test_networks_recorded.py")
layers = keras.layers


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def numbers(*shape):
    return np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)


def shared_and_nested():
    """Return a model with a layer called twice, and a nested one called twice whose `conv` has an outer namesake."""
    inner_input = keras.Input((5, 7, 4))
    inner = keras.Model(
        inner_input, layers.ReLU(name="relu")(layers.Conv2D(4, 1, name="conv")(inner_input)), name="inner"
    )
    x = keras.Input((5, 7, 3), name="picture")
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    y = inner(layers.Conv2D(4, 3, padding="same", name="conv")(x))
    y = inner(layers.Add(name="add")([shared(layers.Activation("tanh", name="tanh")(x)), y]))
    return keras.Model(x, layers.Concatenate(name="concat")([shared(x), y]), name="outer")


def test_lenet5_is_recorded_as_convlab_records_it():
    model = convlab.load("lenet5", weights=0)
    x = np.random.default_rng(0).uniform(0, 1, (3, 28, 28, 1)).astype(np.float32)
    ours, theirs = model.run(x), record_keras(keras_lenet5(model), x)
    assert list(theirs) == list(ours)
    assert_close(model, ours, theirs)
    np.testing.assert_array_equal(theirs.input, x)
    np.testing.assert_array_equal(theirs.output, theirs["softmax"])
    assert (theirs.kinds["conv1"], list(theirs.outputs)) == ("Conv2D", ["softmax"])


def test_layers_called_twice_and_layers_of_a_nested_model():
    network, x = shared_and_nested(), numbers(2, 5, 7, 3)
    acts = record_keras(network, x)
    once = {"tanh", "shared", "conv", "inner/conv", "relu", "add", "concat"}
    assert set(acts) == once | {"shared/2", "inner/conv/2", "relu/2"}
    assert acts.kinds["inner/conv/2"] == "Conv2D"
    np.testing.assert_array_equal(acts["relu/2"], np.maximum(acts["inner/conv/2"], 0))
    np.testing.assert_array_equal(acts["concat"], network(x).detach().numpy())
    outputs = keras.Model(network.input, [network.get_layer(name).output for name in ("conv", "tanh", "add")])(x)
    for name, expected in zip(("conv", "tanh", "add"), outputs, strict=True):
        np.testing.assert_array_equal(acts[name], expected.detach().numpy())
    np.testing.assert_array_equal(acts.output, acts["concat"])
    assert (list(acts.inputs), list(acts.outputs), acts.model) == (["picture"], ["concat"], "outer")


def test_convlab_gives_the_same_names_and_values_to_the_same_model(tmp_path):
    network, x = shared_and_nested(), numbers(2, 5, 7, 3)
    network.save(tmp_path / "network.keras")
    ours, theirs = convlab.load(tmp_path / "network.keras").run(x), record_keras(network, x)
    report = compare(ours, theirs)
    assert report.only == ((), ())
    assert report.agrees, str(report)
    assert (list(ours.inputs), list(ours.outputs)) == (list(theirs.inputs), list(theirs.outputs))


def test_calls_are_numbered_as_they_were_made_whatever_keras_runs_first():
    x = keras.Input((5, 7, 3))
    shared, block = (
        layers.Conv2D(3, 1, name="shared"),
        keras.Sequential([layers.Dense(3, name="dense")], name="block"),
    )
    short, long = block(shared(x)), shared(layers.ReLU(name="relu")(x))
    long = block(layers.Dropout(0.5, name="dropout")(layers.Softmax(name="softmax")(long)))
    network, given = keras.Model(x, layers.Add(name="add")([long, short])), numbers(2, 5, 7, 3)
    acts = record_keras(network, given)
    names = list(acts)
    assert names.index("shared/2") < names.index("shared")
    np.testing.assert_array_equal(acts["dense"], keras.Model(x, short)(given).detach().numpy())
    np.testing.assert_array_equal(acts["dense/2"], keras.Model(x, long)(given).detach().numpy())
    np.testing.assert_allclose(acts["shared/2"], np.maximum(given, 0) @ shared.get_weights()[0][0, 0], rtol=1e-5)


def test_a_layer_in_two_nested_models_has_two_names():
    conv, x = layers.Conv2D(3, 1, name="conv"), keras.Input((5, 7, 3))
    blocks = [keras.Sequential([keras.Input((5, 7, 3)), conv], name=name) for name in ("left", "right")]
    network, given = (
        keras.Model(x, layers.Subtract(name="minus")([block(x) for block in blocks])),
        numbers(2, 5, 7, 3),
    )
    acts = record_keras(network, given)
    assert set(acts) == {"left/conv", "right/conv", "minus"}


def test_a_layer_deep_inside_that_is_called_as_an_input_has_its_path_for_a_name(tmp_path):
    inner = keras.Sequential(
        [keras.Input((5, 7, 3)), layers.ReLU(name="picture"), layers.ReLU(name="relu")], name="inner"
    )
    middle = keras.Sequential([keras.Input((5, 7, 3)), inner, layers.Softmax(name="softmax")], name="middle")
    x = keras.Input((5, 7, 3), name="picture")
    network = keras.Model(x, middle(x))
    acts = record_keras(network, numbers(2, 5, 7, 3))
    assert list(acts) == ["middle/inner/picture", "relu", "softmax"]
    network.save(tmp_path / "network.keras")
    assert list(convlab.load(tmp_path / "network.keras").run(numbers(2, 5, 7, 3))) == list(acts)


def two_inputs(structure):
    a, b = keras.Input((5, 7, 3), name="b"), keras.Input((4,), name="a")
    y = layers.Dense(6, name="dense")(layers.Concatenate(name="joined")([layers.Flatten(name="flat")(a), b]))
    return keras.Model(structure(a, b), [layers.Dropout(0.5, name="dropout")(y), y, layers.ReLU(name="relu")(y)])


@pytest.mark.parametrize("structure", [lambda a, b: [a, b], lambda a, b: {"b": a, "a": b}], ids=["list", "dict"])
def test_several_inputs_and_outputs_by_name(structure):
    network, given = two_inputs(structure), {"b": numbers(2, 5, 7, 3), "a": numbers(2, 4)}
    acts = record_keras(network, given)
    assert set(acts.inputs) == {"a", "b"}
    assert list(acts.outputs) == ["dropout", "dense", "relu"]
    np.testing.assert_array_equal(acts["joined"], np.concatenate([given["b"].reshape(2, -1), given["a"]], axis=1))
    np.testing.assert_array_equal(acts.outputs["dropout"], acts["dense"])
    again = record_keras(network, [given[name] for name in acts.inputs])
    np.testing.assert_array_equal(again["joined"], acts["joined"])


@pytest.mark.parametrize(("given", "found"), [({"b": 1}, "b"), ([numbers(2, 4)], "no names")])
def test_inputs_that_are_not_the_models_are_refused(given, found):
    network = two_inputs(lambda a, b: [a, b])
    with pytest.raises(convlab.ShapeError, match=rf"takes arrays by name \(b, a\), found {found}$"):
        record_keras(network, given)


def test_channels_first_is_recorded_channels_last():
    def network(data_format, shape):
        options = {"data_format": data_format}
        return keras.Sequential(
            [
                keras.Input(shape),
                layers.Conv2D(4, 3, name="conv", **options),
                layers.ReLU(name="relu"),
                layers.MaxPooling2D(2, name="pool", **options),
            ]
        )

    last, first, x = network("channels_last", (9, 7, 3)), network("channels_first", (3, 9, 7)), numbers(2, 9, 7, 3)
    first.set_weights(last.get_weights())
    a, b = record_keras(last, x), record_keras(first, x)
    assert [b[name].shape for name in b] == [(2, 7, 5, 4), (2, 7, 5, 4), (2, 3, 2, 4)]
    for name in a:
        np.testing.assert_allclose(b[name], a[name], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(b.input, x)
    np.testing.assert_array_equal(b.output, b["pool"])


def test_the_model_predicts_and_is_left_as_it_was_found():
    network = keras.Sequential([keras.Input((5, 7, 3)), layers.BatchNormalization(), layers.Dropout(0.5)])
    x, before = numbers(2, 5, 7, 3), network.get_weights()
    acts = record_keras(network, x)
    np.testing.assert_allclose(acts.output, x / np.sqrt(1.001), rtol=1e-6)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not any("call" in vars(layer) for layer in network.layers)
    assert network(x).requires_grad


def test_pytorch_keeps_nothing_for_a_backward_pass(monkeypatch):
    torch, seen = live("torch", instead="comparison/test_frameworks.py"), []
    network = keras.Sequential([keras.Input((5, 7, 3)), layers.ReLU()])
    monkeypatch.setattr(layers.ReLU, "call", lambda self, x: seen.append(torch.is_grad_enabled()) or x)
    record_keras(network, numbers(2, 5, 7, 3))
    assert seen == [False]
    assert torch.is_grad_enabled()


def test_nothing_stays_behind_when_a_layer_raises(monkeypatch):
    network = keras.Sequential([keras.Input((5, 7, 3)), layers.ReLU(), layers.Dropout(0.5)])
    monkeypatch.setattr(layers.Dropout, "call", lambda self, x, training=False: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        record_keras(network, numbers(2, 5, 7, 3))
    assert not any("call" in vars(layer) for layer in network.layers)


def test_what_no_layer_computes_is_recorded_under_the_operations_name():
    x = keras.Input((5, 7, 3))
    network = keras.Model(x, layers.ReLU(name="relu")(x + 3.0) * 0.5)
    acts = record_keras(network, numbers(2, 5, 7, 3))
    assert [acts.kinds[name] for name in acts] == ["Add", "ReLU", "Multiply"]
    np.testing.assert_array_equal(acts.output, acts["relu"] * np.float32(0.5))
    assert list(acts.outputs) == [list(acts)[-1]]


def test_a_layer_that_returns_two_tensors_is_left_out():
    x = keras.Input((5, 7))
    y, *_ = layers.LSTM(4, return_state=True, name="lstm")(x)
    assert list(record_keras(keras.Model(x, layers.ReLU(name="relu")(y)), numbers(2, 5, 7))) == ["relu"]


def test_a_model_without_a_graph_is_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    message = (
        "^record_keras: Own 'own' has no graph of layers: give a Sequential that has been built, or a Functional"
    )
    with pytest.raises(convlab.UnsupportedError, match=message):
        record_keras(Own(name="own"), numbers(2, 3))


def test_a_tensor_of_pytorch_has_its_channels_first():
    torch = live("torch", instead="comparison/test_frameworks.py")
    network, x = shared_and_nested(), numbers(2, 5, 7, 3)
    acts = record_keras(network, torch.tensor(np.moveaxis(x, -1, 1)))
    np.testing.assert_array_equal(acts.input, x)
    np.testing.assert_array_equal(acts["concat"], record_keras(network, x)["concat"])


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (5, 7, 3), (2, 5, 7, 4)])
def test_an_input_of_another_shape_is_refused_in_one_line(shape):
    with pytest.raises(convlab.ShapeError) as caught:
        record_keras(shared_and_nested(), numbers(*shape))
    assert str(caught.value) == f"record_keras: input 'picture' takes (N, 5, 7, 3), found {shape}"
