"""The networks of the tutorials people come from run from a file that Keras saved, and equal Keras in every layer."""

import numpy as np
import pytest

import convlab
from benchmarks.keras.random_weights import picture, randomise
from convlab.comparison.comparison import compare
from convlab.comparison.keras_recorder import record_keras
from support.recorded import live

keras = live("keras", instead="files/keras/test_networks_recorded.py")
layers = keras.layers


def saved_and_loaded(network, x, path, **options):
    """Give a Keras model random weights, save it, and return what convlab loads from the file."""
    randomise(network, x)
    network.save(path)
    return convlab.load(path, **options)


def assert_equals_keras(model, network, x):
    ours, theirs = model.run(x), record_keras(network, x)
    report = compare(ours, theirs)
    assert set(ours) == set(theirs)
    assert report.agrees, str(report)
    assert all(1e-3 < np.abs(theirs[name]).max() < 1e6 for name in theirs)
    return ours


def two_convolutions():
    """Return two bare convolutions, as those who want to see what a convolution does build them."""
    return keras.Sequential([keras.Input((224, 224, 3)), layers.Conv2D(8, 3), layers.Conv2D(5, (7, 3))])


def cats_and_dogs():
    """Return the network of "Deep Learning with Python" (Chollet, 2017), chapter 5."""
    network = keras.Sequential([keras.Input((150, 150, 3))])
    for filters in (32, 64, 128, 128):
        network.add(layers.Conv2D(filters, (3, 3), activation="relu"))
        network.add(layers.MaxPooling2D((2, 2)))
    for layer in (layers.Flatten(), layers.Dropout(0.5), layers.Dense(512, activation="relu")):
        network.add(layer)
    network.add(layers.Dense(1, activation="sigmoid"))
    return network


def tanh_and_average_pooling():
    """Return a network with tanh, batch normalisation, and windows of 5 x 5 that overlap."""
    network = keras.Sequential([keras.Input((61, 83, 3))])
    for filters in (6, 16):
        network.add(layers.Conv2D(filters, 5, padding="same"))
        network.add(layers.BatchNormalization())
        network.add(layers.Activation("tanh"))
        network.add(layers.AveragePooling2D(5, strides=2))
    for layer in (layers.Flatten(), layers.Dense(84, activation="tanh"), layers.Dense(10, activation="softmax")):
        network.add(layer)
    return network


NETWORKS = {two_convolutions: 1_069, cats_and_dogs: 3_453_121, tanh_and_average_pooling: 318_390}


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("build", NETWORKS, ids=lambda build: build.__name__)
def test_equals_keras_in_every_layer(build, suffix, tmp_path):
    network = build()
    x = picture(*network.input_shape[1:3]) / 127 - 1
    model = saved_and_loaded(network, x, tmp_path / f"network{suffix}")
    assert sum(layer.parameters for layer in model.layers) == network.count_params() == NETWORKS[build]
    ours = assert_equals_keras(model, network, x)
    assert list(ours) == [layer.name for layer in network.layers]


@pytest.fixture(scope="module")
def inception_v4():
    from benchmarks.keras.inception_v4 import inception_v4

    return inception_v4((None, None, 3))


@pytest.mark.slow
def test_inception_v4_equals_keras_in_every_layer(inception_v4, tmp_path):
    network, x = inception_v4, picture(75, 107) / 127 - 1
    trainable = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    assert trainable == 42_679_816  # as other implementations have it
    path = tmp_path / "inception_v4.keras"
    model = saved_and_loaded(network, x, path, input_shape=(75, 107, 3))
    assert sum(layer.parameters for layer in model.layers) == network.count_params()
    assert_equals_keras(model, network, x)


@pytest.mark.slow
def test_inception_v4_has_the_shapes_of_the_paper_at_299(inception_v4, tmp_path):
    inception_v4.save(tmp_path / "inception_v4.keras")
    model = convlab.load(tmp_path / "inception_v4.keras", weights=None, input_shape=(299, 299, 3))
    joined = [model.shapes[node.name] for node in model.nodes if type(node.layer).__name__ == "Concatenate"]
    assert joined == [
        *[(73, 73, 160), (71, 71, 192), *[(35, 35, 384)] * 5],
        *[(17, 17, 1024)] * 8,
        *[(8, 8, 1536)] * 4,
    ]
    assert model.output_shape == (1000,)
