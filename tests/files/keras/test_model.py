"""Whole models out of files that Keras wrote, here and now or at somebody else's long ago: both compute the same."""

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest

from convlab.errors import UnsupportedError, WeightsError
from convlab.files.keras.model import read_model
from convlab.files.weights import give_weights
from convlab.model.model import Model
from support.files.keras_twins import assert_same_outputs, randomise
from support.files.nested_models import FORMS, frozen, save, twice_deep
from support.recorded import live

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras' own


def load(path: Path, **options: object) -> Model:
    architecture = read_model(path, **options)
    give_weights(architecture, path)
    return architecture.model


# written here


def sequential(keras: object) -> object:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((9, 7, 2)),
            layers.Conv2D(4, (3, 2), activation="relu"),
            layers.DepthwiseConv2D((2, 3), depth_multiplier=2, strides=2),
            layers.BatchNormalization(),
            layers.Conv2DTranspose(3, (2, 3), strides=(2, 1)),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(5, activation="softmax"),
        ]
    )


def several_inputs_and_outputs(keras: object) -> object:
    """Return a graph in which a convolution is shared by two inputs."""
    layers = keras.layers
    left, right = keras.Input((7, 9, 2), name="left"), keras.Input((5, 6, 2), name="right")
    shared, pooled = layers.Conv2D(3, (2, 3), name="shared"), layers.GlobalMaxPooling2D()
    a, b = shared(left), shared(right)
    joined = layers.Concatenate()([pooled(a), pooled(b)])
    norm = layers.LayerNormalization()(layers.PReLU(shared_axes=[1, 2])(a))
    return keras.Model([left, right], [layers.Dense(4, name="first")(joined), norm])


def one_model_called_twice(keras: object) -> object:
    layers = keras.layers
    image = keras.Input((7, 9, 2))
    branch = keras.Sequential(
        [keras.Input((7, 9, 2)), layers.Conv2D(2, 3, padding="same"), layers.BatchNormalization(axis=-1)]
    )
    return keras.Model(image, layers.Add()([branch(image), branch(branch(image))]))


def equal_names_in_two_models(keras: object) -> object:
    layers = keras.layers
    image = keras.Input((7, 9, 2))
    models = [
        keras.Sequential([keras.Input((7, 9, 2)), layers.Conv2D(n, (2, n), name="conv")], name=f"model{n}")
        for n in (3, 4)
    ]
    joined = layers.Concatenate()([layers.GlobalAveragePooling2D()(model(image)) for model in models])
    return keras.Model(image, layers.Dense(3, name="conv")(joined))


def prepared_pictures(keras: object) -> object:
    """Layers that Keras calls with training=True of its own accord."""
    layers = keras.layers
    image = keras.Input((7, 9, 2))
    picture = layers.Resizing(5, 4)(layers.RandomFlip()(image))
    return keras.Model(image, layers.Conv2D(3, 2)(layers.Dropout(0.5)(picture, training=True)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "build",
    [
        prepared_pictures,
        sequential,
        several_inputs_and_outputs,
        one_model_called_twice,
        equal_names_in_two_models,
        twice_deep,
        frozen,
    ],
)
def test_file_of_keras(tmp_path: Path, build: object, form: str) -> None:
    """A .weights.h5 holds no architecture: that comes from to_json()."""
    keras = live("keras", instead="files/keras/test_writers.py")
    network = randomise(build(keras))
    network.compile("adam", ["mse"] * len(network.outputs))
    network.optimizer.build(network.trainable_variables)  # its state goes into the file
    path, topology = save(network, tmp_path / f"network.1{form}"), None
    if form == ".weights.h5":
        topology = tmp_path / "topology.json"
        topology.write_text(network.to_json())
    model = load(path, topology=topology)
    assert_same_outputs(network, model)
    assert model.name == "network.1"
    assert model.receipt.file == str(path)
    assert model.receipt.values == network.count_params()
    assert (model.receipt.missing, model.receipt.unexpected) == ((), ())


def test_config_larger_than_an_attribute_of_old(tmp_path: Path) -> None:
    """HDF5 keeps no attribute of over 64 kB but as a string of variable length, which is what Keras writes."""
    keras = live("keras", instead="files/keras/test_writers.py")
    convolutions = [keras.layers.Conv2D(2, 1, name=f"conv{index}") for index in range(90)]
    network = randomise(keras.Sequential([keras.Input((3, 4, 2)), *convolutions]))
    network.save(tmp_path / "network.h5")
    with h5py.File(tmp_path / "network.h5") as file:
        assert len(file.attrs["model_config"]) > 1 << 16
    model = load(tmp_path / "network.h5")
    np.testing.assert_array_equal(model["conv89"].weights["kernel"], network.layers[-1].get_weights()[0])


def test_channels_first(tmp_path: Path) -> None:
    keras = live("keras", instead="files/keras/test_writers.py")
    layers = keras.layers
    options = {"data_format": "channels_first"}
    network = keras.Sequential(
        [
            keras.Input((2, 7, 9)),
            layers.Conv2D(3, (2, 4), **options),
            layers.MaxPooling2D((2, 3), **options),
            layers.Flatten(**options),
            layers.Dense(4),
        ]
    )
    randomise(network).save(tmp_path / "network.keras")
    assert_same_outputs(network, load(tmp_path / "network.keras"))


# files of other people


def digits(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the test pictures of MNIST (10000, 28, 28, 1) from 0 to 1, and what they show."""
    images, labels = (next((shared / "mnist").glob(f"t10k-{kind}*")) for kind in ("images", "labels"))
    pixels = np.frombuffer(gzip.decompress(images.read_bytes())[16:], np.uint8)
    return (
        pixels.reshape(-1, 28, 28, 1).astype(np.float32) / 255,
        np.frombuffer(gzip.decompress(labels.read_bytes())[8:], np.uint8),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "topology", "right"),
    [
        ("Sam783_lenet.h5", None, 9902),
        ("tensorspace_weights_only.h5", "tensorspace_topology.json", 9866),
    ],
)
def test_digits_that_strangers_networks_read(shared: Path, file: str, topology: str | None, right: int) -> None:
    folder = shared / "keras_files"
    model = load(folder / file, topology=topology and folder / topology)
    images, labels = digits(shared)
    images = images.reshape(-1, *model.input_shape)
    found = np.concatenate([model.predict(images[i : i + 1000]).argmax(axis=1) for i in range(0, 10_000, 1000)])
    assert np.count_nonzero(found == labels) == right


@pytest.mark.parametrize("version", [1, 2])
def test_theano_and_tensorflow_mean_the_same_by_rotated_kernels(shared: Path, version: int) -> None:
    """Both files hold 0, 1, 2, ... as kernel and bias; what Theano means by it is a convolution."""
    x = np.random.default_rng(3).integers(-9, 10, (2, 5, 5, 5)).astype(np.float32)
    theirs, ours = (
        load(shared / "keras_files" / f"conv2d_{backend}_{version}.h5") for backend in ("theano", "tensorflow")
    )
    (theano,), (tensorflow,) = theirs.layers, ours.layers
    kernel = np.arange(270, dtype=np.float32).reshape(3, 3, 5, 6)
    np.testing.assert_array_equal(tensorflow.weights["kernel"], kernel)
    np.testing.assert_array_equal(theano.weights["kernel"], kernel[::-1, ::-1])
    turned = theirs.predict(x[:, ::-1, ::-1])[:, ::-1, ::-1]
    np.testing.assert_array_equal(turned, ours.predict(x))  # whole numbers: exact


def test_transposed_convolution_of_keras_2(shared: Path) -> None:
    model = load(shared / "keras_files" / "copperwire_mnist_dec.h5")
    assert (model.input_shape, model.output_shape) == ((10,), (28, 28, 1))
    assert model.receipt.values == 197_481
    y = model.predict(np.eye(10, dtype=np.float32))
    assert np.isfinite(y).all()
    assert len(np.unique(y.round(3), axis=0)) == 10


def test_lambda_is_refused_by_name(shared: Path) -> None:
    path = shared / "keras_files" / "copperwire_mnist_enc.h5"
    with pytest.raises(
        UnsupportedError, match="layer 'lambda_1' is a Lambda, whose function is code, and convlab runs none"
    ):
        read_model(path)


def squeezenet(keras: object) -> object:
    """SqueezeNet 1.1 without its top (Iandola et al., arXiv 1602.07360); "__" stands for "/" in names."""
    layers = keras.layers
    image = keras.Input((63, 59, 3))
    x = layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(image)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for fire, (squeeze, expand) in enumerate([(16, 64)] * 2 + [(32, 128)] * 2 + [(48, 192)] * 2 + [(64, 256)] * 2, 2):
        x = layers.Conv2D(squeeze, 1, activation="relu", name=f"fire{fire}__squeeze1x1")(x)
        parts = [
            layers.Conv2D(expand, n, padding="same", activation="relu", name=f"fire{fire}__expand{n}x{n}")(x)
            for n in (1, 3)
        ]
        x = layers.Concatenate(name=f"fire{fire}__concat")(parts)
        if fire in (3, 5):
            x = layers.MaxPooling2D(3, strides=2, name=f"pool{fire}")(x)
    return keras.Model(image, x)


def test_trained_squeezenet(shared: Path, tmp_path: Path) -> None:
    network = squeezenet(live("keras", instead="files/keras/test_writers.py"))
    path = shared / "keras_files" / "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"
    with h5py.File(path) as file:
        for layer in network.layers:
            group = file.get(layer.name.replace("__", "/"))
            if layer.weights:
                layer.set_weights([group[name] for name in group.attrs["weight_names"]])
    topology = tmp_path / "squeezenet.json"
    topology.write_text(
        network.to_json().replace("__conc", "/conc").replace("__squ", "/squ").replace("__exp", "/exp")
    )
    model = load(path, topology=topology)
    assert_same_outputs(network, model)
    assert "fire9/expand3x3" in model
    assert (model.receipt.values, model.receipt.unexpected) == (722_496, ())


# what the weights must fit


def test_weights_of_another_network_change_nothing(tmp_path: Path) -> None:
    keras = live("keras", instead="files/keras/test_writers.py")
    one, other = (randomise(build(keras)) for build in (sequential, frozen))
    one.save(tmp_path / "one.keras")
    other.save(tmp_path / "other.keras")
    architecture = read_model(tmp_path / "one.keras")
    give_weights(architecture, tmp_path / "one.keras")
    before = architecture.model.receipt
    with pytest.raises(WeightsError, match=r"other\.keras: model\.weights\.h5: missing layers: conv2d"):
        give_weights(architecture, tmp_path / "other.keras")
    assert architecture.model.receipt is before
    assert_same_outputs(one, architecture.model)
