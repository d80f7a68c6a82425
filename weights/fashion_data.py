"""Fashion-MNIST as the files of its authors hold it: 60,000 training and 10,000 test images of clothes."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # where the package dataset-fashion-mnist lies
UINT8 = 8  # the idx format's number for bytes
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def read_split(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read one half of the data set.

    Parameters
    ----------
    folder : Path
        Where the four .gz files lie.
    split : str
        "train" (60,000 images) or "t10k" (the 10,000 test images).

    Returns
    -------
    images, labels
        uint8 arrays (N, 28, 28) and (N,); a label is an index into `CLASSES`.

    Raises
    ------
    FileNotFoundError, ValueError
        When a file is missing, or is no whole idx file of bytes.
    """
    images = read_idx(folder / f"{split}-images-idx3-ubyte.gz", ndim=3)
    labels = read_idx(folder / f"{split}-labels-idx1-ubyte.gz", ndim=1)
    if len(images) != len(labels):
        raise ValueError(f"{folder}: {len(images)} {split} images, {len(labels)} labels; get both anew")
    return images, labels


def read_idx(path: Path, ndim: int) -> NDArray[np.uint8]:
    """Return the array in a gzipped idx file: four magic bytes, `ndim` big-endian sizes, the values."""
    try:
        data = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: no such file; install Debian's dataset-fashion-mnist, or name the folder with --data"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a whole gzip file ({error}); get it anew") from None
    start = 4 + 4 * ndim
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    if data[:4] != bytes([0, 0, UINT8, ndim]) or len(data) - start != math.prod(shape):
        raise ValueError(f"{path}: not a whole {ndim}-D idx file (starts {data[:16].hex()}); get it anew")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def write_samples(folder: Path, data: Path) -> None:
    """Save the first test image of every class as a PNG, so that no prediction had a say in the choice."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    images, labels = read_split(data, "t10k")
    for index, name in enumerate(CLASSES):
        Image.fromarray(images[np.argmax(labels == index)]).save(folder / sample_name(name))


def sample_name(label: str) -> str:
    """Return the file name of a class: "Ankle boot" lies in ankle_boot.png."""
    return label.lower().translate(str.maketrans(" -/", "___")) + ".png"
