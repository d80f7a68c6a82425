"""The layout of an HDF5 dataset as it says, and whether that is true: asked before a byte of it is read.

libhdf5 trusts both. It inflates a chunk to whatever its stream makes, and reads beyond what was too short.
"""

import math
import zlib
from itertools import product

import h5py

__all__ = ["chunk_fault", "storage_fault"]

SHUFFLE, DEFLATE, FLETCHER32 = h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32
FILTERS = (SHUFFLE, DEFLATE, FLETCHER32)
CHECKSUM = 4  # bytes that Fletcher32 adds to a chunk
PIECE = 1 << 14  # bytes inflated at a time, to at most a thousand times as many


def storage_fault(dataset: h5py.Dataset) -> str | None:
    """Return what is wrong with how a dataset says it is stored, None for nothing: cheap, and nothing is read.

    Later questions trust the earlier answers.
    """
    if dataset.external:
        return "stores its data outside the file"
    if dataset.is_virtual:
        return "is a virtual dataset"
    return _shape_fault(dataset) or _filters_fault(dataset) or _size_fault(dataset)


def _shape_fault(dataset: h5py.Dataset) -> str | None:
    chunks, shape = dataset.chunks, dataset.shape
    if chunks is None:
        return None
    if len(chunks) != len(shape):  # CVE-2026-19025: kills the process when read
        return f"has chunks of rank {len(chunks)}, expected {len(shape)}"
    if any(chunk > size for chunk, size in zip(chunks, shape, strict=True)):
        return f"has chunks {chunks} larger than its shape {shape}"
    return None


def _filters_fault(dataset: h5py.Dataset) -> str | None:
    """Refuse every filter but three: HDF5 would look for an unknown one in a folder of plugins and run it.

    None of them twice: what was deflated two times can grow a million times.
    """
    filters = _filters(dataset)
    for number in filters:
        if number not in FILTERS:
            return f"is compressed with filter {number}, which convlab does not load"
    if len(set(filters)) < len(filters):
        return f"is passed through {len(filters)} filters, expected each of {', '.join(map(str, FILTERS))} once"
    return None


def _filters(dataset: h5py.Dataset) -> list[int]:
    """Return the numbers of a dataset's filters in the order in which a chunk went through them."""
    settings = dataset.id.get_create_plist()
    return [settings.get_filter(index)[0] for index in range(settings.get_nfilters())]


def _size_fault(dataset: h5py.Dataset) -> str | None:
    """Refuse holes, which HDF5 fills with zeros, and more bytes than the chunks can have."""
    stored = dataset.id.get_storage_size()
    if stored == 0 and dataset.size > 0:
        return f"declares {dataset.size:,} values but stores none"
    if dataset.chunks is None:
        return None if stored == dataset.nbytes else f"stores {stored:,} of its {dataset.nbytes:,} bytes"
    expected = math.prod(-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    found = dataset.id.get_num_chunks()
    if found != expected:
        return f"stores {found:,} of its {expected:,} chunks"
    whole = expected * _chunk_bytes(dataset)  # chunks at the edges are stored whole
    if stored > 1.01 * whole + 64 * expected:  # the most that incompressible data grows by
        return f"stores {stored:,} bytes, too many for chunks of {whole:,}"
    return None


def _chunk_bytes(dataset: h5py.Dataset) -> int:
    return math.prod(dataset.chunks) * dataset.dtype.itemsize


def chunk_fault(dataset: h5py.Dataset) -> str | None:
    """Return which chunk does not unpack to the bytes of one, None if all do: each is inflated, and not kept.

    Takes the memory of one stored chunk. The dataset has been through `storage_fault`.
    """
    if dataset.chunks is None:
        return None
    filters, size = _filters(dataset), _chunk_bytes(dataset)
    steps = zip(dataset.shape, dataset.chunks, strict=True)
    for offset in product(*(range(0, side, step) for side, step in steps)):
        if not _unpacks(dataset.id, offset, filters, size):
            return f"has a chunk at {offset} that does not unpack to its {size:,} bytes"
    return None


def _unpacks(dataset: h5py.h5d.DatasetID, offset: tuple[int, ...], filters: list[int], size: int) -> bool:
    """Tell whether what is stored of a chunk is `size` bytes that went through the filters."""
    info = dataset.get_chunk_info_by_coord(offset)
    passed = [number for bit, number in enumerate(filters) if not info.filter_mask >> bit & 1]
    if DEFLATE not in passed:
        return bool(info.size == size + CHECKSUM * passed.count(FLETCHER32))
    first = passed[: passed.index(DEFLATE)]
    return _inflates(dataset.read_direct_chunk(offset)[1], size + CHECKSUM * first.count(FLETCHER32))


def _inflates(data: bytes, size: int) -> bool:
    """Tell whether a stream of zlib ends after just so many bytes; what lies behind it does not matter."""
    stream, found = zlib.decompressobj(), 0
    try:
        for start in range(0, len(data), PIECE):
            found += len(stream.decompress(data[start : start + PIECE]))
            if stream.eof or found > size:
                break
    except zlib.error:
        return False
    return stream.eof and found == size
