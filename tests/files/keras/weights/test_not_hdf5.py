"""Paths that lead to no Keras weights: each is one line that says what was found there instead."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from support.files.bad_files import refused


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")


@pytest.mark.parametrize(
    ("write", "found"),
    [
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer"),
        (lambda path: path.write_text("\n<!DOCTYPE html><title>404</title>"), "an HTML page"),
        (_zip, "a zip archive (a .keras file?)"),
        (lambda path: path.write_bytes(pickle.dumps({})), "a Python pickle, which is never loaded"),
        (lambda path: np.savez(path.open("wb"), a=np.ones(2)), "arrays by name (.npz) (a zip archive): "),
        (lambda path: np.save(path.open("wb"), np.ones(2)), "a NumPy array"),
        (lambda path: path.write_bytes(b"\x1f\x8b\x08\x00"), "gzip data: unpack it first"),
        (lambda path: path.write_bytes(b"\x89HDF\r\n"), "something that begins with b'\\x89HDF\\r\\n'"),
    ],
    ids=["empty", "lfs", "html", "keras-zip", "pickle", "npz", "npy", "gzip", "other"],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_not_hdf5(tmp_path: Path, write: Callable[[Path], object], found: str) -> None:
    path = tmp_path / "w.h5"
    write(path)
    refused(path, f"not an HDF5 file but {found}")


def test_hdf5_without_keras(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["x"] = np.ones(3)
    refused(tmp_path / "w.h5", "holds no Keras weights: no attribute layer_names, no group layers")


def test_directory(tmp_path: Path) -> None:
    refused(tmp_path, "this is a directory; expected an HDF5 file")


def test_no_such_file(tmp_path: Path) -> None:
    refused(tmp_path / "w.h5", "cannot be read (No such file or directory)")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_fifo_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.h5")
    refused(tmp_path / "w.h5", "this is not a regular file; expected an HDF5 file")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_unreadable(good: Path) -> None:
    good.chmod(0)
    if os.geteuid() != 0:
        refused(good, "cannot be read (Permission denied)")
        return
    os.seteuid(65_534)  # root reads everything
    try:
        refused(good, "cannot be read (Permission denied)")
    finally:
        os.seteuid(0)
