"""A scan: what it writes, what it finds again, what it refuses, and what does not count."""

import csv
import ctypes
import json
import os
import shutil
import subprocess
import sys
import zlib
from copy import copy

import h5py
import numpy as np
import pytest
from PIL import Image

import convlab
from convlab.bench.process import environment
from convlab.cli import main
from convlab.errors import FileError, ImageError, LayerNameError, ShapeError, UnsupportedError, WeightsError
from convlab.layers import Conv2D, Dense, Flatten
from convlab.scanning.facts import BLAS_THREADS
from convlab.scanning.job import batch_for, last_features, shard_for
from convlab.scanning.report import write_report
from support.scans import BATCH, OPTIONS, contents, fill, in_workers, inodes

pytestmark = pytest.mark.usefixtures("small_shards")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Return a folder of 19 pictures in two classes: three shards, the last not full."""
    folder = tmp_path_factory.mktemp("pictures")
    fill(folder / "cat", 9, seed=1)
    fill(folder / "dog", 10, seed=2)
    return folder


def as_run(lenet, pictures, files, layer):
    """Return what the network makes of the pictures, in batches of the same size."""
    x = np.zeros((-(-len(files) // BATCH) * BATCH, 28, 28, 1), np.float32)
    x[: len(files)] = np.concatenate([lenet.prepare(pictures / name) for name in files])
    return np.concatenate([lenet.run(x[i : i + BATCH])[layer] for i in range(0, len(x), BATCH)])[: len(files)]


def test_features_are_what_the_network_makes_of_each_picture(lenet, pictures, undisturbed):
    assert undisturbed.files[8:10] == ["cat/p00008.png", "dog/p00000.png"]
    assert undisturbed.labels == ["cat"] * 9 + ["dog"] * 10
    assert undisturbed.layers == ["conv2", "relu4"]
    for layer in undisturbed.layers:
        expected = as_run(lenet, pictures, undisturbed.files, layer)
        features = undisturbed.features(layer)
        assert (features.shape, features.ndim, len(features)) == (expected.shape, expected.ndim, 19)
        assert np.array_equal(np.asarray(features), expected), layer
        assert np.array_equal(features[17], expected[17])
        assert np.array_equal(features[5:18:4], expected[5:18:4])
        assert np.array_equal(features[[18, 0, 7]], expected[[18, 0, 7]])
        assert np.array_equal(features[-1, ..., :3], expected[-1, ..., :3])
        assert np.array_equal(features[np.arange(19) % 2 == 0], expected[::2])
        assert np.array_equal(np.stack(list(features)), expected)


def test_the_same_array_is_in_a_file_for_others(undisturbed, tmp_path):
    moved = shutil.copytree(undisturbed.folder, tmp_path / "moved")
    for layer in undisturbed.layers:
        with h5py.File(moved / f"features/{layer}.h5") as file:
            assert np.array_equal(file["features"][()], undisturbed.features(layer)[:])
    opened = convlab.Scan.open(moved)
    assert np.array_equal(opened.features("relu4")[:], undisturbed.features("relu4")[:])


def test_statistics_are_those_that_nobody_keeps(lenet, pictures, undisturbed):
    found, expected = undisturbed.statistics, convlab.folder_statistics(lenet, pictures, **OPTIONS)
    assert list(found.layers) == list(expected.layers) == ["conv2", "relu4"]
    assert (found.images, found.skipped) == (19, ())
    for layer, one in found.layers.items():
        for field in ("count", "minima", "maxima", "means", "deviations", "zeros", "peaks", "pictures"):
            assert np.array_equal(getattr(one, field), getattr(expected.layers[layer], field)), field
    assert undisturbed.strongest("conv2", 3) == expected.layers["conv2"].strongest(3)
    with (undisturbed.folder / "statistics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["mean"]) for row in rows[:16]] == found.layers["conv2"].means.tolist()


def test_by_default_features_are_those_before_the_classifier_and_statistics_of_all(lenet, pictures, tmp_path):
    found = convlab.scan(lenet, pictures, tmp_path / "out", batch=BATCH)
    assert found.layers == ["relu4"]
    assert list(found.statistics.layers) == [node.name for node in lenet.nodes]
    assert convlab.scan(lenet, pictures, tmp_path / "f", statistics=False).description.statistics == ()
    assert convlab.scan(lenet, pictures, tmp_path / "s", features=False, layers="conv1").layers == []
    with pytest.raises(UnsupportedError, match="made without statistics"):
        _ = convlab.Scan.open(tmp_path / "f").statistics
    with pytest.raises(UnsupportedError, match="made without features"):
        convlab.Scan.open(tmp_path / "s").nearest(0)


@pytest.mark.parametrize(
    ("name", "layer"), [("lenet5", "relu4"), ("vgg16", "fc2"), ("resnet50", "avg_pool"), ("mobilenet", "dropout")]
)
def test_the_layer_before_the_classifier(name, layer):
    assert last_features(convlab.load(name, weights=None).graph) == layer


def test_a_network_without_a_classifier_gives_its_output():
    graph = convlab.load("vgg16", weights=None, include_top=False).graph
    assert last_features(graph) == graph.outputs[0]


def test_batches_are_as_large_as_suits_the_network():
    assert [batch_for(convlab.load(name, weights=None).graph, 10**6) for name in ("lenet5", "vgg16")] == [64, 8]
    assert batch_for(convlab.load("lenet5", weights=None).graph, 3) == 3


@pytest.mark.parametrize(
    ("pictures", "batch", "shard"),
    [(1, 1, 4), (400, 8, 32), (10_000, 64, 320), (30_000, 64, 960), (10**6, 64, 1024), (10**6, 8, 1024), (9, 3, 12)],
)
def test_shards_are_smaller_where_pictures_are_few(pictures, batch, shard):
    assert shard_for(pictures, batch, 1024) == shard


def test_the_same_call_again_does_nothing(lenet, pictures, undisturbed, tmp_path):
    out = shutil.copytree(undisturbed.folder, tmp_path / "out")
    before = contents(out)
    parts = [name for name in before if "/0" in name]
    assert len(parts) == 3 * 4
    there = inodes(out, parts)
    convlab.scan(lenet, pictures, out, **OPTIONS)
    assert contents(out) == before
    assert inodes(out, parts) == there


def test_only_what_is_missing_is_done(lenet, pictures, undisturbed, tmp_path):
    out = shutil.copytree(undisturbed.folder, tmp_path / "out")
    before = contents(out)
    (out / "done/00001.json").unlink()
    features = out / "features/conv2/00002.h5"
    features.write_bytes(features.read_bytes()[:-5])  # torn
    kept = inodes(out, [name for name in before if name.endswith(("00000.json", "00000.h5"))])
    partly = convlab.Scan.open(out)
    assert (partly.complete, len(partly.marks)) == (False, 1)
    assert repr(partly).endswith("out: 8 done>")
    assert np.isnan(partly.features("relu4")[8:]).all()
    assert partly.statistics.images == 8
    convlab.scan(lenet, pictures, out, **OPTIONS)
    assert contents(out) == before
    assert inodes(out, kept) == kept


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b'{"rows": 7, "errors": [], "files": {}}', b"\x00" * 50])
def test_a_mark_that_is_no_mark_does_not_count(torn, lenet, pictures, undisturbed, tmp_path):
    out = shutil.copytree(undisturbed.folder, tmp_path / "out")
    (out / "done/00000.json").write_bytes(torn)
    assert sorted(convlab.Scan.open(out).marks) == [1, 2]


def test_another_job_is_refused_with_the_difference(lenet, pictures, undisturbed, tmp_path):
    out = shutil.copytree(undisturbed.folder, tmp_path / "out")
    before = contents(out)
    other, silenced = convlab.load("lenet5", weights=6), lenet.ablate({"conv1": [2]})
    compiled = copy(lenet)
    compiled.compiled = True
    for model, options, told in [
        (other, {}, "weights sha256 .{12}... there, sha256 .{12}... asked for: name another"),
        (silenced, {}, "network sha256"),
        (compiled, {}, "compiled kernels by the work there, True asked for"),
        (lenet, {"layers": "conv2"}, "features of conv2, relu4 there, conv2 asked for; statistics of"),
        (lenet, {"batch": 2}, "pictures in a batch 4 there, 2 asked for: "),
        (lenet, {"fit": "crop"}, "fit stretch there, crop asked for: "),
    ]:
        with pytest.raises(FileError, match=f"a scan of something else lies in it: {told}"):
            convlab.scan(model, pictures, out, **OPTIONS | options)
    more = shutil.copytree(pictures, tmp_path / "more")
    fill(more / "emu", 1)
    with pytest.raises(FileError, match=r"pictures 19 there, 20 asked for; files sha256.*give resume=False"):
        convlab.scan(lenet, more, out, **OPTIONS)
    assert contents(out) == before


def test_threads_are_a_part_of_the_job(lenet, pictures, undisturbed, tmp_path, monkeypatch):
    out = shutil.copytree(undisturbed.folder, tmp_path / "out")
    monkeypatch.setenv("CONVLAB_THREADS", "2")
    with pytest.raises(FileError, match="threads 1 there, 2 asked for"):
        convlab.scan(lenet, pictures, out, **OPTIONS)


def test_each_process_has_the_threads_of_the_job_also_in_blas(lenet, pictures, tmp_path, monkeypatch):
    told = tmp_path / "told"
    code = "import os, sys\n"
    code += f"open({str(told)!r}, 'w').write(' '.join(os.environ[name] for name in {BLAS_THREADS!r}))\n"
    code += "assert 'numpy' not in sys.modules\n"
    in_workers(tmp_path / "site", code, monkeypatch)
    monkeypatch.setenv("CONVLAB_THREADS", "3")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    convlab.scan(lenet, pictures, **OPTIONS)
    assert set(told.read_text().split()) == {"3"}


def test_all_is_done_anew_where_that_is_asked_for(lenet, pictures, undisturbed, tmp_path):
    out = shutil.copytree(undisturbed.folder, tmp_path / "out")
    other = convlab.load("lenet5", weights=6)
    found = convlab.scan(other, pictures, out, resume=False, **OPTIONS)
    assert np.array_equal(found.features("relu4")[:], as_run(other, pictures, found.files, "relu4"))


def test_a_folder_of_other_things_is_refused(lenet, pictures, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(FileError, match="other files lie in it, and no scan: name another folder"):
        convlab.scan(lenet, pictures, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(FileError, match=r"no scan lies here \(no job\.json\)"):
        convlab.Scan.open(tmp_path)
    for text in ("{", "{}", '{"format": "other"}', "[]"):
        (tmp_path / "job.json").write_text(text)
        with pytest.raises(WeightsError, match=r"job\.json: not the description of a scan"):
            convlab.Scan.open(tmp_path)


def test_the_numbers_do_not_depend_on_how_many_do_it(lenet, pictures, undisturbed, tmp_path):
    convlab.scan(lenet, pictures, tmp_path / "out", workers=2, **OPTIONS)
    assert contents(tmp_path / "out") == contents(undisturbed.folder)


# ---- pictures that cannot be read


def spoil(folder):
    """Put into a folder of pictures what is none, or cannot be read; return the names of these."""
    good = (folder / "p00000.png").read_bytes()
    big = Image.new("L", (28, 28))
    (folder / "bad_empty.png").write_bytes(b"")
    (folder / "bad_cut.png").write_bytes(good[: len(good) // 2])
    (folder / "bad_text.jpg").write_text("no picture")
    big.save(folder / "bad_bomb.png")
    bomb = bytearray((folder / "bad_bomb.png").read_bytes())
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    (folder / "bad_bomb.png").write_bytes(bomb)
    os.mkfifo(folder / "bad_pipe.png")
    (folder / "bad_loop.png").symlink_to("bad_loop.png")
    (folder / "bad_gone.png").symlink_to("nowhere")
    Image.new("CMYK", (40, 30), (0, 255, 0, 0)).save(folder / "good_cmyk.jpg")
    Image.fromarray(np.arange(784, dtype=np.uint16).reshape(28, 28) * 80).save(folder / "good_16bit.png")
    Image.new("P", (28, 28), 3).save(folder / "good_palette.png")
    Image.new("L", (28, 28)).save(
        folder / "good_film.gif", save_all=True, append_images=[Image.new("L", (28, 28), 9)]
    )
    (folder / "good_\udcff\n.png").write_bytes(good)
    return sorted(path.name for path in folder.glob("bad_*"))


@pytest.mark.filterwarnings("ignore")
def test_pictures_that_cannot_be_read_are_rows_of_nan_with_a_reason(lenet, tmp_path):
    folder = tmp_path / "pictures"
    fill(folder, 6)
    bad = spoil(folder)
    found = convlab.scan(lenet, folder, tmp_path / "out", **OPTIONS)
    assert len(bad) == 7 and sorted(found.errors) == bad
    assert len(found.files) == 18 and found.complete
    for name, told in [
        ("bad_empty.png", "the file is empty"),
        ("bad_cut.png", "its pixels cannot be read"),
        ("bad_text.jpg", "not an image (begins with b'no p')"),
        ("bad_bomb.png", "too large ("),
        ("bad_pipe.png", "not a file; expected an image file"),
        ("bad_loop.png", "no such file"),
        ("bad_gone.png", "no such file"),
    ]:
        assert found.errors[name].startswith(told), found.errors[name]
    features = found.features("relu4")[:]
    failed = [name in found.errors for name in found.files]
    assert np.array_equal(np.isnan(features).all(axis=1), failed)
    assert not np.isnan(features[~np.array(failed)]).any()
    good = [name for name in found.files if name not in found.errors]
    assert (found.statistics.images, found.statistics.skipped) == (11, tuple(found.errors))
    assert set(found.statistics.layers["conv2"].pictures.ravel()) <= set(good)
    assert "bad_pipe.png: not a file" in str(found)
    assert convlab.Scan.open(tmp_path / "out").errors == found.errors


def without_privileges():
    """Let what is executed after this obey the permissions of files, also where it is root's (Linux: prctl(2))."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; who has none may not, and need not


def test_a_picture_that_may_not_be_read_is_left_out_and_a_folder_ends_the_scan(tmp_path):
    folder, out = tmp_path / "pictures", tmp_path / "out"
    fill(folder, 5)
    (folder / "p00003.png").chmod(0)
    command = [sys.executable, "-m", "convlab", "scan", "lenet5", str(folder), "--no-statistics", "--out", str(out)]
    kept = {"preexec_fn": without_privileges, "env": environment(), "capture_output": True, "text": True}
    ended = subprocess.run(command, check=False, **kept)
    assert ended.returncode == 3, ended.stderr
    assert list(convlab.Scan.open(out).errors) == ["p00003.png"]
    assert "p00003.png: cannot be opened ([Errno 13] Permission denied" in ended.stderr
    (folder / "closed").mkdir(mode=0)
    ended = subprocess.run([*command, "--no-resume"], check=False, **kept)
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith(f"{folder}/closed: the folder cannot be listed (Permission denied)")


@pytest.mark.filterwarnings("ignore")
def test_a_picture_has_the_same_numbers_whatever_stands_beside_it(lenet, tmp_path):
    fill(tmp_path / "good", 12)
    shutil.copytree(tmp_path / "good", tmp_path / "bad")
    (tmp_path / "bad/p00005.png").write_bytes(b"")
    one, two = (convlab.scan(lenet, tmp_path / name, tmp_path / f"{name}-out", **OPTIONS) for name in ("good", "bad"))
    rest = np.arange(12) != 5
    for layer in one.layers:
        assert np.array_equal(one.features(layer)[rest], two.features(layer)[rest])


def test_failures_end_a_scan_where_that_is_asked_for(lenet, tmp_path):
    fill(tmp_path / "pictures", 24)
    for number in (3, 9, 20):
        (tmp_path / f"pictures/p{number:05}.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"p00003\.png: the file is empty$"):
        convlab.scan(lenet, tmp_path / "pictures", tmp_path / "a", errors="raise", **OPTIONS)
    told = r"2 pictures of .* cannot be read, more than max_errors 1: run it again with a larger one to go on"
    with pytest.warns(UserWarning, match="the picture is left out"), pytest.raises(ImageError, match=told):
        convlab.scan(lenet, tmp_path / "pictures", tmp_path / "b", max_errors=1, **OPTIONS)
    assert sorted(convlab.Scan.open(tmp_path / "b").marks) == [0, 1]
    with pytest.warns(UserWarning, match=r"p00020\.png: the file is empty; the picture is left out"):
        found = convlab.scan(lenet, tmp_path / "pictures", tmp_path / "b", max_errors=3, **OPTIONS)
    assert list(found.errors) == ["p00003.png", "p00009.png", "p00020.png"]


def test_no_picture_that_can_be_read_is_an_error(lenet, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/a.png").write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="file is empty"),
        pytest.raises(ImageError, match="1 picture, none of which"),
    ):
        convlab.scan(lenet, tmp_path / "pictures", tmp_path / "out")


def test_many_failures_are_not_told_one_by_one(lenet, tmp_path):
    fill(tmp_path / "pictures", 14)
    for number in range(13):
        (tmp_path / f"pictures/p{number:05}.png").write_bytes(b"")
    with pytest.warns(UserWarning) as told:
        convlab.scan(lenet, tmp_path / "pictures", **OPTIONS)
    assert len(told) == 11
    assert str(told[-1].message).startswith("there are more warnings")


def test_what_reading_warns_of_is_told_once(pictures, tmp_path):
    layers = [Conv2D("conv", 2, 3), Flatten("flatten"), Dense("fc", 3)]
    model = convlab.Model.sequential("own", (28, 28, 1), layers)
    for layer, name in ((model["conv"], "kernel"), (model["fc"], "kernel")):
        shapes = {role: np.full(shape, 0.1, np.float32) for role, shape in layer.shapes.items()}
        assert name in shapes
        layer.set_weights(**shapes)
    model.preprocessing = convlab.Preprocessing("unit", "L", scale=1 / 255, assumed=True)
    with pytest.warns(UserWarning, match="how pictures are prepared is not in the file") as told:
        convlab.scan(model, pictures, batch=BATCH)
    assert len(told) == 1


# ---- arrays


@pytest.mark.parametrize("shape", [(21, 28, 28), (21, 28, 28, 1), (21, 30, 20, 3)])
def test_an_array_of_images_is_scanned_like_its_images(shape, lenet, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    np.save(tmp_path / "images.npy", images)
    found = convlab.scan(lenet, tmp_path / "images.npy", tmp_path / "out", **OPTIONS)
    x = np.zeros((24, 28, 28, 1), np.float32)
    x[:21] = np.concatenate([lenet.prepare(image) for image in images])
    expected = np.concatenate([lenet.run(x[i : i + BATCH])["relu4"] for i in range(0, 24, BATCH)])[:21]
    assert np.array_equal(found.features("relu4")[:], expected)
    assert found.files[20] == "images.npy[20]"


def test_an_image_of_an_array_that_holds_nan_is_a_row_of_nan(lenet, tmp_path):
    images = np.random.default_rng(0).random((10, 28, 28)).astype(np.float32)
    images[6, 3, 3] = np.nan
    np.save(tmp_path / "images.npy", images)
    with pytest.warns(UserWarning, match=r"images\.npy\[6\]: .* NaN or infinite.*; the picture is left out"):
        found = convlab.scan(lenet, tmp_path / "images.npy", tmp_path / "out", **OPTIONS)
    assert list(found.errors) == ["images.npy[6]"]
    assert np.isnan(found.features("relu4")[:]).all(axis=1).tolist() == [i == 6 for i in range(10)]


def test_a_network_of_volumes_takes_an_array_of_them(tmp_path):
    from convlab.layers import Conv3D

    model = convlab.Model.sequential("volumes", (4, 5, 6, 1), [Conv3D("conv", 2, 3)])
    model["conv"].set_weights(kernel=np.ones((3, 3, 3, 1, 2)), bias=[0.0, 1.0])
    volumes = np.random.default_rng(0).random((5, 4, 5, 6, 1)).astype(np.float32)
    np.save(tmp_path / "v.npy", volumes)
    found = convlab.scan(model, tmp_path / "v.npy", tmp_path / "out", batch=5)
    assert np.array_equal(found.features("conv")[:], model.run(volumes)["conv"])


# ---- what is made of it


def test_nearest_pictures_are_those_of_the_same_direction(undisturbed):
    rows = undisturbed.features("relu4")[:].astype(np.float64)
    cosines = rows @ rows[4] / np.linalg.norm(rows, axis=1) / np.linalg.norm(rows[4])
    order = [i for i in np.argsort(-cosines, kind="stable") if i != 4][:3]
    found = undisturbed.nearest("cat/p00004.png", "relu4", 3)
    assert found == undisturbed.nearest(4, "relu4", 3)
    assert [name for name, _ in found] == [undisturbed.files[i] for i in order]
    assert np.allclose([value for _, value in found], cosines[order], rtol=1e-12)
    by_features = undisturbed.nearest(undisturbed.features("relu4")[4], "relu4", 2)
    assert by_features[0][0] == "cat/p00004.png" and by_features[1] == found[0]
    assert len(undisturbed.nearest(0, count=100)) == 18


def test_features_are_packed_into_one_file(lenet, pictures, undisturbed, tmp_path):
    undisturbed.pack(str(tmp_path / "all.h5"))
    with h5py.File(tmp_path / "all.h5") as file:
        assert {name: file[name].shape for name in file} == {"conv2": (19, 10, 10, 16), "relu4": (19, 84)}
        assert np.array_equal(file["conv2"][()], undisturbed.features("conv2")[:])
    with pytest.raises(UnsupportedError, match=r"all\.npy: a \.npy holds one array, found conv2, relu4: name a \.h5"):
        undisturbed.pack(tmp_path / "all.npy")
    one = convlab.scan(lenet, pictures, tmp_path / "one", layers="relu4", batch=BATCH)
    one.pack(tmp_path / "one.npy")
    assert np.array_equal(np.load(tmp_path / "one.npy"), one.features("relu4")[:])


def test_as_a_table_of_pandas(undisturbed):
    pytest.importorskip("pandas")
    table = undisturbed.to_pandas()
    assert list(table.columns) == ["file", "label", "error"]
    assert table["label"].tolist() == undisturbed.labels
    assert table["error"].isna().all()


def test_the_mean_attribution_of_each_class_is_that_of_a_folder(lenet, pictures, tmp_path):
    found = convlab.scan(lenet, pictures, tmp_path / "out", attribution="grad_cam", **OPTIONS)
    mine = found.attributions(lenet)
    expected = convlab.folder_attributions(lenet, pictures, "grad_cam", batch=50)
    assert list(mine.classes) == list(expected.classes) == ["cat", "dog"]
    for name, mean in mine.classes.items():
        other = expected.classes[name]
        assert (mean.count, mean.targets, mean.layer) == (other.count, other.targets, other.layer)
        assert np.allclose(mean.values, other.values, rtol=1e-5, atol=1e-7 * np.abs(other.values).max())
        assert np.allclose(mean.deviations, other.deviations, rtol=1e-4)
        assert np.allclose(mean.acts.input, other.acts.input, rtol=1e-6)
        assert np.allclose(mean.acts.output, other.acts.output, rtol=1e-5)
    assert "the mean grad_cam, by" in str(mine)
    convlab.scan(lenet, pictures, tmp_path / "two", attribution="grad_cam", workers=2, **OPTIONS)
    assert contents(tmp_path / "two") == contents(tmp_path / "out")
    with pytest.raises(UnsupportedError, match="no method 'grad_cma'; did you mean 'grad_cam'"):
        convlab.scan(lenet, pictures, tmp_path / "three", attribution="grad_cma")
    with pytest.raises(FileError, match="attribution grad_cam there, gradient asked for"):
        convlab.scan(lenet, pictures, tmp_path / "out", attribution="gradient", **OPTIONS)


def test_of_a_folder_without_classes_there_is_one_mean(lenet, pictures, undisturbed, tmp_path):
    found = convlab.scan(lenet, pictures / "cat", tmp_path / "out", attribution="gradient", batch=9)
    (mean,) = found.attributions(lenet).classes.values()
    assert mean.count == 9
    with pytest.raises(UnsupportedError, match="made without an attribution"):
        undisturbed.attributions(lenet)


def test_damaged_attributions_are_refused(lenet, pictures, tmp_path):
    found = convlab.scan(lenet, pictures, tmp_path / "out", attribution="gradient", **OPTIONS)
    with h5py.File(tmp_path / "out/attributions/00001.h5", "r+") as file:
        file["0"].attrs["told"] = "{"
    with pytest.raises(WeightsError, match=r"00001\.h5: what is told of a mean, '\{', cannot be understood"):
        found.attributions(lenet)
    with h5py.File(tmp_path / "out/attributions/00000.h5", "r+") as file:
        del file["0/values"]
    with pytest.raises(WeightsError, match=r"00000\.h5: values is missing from /0"):
        found.attributions(lenet)


# ---- the page


@pytest.mark.filterwarnings("ignore")
def test_the_page_tells_and_draws_what_was_found(lenet, tmp_path):
    fill(tmp_path / "pictures/a", 6)
    fill(tmp_path / "pictures/b", 6, seed=1)
    (tmp_path / "pictures/a/<i>.png").write_bytes(b"")
    found = convlab.scan(lenet, tmp_path / "pictures", tmp_path / "out", attribution="gradient", batch=4)
    page = (tmp_path / "out/report.html").read_text()
    assert "13 pictures of" in page and "1 of which could not be read" in page
    assert "a/&lt;i&gt;.png" in page and "<i>" not in page
    assert page.count("data:image/png;base64,") > 40
    assert "http" not in page.replace("http-equiv", "")
    best = found.strongest("conv1", 0)[0]
    assert f"{best[1]:.3g}<br>{best[0]}" in page
    (tmp_path / "pictures/b/p00003.png").unlink()
    write_report(found, lenet)  # what is gone is not drawn


def test_pages_of_arrays_draw_their_images(lenet, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28)).astype(np.uint8)
    np.save(tmp_path / "images.npy", images)
    convlab.scan(lenet, tmp_path / "images.npy", tmp_path / "out", layers="relu4")
    page = (tmp_path / "out/report.html").read_text()
    assert "images.npy[3]" in page and page.count("data:image/png") > 5


def test_wrong_questions_are_named(lenet, pictures, undisturbed, tmp_path):
    with pytest.raises(LayerNameError, match="no layer with features 'conv1'; did you mean 'conv2'"):
        undisturbed.features("conv1")
    with pytest.raises(LayerNameError, match="no layer with statistics 'conv1'"):
        undisturbed.strongest("conv1", 0)
    with pytest.raises(ShapeError, match="layer 'conv2' has channels 0 to 15, not 16"):
        undisturbed.strongest("conv2", 16)
    with pytest.raises(ShapeError, match=r"features \(19, 84\): no row \[19\]"):
        undisturbed.features("relu4")[19]
    with pytest.raises(LayerNameError, match="no layer 'cnov1'; did you mean 'conv1'"):
        convlab.scan(lenet, pictures, tmp_path / "out", layers="cnov1")
    for options, told in [
        ({"workers": 0}, "workers is 0, expected a whole number of at least 1"),
        ({"batch": 0}, "batch is 0, expected at least 1"),
        ({"max_errors": -1}, "max_errors is -1, expected at least 0"),
    ]:
        with pytest.raises(ShapeError, match=told):
            convlab.scan(lenet, pictures, tmp_path / "out", **options)
    with pytest.raises(UnsupportedError, match="errors is 'ignore', expected 'record' or 'raise'"):
        convlab.scan(lenet, pictures, tmp_path / "out", errors="ignore")
    assert not (tmp_path / "out").exists()


def test_a_function_that_no_module_has_is_refused(pictures):
    from convlab.layers import Lambda

    model = convlab.Model.sequential("own", (28, 28, 1), [Lambda("twice", function=lambda x: 2 * x)])
    model.preprocessing = convlab.Preprocessing("unit", "L", scale=1 / 255)
    with pytest.raises(UnsupportedError, match="'own' cannot be taken to another process"):
        convlab.scan(model, pictures)


# ---- the command


def test_the_command_says_what_it_found_and_goes_on(pictures, tmp_path, capsys):
    out = tmp_path / "out"
    command = [
        "scan",
        "lenet5",
        str(pictures),
        "--out",
        str(out),
        "--layers",
        "relu4",
        "--batch",
        "4",
        "--workers",
        "2",
    ]
    assert main([*command, "--pack", str(tmp_path / "all.npy")]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"lenet5 over 19 pictures of {pictures}: complete"
    assert told[3].split() == ["relu4", "(19,", "84)", "features/relu4.h5"]
    assert told[4:] == [str(out / "report.html"), str(tmp_path / "all.npy")]
    assert np.load(tmp_path / "all.npy").shape == (19, 84)
    assert main(["scan", "lenet5", str(pictures), "--pack", str(tmp_path / "all.npy")]) == 1
    assert "--pack writes the features of a scan, which are kept with --out DIR alone" in capsys.readouterr().err
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["features"] == {"relu4": [19, 84]}
    assert main([*command, "--weights", "3"]) == 1
    assert "give --no-resume to do it anew" in capsys.readouterr().err
    assert main([*command, "--weights", "3", "--no-resume", "--no-statistics"]) == 0
    assert not (out / "statistics").exists()


@pytest.mark.filterwarnings("always")
def test_the_command_ends_with_3_where_pictures_failed(tmp_path, capsys):
    fill(tmp_path / "pictures", 9)
    (tmp_path / "pictures/p00004.png").write_bytes(b"")
    command = ["scan", "lenet5", str(tmp_path / "pictures"), "--batch", "4", "--layers", "relu4"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 3
    out, err = capsys.readouterr()
    assert out.splitlines()[0].endswith("pictures: 1 could not be read")
    assert out.splitlines()[-2:] == ["  p00004.png: the file is empty", str(tmp_path / "out/report.html")]
    assert err.splitlines() == [
        f"convlab: warning: {tmp_path}/pictures/p00004.png: the file is empty; the picture is left out"
    ]
    assert main(command) == 3  # without a folder: statistics
    assert capsys.readouterr().out.startswith("lenet5 over 8 pictures of")
    assert main([*command, "--out", str(tmp_path / "b"), "--max-errors", "0"]) == 1
    assert capsys.readouterr().err.splitlines()[1:] == [
        "convlab: it ended early: 8 of 9 pictures are done, and the same command goes on",
        f"convlab: error: 1 picture of {tmp_path}/pictures cannot be read, more than --max-errors 0: run it again"
        " with a larger one to go on",
    ]
