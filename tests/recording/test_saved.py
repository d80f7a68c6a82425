"""Recordings on disk: the same bits back, read only when asked for, written whole or not at all."""

import h5py
import numpy as np
import pytest

import convlab
from convlab.errors import ConvlabError, LayerNameError, WeightsError
from convlab.images.preprocessing import UNIT_GREY, VGG, Preprocessing
from convlab.layers import Conv2D, MaxPooling2D
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from convlab.recording import saved
from convlab.recording.activations import Activations

ODD_NAMES = ["block1/conv", "block1", "50%", "50%2F", "ümlaut 漢字", "a b:0", "..."]


def lenet5(n=2, dtype=np.float32, **options):
    x = np.random.default_rng(0).uniform(0, 1, (n, 28, 28, 1)).astype(dtype)
    return convlab.load("lenet5", weights=0).run(x, **options)


@pytest.fixture
def acts():
    return lenet5()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "acts.h5"


def reopened(acts, path):
    acts.save(path)
    return Activations.open(path)


def assert_same(found, expected):
    """Compare two recordings bit by bit."""
    assert list(found) == list(expected)
    arrays = [(found[name], expected[name]) for name in expected]
    for a, b in [*arrays, (found.input, expected.input), (found.output, expected.output)]:
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes()
    for field in ("model", "note", "preprocessing", "labels", "activation", "functions"):
        assert getattr(found, field) == getattr(expected, field)
    assert list(found.kinds.items()) == list(expected.kinds.items())


# ---- round trip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_the_same_comes_back(path, n, dtype):
    expected = lenet5(n, dtype, pre=True)
    found = reopened(expected, path)
    assert_same(found, expected)
    assert found.labels[0] == "T-shirt/top"
    assert found.preprocessing == UNIT_GREY


def test_the_table_and_the_best_classes_are_the_same(acts, path):
    found = reopened(acts, str(path))
    assert repr(found) == repr(acts)
    assert found._repr_html_() == acts._repr_html_()
    assert found.top(3) == acts.top(3)
    assert found.statistics("relu2").dead == acts.statistics("relu2").dead


def test_names_of_any_kind(path):
    layers = [Conv2D(name, 2, 1) for name in ODD_NAMES]
    model = Model.sequential("net/one", (4, 3, 1), layers)
    randomise(model, 0)
    expected = model.run(np.ones((1, 4, 3, 1), np.float32))
    found = reopened(expected, path)
    assert list(found) == ODD_NAMES
    assert_same(found, expected)
    assert "block1/conv" in found
    assert "block1%2Fconv" not in found


def test_a_layer_called_twice(path):
    conv, pool = Conv2D("conv", 2, 1, activation="relu"), MaxPooling2D("pool", 2)
    nodes = [Node("conv", conv, ("input",)), Node("pool", pool, ("conv",)), Node("conv/2", conv, ("pool",))]
    model = Model("twice", (4, 6, 2), nodes)
    randomise(model, 0)
    expected = model.run(np.random.default_rng(0).normal(size=(1, 4, 6, 2)), pre=True)
    found = reopened(expected, path)
    assert list(found) == ["conv/pre", "conv", "pool", "conv/2/pre", "conv/2"]
    assert_same(found, expected)


def test_a_narrow_recording_keeps_its_output(path):
    expected = lenet5(record=["pool1"])
    found = reopened(expected, path)
    assert list(found) == ["pool1"]
    assert_same(found, expected)
    with pytest.raises(LayerNameError, match=r"^no recorded layer 'zzz'; available: pool1$"):
        found["zzz"]


def test_nan_and_infinity_are_kept(acts, path):
    acts["conv1"][0, 1, 2, 3] = np.nan
    acts["conv1"][1, 0, 0, 5] = -np.inf
    assert_same(reopened(acts, path), acts)


def test_arrays_in_any_order_of_memory(path):
    image = {"input": np.ones((1, 4, 3, 1))}
    layers = {
        "f": np.asfortranarray(np.arange(24.0).reshape(1, 4, 3, 2)),
        "view": np.arange(48.0).reshape(2, 24)[:, ::-3],
    }
    expected = Activations(layers, {"f": "Conv2D", "view": "Dense"}, image, {"y": np.ones((1, 5))}, "toy")
    found = reopened(expected, path)
    for name, array in layers.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    "preprocessing", [None, VGG, Preprocessing("mine", "L", mean=(0.1,), scale=1 / 3, float_range=(-1.0, 1.0))]
)
@pytest.mark.parametrize("labels", [None, ("a", "b/c", "été")])
def test_preprocessing_and_labels_come_back_exactly(path, preprocessing, labels):
    fields = {
        "inputs": {"x": np.zeros((1, 2))},
        "outputs": {"fc": np.ones((1, 3))},
        "model": "toy",
        "activation": "tanh",
    }
    acts = Activations({"fc": np.ones((1, 3))}, {"fc": "Dense"}, preprocessing=preprocessing, labels=labels, **fields)
    found = reopened(acts, path)
    assert found.preprocessing == preprocessing
    assert found.labels == labels
    assert (found.model, found.activation) == ("toy", "tanh")


def test_twenty_thousand_labels_and_five_thousand_layers_fit(path):
    labels = tuple(f"class {i}" for i in range(21_841))
    layers = {f"layer with a long name {i}": np.ones((1, 1)) for i in range(5000)}
    acts = Activations(
        layers,
        dict.fromkeys(layers, "Dense"),
        {"x": np.zeros((1, 2))},
        {"y": np.ones((1, 21_841))},
        "toy",
        labels=labels,
    )
    assert reopened(acts, path).labels == labels


# ---- the file


def test_the_file_is_what_its_description_says(acts, path):
    acts.save(path)
    with h5py.File(path) as file:
        assert file.attrs["format"] == "convlab recording 2"
        assert sorted(file) == ["inputs", "layers", "outputs"]
        assert list(file["layers"]) == list(acts)
        assert file["layers/conv1"].shape == (2, 28, 28, 6)
        assert file["layers/conv1"].chunks == (1, 28, 28, 6)  # one image a chunk


def test_the_file_takes_hardly_more_than_the_arrays(acts, path):
    acts.save(path)
    arrays = sum(array.nbytes for array in [*acts.values(), acts.input, acts.output])
    assert arrays < path.stat().st_size < arrays + 64_000


def test_only_the_layer_that_is_asked_for_is_read(acts, path, monkeypatch):
    acts.save(path)
    read = []
    original = saved._read
    monkeypatch.setattr(saved, "_read", lambda data: read.append(data.name.lstrip("/")) or original(data))
    found = Activations.open(path)
    assert read == ["inputs/input", "outputs/softmax"]
    assert "conv2" in found
    assert (len(found), list(found)) == (13, list(acts))
    assert read == ["inputs/input", "outputs/softmax"]
    found["conv2"]
    assert read == ["inputs/input", "outputs/softmax", "layers/conv2"]


def test_an_opened_recording_is_the_readers_own(acts, path):
    found = reopened(acts, path)
    found["conv1"][:] = 7
    np.testing.assert_array_equal(found["conv1"], acts["conv1"])


def test_an_opened_recording_holds_no_file_open(acts, path):
    found = reopened(acts, path)
    found["conv1"]
    with h5py.File(path, "a") as file:  # HDF5 would refuse to write to a file that is open for reading
        file["layers/conv1"][:] = 5
    assert (found["conv1"] == 5).all()


def test_a_file_that_has_gone_is_one_line(acts, path):
    found = reopened(acts, path)
    path.unlink()
    with pytest.raises(WeightsError) as error:
        found["conv1"]
    assert str(error.value) == f"{path}: cannot be read (No such file or directory)"


# ---- whole or not at all


def test_saving_replaces_and_leaves_nothing_else(acts, path):
    lenet5(n=1).save(path)
    acts.save(path)
    assert_same(Activations.open(path), acts)
    assert list(path.parent.iterdir()) == [path]


def test_a_recording_can_be_saved_over_its_own_file(acts, path):
    found = reopened(acts, path)
    found.save(path)
    assert_same(Activations.open(path), acts)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("broken")])
def test_a_failure_in_the_middle_leaves_the_old_file(acts, path, monkeypatch, error):
    lenet5(n=1).save(path)
    before = path.read_bytes()
    calls = []
    original = h5py.Group.create_dataset

    def fail_at_the_fifth(self, *args, **kwargs):
        calls.append(args)
        if len(calls) == 5:
            raise error
        return original(self, *args, **kwargs)

    monkeypatch.setattr(h5py.Group, "create_dataset", fail_at_the_fifth)
    with pytest.raises((ConvlabError, RuntimeError)) as caught:
        acts.save(path)
    if isinstance(error, OSError):
        assert str(caught.value) == f"{path}: the recording cannot be written (No space left on device)"
    assert len(calls) == 5
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_one_line(acts, tmp_path):
    path = tmp_path / "nowhere" / "acts.h5"
    with pytest.raises(ConvlabError) as error:
        acts.save(path)
    assert str(error.value) == f"{path}: the recording cannot be written (No such file or directory)"


def test_a_folder_in_the_way_is_one_line(acts, path):
    path.mkdir()
    with pytest.raises(ConvlabError, match=r"acts\.h5: the recording cannot be written \(.*\)$"):
        acts.save(path)
    assert list(path.parent.iterdir()) == [path]


# ---- files that are no recordings


def refusal(path):
    with pytest.raises(WeightsError) as error:
        dict(Activations.open(path))
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_a_weight_file_is_no_recording(path):
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["conv1"]
    expected = "this is no recording (format None, expected 'convlab recording 2'); is it a weight file?"
    assert refusal(path) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an HDF5 file but empty"),
        (b"PK\x03\x04", "not an HDF5 file but a damaged zip archive"),
    ],
)
def test_another_file_is_told_by_what_it_is(path, content, message):
    path.write_bytes(content)
    assert refusal(path) == message


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_recording_is_damaged(acts, path, share):
    acts.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert refusal(path).startswith("file is damaged (HDF5: ")


def test_a_recording_with_its_head_overwritten_is_damaged(acts, path):
    acts.save(path)
    whole = bytearray(path.read_bytes())
    whole[8:600] = b"\xff" * 592
    path.write_bytes(whole)
    assert refusal(path).startswith("file is damaged (HDF5: ")


EDITS = {
    "layer missing": (lambda f: f.__delitem__("layers/fc1"), "layers/fc1 is missing from the recording"),
    "output missing": (lambda f: f.__delitem__("outputs"), "outputs/softmax is missing from the recording"),
    "kinds missing": (lambda f: f.attrs.__delitem__("kinds"), "13 names of layers and 0 kinds do not fit together"),
    "other version": (
        lambda f: f.attrs.__setitem__("format", "convlab recording 9"),
        "this is no recording (format 'convlab recording 9', expected 'convlab recording 2'); is it a weight file?",
    ),
    "preprocessing": (
        lambda f: f.attrs.__setitem__("preprocessing", "{"),
        "preprocessing '{' cannot be understood (Expecting property name enclosed in double quotes:"
        " line 1 column 2 (char 1))",
    ),
    "unknown field": (
        lambda f: f.attrs.__setitem__("preprocessing", '{"title": "x", "channels": "L"}'),
        'preprocessing \'{"title": "x", "channels": "L"}\' cannot be understood'
        " (Preprocessing.__init__() got an unexpected keyword argument 'title')",
    ),
    "preprocessing is a list": (
        lambda f: f.attrs.__setitem__("preprocessing", "[1]"),
        "preprocessing '[1]' cannot be understood ('list' object has no attribute 'items')",
    ),
    "preprocessing makes no sense": (
        lambda f: f.attrs.__setitem__("preprocessing", '{"name": "x", "channels": "CMYK"}'),
        'preprocessing \'{"name": "x", "channels": "CMYK"}\' cannot be understood'
        " (preprocessing x: channels 'CMYK'; use 'RGB', 'BGR' or 'L')",
    ),
}


@pytest.mark.parametrize(("damage", "message"), EDITS.values(), ids=EDITS)
def test_a_recording_that_lacks_something_says_what(acts, path, damage, message):
    acts.save(path)
    with h5py.File(path, "a") as file:
        damage(file)
    assert refusal(path) == message


def test_a_link_to_another_file_is_not_followed(acts, path, tmp_path):
    acts.save(path)
    with h5py.File(path, "a") as file:
        del file["layers/fc1"]
        file["layers/fc1"] = h5py.ExternalLink("secret.h5", "x")
    assert refusal(path) == "layers/fc1 is an external link to 'secret.h5'; links are not followed"


def test_integers_are_refused(acts, path):
    acts.save(path)
    with h5py.File(path, "a") as file:
        del file["layers/fc1"]
        file["layers/fc1"] = np.ones((2, 120), np.int32)
    assert refusal(path) == "layers/fc1 has dtype int32, expected float"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.attrs.update(labels=["a", "b"]), r"2 labels and outputs \(1, 10\) do not fit"),
        (
            lambda file: [file.pop("inputs/input"), file.create_dataset("inputs/input", data=1.0)],
            r"inputs and outputs \(\), \(1, 10\) are no",
        ),
        (lambda file: file.attrs.update(kinds=["Dense"]), "13 names of layers and 1 kinds do not fit together"),
    ],
)
def test_a_recording_that_contradicts_itself_is_refused(path, change, message):
    convlab.load("lenet5").run(np.zeros((1, 28, 28, 1), np.float32)).save(path)
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(WeightsError, match=message):
        Activations.open(path)
