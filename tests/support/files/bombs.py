"""Small files that would be gigabytes in memory."""

import json
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from support.files.keras_files import write_keras3, write_legacy

WEIGHTS = "model.weights.h5"


@cache
def deflated(size: int) -> bytes:
    """Return so many zeros, a thousandth as long."""
    return zlib.compress(bytes(size), 9)


@dataclass(frozen=True)
class Square:
    """A square float32 array of zeros whose only chunk is said to have been deflated so often."""

    side: int
    deflations: int = 1
    times: float = 1  # how long the chunk's stream is, measured by the chunk

    def __call__(self, group: h5py.Group, name: str) -> None:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((self.side, self.side))
        chunk = deflated(int(4 * self.side**2 * self.times))
        for deflation in range(self.deflations):
            settings.set_deflate(9)
            chunk = zlib.compress(chunk, 9) if deflation else chunk
        space = h5py.h5s.create_simple((self.side, self.side))
        dataset = h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F32LE, space, dcpl=settings)
        dataset.write_direct_chunk((0, 0), chunk)


def recording(path: Path, layer: Square | None = None, image: Square | None = None, inputs: int = 1) -> Path:
    """Write a recording with something wrong with its layer, or with what went into the network."""
    names = [f"in{index}" for index in range(inputs)]
    with h5py.File(path, "w", libver="v108") as file:
        file.attrs.update(format="convlab recording 2", model="m", activation="", preprocessing="")
        file.attrs.update(inputs=names, outputs=["out"], names=["fc"], kinds=["Dense"])
        file["outputs/out"] = np.ones((1, 3), np.float32)
        place = image or (lambda group, name: group.create_dataset(name, data=np.ones((1, 3), np.float32)))
        place(file.create_group("inputs"), names[0])
        for name in names[1:]:
            file[f"inputs/{name}"] = file[f"inputs/{names[0]}"]
        (layer or Square(1000))(file.create_group("layers"), "fc")
    return path


def config(side: int) -> str:
    """Return a network of one dense layer that maps so many numbers to as many."""
    options = {"name": "fc", "units": side, "use_bias": False, "batch_input_shape": [None, side]}
    return json.dumps(
        {"class_name": "Sequential", "config": {"name": "m", "layers": [{"class_name": "Dense", "config": options}]}}
    )


def model(path: Path, square: Square) -> Path:
    write_legacy(path, {"fc": {"kernel": np.ones((1, 1))}}, root="model_weights")
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = config(square.side)
        group = file["model_weights/fc/fc"]
        del group["kernel:0"]
        square(group, "kernel:0")
    return path


def archive(path: Path, square: Square) -> Path:
    inside = write_keras3(path.with_suffix(".inside"), {"fc": {"kernel": np.ones((1, 1))}}, {"fc": "dense"})
    with h5py.File(inside, "r+") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        square(group, "0")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", config(square.side))
        file.writestr("metadata.json", "{}")
        file.write(inside, WEIGHTS)
    return path


def picture(path: Path, side: int) -> Path:
    """Write a PNG of one colour that is half transparent."""
    Image.new("RGBA", (side, side), (1, 2, 3, 128)).save(path, format="PNG")
    return path


def arrays(path: Path) -> Path:
    with path.open("wb") as file:
        np.savez_compressed(file, a=np.zeros((8000, 8000), np.float32))
    return path
