"""`convlab run`: which layers and channels, what it is run on, and the folder that it leaves."""

import json
import re
from contextlib import nullcontext
from types import SimpleNamespace
from urllib.parse import unquote

import h5py
import numpy as np
import pytest
from PIL import Image

import convlab
from convlab.cli import main, terminal
from convlab.cli import run as command
from convlab.cli.layers import chosen_layers
from convlab.layers import Add, Conv1D, Conv2D, Dense, Flatten, GlobalAveragePooling2D, ReLU
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from convlab.view import run_folder
from convlab.view.contact_sheet import LEFT, MARKS, TOP, VALUES
from convlab.view.tiles import Tiles


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "digit.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)).save(path)
    return str(path)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def drawn(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".png" and path.name != "network.png")


# ---- which layers


@pytest.fixture(scope="module")
def blocks():
    layers = [Conv2D("block1_conv1", 2, 1), ReLU("relu"), Conv2D("block1_conv2", 3, 1), Conv2D("block2_conv1", 4, 1)]
    return Model.sequential("net", (5, 5, 1), [*layers, Flatten("3"), Dense("1-2", 2, activation="softmax")])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("relu", ["relu"]),
        ("block2_conv1, relu", ["relu", "block2_conv1"]),
        ("block1_*", ["block1_conv1", "block1_conv2"]),
        ("*conv1", ["block1_conv1", "block2_conv1"]),
        ("Conv2D", ["block1_conv1", "block1_conv2", "block2_conv1"]),
        ("Re*,Flatten", ["relu", "3"]),
        ("1", ["block1_conv1"]),
        ("2-4", ["relu", "block1_conv2", "block2_conv1"]),
        ("-1,-3", ["block2_conv1", "1-2"]),
        ("3", ["3"]),  # a name before a number
        ("1-2", ["1-2"]),
        ("1-2/pre", ["1-2/pre"]),
        ("", None),
        (None, None),
    ],
)
def test_layers_are_named_by_patterns_kinds_and_numbers(blocks, text, names):
    assert chosen_layers(blocks, text) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv1", "no layer 'conv1'; did you mean 'block1_conv1'?"),
        ("relu,block3_*", "no layer fits 'block3_*' (of 6, such as block1_conv1, "),
        ("conv2d", "no layer 'conv2d'; did you mean 'Conv2D'?"),
        ("ReLu", "no layer 'ReLu'; did you mean 'relu'?"),
        ("7", "no layers 7: there are 1 to 6, and -1 is the last"),
        ("0", "no layers 0: there are 1 to 6"),
        ("4-2", "no layers 4-2: there are 1 to 6"),
        ("5-9", "no layers 5-9: there are 1 to 6"),
    ],
)
def test_what_chooses_no_layer_is_an_error(blocks, text, message):
    with pytest.raises(convlab.LayerNameError) as error:
        chosen_layers(blocks, text)
    assert str(error.value).startswith(message)


def test_run_and_stats_take_them(picture, out, tmp_path, capsys):
    assert main(["run", "lenet5", picture, "--out", str(out), "--layers", "conv*, -1"]) == 0
    assert drawn(out / "digit") == ["01_conv1.png", "02_conv2.png", "03_softmax.png"]
    capsys.readouterr()
    assert main(["stats", "lenet5", str(tmp_path), "--layers", "AveragePooling2D", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["layers"]) == ["pool1", "pool2"]


# ---- which channels


def test_channels_are_chosen_and_a_layer_without_them_is_not_drawn(picture, out, capsys):
    arguments = ["run", "lenet5", picture, "--out", str(out), "--layers", "conv*,fc3"]
    assert main([*arguments, "--channels", "7,14:"]) == 0
    assert drawn(out / "digit") == ["02_conv2.png", "03_fc3.png"]  # conv1 has six
    assert main([*arguments, "--channels", "99"]) == 1
    assert "no layer that is drawn has such a channel: there are 0 to 15 at most" in capsys.readouterr().err


# ---- the folder


def test_without_out_there_is_a_folder_of_its_own(picture, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "lenet5", picture, "--layers", "fc3"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "convlab-run/index.html"
    assert drawn(tmp_path / "convlab-run/digit") == ["01_fc3.png"]


def test_names_sort_in_order_of_execution(tmp_path, monkeypatch):
    many = Model.sequential("many", (2, 2, 1), [ReLU(f"r{i}") for i in range(101)])
    acts = many.run(np.ones((1, 2, 2, 1), np.float32))
    monkeypatch.setattr(run_folder, "_draw", lambda acts, name, path, *_: path.touch())
    monkeypatch.setattr(run_folder, "network", lambda acts: None)
    monkeypatch.setattr(run_folder, "save", lambda *_: None)
    written = run_folder.write_folder(acts, tmp_path, scale="channel", channels={}, recording=False, steps=list)
    assert [path.name for path in written.layers.values()] == sorted(drawn(tmp_path))
    assert drawn(tmp_path)[0] == "001_r0.png"


def test_what_an_earlier_run_left_is_taken_away_and_nothing_else(picture, out, monkeypatch, capsys):
    assert main(["run", "lenet5", picture, "--out", str(out)]) == 0
    folder = out / "digit"
    mine = {"mine.png": b"x", "notes.txt": b"y", "09_mine.png": (folder / "01_conv1.png").read_bytes()}
    for name, content in mine.items():
        (folder / name).write_bytes(content)
    (folder / "12_link.png").symlink_to(folder / "01_conv1.png")
    (folder / "05_relu2.png").write_bytes((folder / "01_conv1.png").read_bytes())  # somebody's own, of that name
    monkeypatch.setattr(command, "MOST", 0)
    assert main(["run", "lenet5", picture, "--out", str(out), "--layers", "conv1"]) == 0
    left = {path.name for path in folder.iterdir()}
    assert left == {"01_conv1.png", "network.png", "12_link.png", "05_relu2.png", *mine}
    assert all((folder / name).read_bytes() == content for name, content in mine.items())
    assert "activations.h5 is left out, 0 MiB: --recording saves it" in capsys.readouterr().out


def test_a_recording_of_ones_own_is_kept(picture, out, monkeypatch):
    (out / "digit").mkdir(parents=True)
    own = convlab.load("lenet5").run(np.zeros((1, 28, 28, 1), np.float32))
    own.save(out / "digit/activations.h5")
    monkeypatch.setattr(command, "MOST", 0)
    assert main(["run", "lenet5", picture, "--out", str(out), "--layers", "conv1"]) == 0
    assert np.array_equal(convlab.Activations.open(out / "digit/activations.h5")["fc1"], own["fc1"])


def test_a_large_recording_is_saved_where_asked_for(picture, out, monkeypatch):
    monkeypatch.setattr(command, "MOST", 0)
    assert main(["run", "lenet5", picture, "--out", str(out), "--layers", "conv1", "--recording"]) == 0
    assert list(convlab.Activations.open(out / "digit/activations.h5")) == ["conv1"]


def test_the_page_links_to_all_that_was_written_and_runs_nothing(picture, out, tmp_path, capsys):
    strange = tmp_path / 'a "b" <i> #1%.png'
    Image.open(picture).save(strange)
    assert main(["run", "lenet5", picture, str(strange), "--out", str(out), "--weights", "0"]) == 0
    text = (out / "index.html").read_text(encoding="utf-8")
    links = set(re.findall(r'href="([^"]*)"', text))
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {unquote(link) for link in links} == files - {"index.html"}
    assert "<script" not in text and "<i>" not in text
    assert text.count("(random weights)</h") == 3  # beside the network's name and each prediction
    for line in capsys.readouterr().out.splitlines():
        if "%" in line and "#" not in line:
            assert line.strip() in text  # the predictions
    assert len(text) < 20_000


def test_a_page_of_somebody_else_is_not_written_over(picture, out, capsys):
    out.mkdir()
    (out / "index.html").write_text("<h1>my holidays</h1>")
    assert main(["run", "lenet5", picture, "--out", str(out)]) == 1
    assert "index.html: this is of no earlier run and would be replaced: name another" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["index.html"]


def test_pictures_are_small_and_show_every_value(picture, out):
    """A pixel is a byte of 200 colours for values: that of the largest is yellow, of zero dark."""
    assert main(["run", "lenet5", picture, "--out", str(out), "--layers", "relu1"]) == 0
    acts = convlab.Activations.open(out / "digit/activations.h5")
    with Image.open(out / "digit/01_relu1.png") as saved:
        assert saved.mode == "P"
        numbers, pixels = np.asarray(saved), np.asarray(saved.convert("RGB")).reshape(-1, 3)
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    found = {tuple(colour): count for colour, count in zip(colours.tolist(), counts, strict=True)}
    tiles = Tiles((28, 28, 6), None, list(range(6)), [""] * 6)
    area, below = tiles.zoom**2, TOP + tiles.size[0]
    assert tiles.rows > 1
    gap = numbers[below : below + tiles.gap[0], LEFT : LEFT + tiles.size[1]]
    assert ((gap > VALUES) & (gap < MARKS)).any(), "no caption below the first map"
    values = acts["relu1"].reshape(-1, 6)
    assert found[253, 231, 36] >= area * (values == values.max(axis=0)).sum()  # viridis' last
    assert found[68, 1, 84] >= area * (values == 0).sum()


# ---- what it is run on


@pytest.fixture
def two_inputs(monkeypatch):
    nodes = [
        Node("left", Conv2D("left", 3, 3, padding="same"), ("a",)),
        Node("right", Conv2D("right", 3, 1), ("b",)),
        Node("sum", Add("sum"), ("left", "right")),
        Node("pool", GlobalAveragePooling2D("pool"), ("sum",)),
    ]
    model = Model("two", {"a": (6, 6, 1), "b": (6, 6, 2)}, nodes)
    randomise(model, 0)
    monkeypatch.setattr("convlab.cli.options.load", lambda *_, **__: model)
    return model


def test_several_inputs_come_by_name(two_inputs, tmp_path, out, capsys):
    rng = np.random.default_rng(0)
    x = {"a": rng.random((2, 6, 6, 1), np.float32), "b": rng.random((2, 6, 6, 2), np.float32)}
    np.savez(tmp_path / "x.npz", **x)
    assert main(["run", "two", str(tmp_path / "x.npz"), "--out", str(out)]) == 0
    expected = two_inputs.run(x)
    for i, folder in enumerate(("x", "x-2")):
        acts = convlab.Activations.open(out / folder / "activations.h5")
        assert np.allclose(acts["pool"], expected["pool"][[i]], rtol=1e-5)
    capsys.readouterr()
    assert main(["explain", "two", str(tmp_path / "x.npz"), "left", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["agrees"]
    acts.save(tmp_path / "theirs.h5")
    np.savez(tmp_path / "second.npz", **{name: array[1:] for name, array in x.items()})
    assert main(["compare", "vgg16", str(tmp_path / "theirs.h5"), "--image", str(tmp_path / "second.npz")]) == 0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (None, "the network has several inputs (a (6, 6, 1), b (6, 6, 2)): give an .npz with arrays by name"),
        ({"a": (6, 6, 1)}, "holds a, the network takes a, b"),
        ({"a": (2, 6, 6, 1), "b": (6, 6, 2)}, "its arrays are batches of different sizes: a 2, b 1"),
        ({"a": (6, 6, 1), "b": (6, 5, 2)}, "has shape (6, 5, 2), the network takes"),
    ],
)
def test_what_are_not_its_inputs(two_inputs, tmp_path, out, picture, capsys, arrays, message):
    path = picture
    if arrays:
        path = str(tmp_path / "x.npz")
        np.savez(path, **{name: np.zeros(shape, np.float32) for name, shape in arrays.items()})
    assert main(["run", "two", path, "--out", str(out)]) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_sequence_comes_as_npy(monkeypatch, tmp_path, out, capsys):
    model = Model.sequential("line", (20, 1), [Conv1D("conv", 4, 3), Flatten("flat"), Dense("out", 2)])
    randomise(model, 0)
    monkeypatch.setattr("convlab.cli.options.load", lambda *_, **__: model)
    x = np.random.default_rng(0).random((20, 1), np.float32)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "y.npz", signal=x)
    assert main(["run", "line", str(tmp_path / "x.npy"), str(tmp_path / "y.npz"), "--out", str(out)]) == 0
    assert drawn(out / "x") == drawn(out / "y") == ["01_conv.png", "02_flat.png", "03_out.png"]
    first, second = (convlab.Activations.open(out / name / "activations.h5") for name in "xy")
    assert np.array_equal(first["out"], second["out"])
    with Image.open(out / "x/01_conv.png") as picture:
        assert min(picture.size) > 150  # a row is drawn as high as can be seen
    said = "numbers of 0 to 200, not scaled: the network takes sequences (W, C) of (20, 1), not pictures"
    assert said not in capsys.readouterr().out
    np.save(tmp_path / "z.npy", np.linspace(0, 200, 20).astype(np.uint8))
    assert main(["run", "line", str(tmp_path / "z.npy"), "--out", str(out)]) == 0
    assert said in capsys.readouterr().out


def test_the_strongest_units_of_each_layer(picture, out, capsys):
    arguments = ["run", "lenet5", picture, "--out", str(out), "--layers", "conv2,fc3", "--top", "2"]
    assert main(arguments) == 0
    acts = convlab.Activations.open(out / "digit/activations.h5")
    value, index = acts.neurons("conv2", 1)[0]
    assert f"    conv2: {value:.4g} at {index}, " in capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["images"]
    assert entry["strongest"]["fc3"] == [[unit.value, list(unit.index)] for unit in acts.neurons("fc3", 2)]


def test_the_bar_names_the_layer_that_is_drawn(monkeypatch):
    said = []

    class Bar:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def set_description(self, text):
            said.append(text)

        def update(self):
            pass

    monkeypatch.setattr(command, "bar", lambda **_: Bar())
    assert list(command._shown(["a", "b\x1b"])) == ["a", "b\x1b"]
    assert said == ["drawing a", "drawing b\\x1b", "drawing network.png"]


def test_the_bar_names_the_layer_that_is_computed(monkeypatch, capsys):
    said = []
    shown = SimpleNamespace(set_description=said.append, update=lambda: None)
    monkeypatch.setattr(terminal, "bar", lambda **_: nullcontext(shown))
    net = convlab.load("lenet5")
    x = np.zeros((1, 28, 28, 1), np.float32)
    with terminal.spoken():
        with terminal.layers_shown("computing", 13):
            net.run(x)
        assert said == [f"computing {node.name}" for node in net.nodes]
        net.run(x)
    assert len(said) == 13
    assert capsys.readouterr().err == ""


def test_where_there_is_no_terminal_there_is_no_bar(picture, out, capfd):
    assert main(["run", "lenet5", picture, "--out", str(out), "--layers", "fc3"]) == 0
    assert capfd.readouterr().err == ""


def test_recordings_say_who_wrote_them(picture, out):
    assert main(["run", "lenet5", picture, "--out", str(out), "--layers", "fc3"]) == 0
    with h5py.File(out / "digit/activations.h5") as file:
        assert file.attrs["written by"] == "convlab run"
