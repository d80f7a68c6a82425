"""The LeNet-5 that ships: Keras loads its file, convlab agrees with Keras and PyTorch, and it is good."""

import gzip
from importlib.resources import files
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import convlab
from convlab_weights.fashion_data import CLASSES, read_idx, read_split, sample_name
from support.recorded import live

# Keras asks NumPy for arrays in a way that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WEIGHTS = Path(str(files("convlab_weights")))
EPS = np.finfo(np.float32).eps  # two float32 sums of K terms differ by up to K * EPS * sum|terms|


@pytest.fixture(scope="module")
def model():
    return convlab.load("lenet5")


@pytest.fixture(scope="module")
def samples():
    pixels = [np.asarray(Image.open(WEIGHTS / "fashion_mnist" / sample_name(label))) for label in CLASSES]
    return (np.stack(pixels) / 255).astype(np.float32)[..., None]


@pytest.fixture(scope="module")
def keras_model():
    keras = live("keras", instead="zoo/test_networks_keras.py")
    return keras.models.load_model(WEIGHTS / "lenet5_fashion_mnist.h5", compile=False)


def test_labels_are_the_ten_classes(model):
    assert model.labels == CLASSES


def test_keras_reads_the_file_and_agrees_on_every_layer(model, samples, keras_model):
    acts = model.run(samples)
    assert list(acts) == [layer.name for layer in keras_model.layers]
    x = acts.input
    for layer in keras_model.layers:
        ours, theirs = acts[layer.name], as_numpy(layer(x))
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype == np.float32
        difference = np.abs(ours - theirs)
        assert (difference <= rounding(layer, x, theirs)).all(), f"{layer.name} differs by {difference.max()}"
        x = ours


def rounding(layer, x, y):
    """Bound how far two float32 computations of a Keras layer may be apart, from its input and output."""
    if layer.weights:
        kernel, bias = layer.get_weights()
        terms = kernel[..., 0].size + 1
        layer.set_weights([np.abs(kernel), np.abs(bias)])
        magnitude = as_numpy(layer(np.abs(x)))
        layer.set_weights([kernel, bias])
        return terms * EPS * magnitude
    if layer.name.startswith("pool"):
        return 4 * EPS * as_numpy(layer(np.abs(x)))
    if layer.name == "softmax":  # exp turns an absolute error into a relative one; then ten terms are summed
        return (np.ptp(x, axis=1, keepdims=True) + 16) * EPS * y
    return 0.0


def as_numpy(tensor):
    return tensor.detach().cpu().numpy()


def test_keras_predicts_the_same_from_image_to_class(model, samples, keras_model):
    np.testing.assert_allclose(model.predict(samples), as_numpy(keras_model(samples)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("label", CLASSES)
def test_sample_is_the_first_test_image_of_its_class(label, shared):
    images, labels = read_split(shared / "fashion-mnist", "t10k")
    with Image.open(WEIGHTS / "fashion_mnist" / sample_name(label)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L", (28, 28))
        first = list(labels).index(CLASSES.index(label))
        np.testing.assert_array_equal(np.asarray(image), images[first])


def test_samples_and_their_licence_are_all_that_lies_beside_them():
    names = {path.name for path in (WEIGHTS / "fashion_mnist").iterdir()}
    assert names == {"LICENSE", *map(sample_name, CLASSES)}
    assert "2017 Zalando SE" in (WEIGHTS / "fashion_mnist" / "LICENSE").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ten_thousand(shared):
    images, labels = read_split(shared / "fashion-mnist", "t10k")
    return (images / 255).astype(np.float32)[..., None], labels


@pytest.fixture(scope="module")
def probabilities(model, ten_thousand):
    return np.concatenate([model.predict(batch).copy() for batch in np.split(ten_thousand[0], 20)])


def test_nine_of_ten_test_images_are_right(probabilities, ten_thousand):
    assert probabilities.shape == (10_000, 10)
    assert np.count_nonzero(probabilities.argmax(1) == ten_thousand[1]) >= 9_000


def test_torch_predicts_the_same_for_all_ten_thousand(probabilities, ten_thousand):
    torch = live("torch", instead="zoo/test_networks_keras.py")
    from convlab_weights.train_lenet5 import from_keras

    with torch.no_grad():
        network = from_keras(WEIGHTS / "lenet5_fashion_mnist.h5")
        theirs = network(torch.from_numpy(ten_thousand[0]).permute(0, 3, 1, 2)).numpy()
    assert np.count_nonzero(probabilities.argmax(1) != theirs.argmax(1)) == 0
    np.testing.assert_allclose(probabilities, theirs, rtol=0, atol=1e-5)


def test_training_script_writes_weights_that_keras_and_torch_read_alike(tmp_path):
    live("keras", instead="zoo/test_networks_keras.py")
    torch = live("torch", instead="zoo/test_networks_keras.py")
    from convlab_weights.train_lenet5 import from_keras, lenet5, to_keras

    network = lenet5()
    keras_model = to_keras(network)
    keras_model.save(tmp_path / "fresh.h5")
    x = torch.rand(3, 1, 28, 28)
    expected = network(x).detach().numpy()
    again = from_keras(tmp_path / "fresh.h5")(x).detach().numpy()
    np.testing.assert_array_equal(again, expected)
    np.testing.assert_allclose(as_numpy(keras_model(x.permute(0, 2, 3, 1))), expected, rtol=0, atol=1e-6)


def test_shipped_file_holds_no_optimizer():
    with h5py.File(WEIGHTS / "lenet5_fashion_mnist.h5") as file:
        assert list(file) == ["model_weights"]


def test_missing_data_names_the_file_and_the_package(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte\.gz: .*dataset-fashion-mnist"):
        read_split(tmp_path, "train")


def idx(magic, *sizes, values=b""):
    return gzip.compress(bytes(magic) + b"".join(size.to_bytes(4, "big") for size in sizes) + values)


def test_idx_of_bytes_is_read(tmp_path):
    path = tmp_path / "small.gz"
    path.write_bytes(idx((0, 0, 8, 2), 2, 3, values=b"abcdef"))
    assert read_idx(path, ndim=2).tolist() == [[97, 98, 99], [100, 101, 102]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"<html>", "not a whole gzip file", id="not gzip"),
        pytest.param(idx((0, 0, 8, 1), 4, values=b"abcd")[:-9], "not a whole gzip file", id="cut"),
        pytest.param(gzip.compress(b"")[:10] + b"\xff" * 20, "not a whole gzip file", id="damaged"),
        pytest.param(gzip.compress(b""), "not a whole 1-D idx file", id="empty"),
        pytest.param(idx((0, 0, 8, 1)), "not a whole 1-D idx file", id="no size"),
        pytest.param(idx((0, 0, 8, 1), 5, values=b"abcd"), "not a whole 1-D idx file", id="too few"),
        pytest.param(idx((0, 0, 8, 1), 3, values=b"abcd"), "not a whole 1-D idx file", id="too many"),
        pytest.param(idx((0, 0, 13, 1), 4, values=b"abcd"), "starts 00000d01", id="floats"),
        pytest.param(idx((0, 0, 8, 2), 2, 2, values=b"abcd"), "starts 00000802", id="matrix"),
    ],
)
def test_damaged_data_is_one_line_with_the_path(tmp_path, content, message):
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_idx(path, ndim=1)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_images_without_as_many_labels_are_refused(tmp_path):
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(idx((0, 0, 8, 3), 2, 1, 3, values=b"abcdef"))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(idx((0, 0, 8, 1), 1, values=b"a"))
    with pytest.raises(ValueError, match="2 t10k images, 1 labels"):
        read_split(tmp_path, "t10k")
