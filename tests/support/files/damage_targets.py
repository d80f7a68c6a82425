"""A small good file for each reader, to be damaged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from convlab.images.preprocessing import UNIT
from convlab.recording.activations import Activations
from support.files import pickled
from support.files.bad_torch_files import GOOD
from support.files.keras_files import KERNEL_ONLY, random_weights, write_legacy
from support.files.pictures import photo
from support.files.torch_files import write_compressed_npz, write_npz, write_safetensors
from support.files.whole_models import TEXT, write_h5, write_keras


def recording(path: Path) -> Path:
    layers = {"conv": np.ones((2, 3, 4, 5), np.float32), "fc": np.arange(14.0).reshape(2, 7)}
    image, output = {"input": np.ones((2, 3, 4, 1), np.float32)}, {"fc": layers["fc"]}
    Activations(
        layers, {"conv": "Conv2D", "fc": "Dense"}, image, output, "m", UNIT, tuple("abcdefg"), "softmax"
    ).save(path)
    return path


def compressed(path: Path) -> Path:
    """Write weights in chunks that went through every filter."""
    import h5py

    write_legacy(path, random_weights(KERNEL_ONLY))
    with h5py.File(path, "r+") as file:
        name = "conv1/conv1/kernel:0"
        data = file[name][()]
        del file[name]
        file.create_dataset(name, data=data, chunks=(2, 5, 2, 3), compression="gzip", shuffle=True, fletcher32=True)
    return path


def npy(path: Path) -> Path:
    np.save(path, photo())
    return path


def picture(form: str, **options: object) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        Image.fromarray(photo()).save(path, format=form, **options)
        return path

    return write


def text(path: Path) -> Path:
    path.write_text(TEXT)
    return path


TARGETS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "r.h5": ("recording", recording),
    "w.h5": ("weights", compressed),
    "m.h5": ("model", write_h5),
    "m.keras": ("model", write_keras),
    "m.json": ("topology", text),
    "w.npz": ("torch", lambda path: write_npz(path, GOOD)),
    "c.npz": ("torch", lambda path: write_compressed_npz(path, GOOD)),
    "a.npz": ("arrays", lambda path: write_npz(path, GOOD)),
    "w.safetensors": ("torch", lambda path: write_safetensors(path, GOOD)),
    "w.pt": ("torch", lambda path: pickled.write_state(path, GOOD)),
    "o.pt": (
        "torch",
        lambda path: pickled.write_old(path, pickled.state(GOOD), {n: a.tobytes() for n, a in GOOD.items()}),
    ),
    "x.npy": ("picture", npy),
    "x.png": ("picture", picture("PNG")),
    "x.jpg": ("picture", picture("JPEG")),
    "x.gif": ("picture", picture("GIF")),
    "x.bmp": ("picture", picture("BMP")),
    "x.tiff": ("picture", picture("TIFF", compression="tiff_lzw")),
    "x.webp": ("picture", picture("WEBP")),
    "x.ppm": ("picture", picture("PPM")),
}
