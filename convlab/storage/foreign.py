"""Foreign files: what a file is that is not what was expected, and what to do about it, in one table."""

import stat
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

from convlab.errors import WeightsError
from convlab.storage.tensors import refuse
from convlab.storage.zips import SIGNATURE, opened
from convlab.wording import listed

__all__ = [
    "CHECKPOINT",
    "HDF5",
    "NETWORKS",
    "TENSORFLOW_JS",
    "UNPACK",
    "describe",
    "describe_members",
    "is_checkpoint",
    "name_kind",
    "read_head",
]

HEAD = 512  # bytes that tell a kind
ENTRIES = 10_000  # of a folder
HDF5 = (".h5", ".hdf5")  # how files of Keras are named
NETWORKS = (".keras", *HDF5)
FROM_KERAS = "save the network from Keras, model.save('net.keras'), and give that"
BESIDE = (
    "they do not tell the architecture: give them as the weights, and as the network a name of the zoo or"
    " the JSON text of Keras' to_json()"
)
SAVED_MODEL = (
    "open its folder with TensorFlow up to 2.15, or the package tf_keras, and save one file,"
    " keras.models.load_model(FOLDER).save('net.h5'); what model.export() wrote is a graph alone: save the network"
)
CHECKPOINT = "build the network in TensorFlow, model.load_weights() this, and model.save('net.h5')"
CONVERT_JS = "tensorflowjs_converter --input_format=tfjs_layers_model model.json net.h5 makes a file of Keras of it"
UNPACK = "unpack it first"
IMAGE = "a picture is what a network is run on: name the network before it"


@dataclass(frozen=True)
class Kind:
    """Files that people have.

    Attributes
    ----------
    what
        What it is called, "an ONNX model".
    do
        What to do where a network, or weights, were expected.
    begins
        How such a file begins, after `at` bytes.
    endings
        How its name ends, where its bytes tell nothing.
    holds
        What such a folder or zip archive holds: patterns of which every one fits a name.
    """

    what: str
    do: str = ""
    begins: tuple[bytes, ...] = ()
    at: int = 0
    endings: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}: {self.do}" if self.do else self.what


TENSORFLOW_JS = Kind(
    "a TensorFlow.js model",
    CONVERT_JS,
    (b'{"modelTopology"', b'{"format"', b'{"weightsManifest"'),
    holds=("*model.json", "*.bin"),
)
KINDS = (  # the first that fits
    Kind("a Git LFS pointer", "fetch the file itself with 'git lfs pull'", (b"version https://git-lfs",)),
    Kind("an HTML page", "the download was answered with a web page", (b"<!DOCTYPE", b"<!doctype", b"<html")),
    Kind("XML text, as of OpenVINO", FROM_KERAS, (b"<",)),
    Kind("a PNG picture", IMAGE, (b"\x89PNG",)),
    Kind("a JPEG picture", IMAGE, (b"\xff\xd8\xff",)),
    Kind("a GIF picture", IMAGE, (b"GIF8",)),
    Kind("a WEBP picture, or sound", IMAGE, (b"RIFF",)),
    Kind("a TIFF picture", IMAGE, (b"II*\0", b"MM\0*")),
    Kind("a PDF", "", (b"%PDF",)),
    Kind("a TensorFlow Lite model", FROM_KERAS, (b"TFL3",), at=4),
    Kind("weights of PyTorch (.safetensors)", BESIDE, (b"\0{",), at=7),
    Kind("an HDF5 file", "", (b"\x89HDF\r\n\x1a\n",)),
    Kind("a NumPy array", "arrays by name, as numpy.savez saves them, can be weights", (b"\x93NUMPY",)),
    Kind("gzip data", UNPACK, (b"\x1f\x8b",)),
    Kind("compressed data", UNPACK, (b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd", b"Rar!")),
    Kind("a tar archive", UNPACK, (b"ustar",), at=257),
    Kind("a MATLAB file", "save its arrays by name with numpy.savez", (b"MATLAB ",)),
    Kind("weights of PyTorch, in its old format", BESIDE, (b"\x80\x02\x8a\nl\xfc\x9cF",)),
    Kind("a Python pickle, which is never loaded", FROM_KERAS, (b"\x80",)),
    # folders and zip archives, by what lies in them
    Kind("a SavedModel of TensorFlow", SAVED_MODEL, holds=("*saved_model.pb",)),
    TENSORFLOW_JS,
    Kind("a .keras archive, unpacked", "give its config.json as the topology of its model.weights.h5",
         holds=("config.json", "model.weights.h5")),
    Kind("weights of PyTorch", BESIDE, holds=("*data.pkl",)),
    Kind("arrays by name (.npz)", BESIDE, holds=("*.npy",)),
    Kind("a Core ML model", FROM_KERAS, endings=(".mlmodel", ".mlpackage"), holds=("*Manifest.json", "*.mlmodel")),
    Kind("a checkpoint of TensorFlow", CHECKPOINT, holds=("checkpoint", "*.index")),
    # names, where nothing else tells
    Kind("JSON text (an architecture? give it as topology, beside the file of its weights)", "", (b"{",)),
    Kind("an ONNX model", f"save its initializers by name with numpy.savez, or {FROM_KERAS}", endings=(".onnx",)),
    Kind("the graph of a SavedModel", SAVED_MODEL, endings=("saved_model.pb",)),
    Kind("a frozen graph of TensorFlow", FROM_KERAS, endings=(".pb", ".pbtxt")),
    Kind("a part of a checkpoint of TensorFlow", CHECKPOINT, endings=(".ckpt", ".index", ".meta", ".data-*-of-*")),
    Kind("a shard of the weights of a TensorFlow.js model", CONVERT_JS, endings=("shard*of*.bin",)),
    Kind("a TensorFlow Lite model", FROM_KERAS, endings=(".tflite",)),
    Kind("the text of Keras' to_yaml()", "Keras' to_json() is what is read", endings=(".yaml", ".yml")),
    Kind("a program", "run it, and " + FROM_KERAS, endings=(".py", ".ipynb")),
    Kind("a model of Caffe", FROM_KERAS, endings=(".caffemodel", ".prototxt")),
    Kind("a model of Darknet", FROM_KERAS, endings=(".weights", ".cfg")),
    Kind("a model of Torch 7", FROM_KERAS, endings=(".t7",)),
)  # fmt: skip


def describe(path: Path, head: bytes | None = None) -> str:
    """Say what a file or folder is, and what to do, "an ONNX model: save ..."; else how it begins.

    Parameters
    ----------
    path
        It exists and can be read.
    head
        Its first bytes, where they are at hand; at least 32.
    """
    if path.is_dir():
        return _describe_folder(path)
    head = _read(path) if head is None or len(head) >= 32 else head
    if not head:
        return "empty"
    kind = name_kind(path, head)
    if kind is not None:
        return str(kind)
    if head.startswith(SIGNATURE):
        return _describe_zip(path)
    return f"something that begins with {head[:8]!r}"


def read_head(path: Path, size: int, expected: str) -> bytes:
    """Return the first bytes of a regular file, at most `size`; `expected` says in messages what it should be.

    Raises
    ------
    WeightsError
        If the path is missing, unreadable or no regular file.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # opening a FIFO would wait for ever
            what = describe(path) if stat.S_ISDIR(mode) else "not a regular file"
            refuse(path, f"this is {what}; expected {expected}")
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error


def is_checkpoint(prefix: Path) -> bool:
    """Tell whether a path is what TensorFlow calls a checkpoint: what the names of its files begin with."""
    return prefix.with_name(f"{prefix.name}.index").is_file()


def name_kind(path: Path, head: bytes) -> Kind | None:
    """Return the kind of a file that begins so, by its bytes, else by its name; None where neither is known."""
    text = head.lstrip()
    for kind in KINDS:
        if head[kind.at :].startswith(kind.begins) or (not kind.at and text.startswith(kind.begins)):
            return kind
        if any(fnmatch(path.name.lower(), f"*{ending}") for ending in kind.endings):
            return kind if not head.startswith(SIGNATURE) else None
    return None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _describe_folder(path: Path) -> str:
    names = [entry.name for entry in islice(path.iterdir(), ENTRIES)]
    return describe_members(names, "folder", "give one of them") or "a directory"


def _describe_zip(path: Path) -> str:
    try:
        with opened(path) as archive:
            names = archive.namelist()
    except WeightsError:
        return "a damaged zip archive"
    found = None if "config.json" in names else describe_members(names, "zip archive", UNPACK)
    return found or "a zip archive (a .keras file?)"


def describe_members(names: Collection[str], where: str, do: str) -> str | None:
    """Say what a folder or archive with members so called is; None where they do not tell."""
    for kind in KINDS:
        if kind.holds and all(any(fnmatch(name, pattern) for name in names) for pattern in kind.holds):
            return f"{kind.what} (a {where}): {kind.do}"
    networks = sorted(name for name in names if name.lower().endswith(NETWORKS))
    return f"a {where} that holds {listed(networks, 3)}: {do}" if networks else None
