"""Files that nobody vouches for are compared without harm: nothing in them is executed, nothing huge is read."""

import io
import zipfile

import numpy as np
import pytest

import convlab
from convlab import ConvlabError, WeightsError
from convlab.comparison.comparison import compare
from convlab.comparison.npz_arrays import NpzArrays


@pytest.fixture(scope="module")
def acts():
    model = convlab.load("lenet5")
    return model.run(np.random.default_rng(0).uniform(0, 1, (2, 28, 28, 1)).astype(np.float32))


def written(tmp_path, arrays, **options):
    path = tmp_path / "theirs.npz"
    np.savez(path, **arrays, **options)
    return path


def with_member(tmp_path, name, content):
    path = tmp_path / "theirs.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, content)
    return path


def header(shape, dtype="<f4", extra=b""):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue() + extra


def refused(acts, path):
    with pytest.raises(WeightsError) as caught:
        compare(acts, path)
    assert str(caught.value).startswith(str(path)), caught.value
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_pickles_are_never_loaded(acts, tmp_path):
    content = header((1,), "|O", b"\x80\x04cbuiltins\nexec\n")
    message = refused(acts, with_member(tmp_path, "conv1.npy", content))
    assert "conv1 holds Python objects (pickle), which are never loaded" in message
    message = refused(acts, written(tmp_path, {"conv1": np.array([{}, 3], dtype=object)}))
    assert "which are never loaded" in message


def test_text_beside_the_arrays_does_no_harm(acts, tmp_path):
    path = written(tmp_path, {"conv1": acts["conv1"], "versions": np.array("torch 2")})
    report = compare(acts, path)
    assert report.agrees
    assert report.only[1] == ("versions",)
    assert "array 'conv1': holds str160; expected" in refused(acts, written(tmp_path, {"conv1": np.array("abcde")}))


def test_a_huge_declared_array_is_not_read(acts, tmp_path):
    path = with_member(tmp_path, "conv1.npy", header((1 << 20, 1 << 20, 4, 5)))
    assert "87,960,930,222,080 bytes, but holds 0" in refused(acts, path)


def test_each_header_is_read_once(tmp_path, monkeypatch):
    """However many arrays are read: else twice as many layers took four times as long."""
    arrays = {f"layer{i}": np.full((2, 3), i, np.float32) for i in range(20)}
    path, done = written(tmp_path, arrays), []
    for name in ("open", "_RealGetContents"):  # a member; the list of all
        original = getattr(zipfile.ZipFile, name)
        watched = lambda *args, name=name, original=original: done.append(name) or original(*args)  # noqa: E731
        monkeypatch.setattr(zipfile.ZipFile, name, watched)
    assert {name: array.tolist() for name, array in NpzArrays(path).items()} == {
        n: a.tolist() for n, a in arrays.items()
    }
    assert (done.count("open"), done.count("_RealGetContents")) == (20 + 20, 1)


def test_a_compressed_bomb_of_another_shape_is_not_read(acts, tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, conv1=np.zeros((1 << 12, 1 << 12), np.uint8), fc3=acts["fc3"])
    read = []
    original = NpzArrays.__getitem__
    monkeypatch.setattr(NpzArrays, "__getitem__", lambda self, name: read.append(name) or original(self, name))
    report = compare(acts, path)
    assert report.first == "conv1"
    assert report.rows[0].reference_shape == (1 << 12, 1 << 12)
    assert compare(path, dict(acts)).first == "conv1"
    assert set(read) == {"fc3"}


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("cut", "file is damaged (zip: "),
        ("flipped", "file is damaged (zip: Bad CRC-32"),
        ("not numpy", "file is damaged (conv1.npy: the magic string is not correct"),
        ("no array", "holds 'readme.txt', expected nothing but .npy members"),
        ("nothing", "without arrays"),
        ("version", "conv1 is in version (9, 0) of the .npy format"),
    ],
)
def test_damaged_files(damage, expected, acts, tmp_path):
    path = written(tmp_path, {"conv1": acts["conv1"]})
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        path.write_bytes(content[:700] + bytes([content[700] ^ 255]) + content[701:])
    elif damage == "not numpy":
        path = with_member(tmp_path, "conv1.npy", b"what is this")
    elif damage == "version":
        path = with_member(tmp_path, "conv1.npy", b"\x93NUMPY\x09\x00" + bytes(60))
    elif damage == "no array":
        path = with_member(tmp_path, "readme.txt", "nothing")
    else:
        np.savez(path)
    assert expected in refused(acts, path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04pickle", b"<html>"])
def test_files_of_another_kind(content, acts, tmp_path):
    path = tmp_path / "theirs.npz"
    path.write_bytes(content)
    assert "not an HDF5 file but" in refused(acts, path)


def test_files_that_are_not_there(acts, tmp_path):
    assert "cannot be read (No such file" in refused(acts, tmp_path / "none.npz")
    assert "this is a directory" in refused(acts, tmp_path)


def test_no_flipped_byte_does_more_than_be_refused_or_differ(tmp_path):
    ours = {"conv1": np.arange(6, dtype=np.float32).reshape(2, 3)}
    content = written(tmp_path, ours).read_bytes()
    outcomes = set()
    for place in range(len(content)):
        path = tmp_path / "flipped.npz"
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :])
        try:
            outcomes.add(compare(ours, path).agrees)
        except ConvlabError as error:
            assert str(path) in str(error)
            assert "\n" not in str(error)
            outcomes.add(type(error))
    assert outcomes >= {True, WeightsError}
