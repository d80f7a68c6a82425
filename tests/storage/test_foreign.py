"""Files that people have and that no network can be read from: each is known, and answered with what to do."""

import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import convlab
from convlab.cli import main
from convlab.errors import ConvlabError
from convlab.files.registry import bundled_path, lookup
from convlab.storage.foreign import describe

FROM_KERAS = r"save the network from Keras, model\.save\('net\.keras'\), and give that"
BESIDE = r"they do not tell the architecture: give them as the weights"
ZIP, FOLDER = r"\(a zip archive\)", r"\(a folder\)"
SAVED_MODEL = "open its folder with TensorFlow up to 2.15"
IMAGE = "a picture is what a network is run on: name the network before it"


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


def picture(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2)).save(buffer, form)
    return buffer.getvalue()


FILES = {
    "model.onnx": (b"\x08\x07\x12\x07pytorch" + bytes(40), f"an ONNX model: .* or {FROM_KERAS}"),
    "saved_model.pb": (b"\x08\x01\x12\x9b" + bytes(40), f"the graph of a SavedModel: {SAVED_MODEL}"),
    "frozen.pb": (b"\n7\n\x05input\x12" + bytes(40), f"a frozen graph of TensorFlow: {FROM_KERAS}"),
    "net.tflite": (b"\x1c\0\0\0TFL3" + bytes(40), f"a TensorFlow Lite model: {FROM_KERAS}"),
    "group1-shard1of2.bin": (bytes(range(64)), "a shard of the weights of a TensorFlow.js model: tensorflowjs_conv"),
    "lenet.pt": (zipped("lenet/data.pkl", "lenet/data/0"), rf"weights of PyTorch {ZIP}: {BESIDE}"),
    "pytorch_model.bin": (zipped("archive/data.pkl"), rf"weights of PyTorch {ZIP}: {BESIDE}"),
    "lenet.pth": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + bytes(40), f"weights of PyTorch, .*: {BESIDE}"),
    "w.safetensors": (b"\x40\0\0\0\0\0\0\0{" + bytes(40), rf"weights of PyTorch \(\.safetensors\): {BESIDE}"),
    "w.npz": (zipped("conv/kernel.npy"), rf"arrays by name \(\.npz\) {ZIP}: {BESIDE}"),
    "model.pkl": (pickle.dumps({"model": [1, 2, 3]}), f"a Python pickle, which is never loaded: {FROM_KERAS}"),
    "net.mlmodel": (b"\x08\x04\x12\x9b" + bytes(40), f"a Core ML model: {FROM_KERAS}"),
    "net.ckpt.index": (b"\0\0\0\x01" + bytes(60), r"a part of a checkpoint of TensorFlow: .*load_weights\(\)"),
    "net.ckpt.data-00000-of-00001": (bytes(range(64)), "a part of a checkpoint of TensorFlow: "),
    "net.h5": (b"", "empty"),
    "lfs.h5": (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer: fetch the file itself"),
    "page.h5": (b"\n <!DOCTYPE html><title>404</title>", "an HTML page: the download was answered with a web page"),
    "page.keras": (b"<html lang=en><title>404</title>", "an HTML page: the download was answered with a web page"),
    "net.h5.gz": (gzip.compress(b"\x89HDF\r\n\x1a\n"), "gzip data: unpack it first"),
    "renamed.h5": (gzip.compress(b"\x89HDF\r\n\x1a\n"), "gzip data: unpack it first"),
    "net.zip": (zipped("readme.txt", "net.h5"), r"a zip archive that holds net\.h5: unpack it first"),
    "saved.zip": (zipped("s/saved_model.pb", "s/variables/"), rf"a SavedModel of TensorFlow {ZIP}: {SAVED_MODEL}"),
    "net.tar": (bytes(257) + b"ustar" + bytes(40), "a tar archive: unpack it first"),
    "photo.png": (picture("PNG"), f"a PNG picture: {IMAGE}"),
    "photo.jpg": (picture("JPEG"), f"a JPEG picture: {IMAGE}"),
    "net.yaml": (b"backend: tensorflow\nclass_name: Functional\n", r"the text of Keras' to_yaml\(\): Keras' to_"),
    "vgg.mat": (b"MATLAB 5.0 MAT-file, Platform" + bytes(40), "a MATLAB file: save its arrays by name"),
    "train.py": (b"import keras\nmodel = keras.Sequential()\n", f"a program: run it, and {FROM_KERAS}"),
    "net.caffemodel": (b"\n\x07CaffeNe" + bytes(40), f"a model of Caffe: {FROM_KERAS}"),
    "noise": (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09", r"something that begins with b'\\x01\\x02"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_told_by_what_it_is(name, tmp_path, capsys):
    content, said = FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConvlabError, match=rf"{name}: not (an HDF5 file|a file of Keras) but {said}"):
        convlab.load(path)
    assert main(["summary", str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"convlab: error: {path}: not ") and len(line) < 600


@pytest.mark.parametrize(
    "name", ["model.onnx", "net.ckpt.index", "page.h5", "net.h5", "photo.png", "net.zip", "net.tflite"]
)
def test_weights_are_told_the_same_way(name, tmp_path):
    content, said = FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConvlabError, match=rf"{name}: (not an HDF5 file but|this is) {said}"):
        convlab.load("lenet5", weights=path)


FOLDERS = {
    "saved": (["saved_model.pb", "variables/v"], rf"a SavedModel of TensorFlow {FOLDER}: {SAVED_MODEL}"),
    "web": (["model.json", "group1-shard1of1.bin"], f"a TensorFlow.js model {FOLDER}: tensorflowjs_converter"),
    "unpacked": (["config.json", "model.weights.h5"], rf"a \.keras archive, unpacked {FOLDER}: give its"),
    "checkpoints": (["checkpoint", "net.index"], f"a checkpoint of TensorFlow {FOLDER}: build"),
    "mine": (["net.keras", "old.h5", "notes.txt"], r"a folder that holds net\.keras, old\.h5: give one of them"),
    "empty": ([], "a directory"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_told_by_what_it_holds(name, tmp_path):
    names, said = FOLDERS[name]
    folder = tmp_path / name
    for each in names:
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).write_bytes(b"x")
    folder.mkdir(exist_ok=True)
    with pytest.raises(ConvlabError, match=f"{name}: this is {said}.*; expected a file of Keras"):
        convlab.load(folder)


def test_what_a_checkpoint_is_called_by(tmp_path):
    """TensorFlow is given the beginning of its files' names, which no file bears."""
    for name in ("net.ckpt.index", "net.ckpt.data-00000-of-00001"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(
        ConvlabError, match=r"net\.ckpt: this is a checkpoint of TensorFlow: build the network in Tens"
    ):
        convlab.load(tmp_path / "net.ckpt")


@pytest.mark.parametrize("name", ["model.onnx", "saved/model", "./vgg16"])
def test_a_path_that_leads_to_nothing_is_no_misspelt_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConvlabError, match=f"^{name}: there is no such file$"):
        convlab.load(name)


def test_a_model_of_tensorflow_js(tmp_path):
    text = {"format": "layers-model", "modelTopology": {"model_config": {}}, "weightsManifest": []}
    (tmp_path / "model.json").write_text(json.dumps(text, indent=1))
    with pytest.raises(
        ConvlabError, match=r"model\.json: not JSON text of Keras but a TensorFlow\.js model: tensorflowjs"
    ):
        convlab.load(tmp_path / "model.json")
    with pytest.raises(
        ConvlabError, match=r"model\.json: not JSON text of Keras but a TensorFlow\.js model: tensorflowjs"
    ):
        convlab.load(bundled_path(lookup("lenet5")), topology=tmp_path / "model.json")
    (tmp_path / "model").write_text(json.dumps(text))
    with pytest.raises(ConvlabError, match=r"model: not an HDF5 file but a TensorFlow\.js model: tensorflowjs"):
        convlab.load(tmp_path / "model")


def hdf5(path: Path) -> None:
    h5py.File(path, "w").close()


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("net.h5", hdf5, "an HDF5 file: a network is named before its pictures"),
        (
            "net.keras",
            lambda path: path.write_bytes(zipped("config.json")),
            "a ZIP archive: a network is named before",
        ),
        ("net.onnx", lambda path: path.write_bytes(b"\x08\x07\x12\x07"), "an ONNX model"),
        (
            "net.pt",
            lambda path: path.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF"),
            "weights of PyTorch, in its old format",
        ),
        ("lfs.png", lambda path: path.write_text("version https://git-lfs.github.com"), "a Git LFS pointer"),
    ],
)
def test_a_network_is_no_picture(name: str, write: Callable[[Path], object], said: str, tmp_path: Path) -> None:
    write(tmp_path / name)
    with pytest.raises(ConvlabError, match=rf"{name}: not an image \({said}"):
        convlab.load("lenet5").prepare(tmp_path / name)


def test_what_cannot_be_looked_into_is_still_described(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\x03\x04" + bytes(60))
    assert describe(path) == "a damaged zip archive"
    np.save(tmp_path / "x.npy", np.ones(3))
    assert describe(tmp_path / "x.npy").startswith("a NumPy array")
