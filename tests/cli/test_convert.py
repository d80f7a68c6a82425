"""`convlab convert`: what it writes is loaded by Keras itself, and by convlab bit for bit."""

import argparse
import json
import os
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

import convlab
from convlab.cli import convert
from convlab.errors import ConvlabError, FileError, UnsupportedError
from convlab.files.keras.config.writing import described
from convlab.files.keras.weights import writing
from convlab.files.keras.weights.writing import write_model, write_weights
from convlab.files.registry import bundled_path, lookup
from convlab.layers import Conv2D, Dense, Flatten
from convlab.model.initialise import randomise
from convlab.model.model import Model
from convlab.zoo import ZOO
from support.files.torch_files import VGG_SHAPE, arrays_of, torch_vgg, vgg, vgg_arrays, write_pt, write_safetensors
from support.recorded import file, installed, live, text, this_test
from support.stand_in import library

keras = library("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
KERAS_2 = Path(__file__).parents[1] / "references" / "keras2_depthwise.json"
LENET = bundled_path(lookup("lenet5"))


def run(*arguments: object) -> None:
    """Run the command; errors come as exceptions."""
    parser = argparse.ArgumentParser()
    convert.add(parser.add_subparsers())
    parsed = parser.parse_args(["convert", *map(str, arguments)])
    parsed.run(parsed)


def assert_same_weights(one: Model, other: Model) -> None:
    assert [layer.name for layer in one.layers] == [layer.name for layer in other.layers]
    for layer in one.layers:
        assert list(layer.weights) == list(other[layer.name].weights)
        for role, array in layer.weights.items():
            np.testing.assert_array_equal(array, other[layer.name].weights[role])
            assert other[layer.name].weights[role].dtype == np.float32


def scramble(network, seed: int = 0) -> None:
    """Give a Keras model weights of which no two are alike."""
    rng = np.random.default_rng(seed)
    if installed("keras"):
        network.set_weights(
            [rng.uniform(0.1, 0.9, array.shape).astype(array.dtype) for array in network.get_weights()]
        )


def saved(network, path: Path) -> Path:
    return file("keras", (this_test(),), network.save, path)


def assert_keras_loads(path: Path, network) -> None:
    """Assert that Keras, where it is installed, loads a file as the network's whole model."""
    if installed("keras"):
        assert_keras_weights(network, keras.models.load_model(path, compile=False))


def assert_keras_weights(network, other) -> None:
    for ours, theirs in zip(network.weights, other.weights, strict=True):
        assert (ours.name, ours.shape) == (theirs.name, theirs.shape)
        if ours.name != "count":
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


# of a known architecture


@pytest.mark.parametrize("by_name", [False, True])
def test_lenet5_for_keras(by_name: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    live("keras", instead="cli/test_convert.py")
    from convlab_weights.train_lenet5 import keras_lenet5

    run(LENET, tmp_path / "out.h5", "--architecture", "lenet5")
    network, model = keras_lenet5(), convlab.load("lenet5")
    before = network.get_weights()
    network.load_weights(tmp_path / "out.h5", **({"by_name": True} if by_name else {}))
    arrays = [array for layer in model.layers for array in layer.weights.values()]
    assert not any(np.array_equal(old, array) for old, array in zip(before, arrays, strict=True) if old.any())
    for loaded, array in zip(network.get_weights(), arrays, strict=True):
        np.testing.assert_array_equal(loaded, array)
    x = np.random.default_rng(0).uniform(0, 1, (5, 28, 28, 1)).astype(np.float32)
    ours, theirs = model.predict(x), network.predict(x, verbose=0)
    assert np.abs(ours - theirs).max() < 1e-5
    assert ours.argmax(1).tolist() == theirs.argmax(1).tolist()
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"{LENET}: ")
    assert re.search(r"^conv1 +kernel +\(5, 5, 1, 6\) +\S+ +as stored$", out[2])
    assert out[-1] == f"{tmp_path / 'out.h5'}: whole model, 5 layers, 10 arrays, 61,706 values"


@pytest.mark.parametrize(
    ("architecture", "options"),
    [("lenet5", {}), ("vgg16", {"include_top": False, "input_shape": (32, 64, 3)})],
)
def test_keras_loads_a_network_of_the_zoo_with_all_that_it_is(architecture: str, options, tmp_path: Path):
    """VGG16 without its top: with it, half a gigabyte."""
    live("keras", instead="files/keras/config/test_writing.py")
    model = convlab.load(architecture, weights=0, **options)
    write_model(*described(model), tmp_path / "out.h5")
    network = keras.models.load_model(tmp_path / "out.h5")
    assert (network.name, [layer.name for layer in network.layers]) == (
        model.name,
        [one.name for one in model.layers],
    )
    x = model.prepare(np.random.default_rng(0).integers(0, 256, (2, *model.input_shape), np.uint8))
    ours, theirs = model.predict(x), network.predict(x, verbose=0)
    assert np.abs(ours - theirs).max() < 1e-5 * np.abs(theirs).max()
    network.save(tmp_path / "again.keras")
    assert_same_weights(model, convlab.load(tmp_path / "again.keras"))


def test_a_model_of_keras_2_becomes_one_that_keras_3_loads(tmp_path: Path):
    """Keras 3 refuses groups=1 and an initializer of a kernel on layers that have neither, as Keras 2 writes them."""
    live("keras", instead="files/keras/config/test_writing.py")
    config = json.loads(KERAS_2.read_text())
    source = tmp_path / "in.h5"
    model = convlab.load(KERAS_2, weights=0)
    write_weights(model, source)
    with h5py.File(source, "a") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(config), "2.15.0"
        for name in ("layer_names", "backend"):
            del file.attrs[name]
        file.create_group("model_weights").attrs["layer_names"] = [layer.name for layer in model.layers]
        for layer in model.layers:
            file.move(layer.name, f"model_weights/{layer.name}")
    with pytest.raises((TypeError, ValueError), match="groups"):
        keras.models.load_model(source, compile=False)
    run(source, tmp_path / "out.h5")
    network = keras.models.load_model(tmp_path / "out.h5", compile=False)
    x = np.random.default_rng(0).normal(size=(2, *model.input_shape)).astype(np.float32)
    theirs = network.predict(x, verbose=0)
    assert np.abs(model.predict(x) - theirs).max() < 1e-5 * np.abs(theirs).max()


def test_a_round_trip_is_bit_for_bit(tmp_path: Path):
    model = convlab.load("lenet5", weights=7)
    write_weights(model, tmp_path / "out.hdf5")
    assert_same_weights(model, convlab.load("lenet5", weights=tmp_path / "out.hdf5"))


def keras_vgg():
    layers = [keras.Input(VGG_SHAPE)]
    for name in vgg().shapes:
        if "conv" in name:
            layers.append(keras.layers.Conv2D(7, 3, padding="same", activation="relu", name=name))
        if "pool" in name:
            layers.append(keras.layers.MaxPooling2D(name=name))
    layers += [keras.layers.Flatten(name="flatten"), keras.layers.Dense(11, "relu", name="fc1")]
    layers += [keras.layers.Dense(11, "relu", name="fc2"), keras.layers.Dense(4, "softmax", name="predictions")]
    return keras.Sequential(layers)


@pytest.mark.parametrize("write", [write_safetensors, write_pt])
def test_from_pytorch_to_keras(write, tmp_path: Path):
    """PyTorch's weights, the architecture in JSON: Keras then computes what PyTorch does."""
    torch = live("torch", instead="cli/test_convert.py")
    live("keras", instead="cli/test_convert.py")
    network = torch_vgg()
    source = write(tmp_path / "weights.bin", arrays_of(network))
    (tmp_path / "vgg.json").write_text(keras_vgg().to_json())
    run(source, tmp_path / "out.h5", "--topology", tmp_path / "vgg.json")
    x = np.random.default_rng(0).normal(size=(3, *VGG_SHAPE)).astype(np.float32)
    with torch.no_grad():
        maps = network.avgpool(network.features(torch.tensor(np.moveaxis(x, -1, 1))))
        expected = network.classifier(maps.flatten(1)).softmax(1).numpy()
    loaded = keras.models.load_model(tmp_path / "out.h5", compile=False)
    assert np.abs(loaded.predict(x, verbose=0) - expected).max() < 1e-6
    assert np.ptp(expected, axis=1).min() > 1e-3
    fresh = keras_vgg()
    fresh.load_weights(tmp_path / "out.h5")
    assert_keras_weights(fresh, loaded)


@pytest.mark.parametrize("architecture", ["vgg16"])
def test_a_state_dict_of_torchvision_loads_as_the_zoo_names_it(architecture: str, tmp_path: Path):
    """VGG16 itself is half a gigabyte: features alone, thirteen convolutions, eight of two shapes."""
    nn = live("torch.nn", instead="files/torch/test_weights.py")
    plan = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]
    features, channels = nn.Sequential(), 3
    for size in plan:
        features.extend([nn.Conv2d(channels, size, 3, padding=1), nn.ReLU()] if size else [nn.MaxPool2d(2)])
        channels = size or channels
    network = nn.ModuleDict({"features": features})
    path = write_safetensors(tmp_path / "vgg16.safetensors", arrays_of(network))
    model = convlab.load(architecture, weights=path, include_top=False, input_shape=(32, 64, 3))
    convolutions = [module for module in features if isinstance(module, nn.Conv2d)]
    layers = [layer for layer in model.layers if layer.shapes]
    assert len(layers) == len(convolutions) == 13
    for layer, module in zip(layers, convolutions, strict=True):
        kernel = module.weight.detach().numpy()
        np.testing.assert_array_equal(layer.weights["kernel"], np.einsum("oihw->hwio", kernel))
        np.testing.assert_array_equal(layer.weights["bias"], module.bias.detach().numpy())


def test_names_of_over_64_kilobytes_are_split(tmp_path: Path):
    names = [f"{'a_very_long_name_' * 60}{i}" for i in range(70)]
    model = Model.sequential("deep", (5, 4, 1), [Conv2D(name, 1, 1) for name in names])
    randomise(model, 3)
    write_weights(model, tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert {name for name in file.attrs if name.startswith("layer_names")} == {"layer_names0", "layer_names1"}
    live("keras", instead="cli/test_convert.py")
    network = keras.Sequential([keras.Input((5, 4, 1)), *(keras.layers.Conv2D(1, 1, name=name) for name in names)])
    network.load_weights(tmp_path / "out.h5")
    for name in names:
        np.testing.assert_array_equal(network.get_layer(name).get_weights()[0], model[name].weights["kernel"])


# whole models


def inner(name: str, channels: int, prefix: str):
    """Return a model to be nested, in which what is trained and what is not take turns."""
    image = keras.Input((6, 7, channels))
    x = keras.layers.Conv2D(4, 3, padding="same", name=f"{prefix}conv")(image)
    x = keras.layers.BatchNormalization(name=f"{prefix}norm")(x)
    x = keras.layers.SeparableConv2D(5, (3, 2), padding="same", name=f"{prefix}separable")(x)
    return keras.Model(image, keras.layers.BatchNormalization(name=f"{prefix}last")(x), name=name)


def nested(alike: bool):
    """Return models two deep, a layer used twice, two inputs, branches; whose layers have names alike, or not."""
    left, right = keras.Input((6, 7, 3), name="left"), keras.Input((6, 7, 3), name="right")
    a, b = inner("encoder", 3, ""), inner("decoder", 5, "" if alike else "decoder_")
    image = keras.Input((6, 7, 3))
    deep = keras.Model(image, b(keras.layers.PReLU(shared_axes=(1, 2), name="slope")(a(image))), name="deep")
    shared = keras.layers.DepthwiseConv2D((2, 3), padding="same", name="shared")
    one, two = deep(left), inner("branch", 3, "")(shared(shared(right)))
    x = keras.layers.Concatenate(name="join")([one, two])
    x = keras.layers.Dense(4, use_bias=False, name="logits")(keras.layers.Flatten(name="flat")(x))
    return keras.Model([left, right], [x, keras.layers.Add(name="sum")([one, two])], name="nested")


FROZEN = {
    "all trained": lambda network: None,
    "a layer frozen": lambda network: setattr(network.get_layer("branch").get_layer("conv"), "trainable", False),
    "a nested model frozen": lambda network: setattr(network.get_layer("deep"), "trainable", False),
    "one in it frozen": lambda network: setattr(network.get_layer("deep").get_layer("encoder"), "trainable", False),
}


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("freeze", FROZEN.values(), ids=FROZEN)
def test_a_whole_model_is_one_again(freeze, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    network = nested(alike=suffix == ".keras")  # Keras itself cannot write them as .h5
    scramble(network)
    freeze(network)
    source = tmp_path / f"in{suffix}"
    saved(network, source)
    run(source, tmp_path / "out.h5")
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{tmp_path / 'out.h5'}: whole model, ")
    assert_keras_loads(tmp_path / "out.h5", network)
    assert_same_weights(convlab.load(source), convlab.load(tmp_path / "out.h5"))


def test_a_layer_with_more_than_convlab_needs(tmp_path: Path):
    """Normalization counts the data it has seen."""
    network = keras.Sequential([keras.Input((6, 7, 3)), keras.layers.Normalization(), keras.layers.Conv2D(2, 1)])
    network.layers[0].adapt(np.random.default_rng(0).normal(2, 3, (20, 6, 7, 3)))
    saved(network, tmp_path / "in.keras")
    run(tmp_path / "in.keras", tmp_path / "out.h5")
    assert_keras_loads(tmp_path / "out.h5", network)


def test_channels_first(tmp_path: Path):
    layers = keras.layers
    options = {"data_format": "channels_first"}
    network = keras.Sequential(
        [
            keras.Input((3, 8, 6)),
            layers.Conv2D(4, (3, 2), **options),
            layers.BatchNormalization(axis=1),
            layers.MaxPooling2D((2, 1), **options),
            layers.Flatten(),
            layers.Dense(5),
        ]
    )
    scramble(network)
    saved(network, tmp_path / "in.keras")
    run(tmp_path / "in.keras", tmp_path / "out.h5")
    assert_keras_loads(tmp_path / "out.h5", network)


def test_weights_of_keras_3_with_a_topology(tmp_path: Path):
    network = nested(alike=True)
    scramble(network)
    file("keras", (this_test(),), network.save_weights, tmp_path / "in.weights.h5")
    (tmp_path / "net.json").write_text(text("keras", (this_test(),), network.to_json))
    run(tmp_path / "in.weights.h5", tmp_path / "out.h5", "--topology", tmp_path / "net.json")
    assert_keras_loads(tmp_path / "out.h5", network)


def test_a_config_of_keras_1_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    dense = {"class_name": "Dense", "config": {"name": "fc", "output_dim": 4, "batch_input_shape": [None, 3]}}
    config = {"class_name": "Sequential", "config": [dense]}
    kernel, bias = np.arange(12, dtype="f4").reshape(3, 4), np.arange(4, dtype="f4")
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(config).encode(), b"1.2.2"
        group = file.create_group("model_weights/fc")
        file["model_weights"].attrs["layer_names"] = [b"fc"]
        group.attrs["weight_names"] = [b"fc_W:0", b"fc_b:0"]
        group["fc_W:0"], group["fc_b:0"] = kernel, bias
    run(tmp_path / "in.h5", tmp_path / "out.h5")
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"{tmp_path / 'out.h5'}: weights alone (Keras no longer loads the architecture of a Keras 1 file),"
        " 1 layer, 2 arrays, 16 values"
    )
    live("keras", instead="cli/test_convert.py")
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, name="fc")])
    network.load_weights(tmp_path / "out.h5")
    np.testing.assert_array_equal(network.get_weights()[0], kernel)
    np.testing.assert_array_equal(network.get_weights()[1], bias)


# what is refused


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.weights.h5", "Keras expects another layout in a file named *.weights.h5; name it out.h5"),
        ("out.keras", "a Keras HDF5 file is named *.h5 or *.hdf5"),
        ("out", "a Keras HDF5 file is named *.h5 or *.hdf5"),
    ],
)
def test_other_suffixes(name: str, message: str, tmp_path: Path):
    with pytest.raises(FileError, match="^" + re.escape(f"{tmp_path / name}: {message}") + "$"):
        run(LENET, tmp_path / name, "--architecture", "lenet5")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("link", ["same", "symbolic", "hard"])
def test_the_source_is_never_overwritten(link: str, tmp_path: Path):
    source = tmp_path / "in.h5"
    source.write_bytes(LENET.read_bytes())
    target = source if link == "same" else tmp_path / "out.h5"
    if link == "symbolic":
        target.symlink_to(source)
    if link == "hard":
        os.link(source, target)
    with pytest.raises(FileError, match=re.escape(f"{target}: this is the file to be read; give OUT another name")):
        run(source, target, "--architecture", "lenet5")
    assert source.read_bytes() == LENET.read_bytes()


def test_what_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "out.h5"
    target.write_bytes(b"mine")
    monkeypatch.setattr(writing, "_write_names", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    message = f"{target}: the weights cannot be written (No space left)"
    with pytest.raises(FileError, match="^" + re.escape(message) + "$"):
        run(LENET, target, "--architecture", "lenet5")
    assert [path.name for path in tmp_path.iterdir()] == ["out.h5"]
    assert target.read_bytes() == b"mine"


def test_a_model_without_weights(tmp_path: Path):
    model = Model.sequential("empty", (5, 4, 1), [Flatten("flatten"), Dense("fc", 2)])
    with pytest.raises(ConvlabError, match="layer 'fc' has no weights"):
        write_weights(model, tmp_path / "out.h5")
    assert not any(tmp_path.iterdir())


def test_pytorch_without_an_architecture(tmp_path: Path):
    source = write_safetensors(tmp_path / "w.safetensors", vgg_arrays())
    message = f"{source}: weights of PyTorch do not tell the architecture; give --architecture ({', '.join(ZOO)})"
    with pytest.raises(UnsupportedError, match=re.escape(message)):
        run(source, tmp_path / "out.h5")
