"""Files that hold many images as one array (N, ...): .npy, HDF5, and the IDX files of MNIST."""

import gzip
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from convlab.errors import ImageError
from convlab.images.reading import load_npy
from convlab.runtime.arrays import Array
from convlab.storage.growth import check_growth
from convlab.storage.hdf5 import get_dataset, member_names, open_hdf5, reading, refuse
from convlab.storage.hdf5_layout import storage_fault

HDF5 = (".h5", ".hdf5")
IDX = ("ubyte", ".idx", ".idx3", "ubyte.gz", ".idx.gz", ".idx3.gz")
ARRAYS = (".npy", *HDF5, *IDX)
IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def open_images(path: Path) -> Array:
    """Return the array of a file, (N, ...) with at least two axes; all but IDX is read where it is asked for.

    Raises
    ------
    ImageError
        For a file that holds no such array.
    WeightsError
        For an HDF5 file that is damaged, or none.
    """
    name = path.name.lower()
    reads: Callable[[Path], Array] = load_npy if name.endswith(".npy") else _hdf5 if name.endswith(HDF5) else _idx
    images = reads(path)
    if images.ndim < 2 or not len(images):
        raise ImageError(f"{path}: holds an array {images.shape}, expected images (N, H, W) or (N, H, W, C)")
    return images


def _hdf5(path: Path) -> Array:
    """Return the only array of a file that can be one of images."""
    with open_hdf5(path) as file:
        found = []
        for name in member_names(file):
            with reading(file):
                link = file.get(name, getclass=True)
            if link is not None and link.__name__ == "Dataset" and (data := get_dataset(file, name)) is not None:
                found += [data] if len(data.shape) > 1 and data.dtype.kind in "buif" else []
        if len(found) != 1:
            names = ", ".join(str(data.name).lstrip("/") for data in found) or "none"
            raise ImageError(
                f"{path}: expected one array of images, found {names}: write the one into a file of its own"
            )
        name = str(found[0].name)
        if (fault := storage_fault(found[0])) is not None:
            refuse(file, f"{name} {fault}")
    return h5py.File(path, mode="r")[name]  # stays open: who reads it has a process of its own, which damage may end


def _idx(path: Path) -> Array:
    """Return the array of an IDX file: two zeros, its type, its axes, as many big-endian sizes, the values."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            zeros, kind, axes = file.read(2), *(file.read(2) or b"\0\0")
            shape = [int.from_bytes(file.read(4), "big") for _ in range(axes)]
            if zeros != b"\0\0" or kind not in IDX_TYPES or not axes:
                raise ImageError(
                    f"{path}: not an IDX file (0, 0, type, axes): begins with {bytes([*zeros, kind, axes])!r}"
                )
            dtype: np.dtype[Any] = np.dtype(IDX_TYPES[kind])
            size = prod(shape) * dtype.itemsize
            check_growth(path, size, f"its array {tuple(shape)}")
            data = file.read(size)
    except (OSError, EOFError) as error:
        raise ImageError(f"{path}: not a readable IDX file ({error})") from None
    if len(data) != size:
        raise ImageError(f"{path}: declares {tuple(shape)}, {size:,} bytes, but holds {len(data):,}")
    return np.frombuffer(data, dtype).reshape(shape)
