"""Large files, on which several threads work: what is read is what libhdf5 reads."""

import os

import h5py
import numpy as np
import pytest

from convlab.storage import hdf5_arrays, pieces
from convlab.storage.hdf5_arrays import read_into
from convlab.storage.hdf5_heaps import START, check_heaps

VALUES = np.random.default_rng(0).normal(size=(37, 5, 11))


@pytest.fixture(autouse=True)
def _all_is_large(monkeypatch):
    monkeypatch.setattr(hdf5_arrays, "LARGE", 1)
    monkeypatch.setattr(pieces, "PIECE", 1000)


def read(path, **options):
    """Write the values, and return them as they are read, and as h5py reads them."""
    with h5py.File(path, "w") as file:
        file.create_dataset("before", data=np.arange(7, dtype=np.int8))
        file.create_dataset("values", data=VALUES, **options)
    with h5py.File(path) as file:
        values = np.empty(VALUES.shape, np.float32)
        read_into(file["values"], values)
        return values, file["values"].astype(np.float32)[...]


@pytest.mark.parametrize("options", [{"dtype": "<f4"}, {"dtype": ">f4"}, {"dtype": "<f8"}, {"chunks": (4, 5, 3)}])
def test_an_array_that_lies_in_any_way(tmp_path, options):
    np.testing.assert_array_equal(*read(tmp_path / "a.h5", **options))


@pytest.mark.skipif(not hasattr(os, "preadv"), reason="the system cannot read into memory")
def test_an_array_that_lies_as_in_memory_is_read_without_libhdf5(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_arrays, "_read_part", None)
    np.testing.assert_array_equal(*read(tmp_path / "a.h5", dtype="<f4"))


@pytest.mark.skipif(not hasattr(os, "preadv"), reason="the system cannot read into memory")
def test_what_is_not_all_there_is_left_to_libhdf5(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "preadv", lambda *_: 1)
    np.testing.assert_array_equal(*read(tmp_path / "a.h5", dtype="<f4"))


def test_what_was_written_and_is_not_yet_in_the_file_is_read(tmp_path):
    """libhdf5 has one memory for all that a process has open of a file."""
    read(tmp_path / "a.h5", dtype="<f4")
    values = np.empty(VALUES.shape, np.float32)
    with h5py.File(tmp_path / "a.h5", "r+") as writing:
        written = writing["values"]  # to close it would put all into the file
        written[-1, -1, -1] = 100
        with h5py.File(tmp_path / "a.h5", "r") as file:
            read_into(file["values"], values)
    assert values[-1, -1, -1] == 100


@pytest.mark.parametrize("start", [0, 995, 996, 998, 999, 1000])
def test_a_heap_is_found_where_two_pieces_meet(tmp_path, start):
    """It holds one text, of 168 bytes: number, references, reserved, size, data."""
    heap = START + bytes(3) + (200).to_bytes(8, "little") + b"\1\0\1\0" + bytes(4) + (168).to_bytes(8, "little")
    (tmp_path / "a.h5").write_bytes((bytes(start) + heap).ljust(3000, b"\0"))
    assert check_heaps(tmp_path / "a.h5") == 168


@pytest.mark.parametrize("size", [0, 999, 1000, 1001, 5000])
def test_pieces_are_all_there_is_in_order(size):
    found = pieces.in_pieces(lambda first, last: list(range(first, last)), size)
    assert [number for piece in found for number in piece] == list(range(size))
