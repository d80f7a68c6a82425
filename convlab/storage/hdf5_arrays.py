"""Read float arrays out of an HDF5 file, each only after the file's description of it has been checked."""

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from convlab.runtime.arrays import Shape
from convlab.storage.hdf5 import reading, refuse
from convlab.storage.hdf5_layout import chunk_fault, storage_fault
from convlab.storage.pieces import in_pieces
from convlab_kernels.interrupts import PIECE, interrupts_wait

LARGE = 1 << 24
"""Bytes from which on an array is worth several threads."""

__all__ = ["check_chunks", "check_floats", "read_floats", "read_into"]

IEEE_FLOATS = tuple(getattr(h5py.h5t, f"IEEE_F{bits}{order}") for bits in (16, 32, 64) for order in ("LE", "BE"))
INTEGERS = tuple(getattr(h5py.h5t, f"STD_I{bits}{order}") for bits in (32, 64) for order in ("LE", "BE"))


def check_floats(
    dataset: h5py.Dataset,
    shape: Shape,
    what: str,
    hints: Mapping[Shape, str] = MappingProxyType({}),
    *,
    integers: bool = False,
) -> None:
    """Refuse, before a byte is read, a dataset that is not a plain float array of exactly this shape.

    Parameters
    ----------
    dataset
        The open dataset.
    shape
        The expected shape.
    what
        What to call the array in messages, such as "conv1 kernel (conv1/kernel:0)".
    hints
        For wrong shapes that have a known cause: what to do about it, added to the message.
    integers
        Whether whole numbers are good as well: Keras counts in them.
    """
    with reading(dataset):
        reason = _fault(dataset, shape, hints, integers)
    if reason is not None:
        refuse(dataset, f"{what} {reason}")


def _fault(dataset: h5py.Dataset, shape: Shape, hints: Mapping[Shape, str], integers: bool) -> str | None:
    """Return what is wrong with a dataset: later questions trust the earlier answers."""
    whole = integers and any(dataset.id.get_type().equal(integer) for integer in INTEGERS)
    if dataset.dtype.kind != "f" and not whole:
        return f"has dtype {dataset.dtype}, expected float"
    if not whole and not any(dataset.id.get_type().equal(ieee) for ieee in IEEE_FLOATS):
        return "has a dtype that is none of float16, float32 and float64"
    if dataset.shape != shape:
        return f"has shape {dataset.shape}, expected {shape}{hints.get(dataset.shape, '')}"
    return storage_fault(dataset)


def check_chunks(dataset: h5py.Dataset, what: str) -> None:
    """Refuse a dataset of which a chunk is not what it says, before libhdf5 unpacks it; `check_floats` came first."""
    with reading(dataset):
        reason = chunk_fault(dataset)
    if reason is not None:
        refuse(dataset, f"{what} {reason}")


def read_floats(dataset: h5py.Dataset, shape: Shape, what: str, *, integers: bool = False) -> NDArray[np.float32]:
    """Check a dataset as `check_floats` does, then read it into a new float32 array.

    float16 is widened, float64 and integers rounded.

    Raises
    ------
    WeightsError
        If the dataset is refused, damaged, or holds values that are not finite in float32.
    """
    check_floats(dataset, shape, what, integers=integers)
    check_chunks(dataset, what)
    values = np.empty(shape, np.float32)
    read_into(dataset, values)
    # min and max carry NaN and infinity, and need no temporary of the array's size
    if values.size and not np.isfinite([values.min(), values.max()]).all():
        refuse(dataset, f"{what} holds {_describe_bad(values)}{_cause(dataset)}")
    return values


def read_into(dataset: h5py.Dataset, values: NDArray[Any]) -> None:
    """Read a dataset into an array of its shape, some rows of chunks at a time: libhdf5 unpacks without listening."""
    with reading(dataset):
        if dataset.chunks is None:
            if not _read_as_it_lies(dataset, values):
                _read_part(dataset, values, ())
            return
        row = max(dataset.nbytes // max(len(dataset), 1) * dataset.chunks[0], 1)  # bytes of a row of chunks
        step = dataset.chunks[0] * max(PIECE // row, 1)
        for start in range(0, len(dataset), step):
            _read_part(dataset, values, np.s_[start : start + step])


def _read_as_it_lies(dataset: h5py.Dataset, values: NDArray[Any]) -> bool:
    """Read what lies in the file as it does in the array, by several threads, which libhdf5 does not let do it.

    False where it does not, or all of it is not there: what libhdf5 says to that; and where the process has the file
    open to write, of which libhdf5 may still keep some to itself.
    """
    file = dataset.file
    if values.nbytes < LARGE or file.driver != "sec2" or file.mode != "r" or not hasattr(os, "preadv"):
        return False
    start = dataset.id.get_offset()
    if start is None or dataset.dtype != values.dtype or not values.flags.c_contiguous:
        return False
    handle, memory = file.id.get_vfd_handle(), values.data.cast("B")
    counts = in_pieces(lambda first, last: os.preadv(handle, [memory[first:last]], start + first), len(memory))
    return sum(counts) == len(memory)


def _read_part(dataset: h5py.Dataset, values: NDArray[Any], part: Any) -> None:
    """Read a part of a dataset. Ctrl-C waits: raised in what h5py calls when an identifier dies, it would be lost."""
    with interrupts_wait():
        dataset.read_direct(values, part, part)


def _describe_bad(values: NDArray[np.float32]) -> str:
    bad = ~np.isfinite(values)
    first = ",".join(map(str, np.unravel_index(bad.argmax(), bad.shape)))
    return f"{np.count_nonzero(bad):,} non-finite values, first at [{first}]"


def _cause(dataset: h5py.Dataset) -> str:
    return " (stored as float64, read as float32)" if dataset.dtype.itemsize == 8 else ""
