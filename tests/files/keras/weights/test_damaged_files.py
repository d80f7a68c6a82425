"""Weight files whose bytes changed after they were written."""

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from convlab.errors import WeightsError
from convlab.files.keras.weights.reading import read_keras_weights
from convlab.storage.hdf5_heaps import check_heaps
from support.files.bad_files import SHAPE, edited, refused, store
from support.files.keras_files import CONV, assert_same, random_weights, write_legacy


def refused_as_damaged(path: Path, data: bytes, *parts: str) -> None:
    """Write the bytes; expect that damage is not taken for a name that is not there."""
    path.write_bytes(data)
    assert "missing" not in refused(path, "file is damaged (HDF5: ", *parts)


def test_truncated(good: Path) -> None:
    refused_as_damaged(good, good.read_bytes()[: good.stat().st_size // 2], "truncated")


@pytest.mark.parametrize(("start", "stop"), [(96, 696), (512, 1112), (696, 1296)])
def test_corrupted_header(good: Path, start: int, stop: int) -> None:
    data = bytearray(good.read_bytes())
    data[start:stop] = b"\xa5" * (stop - start)
    refused_as_damaged(good, data)


def test_damaged_table_of_links(good: Path) -> None:
    refused_as_damaged(good, good.read_bytes().replace(b"HEAP", b"heap"), "bad local heap signature")


def test_damaged_object(good: Path) -> None:
    """h5py raises KeyError, as for a name that is not there."""
    with edited(good) as file:
        address = h5py.h5o.get_info(file["conv1/conv1"].id).addr
    data = bytearray(good.read_bytes())
    data[address] = 9  # version of the object header
    refused_as_damaged(good, data, "object header")
    with pytest.raises(KeyError), h5py.File(good) as file:
        file["conv1/conv1"]


def test_wrong_checksum(good: Path) -> None:
    kernel = np.full(SHAPE, 1.5, "f4")
    store(good, kernel, chunks=SHAPE, fletcher32=True)
    refused_as_damaged(good, good.read_bytes().replace(kernel.tobytes(), b"\x01" + kernel.tobytes()[1:]))


def test_attribute_bomb_that_is_not_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.full(4099, b"name")
    size, bomb = struct.pack("<Q", 4099), struct.pack("<Q", 1 << 40)
    assert path.read_bytes().count(size) == 2  # how many there are, and how many there may be
    # by this reason libhdf5 refuses while it decodes the attribute, before it allocates room for the names
    refused_as_damaged(path, path.read_bytes().replace(size, bomb), "ran off end of input buffer")


def test_chain_of_text_that_never_ends(good: Path) -> None:
    """libhdf5 follows a piece of free space of no size to itself, for ever."""
    with edited(good) as file:
        file.attrs["keras_version"] = "2.2.4"
    data = bytearray(good.read_bytes())
    start = data.index(b"GCOL")
    data[start + 16 + 8] = 0xE0  # the size of the first object
    good.write_bytes(data)
    refused(good, f"file is damaged (its text at byte {start:,} leads nowhere)")


def heap(*objects: tuple[int, int]) -> bytes:
    """Return a heap of 4096 bytes that holds objects of such (number, size)."""
    chain = b"".join(
        struct.pack("<HHIQ", number, 1, 0, size) + bytes(size if number else 0) for number, size in objects
    )
    return (b"GCOL\x01\0\0\0" + struct.pack("<Q", 4096) + chain).ljust(4096, b"\0")


@pytest.mark.parametrize("reserved", [b"\0\0\0", b"abc"])
@pytest.mark.parametrize("size", [0, 4056])
def test_heap_inside_a_text(good: Path, size: int, reserved: bytes) -> None:
    """A reference may lead into it; libhdf5 does not look at the reserved bytes."""
    with edited(good) as file:
        file.attrs["filler"] = "@" * 5000
    data = good.read_bytes()
    start = -(-data.index(b"@" * 5000) // 8) * 8
    inner = heap((1, 8), (0, size)).replace(b"GCOL\x01\0\0\0", b"GCOL\x01" + reserved)
    good.write_bytes(data[:start] + inner + data[start + len(inner) :])
    refused(good, f"file is damaged (its text at byte {start:,} leads nowhere)")


def test_numbers_that_look_like_a_heap(tmp_path: Path) -> None:
    """Five bytes of weights can be any: a heap that would be larger than the file is none."""
    weights = random_weights(CONV)
    weights["conv1"]["bias"] = np.frombuffer(b"GCOL\x01abcdefghijk", np.float32)
    assert_same(read_keras_weights(write_legacy(tmp_path / "w.h5", weights), [CONV])[0], weights)


def test_official_name_with_other_content(good: Path) -> None:
    path = good.rename(good.parent / "vgg16_weights_tf_dim_ordering_tf_kernels.h5")
    with pytest.warns(UserWarning, match="vgg16_weights_tf_dim_ordering_tf_kernels.h5"):
        weights, _ = read_keras_weights(path, [CONV])
    assert_same(weights, random_weights(CONV))


# heaps by hand


def gcol(body: bytes, size: int | None = None, reserved: bytes = bytes(3)) -> bytes:
    return b"GCOL\x01" + reserved + struct.pack("<Q", 16 + len(body) if size is None else size) + body


def heap_text(size: int) -> bytes:
    return struct.pack("<HHIQ", 1, 1, 0, size) + bytes(-(-size // 8) * 8)


def heap_space(size: int) -> bytes:
    return struct.pack("<HHIQ", 0, 0, 0, size) + bytes(size - 16)


@pytest.mark.parametrize(
    ("content", "longest"),
    [
        (gcol(heap_text(5) + heap_text(20) + heap_space(64)), 20),
        (gcol(heap_text(9) + bytes(8)), 9),  # less than a header at the end is left as it is
        (gcol(heap_text(5)) + gcol(heap_text(7)), 7),
        (gcol(b"", 1 << 40, b"abc"), 0),  # numbers that look like one
    ],
    ids=["texts and space", "a few bytes left", "two heaps", "no heap"],
)
def test_the_longest_text_is_found(content: bytes, longest: int, tmp_path: Path) -> None:
    (tmp_path / "w.h5").write_bytes(content)
    assert check_heaps(tmp_path / "w.h5") == longest


@pytest.mark.parametrize(
    "content",
    [gcol(heap_text(8) + bytes(16)), gcol(b"", 1 << 40), gcol(heap_text(8), 15), gcol(heap_text(8), 48)],
    ids=["space of no size", "beyond the file", "less than its header", "longer than its texts"],
)
def test_a_heap_that_leads_nowhere(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        check_heaps(path)
    assert str(caught.value) == f"{path}: file is damaged (its text at byte 0 leads nowhere)"
