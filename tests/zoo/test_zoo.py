"""The networks of the zoo against published counts and Keras' own models, and how `load` finds weights."""

import json
import re

import h5py
import numpy as np
import pytest

import convlab
from convlab.cli import main
from convlab.errors import ConvlabError, FileError, ShapeError, WeightsError
from convlab.files import registry
from convlab.images.preprocessing import UNIT_GREY, VGG
from convlab.zoo import APPLICATIONS, ZOO
from support.recorded import answer, text

NOTOP = {"include_top": False, "input_shape": (34, 40, 3)}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path))
    return tmp_path


def parameters(model):
    return sum(layer.parameters for layer in model.layers)


# ---- architectures


@pytest.mark.parametrize(
    ("name", "include_top", "count"),
    [
        ("lenet5", True, 61_706),
        ("lenet5", False, 2_572),
        ("vgg16", True, 138_357_544),
        ("vgg16", False, 14_714_688),
        ("vgg19", True, 143_667_240),
        ("vgg19", False, 20_024_384),
    ],
)
def test_published_numbers_of_parameters(name, include_top, count):
    assert parameters(convlab.load(name, weights=None, include_top=include_top)) == count


@pytest.mark.parametrize("include_top", [True, False])
@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_layers_are_those_of_keras(name, include_top):
    """By name, kind, shape of output and weights, and activation."""

    def ask():
        import keras

        with keras.device("meta"):  # shapes without the memory
            network = getattr(keras.applications, name.upper())(
                weights=None, include_top=include_top, input_shape=(224, 224, 3)
            )
        return json.dumps([described(layer) for layer in network.layers[1:]])  # without the input

    def described(layer):
        activation = layer.activation.__name__ if hasattr(layer, "activation") else "linear"
        shapes = [tuple(weight.shape) for weight in layer.weights]
        return layer.name, type(layer).__name__, layer.output.shape[1:], shapes, activation

    model = convlab.load(name, weights=None, include_top=include_top)
    ours = [
        (layer.name, type(layer).__name__, model.shapes[layer.name], [*layer.shapes.values()], layer.activation)
        for layer in model.layers
    ]
    theirs = text("keras", (name, include_top), ask)
    assert json.dumps(ours) == theirs


def test_lenet5_is_the_one_of_dive_into_deep_learning():
    model = convlab.load("lenet5", weights=None)
    shapes = [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (400,), (120,), (84,), (10,), (10,)]
    assert list(dict.fromkeys(model.shapes.values()))[1:] == list(dict.fromkeys(shapes))
    assert [layer.name for layer in model.layers] == [
        *("conv1", "relu1", "pool1", "conv2", "relu2", "pool2"),
        *("flatten", "fc1", "relu3", "fc2", "relu4", "fc3", "softmax"),
    ]
    assert model.preprocessing == UNIT_GREY


@pytest.mark.parametrize(("name", "pool"), [("vgg16", (4, 4, 512)), ("vgg19", (4, 4, 512)), ("lenet5", (35, 30, 16))])
def test_other_input_sizes(name, pool):
    channels = 1 if name == "lenet5" else 3
    model = convlab.load(name, weights=None, include_top=False, input_shape=(150, 130, channels))
    assert model.output_shape == (pool if name == "lenet5" else (4, 4, 512))
    assert model.labels is None


def test_a_size_that_is_not_square_keeps_height_and_width_apart():
    model = convlab.load("vgg16", weights=0, include_top=False, input_shape=(150, 66, 3))
    assert model.output_shape == (4, 2, 512)
    y = model.predict(np.random.default_rng(0).uniform(-99, 99, (1, 150, 66, 3)).astype(np.float32))
    assert y.shape == (1, 4, 2, 512)


def test_a_top_fits_the_input_size():
    model = convlab.load("lenet5", weights=None, input_shape=(32, 40, 1))
    assert model["fc1"].shapes["kernel"] == (6 * 8 * 16, 120)
    assert model.output_shape == (10,)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((31, 64, 3), r"layer 'block5_pool' on an input of \(1, 4, 512\): output height is not positive: floor"),
        ((64, 64), r"layer 'block1_conv1' on an input of \(64, 64\): expected \(H, W, C\)"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(shape, message):
    with pytest.raises(ShapeError, match=f"^{message}"):
        convlab.load("vgg16", weights=None, include_top=False, input_shape=shape)


def test_labels():
    lenet5, vgg16 = (convlab.load(name, weights=None) for name in ("lenet5", "vgg16"))
    assert (len(lenet5.labels), lenet5.labels[0], lenet5.labels[9]) == (10, "T-shirt/top", "Ankle boot")
    assert (len(vgg16.labels), vgg16.labels[0], vgg16.labels[281], vgg16.labels[999]) == (
        1000,
        "tench",
        "tabby",
        "toilet tissue",
    )
    assert vgg16.preprocessing == VGG


# ---- names and seeds


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (
            "vg16",
            ConvlabError,
            r"^no network 'vg16'; did you mean 'vgg16'\? available: lenet5, vgg16, vgg19, resnet50",
        ),
        ("zzz", ConvlabError, r"^no network 'zzz'; available: lenet5, vgg16, vgg19, resnet50"),
        ("nets/mine.h5", FileError, r"^nets/mine\.h5: there is no such file$"),
        ("mine.keras", FileError, r"^mine\.keras: there is no such file$"),
    ],
)
def test_a_name_that_is_not_in_the_zoo(name, error, message):
    with pytest.raises(error, match=message):
        convlab.load(name)


@pytest.mark.parametrize(
    ("called", "name"),
    [
        *(("VGG16", "vgg16"), ("VGG-16", "vgg16"), ("Vgg_19", "vgg19"), ("LeNet-5", "lenet5"), ("vgg 16", "vgg16")),
        *(("ResNet50", "resnet50"), ("MobileNet_v2", "mobilenetv2"), ("EfficientNet-B0", "efficientnetb0")),
    ],
)
def test_a_network_is_known_however_its_name_is_spelt(called, name, capsys):
    assert convlab.load(called, weights=None).name == name
    assert main(["summary", called, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == name


def test_a_file_goes_before_another_spelling_of_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "VGG16").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"^VGG16: not an HDF5 file but empty$"):
        convlab.load("VGG16", weights=None)
    (tmp_path / "vgg16").write_bytes(b"")
    assert convlab.load("vgg16", weights=None).name == "vgg16"


@pytest.mark.parametrize(
    ("called", "network"),
    [("resnet101", "ResNet101"), ("ResNet-101", "ResNet101"), ("mobilenet_v3_small", "MobileNetV3Small")],
)
def test_a_network_of_keras_that_is_not_in_the_zoo(called, network):
    said = (
        f"no network {called!r} in the zoo ({', '.join(ZOO)}); save it from Keras and give its file:"
        f" keras.applications.{network}().save('{network.lower()}.keras')"
    )
    with pytest.raises(ConvlabError, match=f"^{re.escape(said)}$"):
        convlab.load(called)


def test_all_that_keras_applications_builds_is_known_by_name():
    def ask():
        from keras import applications

        return sorted(name for name in vars(applications) if name[0].isupper())

    known = {*map(str.lower, APPLICATIONS), *ZOO} - {"lenet5"}
    assert known == {name.lower() for name in answer("keras", ["applications"], ask)}
    assert len(known) == len(APPLICATIONS) + len(ZOO) - 1


def test_a_seed_gives_the_same_weights_every_time():
    first, again, other = (convlab.load("lenet5", weights=seed) for seed in (3, np.int64(3), 4))
    for layer in first.layers:
        for name, array in layer.weights.items():
            assert array.dtype == np.float32
            np.testing.assert_array_equal(again[layer.name].weights[name], array)
            assert (other[layer.name].weights[name] != array).any()


def test_layers_of_one_shape_get_different_weights():
    model = convlab.load("vgg16", weights=0, **NOTOP)
    assert (model["block5_conv1"].weights["kernel"] != model["block5_conv2"].weights["kernel"]).any()


def test_random_kernels_keep_the_scale_through_all_layers():
    model = convlab.load("vgg16", weights=0, **NOTOP)
    for layer in model.layers:
        if layer.shapes:
            kernel = layer.weights["kernel"]
            fan_in = kernel[..., 0].size
            assert kernel.var() == pytest.approx(2 / fan_in, rel=0.1)
            assert np.abs(kernel).max() <= np.sqrt(6 / fan_in)
            assert 0.05 < np.abs(layer.weights["bias"]).max() <= 0.1
    x = np.random.default_rng(0).uniform(-100, 100, (1, 34, 40, 3)).astype(np.float32)
    acts = model.run(x)
    assert 0.2 < acts["block5_conv3"].std() / acts["block1_conv1"].std() < 5


@pytest.mark.parametrize("seed", [-1, np.int64(-1), True, False])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ConvlabError, match=rf"^weights={seed}: a seed is a whole number of at least 0$"):
        convlab.load("lenet5", weights=seed)


# ---- weight files


@pytest.mark.parametrize(
    ("name", "include_top", "entry"),
    [("vgg16", True, "vgg16"), ("vgg16", False, "vgg16_notop"), ("vgg19", False, "vgg19_notop")],
)
def test_trained_weights_that_are_not_here_say_how_to_get_them(cache, name, include_top, entry):
    with pytest.raises(WeightsError) as error:
        convlab.load(name, include_top=include_top)
    assert str(error.value) == (
        f"the trained weights of {name} are not here: run `convlab fetch {entry}`, or give weights=FILE"
        " (a Keras weight file), weights=0 (random) or weights=None (shapes only)"
    )


@pytest.mark.parametrize(
    ("fetched", "include_top", "found"),
    [
        (["vgg16", "vgg16_notop"], True, "vgg16"),
        (["vgg16_notop"], False, "vgg16_notop"),
        (["vgg16"], False, "vgg16"),
        (["vgg16", "vgg16_notop"], False, "vgg16"),
    ],
)
def test_fetched_files_are_found_in_the_cache(cache, fetched, include_top, found):
    for name in fetched:
        (cache / registry.lookup(name).file).write_bytes(b"")
    expected = str(cache / registry.lookup(found).file)
    with pytest.raises(WeightsError) as error:  # it was found, opened and is empty
        convlab.load("vgg16", include_top=include_top)
    assert str(error.value) == f"{expected}: not an HDF5 file but empty"


def test_a_file_without_top_is_not_taken_for_a_whole_network(cache):
    (cache / registry.lookup("vgg16_notop").file).write_bytes(b"")
    with pytest.raises(WeightsError, match="the trained weights of vgg16 are not here"):
        convlab.load("vgg16")


def test_the_bundled_weights_are_loaded_by_default():
    model = convlab.load("lenet5")
    assert model.receipt.missing == model.receipt.unexpected == ()
    assert model.receipt.values == 61_706
    assert convlab.load("lenet5", include_top=False).receipt.left_out == ("fc1", "fc2", "fc3")


def test_a_read_only_array_is_adopted_from_a_file_without_a_copy():
    weights = convlab.load("lenet5")["conv1"].weights
    assert not any(array.flags.writeable for array in weights.values())


def test_a_seed_leaves_no_receipt():
    assert convlab.load("lenet5", weights=0).receipt is None


def write(path, weights):
    """Write weights as Keras 2 does."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = list(weights)
        for layer, arrays in weights.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/{name}:0" for name in arrays]
            for name, array in arrays.items():
                group[f"{layer}/{name}:0"] = array
    return path


def channels_first(model):
    """Return the weights as a framework keeps them whose images are (C, H, W)."""
    weights = {layer.name: dict(layer.weights) for layer in model.layers if layer.shapes}
    for arrays in weights.values():
        if arrays["kernel"].ndim == 4:
            arrays["kernel"] = arrays["kernel"].transpose(3, 2, 0, 1)
    H, W, C = model.shapes["pool2"]
    rows = np.arange(H * W * C).reshape(H, W, C).transpose(2, 0, 1).ravel()  # which of our rows theirs are
    weights["fc1"]["kernel"] = weights["fc1"]["kernel"][rows]
    return weights


def test_channels_first_files_give_the_same_network(tmp_path):
    size = {"input_shape": (32, 40, 1)}  # so that pool2 is 6 x 8 x 16: no two sizes equal
    expected = convlab.load("lenet5", weights=0, **size)
    path = write(tmp_path / "first.h5", channels_first(expected))
    model = convlab.load("lenet5", weights=path, layout="OIHW-tensorflow", **size)
    for layer in expected.layers:
        for name, array in layer.weights.items():
            np.testing.assert_array_equal(model[layer.name].weights[name], array)
    transforms = {(row.layer, row.weight): row.transform for row in model.receipt.rows}
    assert transforms["conv2", "kernel"] == "OIHW -> HWIO"
    assert transforms["fc1", "kernel"] == "rows CHW -> HWC"
    assert transforms["fc2", "kernel"] == "as stored"


def test_a_file_that_lacks_a_layer_is_refused_unless_told_otherwise(tmp_path):
    full = convlab.load("lenet5", weights=0)
    weights = {layer.name: layer.weights for layer in full.layers if layer.shapes and layer.name != "fc2"}
    path = write(tmp_path / "part.h5", weights | {"extra": {"kernel": np.ones((2, 3), np.float32)}})
    message = r"part\.h5: missing layers: fc2; unexpected layers: extra \(strict=False reads the rest\)$"
    with pytest.raises(WeightsError, match=message):
        convlab.load("lenet5", weights=path)
    model = convlab.load("lenet5", weights=path, strict=False)
    assert (model.receipt.missing, model.receipt.unexpected) == (("fc2",), ("extra",))
    np.testing.assert_array_equal(model["fc3"].weights["kernel"], full["fc3"].weights["kernel"])
    with pytest.raises(WeightsError, match="layer 'fc2' has no weights"):
        model.predict(np.zeros((1, 28, 28, 1), np.float32))


def test_an_unknown_layout_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="layout 'OHWI' is unknown, expected one of HWIO, OIHW, HWIO-theano, "):
        convlab.load("lenet5", weights=tmp_path / "any.h5", layout="OHWI")


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.h5: cannot be read \(No such file or directory\)$"):
        convlab.load("lenet5", weights=str(tmp_path / "nowhere.h5"))
