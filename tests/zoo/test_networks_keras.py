"""LeNet-5 and VGG16 against Keras, layer by layer, through files that Keras wrote in each of its formats."""

import numpy as np
import pytest

import convlab
from support.frameworks import assert_close, keras_lenet5, picture, recorded_keras, run_keras
from support.recorded import live

# Keras asks NumPy for arrays in a way that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def write_whole_model(network, folder):
    path = folder / "whole.h5"
    network.save(path)
    return path


def write_legacy_weights(network, folder):
    import h5py
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    path = folder / "weights.h5"
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, network)
    return path


def write_keras3_weights(network, folder):
    path = folder / "small.weights.h5"
    network.save_weights(path)
    return path


FORMATS = {
    write_whole_model: "Keras legacy HDF5, keras_version 3",
    write_legacy_weights: "Keras legacy HDF5, keras_version 3",
    write_keras3_weights: "Keras 3 weights HDF5",
}


def random_biases(network):
    """Keras starts biases at zero, which would hide a wrong one."""
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.uniform(-0.1, 0.1, bias.shape)])


@pytest.fixture(scope="module")
def small():
    """Return Keras' VGG16 without its top for pictures of 48 x 66."""
    keras = live("keras", instead="files/keras/test_networks_recorded.py")
    keras.utils.set_random_seed(1)
    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(48, 66, 3))
    random_biases(network)
    return network


@pytest.mark.slow
@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_vgg16_from_each_format_equals_keras_in_every_layer(write, small, tmp_path):
    path = write(small, tmp_path)
    model = convlab.load("vgg16", weights=path, include_top=False, input_shape=(48, 66, 3))
    assert model.receipt.layout.startswith(FORMATS[write])
    assert model.receipt.values == 14_714_688
    for layer in small.layers:
        for ours, theirs in zip(
            model[layer.name].weights.values() if layer.weights else (), layer.weights, strict=True
        ):
            np.testing.assert_array_equal(ours, theirs.numpy())
    x = picture(48, 66, 2)
    ours, theirs = model.run(x), run_keras(small, x)
    assert list(ours) == list(theirs)
    assert_close(model, ours, theirs)


@pytest.mark.slow
def test_whole_vgg16_from_a_whole_model_file_equals_keras_in_every_layer(tmp_path):
    keras = live("keras", instead="files/keras/test_networks_recorded.py")
    keras.utils.set_random_seed(2)
    network = keras.applications.VGG16(weights=None)
    random_biases(network)
    x = picture(224, 224)
    theirs = run_keras(network, x)
    path = write_whole_model(network, tmp_path)
    del network
    model = convlab.load("vgg16", weights=path)
    path.unlink()  # half a gigabyte
    assert model.receipt.values == 138_357_544
    ours = model.run(x)
    assert list(ours) == list(theirs)
    assert_close(model, ours, theirs)
    assert ours.output.max() < 0.9  # so that the softmax is tested too


@pytest.mark.parametrize("weights", ["pretrained", 0])
def test_lenet5_equals_keras_in_every_layer(weights):
    model = convlab.load("lenet5", weights=weights)
    x = np.random.default_rng(0).uniform(0, 1, (3, 28, 28, 1)).astype(np.float32)
    ours = model.run(x)
    theirs = recorded_keras(keras_lenet5(model), x, ours)
    assert list(ours) == list(theirs)
    assert_close(model, ours, theirs)
