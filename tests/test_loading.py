"""`convlab.load` with a file: where the architecture, the weights and the preprocessing come from."""

import json

import h5py
import numpy as np
import pytest

import convlab
from convlab.cli import main
from convlab.errors import FileError, ImageError, ShapeError, UnsupportedError, WeightsError
from convlab.files.architecture import Architecture
from convlab.files.keras.preprocessing import _rescales
from convlab.files.weights import wanted_by
from convlab.images.preprocessing import MODES
from convlab.layers import Conv2D, Cropping2D, Elementwise, Rescaling
from convlab.model import Model, Node
from support.recorded import answer, answers, file, this_test
from support.stand_in import library

keras = library("keras")

SHAPE = (9, 8, 3)


def network(*first, shape=SHAPE, seed=0):
    keras.utils.set_random_seed(seed)
    layers = [
        keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
        keras.layers.GlobalAveragePooling2D(name="mean"),
        keras.layers.Dense(5, activation="softmax", name="probabilities"),
    ]
    return keras.Sequential([keras.Input(shape, name="photo"), *first, *layers])


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def save(theirs, path):
    """Write a model, its weights or its JSON, as the name has it."""

    def write(path):
        if path.suffix == ".json":
            path.write_text(theirs.to_json())
        else:
            (theirs.save_weights if path.name.endswith(".weights.h5") else theirs.save)(path)

    return file("keras", (this_test(),), write, path)


def weights_of(theirs, layer):
    """Return the arrays of a layer in Keras."""

    def ask():
        return {weight.name: weight.numpy() for weight in theirs.get_layer(layer).weights}

    return list(answers("keras", (this_test(), layer), ask).values())


@pytest.fixture
def saved(tmp_path):
    """Return a model of Keras, and a folder with every file that Keras can make of it."""
    theirs = network()
    for name in ("net.keras", "net.weights.h5", "net.json"):
        save(theirs, tmp_path / name)
    return theirs, tmp_path


X = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)


def assert_same(model, theirs):
    """Compare outputs: a softmax over sums of 27 and 4 products, far less than 100 roundings of numbers below 1."""
    expected = answer("keras", (this_test(), X), lambda: theirs.predict(X, verbose=0))
    np.testing.assert_allclose(model.predict(X), expected, rtol=0, atol=100 * np.finfo(np.float32).eps)


def test_a_model_file_brings_everything(saved):
    theirs, folder = saved
    model = convlab.load(folder / "net.keras")
    assert (model.name, [layer.name for layer in model.layers]) == ("net", ["conv", "mean", "probabilities"])
    assert_same(model, theirs)
    assert [row.layer for row in model.receipt.rows] == ["conv", "conv", "probabilities", "probabilities"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("net.weights.h5", {"topology": "net.json"}),
        ("net.json", {"weights": "net.weights.h5"}),
        ("net.keras", {"weights": "net.weights.h5"}),
        ("net.weights.h5", {"topology": "net.json", "weights": "net.keras"}),
    ],
)
def test_architecture_and_weights_may_lie_in_two_files(saved, name, options, monkeypatch):
    theirs, folder = saved
    monkeypatch.chdir(folder)
    assert_same(convlab.load(name, **options), theirs)


def test_a_seed_or_nothing_in_place_of_the_weights(saved):
    _, folder = saved
    seeded = [convlab.load(folder / "net.keras", weights=seed).predict(X) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(seeded[0], seeded[1])
    assert not np.array_equal(seeded[0], seeded[2])
    empty = convlab.load(folder / "net.json", weights=None)
    assert empty.output_shape == (5,)
    with pytest.raises(WeightsError, match="has no weights"):
        empty.predict(X)


def test_a_side_left_open_is_given(tmp_path):
    theirs = network(shape=(None, None, 3))
    save(theirs, tmp_path / "open.keras")
    with pytest.raises(UnsupportedError, match=r"input .* give input_shape=\(H, W, C\)"):
        convlab.load(tmp_path / "open.keras")
    assert_same(convlab.load(tmp_path / "open.keras", input_shape=SHAPE), theirs)


PIXELS = np.random.default_rng(1).integers(0, 256, (9, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize(("rescaling", "mode"), [(True, "raw"), (False, "unit")])
def test_the_preprocessing_is_assumed_aloud(tmp_path, rescaling, mode):
    save(network(*([keras.layers.Rescaling(1 / 255)] if rescaling else [])), tmp_path / "net.keras")
    model = convlab.load(tmp_path / "net.keras")
    with pytest.warns(UserWarning, match=f"assumed {mode}: RGB"):
        x = model.prepare(PIXELS)
    np.testing.assert_array_equal(x[0], MODES[mode].apply(PIXELS[None])[0])
    assert model.run(X).preprocessing.assumed


def test_the_preprocessing_may_be_chosen(saved):
    _, folder = saved
    model = convlab.load(folder / "net.keras", preprocessing="caffe")
    np.testing.assert_array_equal(model.prepare(PIXELS)[0], MODES["caffe"].apply(PIXELS[None])[0])
    assert convlab.load(folder / "net.keras", preprocessing=MODES["tf"]).preprocessing is MODES["tf"]
    with pytest.raises(ImageError, match="no preprocessing 'cafe'; did you mean 'caffe'"):
        convlab.load(folder / "net.keras", preprocessing="cafe")


def test_what_takes_no_picture_has_no_preprocessing(tmp_path):
    save(keras.Sequential([keras.Input((7,)), keras.layers.Dense(3, name="d")]), tmp_path / "vector.keras")
    model = convlab.load(tmp_path / "vector.keras")
    assert model.preprocessing is None
    with pytest.raises(ImageError, match=r"^the array has shape .*, the network takes arrays of \(7,\), or a batch"):
        model.prepare(PIXELS)
    with pytest.raises(ShapeError, match=r"'vector' takes \(7,\), no image: preprocessing 'unit' has no use"):
        convlab.load(tmp_path / "vector.keras", preprocessing="unit")


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("none.keras", {}, FileError, "none.keras: there is no such file"),
        ("net.keras", {"include_top": False}, UnsupportedError, "which layers are the top is known only of networks"),
        ("net.weights.h5", {}, WeightsError, "holds no architecture .* topology=FILE"),
        ("net.keras", {"weights": -1}, WeightsError, "weights=-1: a seed is a whole number"),
        ("net.keras", {"weights": "none.h5"}, WeightsError, r"none\.h5: cannot be read"),
        ("net.keras", {"topology": "none.json"}, WeightsError, r"none\.json: cannot be read"),
        (
            "picture.png",
            {},
            WeightsError,
            r"picture\.png: not an HDF5 file but a PNG picture: a picture is what a network is run on",
        ),
    ],
)
def test_what_cannot_be_loaded_says_why(saved, monkeypatch, name, options, error, message):
    _, folder = saved
    monkeypatch.chdir(folder)
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(error, match=message):
        convlab.load(name, **options)


# weights for a whole model: which is which, what may be missing, how they are stored


def of_pytorch(theirs, path, **renamed):
    """Write the weights of Keras' network as PyTorch lays them out; modules may have other names."""
    state = {}
    for name in ("conv", "probabilities"):
        kernel, bias = weights_of(theirs, name)
        module = renamed.get(name, name)
        state[f"{module}.weight"] = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
        state[f"{module}.bias"] = bias
    np.savez(path, **state)
    return state


@pytest.mark.parametrize("source", ["net.json", "net.keras"])
def test_names_pair_the_layers_of_a_model_file(tmp_path, source):
    """Two convolutions of one shape: only names= tells which is which, and each way computes other numbers."""
    image = keras.Input(SHAPE)
    branches = [keras.layers.Conv2D(3, 1, name=name, activation="relu")(image) for name in "ab"]
    theirs = keras.Model(image, keras.layers.Subtract(name="minus")(branches))
    save(theirs, tmp_path / "net.keras")
    save(theirs, tmp_path / "net.json")
    kernels = {name: weights_of(theirs, name)[0].transpose(3, 2, 0, 1) for name in "ab"}
    state = {"one.weight": kernels["b"], "two.weight": kernels["a"], "one.bias": np.zeros(3), "two.bias": np.zeros(3)}
    np.savez(tmp_path / "w.npz", **state)
    with pytest.raises(WeightsError, match="shapes leave a choice: a may be one or two"):
        convlab.load(tmp_path / source, tmp_path / "w.npz")
    right = convlab.load(tmp_path / source, tmp_path / "w.npz", names={"a": "two", "b": "one"})
    assert_same(right, theirs)
    wrong = convlab.load(tmp_path / source, tmp_path / "w.npz", names={"a": "one"})
    np.testing.assert_array_equal(wrong.predict(X), -right.predict(X))


def test_strict_reaches_the_reader_of_pytorch(saved):
    theirs, folder = saved
    state = of_pytorch(theirs, folder / "w.npz")
    assert_same(convlab.load(folder / "net.json", folder / "w.npz"), theirs)
    del state["probabilities.weight"], state["probabilities.bias"]
    np.savez(folder / "w.npz", **state)
    with pytest.raises(
        WeightsError, match=r"w\.npz: missing layers: probabilities needs weight \(5, 4\), bias \(5,\)"
    ):
        convlab.load(folder / "net.json", folder / "w.npz")
    model = convlab.load(folder / "net.json", folder / "w.npz", strict=False)
    assert model.receipt.missing == ("probabilities",)
    np.testing.assert_array_equal(model["conv"].weights["kernel"], weights_of(theirs, "conv")[0])


@pytest.mark.parametrize("name", ["net.h5", "net.keras"])
def test_strict_reaches_the_reader_of_keras(saved, name):
    theirs, folder = saved
    save(theirs, folder / "net.h5")
    part = [keras.Input(SHAPE), theirs.get_layer("conv"), keras.layers.Conv2D(2, 1, name="other")]
    save(keras.Sequential(part), folder / f"part-{name}")
    with pytest.raises(WeightsError, match="missing layers: probabilities; unexpected layers: other"):
        convlab.load(folder / "net.json", folder / f"part-{name}")
    receipt = convlab.load(folder / "net.json", folder / f"part-{name}", strict=False).receipt
    assert (receipt.missing, receipt.unexpected) == (("probabilities",), ("other",))


def test_kernels_stored_with_channels_first(saved):
    theirs, folder = saved
    save(theirs, folder / "net.h5")
    with h5py.File(folder / "net.h5", "a") as file:
        path = next(path for path in dataset_paths(file) if path.endswith("conv/kernel"))
        kernel = file[path][()].transpose(3, 2, 0, 1)
        del file[path]
        file[path] = kernel
    with pytest.raises(WeightsError, match="pass layout='OIHW'"):
        convlab.load(folder / "net.h5")
    assert_same(convlab.load(folder / "net.h5", layout="OIHW"), theirs)


def dataset_paths(file):
    paths = []
    file.visit(paths.append)
    return paths


def test_a_whole_network_leaves_no_module_over(tmp_path):
    """Only without its top may a network of the zoo leave some."""
    whole = convlab.load("lenet5", weights=1)
    state = {}
    for layer in whole.layers:
        if layer.shapes:
            kernel, bias = layer.weights["kernel"], layer.weights["bias"]
            state[f"{layer.name}.weight"] = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
            state[f"{layer.name}.bias"] = bias
    np.savez(tmp_path / "w.npz", **state)
    assert not convlab.load("lenet5", tmp_path / "w.npz").receipt.unexpected
    np.savez(tmp_path / "w.npz", **state, **{"extra.weight": np.zeros((2, 3))})
    with pytest.raises(WeightsError, match=r"w\.npz: unexpected layers: extra \(weight \(2, 3\)\) \(strict=False"):
        convlab.load("lenet5", tmp_path / "w.npz")
    assert convlab.load("lenet5", tmp_path / "w.npz", strict=False).receipt.unexpected == ("extra",)
    assert "extra" in convlab.load("lenet5", tmp_path / "w.npz", include_top=False).receipt.left_out


def test_the_command_takes_a_file(saved, capsys):
    _, folder = saved
    assert main(["summary", str(folder / "net.keras"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inputs"] == {"photo": [9, 8, 3]}
    np.save(folder / "x.npy", PIXELS)
    arguments = ["run", str(folder / "net.weights.h5"), str(folder / "x.npy"), "--topology", str(folder / "net.json")]
    assert main([*arguments, "--preprocessing", "tf", "--out", str(folder / "out"), "--layers", "conv"]) == 0
    acts = convlab.Activations.open(folder / "out" / "x" / "activations.h5")
    np.testing.assert_array_equal(acts.input[0], MODES["tf"].apply(PIXELS[None])[0])
    assert capsys.readouterr().err == ""


def test_the_command_runs_a_network_of_several_outputs(tmp_path, capsys):
    x = keras.Input(SHAPE, name="photo")
    mean = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    outputs = [keras.layers.Dense(2, name="age")(mean), keras.layers.Dense(3, "softmax", name="kind")(mean)]
    save(keras.Model(x, outputs), tmp_path / "two.keras")
    np.save(tmp_path / "x.npy", PIXELS)
    arguments = ["run", str(tmp_path / "two.keras"), str(tmp_path / "x.npy"), "--preprocessing", "unit"]
    assert main([*arguments, "--out", str(tmp_path / "out"), "--json"]) == 0
    (image,) = json.loads(capsys.readouterr().out)["images"]
    assert image["top"] == [] and len(image["files"]) == 5  # the recording, the network, three layers


@pytest.mark.parametrize(
    ("layers", "rescales"),
    [
        ([Elementwise("divide", "divide", (None, 255.0)), Conv2D("conv", 4, 3)], True),
        ([Cropping2D("crop", 1), Elementwise("minus", "add", (None, [-103.9, -116.8, -123.7]))], True),
        ([Rescaling("scale", 1 / 255)], True),
        ([Conv2D("conv", 4, 3), Rescaling("half", 0.5)], False),  # says nothing of the pictures
        ([Elementwise("square", "square"), Conv2D("conv", 4, 3)], False),
    ],
)
def test_what_scales_the_input_itself_takes_0_to_255(layers, rescales):
    assert _rescales(Model.sequential("net", (9, 8, 3), layers).graph) == rescales


def test_a_network_of_the_zoo_takes_no_topology():
    with pytest.raises(
        UnsupportedError, match=r"^lenet5: its architecture is known: topology= is for a file of weights"
    ):
        convlab.load("lenet5", topology="net.json")


def test_two_inputs_make_no_chain():
    """Each layer follows the one before it in the list, though not in the network."""
    inputs = dict.fromkeys(("a", "b"), (5, 4, 2))
    nodes = [Node("c", Conv2D("c", 2, 1), ("a",)), Node("d", Conv2D("d", 2, 1), ("b",))]
    assert not wanted_by(Architecture.of(Model("two", inputs, nodes, outputs=("c", "d")))).chain
