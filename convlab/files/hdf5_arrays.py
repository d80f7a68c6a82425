"""Read float arrays out of an HDF5 file, each only after the file's description of it has been checked."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import h5py
import numpy as np
from numpy.typing import NDArray

from convlab.files.hdf5 import reading, refuse
from convlab.layers import Shape

__all__ = ["check_floats", "read_floats"]


IEEE_FLOATS = tuple(getattr(h5py.h5t, f"IEEE_F{bits}{order}") for bits in (16, 32, 64) for order in ("LE", "BE"))
INTEGERS = tuple(getattr(h5py.h5t, f"STD_I{bits}{order}") for bits in (32, 64) for order in ("LE", "BE"))
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}


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
    if dataset.external:
        return "stores its data outside the file"
    if dataset.is_virtual:
        return "is a virtual dataset"
    whole = integers and any(dataset.id.get_type().equal(integer) for integer in INTEGERS)
    if dataset.dtype.kind != "f" and not whole:
        return f"has dtype {dataset.dtype}, expected float"
    if not whole and not any(dataset.id.get_type().equal(ieee) for ieee in IEEE_FLOATS):
        return "has a dtype that is none of float16, float32 and float64"
    if dataset.shape != shape:
        return f"has shape {dataset.shape}, expected {shape}{hints.get(dataset.shape, '')}"
    return _chunks_fault(dataset) or _filters_fault(dataset) or _storage_fault(dataset)


def _chunks_fault(dataset: h5py.Dataset) -> str | None:
    chunks, shape = dataset.chunks, dataset.shape
    if chunks is None:
        return None
    if len(chunks) != len(shape):  # CVE-2026-19025: kills the process when read
        return f"has chunks of rank {len(chunks)}, expected {len(shape)}"
    if any(chunk > size for chunk, size in zip(chunks, shape, strict=True)):
        return f"has chunks {chunks} larger than its shape {shape}"
    return None


def _filters_fault(dataset: h5py.Dataset) -> str | None:
    """Refuse every filter but three: HDF5 would look for an unknown one in a folder of plugins and run it."""
    settings = dataset.id.get_create_plist()
    for number in (settings.get_filter(index)[0] for index in range(settings.get_nfilters())):
        if number not in FILTERS:
            return f"is compressed with filter {number}, which convlab does not load"
    return None


def _storage_fault(dataset: h5py.Dataset) -> str | None:
    """Refuse holes, which HDF5 fills with zeros, and chunks that cannot be what they say."""
    stored = dataset.id.get_storage_size()
    if stored == 0 and dataset.size > 0:
        return f"declares {dataset.size:,} values but stores none"
    if dataset.chunks is None:
        return None if stored == dataset.nbytes else f"stores {stored:,} of its {dataset.nbytes:,} bytes"
    expected = math.prod(-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    found = dataset.id.get_num_chunks()
    if found != expected:
        return f"stores {found:,} of its {expected:,} chunks"
    whole = expected * math.prod(dataset.chunks) * dataset.dtype.itemsize  # chunks at the edges are stored whole
    if stored > 1.01 * whole + 64 * expected:  # the most that incompressible data grows by
        return f"stores {stored:,} bytes, too many for chunks of {whole:,}"
    return None


def read_floats(dataset: h5py.Dataset, shape: Shape, what: str, *, integers: bool = False) -> NDArray[np.float32]:
    """Check a dataset as `check_floats` does, then read it into a new float32 array.

    float16 is widened, float64 and integers rounded.

    Raises
    ------
    WeightsError
        If the dataset is refused, damaged, or holds values that are not finite in float32.
    """
    check_floats(dataset, shape, what, integers=integers)
    values = np.empty(shape, np.float32)
    with reading(dataset):
        dataset.read_direct(values)
    # min and max carry NaN and infinity, and need no temporary of the array's size
    if values.size and not np.isfinite([values.min(), values.max()]).all():
        refuse(dataset, f"{what} holds {_describe_bad(values)}{_cause(dataset)}")
    return values


def _describe_bad(values: NDArray[np.float32]) -> str:
    bad = ~np.isfinite(values)
    first = ",".join(map(str, np.unravel_index(bad.argmax(), bad.shape)))
    return f"{np.count_nonzero(bad):,} non-finite values, first at [{first}]"


def _cause(dataset: h5py.Dataset) -> str:
    return " (stored as float64, read as float32)" if dataset.dtype.itemsize == 8 else ""
