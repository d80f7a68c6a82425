"""Arrays stored elsewhere, not at all, or in chunks and filters that a reader must not trust."""

import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from convlab.files.keras.weights.reading import read_keras_weights
from support.files.bad_files import KERNEL, SHAPE, refused, replace_kernel, store
from support.files.keras_files import CONV, random_weights, write_legacy

# outside the file


def test_external_storage(good: Path) -> None:
    secret = good.parent / "secret.bin"
    secret.write_bytes(bytes(4 * 120))
    options = {"shape": SHAPE, "dtype": "f4", "external": [(str(secret), 0, 480)]}
    replace_kernel(good, lambda file: file.create_dataset(KERNEL, **options))
    refused(good, "conv1 kernel (conv1/conv1/kernel:0) stores its data outside the file")


def test_virtual_dataset(good: Path) -> None:
    layout = h5py.VirtualLayout(SHAPE, "f4")
    layout[:] = h5py.VirtualSource(write_legacy(good.parent / "secret.h5", random_weights(CONV)), KERNEL, SHAPE)
    replace_kernel(good, lambda file: file.create_virtual_dataset(KERNEL, layout))
    refused(good, "conv1 kernel (conv1/conv1/kernel:0) is a virtual dataset")


# never written


def test_never_written(good: Path) -> None:
    replace_kernel(good, lambda file: file.create_dataset(KERNEL, shape=SHAPE, dtype="f4"))
    refused(good, "conv1 kernel (conv1/conv1/kernel:0) declares 120 values but stores none")


def test_partly_written(good: Path) -> None:
    def write(file: h5py.File) -> None:
        file.create_dataset(KERNEL, shape=SHAPE, dtype="f4", chunks=(1, 5, 2, 4))[1:] = 1

    replace_kernel(good, write)
    refused(good, "stores 2 of its 3 chunks")


# chunks


def test_chunk_bomb(good: Path) -> None:
    options = {"maxshape": (None,) * 4, "chunks": (8, 8, 8, 8), "compression": "gzip"}
    store(good, np.ones(SHAPE, "f4"), **options)
    refused(good, "has chunks (8, 8, 8, 8) larger than its shape (3, 5, 2, 4)")


def test_chunk_that_unpacks_to_more(good: Path) -> None:
    def write(file: h5py.File) -> None:
        data = file.create_dataset(KERNEL, shape=SHAPE, dtype="f4", chunks=SHAPE, compression="gzip")
        data.id.write_direct_chunk((0, 0, 0, 0), bytes(10_000))

    replace_kernel(good, write)
    refused(good, "stores 10,000 bytes, too many for chunks of 480")


def test_chunk_of_another_size_that_went_through_no_filter(good: Path) -> None:
    def write(file: h5py.File) -> None:
        data = file.create_dataset(KERNEL, shape=SHAPE, dtype="f4", chunks=SHAPE)
        data.id.write_direct_chunk((0, 0, 0, 0), bytes(479))

    replace_kernel(good, write)
    refused(good, "has a chunk at (0, 0, 0, 0) that does not unpack to its 480 bytes")


def test_chunk_whose_stream_does_not_end(good: Path) -> None:
    def write(file: h5py.File) -> None:
        data = file.create_dataset(KERNEL, shape=SHAPE, dtype="f4", chunks=SHAPE, compression="gzip")
        data.id.write_direct_chunk((0, 0, 0, 0), zlib.compress(bytes(480))[:-4])

    replace_kernel(good, write)
    refused(good, "has a chunk at (0, 0, 0, 0) that does not unpack to its 480 bytes")


def test_chunks_of_another_rank(good: Path) -> None:
    """CVE-2026-19025: reading such a dataset may kill the process, so a failure of this test may, too."""
    store(good, np.ones(SHAPE, "f4"), chunks=SHAPE)
    data = bytearray(good.read_bytes())
    dimensions = data.index(struct.pack("<5I", *SHAPE, 4))
    assert data[dimensions - 11 : dimensions - 8] == b"\x03\x02\x05"  # layout version 3, chunked, rank + 1
    data[dimensions - 9] = 4
    good.write_bytes(data)
    refused(good, "conv1 kernel (conv1/conv1/kernel:0) has chunks of rank 3, expected 4")


# filters


@pytest.mark.parametrize("number", [307, 32_001])
def test_unknown_filter(good: Path, number: int) -> None:
    def write(file: h5py.File) -> None:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk(SHAPE)
        settings.set_filter(number, h5py.h5z.FLAG_OPTIONAL)
        group, space = file["conv1/conv1"].id, h5py.h5s.create_simple(SHAPE)
        data = h5py.h5d.create(group, b"kernel:0", h5py.h5t.IEEE_F32LE, space, dcpl=settings)
        data.write_direct_chunk((0, 0, 0, 0), bytes(480))

    replace_kernel(good, write)
    refused(good, f"is compressed with filter {number}, which convlab does not load")


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": (2, 4, 2, 3)},
        {"chunks": (2, 4, 2, 3), "compression": "gzip"},
        {"chunks": (2, 5, 1, 3), "compression": "gzip", "shuffle": True, "fletcher32": True},
    ],
    ids=["unfiltered", "gzip", "every-filter"],
)
def test_known_filters_and_chunks_that_do_not_divide_the_array_are_read(good: Path, options: dict) -> None:
    kernel = np.linspace(-2, 2, 120, dtype="f4").reshape(SHAPE)
    store(good, kernel, **options)
    weights, _ = read_keras_weights(good, [CONV])
    np.testing.assert_array_equal(weights["conv1"]["kernel"], kernel)


def test_a_chunk_that_a_filter_left_out_is_read(good: Path) -> None:
    kernel = np.linspace(-2, 2, 120, dtype="f4").reshape(SHAPE)

    def write(file: h5py.File) -> None:
        data = file.create_dataset(KERNEL, shape=SHAPE, dtype="f4", chunks=SHAPE, compression="gzip")
        data.id.write_direct_chunk((0, 0, 0, 0), kernel.tobytes(), filter_mask=1)

    replace_kernel(good, write)
    np.testing.assert_array_equal(read_keras_weights(good, [CONV])[0]["conv1"]["kernel"], kernel)


def test_a_checksum_that_was_deflated_too_is_read(good: Path) -> None:
    """h5py has the checksum last; other writers may have it first."""
    kernel = np.linspace(-2, 2, 120, dtype="f4").reshape(SHAPE)

    def write(file: h5py.File) -> None:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk(SHAPE)
        settings.set_fletcher32()
        settings.set_deflate(4)
        space = h5py.h5s.create_simple(SHAPE)
        made = h5py.h5d.create(file["conv1/conv1"].id, b"kernel:0", h5py.h5t.IEEE_F32LE, space, dcpl=settings)
        h5py.Dataset(made)[:] = kernel

    replace_kernel(good, write)
    np.testing.assert_array_equal(read_keras_weights(good, [CONV])[0]["conv1"]["kernel"], kernel)
