"""Statistics over a folder: what NumPy finds in everything at once, in memory that does not grow."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import convlab
from convlab.cli import main
from convlab.errors import FileError, ImageError, LayerNameError, ShapeError
from convlab.files.keras.weights.writing import write_weights
from convlab.recording.running_statistics import ChannelStatistics
from convlab.runtime.policy import using_policy
from convlab.scanning import scanner
from convlab.scanning.job import repays_kernels
from support.closeness import assert_close, gamma

RECORDED = ["conv1", "relu1", "pool2", "flatten", "fc1", "relu3", "softmax"]


def fill(folder, count, size=(28, 28)):
    """Write pictures, later ones darker, in an order that is not that of their names; return the names in order."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    names = [f"p{i:03}.png" for i in range(count)]
    for i in rng.permutation(count):
        pixels = rng.integers(0, 256 - 90 * i // count, size).astype(np.uint8)
        Image.fromarray(pixels).save(folder / names[i])
    return names


@pytest.fixture
def folder(tmp_path):
    fill(tmp_path / "pictures", 11)
    return tmp_path / "pictures"


@pytest.mark.parametrize("compiled", [None, True])
@pytest.mark.parametrize("batch", [1, 4, 11, 50])
def test_it_finds_what_numpy_finds_in_everything_at_once(lenet, folder, batch, compiled, monkeypatch):
    monkeypatch.setattr(lenet, "compiled", compiled)
    names = sorted(path.name for path in folder.iterdir())
    inputs = np.zeros(
        (-(-11 // batch) * batch, 28, 28, 1), np.float32
    )  # batches keep their size: the last is filled up
    inputs[:11] = np.concatenate([lenet.prepare(folder / name) for name in names])
    acts = [lenet.run(inputs[i : i + batch]) for i in range(0, 11, batch)]
    found = convlab.folder_statistics(lenet, folder, batch=batch)
    assert (found.images, found.skipped, list(found.layers)) == (11, (), list(acts[0]))
    for layer in acts[0]:
        everything = np.concatenate([part[layer] for part in acts])[:11]
        check(found.layers[layer], everything.reshape(-1, everything.shape[-1]).astype(np.float64), layer)


def check(found, exact, label):
    """Compare with NumPy's statistics of values (n, C): only sums are rounded, of n values in float64 twice."""
    rounding = 2 * gamma(len(exact) + 20, np.float64) * np.abs(exact).max(axis=0)
    assert found.count == len(exact)
    assert np.array_equal(found.minima, exact.min(axis=0)), label
    assert np.array_equal(found.maxima, exact.max(axis=0)), label
    assert np.array_equal(found.zeros, (exact == 0).mean(axis=0)), label
    assert_close(found.means, exact.mean(axis=0), rounding, label)
    assert_close(found.deviations, exact.std(axis=0), 2 * rounding, label)


@pytest.fixture(params=[False, True], ids=["NumPy", "compiled"])
def parts(request):
    """Return 13 named activations (1, H, W, C) of channels far from 0, dead, coarse (with ties) and small."""
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=(13, 1, 3, 5, 4)) * [1, 0, 2, 1e-3] + [1e4, 0, 0, 0]
    numbers[..., 2] = np.round(numbers[..., 2]).clip(0)
    with using_policy(compiled=request.param):
        yield {f"{i:02}": array for i, array in enumerate(numbers)}


def merged(parts, sizes):
    """Return the statistics of the parts, taken together in batches of these sizes."""
    names, total = list(parts), None
    for size in sizes:
        now, names = names[:size], names[size:]
        new = ChannelStatistics.of(np.concatenate([parts[name] for name in now]), now)
        total = new if total is None else total.merged(new)
    return total


@pytest.mark.parametrize("sizes", [[13], [1] * 13, [4, 4, 5], [1, 12]])
def test_batches_of_any_size_merge_to_the_same(parts, sizes):
    found, exact = merged(parts, sizes), np.concatenate(list(parts.values())).reshape(-1, 4)
    check(found, exact, str(sizes))
    assert found.count == 13 * 15
    assert found.dead == [1]
    assert found.deviations[0] == pytest.approx(1, rel=0.2)  # a mean of 10,000 does not swallow it


@pytest.mark.parametrize("sizes", [[13], [1] * 13, [4, 4, 5]])
def test_the_strongest_pictures_are_those_of_the_largest_values_and_the_first_of_equal_ones(parts, sizes):
    found = merged(parts, sizes)
    peaks = {name: array.max(axis=(0, 1, 2)) for name, array in parts.items()}
    for channel in range(4):
        expected = sorted(((name, peak[channel]) for name, peak in peaks.items()), key=lambda p: (-p[1], p[0]))[:3]
        assert found.strongest(channel) == expected
    assert len({peak[2] for peak in peaks.values()}) < 13  # there are ties


def test_nan_shows_and_is_never_strongest(parts):
    parts["03"][0, 1, 1, 0] = np.nan
    parts["04"][..., 3] = np.nan
    parts["05"][0, 0, 0, 2] = np.inf
    parts["03"][0, 0, 0, 0] = 1e6
    found = merged(parts, [2, 5, 6])
    assert np.isnan(found.means).tolist() == [True, False, False, True]
    assert np.isnan(found.maxima).tolist() == [True, False, False, True]
    assert found.means[2] == np.inf and np.isnan(found.deviations[2])
    assert not np.isnan([peak for channel in range(4) for _, peak in found.strongest(channel)]).any()
    assert found.strongest(2)[0] == ("05", np.inf)
    assert found.strongest(0)[0] == ("03", 1e6)  # beside a NaN
    assert "04" not in [name for name, _ in found.strongest(3)]
    only = {"a": np.full((1, 2, 3, 1), np.nan)}
    assert merged(only, [1]).strongest(0) == []


def test_kernels_are_loaded_for_statistics_of_much_or_where_the_network_is_compiled(lenet, monkeypatch):
    assert [repays_kernels(lenet, ["conv1"], count) for count in (10, 100_000)] == [False, True]
    assert not repays_kernels(lenet, [], 100_000)
    monkeypatch.setattr(lenet, "compiled", True)
    assert repays_kernels(lenet, ["conv1/pre"], 1)


def test_layers_can_be_chosen(lenet, folder):
    every = convlab.folder_statistics(lenet, folder)
    some = convlab.folder_statistics(lenet, str(folder), ["fc1", "conv2/pre", "conv1"][::2])
    assert list(some.layers) == ["conv1", "fc1"]
    assert np.array_equal(some.layers["fc1"].means, every.layers["fc1"].means)
    assert list(convlab.folder_statistics(lenet, folder, "conv1").layers) == ["conv1"]
    assert list(convlab.folder_statistics(lenet, folder, iter(["fc1"]), batch=3).layers) == ["fc1"]


def test_what_is_no_picture_is_passed_over_and_a_damaged_one_is_named(lenet, folder):
    before = convlab.folder_statistics(lenet, folder, ["conv1"], batch=3)
    (folder / "README.txt").write_text("pictures")
    (folder / "inner.png").mkdir()
    (folder / "p004x.png").write_bytes(b"\x89PNG and then nothing")
    fill(folder / ".hidden", 2)
    with pytest.warns(UserWarning, match=r"p004x\.png: not an image .*; the picture is left out") as warned:
        found = convlab.folder_statistics(lenet, folder, ["conv1"], batch=3)
    assert len(warned) == 1
    assert (found.images, found.skipped) == (11, ("p004x.png",))
    assert found.layers["conv1"].count == before.layers["conv1"].count
    assert "lenet5 (random weights) over 11 pictures of" in str(found) and "1 left out (p004x.png)" in str(found)


def test_pictures_are_taken_in_the_order_of_their_names(lenet, tmp_path):
    for i in np.random.default_rng(0).permutation(30):
        Image.new("L", (28, 28), 90).save(tmp_path / f"{i:02}.png")
    found = convlab.folder_statistics(lenet, tmp_path, ["fc3"], batch=1)  # BLAS may round otherwise for other sizes
    assert [name for name, _ in found.layers["fc3"].strongest(0)] == ["00.png", "01.png", "02.png"]


def test_folders_without_pictures_are_named(lenet, tmp_path):
    with pytest.raises(ImageError, match=r"nowhere: no such folder$"):
        convlab.folder_statistics(lenet, tmp_path / "nowhere")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"a\.png: not a folder; expected one, a list"):
        convlab.folder_statistics(lenet, tmp_path / "a.png")
    with pytest.warns(UserWarning, match="file is empty"), pytest.raises(ImageError, match="1 picture, none of"):
        convlab.folder_statistics(lenet, tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match=r"empty: no picture in it or below \(\.bmp, .*\)$"):
        convlab.folder_statistics(lenet, tmp_path / "empty")


def test_wrong_requests_are_named(lenet, folder):
    with pytest.raises(ShapeError, match="batch is 0, expected at least 1"):
        convlab.folder_statistics(lenet, folder, batch=0)
    with pytest.raises(LayerNameError, match="no layer 'cnov1'; did you mean 'conv1'"):
        convlab.folder_statistics(lenet, folder, ["cnov1"])


def test_the_table_has_a_line_for_each_layer(lenet, folder):
    found = convlab.folder_statistics(lenet, folder)
    lines = str(found).splitlines()
    assert lines[0] == f"lenet5 (random weights) over 11 pictures of {folder}"
    assert [line.split()[0] for line in lines[3:]] == list(found.layers)
    conv = found.layers["conv1"]
    channel = int(conv.maxima.argmax())
    assert lines[3].split()[1:] == [
        "6", f"{conv.mean:.4g}", f"{conv.std:.4g}", f"{conv.max:.4g}", "0.0%", "0",
        conv.strongest(channel)[0][0], f"({channel})",
    ]  # fmt: skip
    assert repr(found) == "<FolderStatistics of lenet5 (random weights) over 11 pictures: 13 layers>"


def test_the_command_prints_the_table_and_writes_every_channel(lenet, folder, tmp_path, capsys):
    path = tmp_path / "table.csv"
    arguments = ["stats", "lenet5", str(folder), "--weights", "5", "--layers", "relu1, fc3", "--batch", "4"]
    assert main([*arguments, "--out", str(path)]) == 0
    found = convlab.folder_statistics(lenet, folder, ["relu1", "fc3"], batch=4)
    assert capsys.readouterr().out.strip() == str(found)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["layer"], int(row["channel"])) for row in rows] == [
        *(("relu1", i) for i in range(6)),
        *(("fc3", i) for i in range(10)),
    ]
    assert [float(row["mean"]) for row in rows[6:]] == found.layers["fc3"].means.tolist()
    assert [float(row["zeros"]) for row in rows[:6]] == found.layers["relu1"].zeros.tolist()
    best = [(row[f"picture{i}"], float(row[f"value{i}"])) for row in rows[7:8] for i in (1, 2, 3)]
    assert best == found.layers["fc3"].strongest(1)


@pytest.mark.filterwarnings("always")
def test_the_command_prints_json(lenet, folder, capsys):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff and then nothing")
    assert main(["stats", "lenet5", str(folder), "--weights", "5", "--json"]) == 3
    out, err = capsys.readouterr()
    assert "convlab: warning:" in err and "broken.jpg" in err
    report = json.loads(out)
    assert (report["model"], report["images"], report["skipped"]) == ("lenet5 (random weights)", 11, ["broken.jpg"])
    with pytest.warns(UserWarning, match="broken"):
        expected = convlab.folder_statistics(lenet, folder)
    conv = report["layers"]["conv1"]
    assert conv["deviations"] == expected.layers["conv1"].deviations.tolist()
    assert conv["strongest"][4] == [list(best) for best in expected.layers["conv1"].strongest(4)]


def test_the_command_prints_strict_json_of_what_is_not_finite(folder, tmp_path, capsys):
    weights, model = tmp_path / "huge.h5", convlab.load("lenet5", weights=5)
    kernel = model["conv1"].weights["kernel"].copy()
    kernel[..., 0], kernel[..., 1] = 3e38, -3e38
    model["conv1"].set_weights(kernel=kernel)
    write_weights(model, weights)
    arguments = ["stats", "lenet5", str(folder), "--weights", str(weights), "--layers", "conv1", "--json"]
    assert main(arguments) == 0
    conv = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["layers"]["conv1"]
    assert (conv["maxima"][0], conv["minima"][1], conv["deviations"][0]) == ("inf", "-inf", "nan")
    assert conv["strongest"][0][0] == ["p000.png", "inf"]
    assert all(isinstance(value, float) for value in conv["maxima"][2:])


def test_the_command_fails_in_one_line(folder, tmp_path, capsys):
    assert main(["stats", "lenet5", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err == f"convlab: error: {tmp_path / 'nowhere'}: no such folder\n"
    out = tmp_path / "missing" / "t.csv"
    assert main(["stats", "lenet5", str(folder), "--layers", "conv1", "--out", str(out)]) == 1
    error = f"{out}: cannot be written, for the folder {out.parent} does not exist: make it, or name another"
    assert capsys.readouterr() == ("", f"convlab: error: {error}\n")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "convlab: stopped"),
        (MemoryError(), 1, "convlab: error: there is not enough memory"),
        (OSError(5, "Input/output error", "p.png"), 1, "convlab: error: p.png: Input/output error"),
    ],
)
def test_what_was_computed_before_an_end_is_kept(error, status, said, folder, tmp_path, monkeypatch, capsys):
    """The shard of the first six pictures is done, and that of the next three; then it ends."""
    monkeypatch.setattr(scanner, "SHARD", 3)
    steps = scanner.Work.steps

    def some(work):
        for done, failed in steps(work):
            yield done, failed
            if done == 9:
                raise error

    path = tmp_path / "t.csv"
    arguments = ["stats", "lenet5", str(folder), "--layers", "conv1", "--batch", "3", "--out", str(path)]
    monkeypatch.setattr(scanner.Work, "steps", some)
    assert main(arguments) == status
    out, err = capsys.readouterr()
    assert err.splitlines() == ["convlab: it ended early: the table is of 9 pictures", said]
    assert out.splitlines()[0] == f"lenet5 over 9 pictures of {folder}"
    monkeypatch.setattr(scanner.Work, "steps", steps)
    some = tmp_path / "some"
    shutil.copytree(folder, some, ignore=lambda _, names: sorted(names)[9:])
    expected = convlab.folder_statistics(convlab.load("lenet5"), some, ["conv1"], batch=3)
    assert out.splitlines()[1:] == str(expected).splitlines()[1:]
    with path.open(newline="") as file:
        means = [float(row["mean"]) for row in csv.DictReader(file)]
    assert means == expected.layers["conv1"].means.tolist()


def test_a_table_that_cannot_be_written_is_still_printed(lenet, folder, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(csv, "writer", full)
    path = tmp_path / "t.csv"
    assert main(["stats", "lenet5", str(folder), "--layers", "conv1", "--out", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"lenet5 over 11 pictures of {folder}\n")
    assert err == f"convlab: error: {path}: the table cannot be written (No space left on device)\n"
    assert not path.exists()


def test_names_that_are_not_utf8_or_break_lines(lenet, folder, tmp_path, capsys):
    source = next(iter(sorted(folder.glob("*.png"))))
    for name in ("a\udcff.png", "b\n\x1b[31m.png"):
        (folder / name).write_bytes(source.read_bytes())
    path = tmp_path / "t.csv"
    assert main(["stats", "lenet5", str(folder), "--layers", "conv1", "--out", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"lenet5 over 13 pictures of {folder}\n") and len(out.splitlines()) == 4
    with path.open(newline="", encoding="utf-8") as file:
        pictures = {row["picture1"] for row in csv.DictReader(file)}
    assert pictures <= {path.name for path in folder.iterdir()} | {"a\\udcff.png"}


def test_a_table_that_cannot_be_written_is_a_file_error(lenet, folder, tmp_path):
    with pytest.raises(FileError, match="the table cannot be written"):
        convlab.folder_statistics(lenet, folder, ["fc3"]).write_csv(tmp_path)
