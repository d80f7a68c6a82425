"""The eighteen kinds of bad file that a weights loader meets: each is one line that names the file and the cause."""

import os
import pickle
import re
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
from keras_files import CONV, DENSE, assert_same, random_weights, write_keras3, write_legacy

from convlab.errors import WeightsError
from convlab.files.keras import LayerWeights, read_weights

SHAPE = CONV.shapes["kernel"]
KERNEL = "conv1/conv1/kernel:0"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_legacy(tmp_path / "w.h5", random_weights(CONV), pattern="{layer}/{role}:0")


def refused(path: Path, *parts: str, layers: tuple[LayerWeights, ...] = (CONV,)) -> str:
    """Read, expect one line of refusal that opens with the path and holds the parts; return it."""
    with pytest.raises(WeightsError, match="^" + re.escape(f"{path}: ")) as caught:
        read_weights(path, layers)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    return message


@contextmanager
def edited(path: Path) -> Iterator[h5py.File]:
    with h5py.File(path, "r+") as file:
        yield file


def replace_kernel(path: Path, make: Callable[[h5py.File], object]) -> None:
    """Put something else where the kernel of conv1 was."""
    with edited(path) as file:
        del file[KERNEL]
        make(file)


def store(path: Path, data: object, **options: object) -> None:
    replace_kernel(path, lambda file: file.create_dataset(KERNEL, data=data, **options))


# row 1


@pytest.mark.parametrize("place", ["conv1", "conv1/conv1", KERNEL])
def test_external_link(good: Path, place: str) -> None:
    write_legacy(good.parent / "secret.h5", random_weights(CONV))
    with edited(good) as file:
        del file[place]
        file[place] = h5py.ExternalLink("secret.h5", place)
    refused(good, f"{place} is an external link to 'secret.h5'; links are not followed")


def test_external_link_to_all_the_weights(tmp_path: Path) -> None:
    write_legacy(tmp_path / "secret.h5", random_weights(CONV))
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["model_weights"] = h5py.ExternalLink("secret.h5", "/")
    refused(tmp_path / "w.h5", "model_weights is an external link to 'secret.h5'")


@pytest.mark.parametrize("place", ["layers", "layers/conv2d", "layers/conv2d/vars", "layers/conv2d/vars/0"])
def test_external_link_in_keras3(tmp_path: Path, place: str) -> None:
    for name in ("w.h5", "secret.h5"):
        write_keras3(tmp_path / name, random_weights(CONV), {"conv1": "conv2d"})
    with edited(tmp_path / "w.h5") as file:
        del file[place]
        file[place] = h5py.ExternalLink("secret.h5", place)
    refused(tmp_path / "w.h5", f"{place} is an external link to 'secret.h5'")


@pytest.mark.parametrize("name", ["../conv1/kernel:0", "./kernel:0", "/conv1/conv1/kernel:0", "conv1//kernel:0"])
def test_path_that_leaves_its_layer(good: Path, name: str) -> None:
    with edited(good) as file:
        file["conv1"].attrs["weight_names"] = [name.encode(), b"conv1/bias:0"]
    refused(good, "is not allowed")


def test_name_with_nul(good: Path) -> None:
    with edited(good) as file:
        file["conv1"].attrs["weight_names"] = np.array([b"conv1/kernel:0\0x", b"conv1/bias:0"])
    refused(good, "attribute weight_names of /conv1 holds 'conv1/kernel:0\\x00x', which is not a printable name")


# row 2


def test_external_storage(good: Path) -> None:
    secret = good.parent / "secret.bin"
    secret.write_bytes(bytes(4 * 120))
    options = {"shape": SHAPE, "dtype": "f4", "external": [(str(secret), 0, 480)]}
    replace_kernel(good, lambda file: file.create_dataset(KERNEL, **options))
    refused(good, "conv1 kernel (conv1/conv1/kernel:0) stores its data outside the file")


# row 3


def test_virtual_dataset(good: Path) -> None:
    layout = h5py.VirtualLayout(SHAPE, "f4")
    layout[:] = h5py.VirtualSource(write_legacy(good.parent / "secret.h5", random_weights(CONV)), KERNEL, SHAPE)
    replace_kernel(good, lambda file: file.create_virtual_dataset(KERNEL, layout))
    refused(good, "conv1 kernel (conv1/conv1/kernel:0) is a virtual dataset")


# row 4


@pytest.mark.parametrize("shape", [(50_000_000, 50_000_000), (268_435_456,)])
def test_shape_bomb(good: Path, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h5py.Dataset, "read_direct", lambda *_: pytest.fail("a bomb was read"))
    options = {"shape": shape, "dtype": "f4", "chunks": (1024,) * len(shape), "compression": "gzip"}
    replace_kernel(good, lambda file: file.create_dataset(KERNEL, **options))
    refused(good, f"has shape {shape}, expected (3, 5, 2, 4)")


def test_chunk_bomb(good: Path) -> None:
    options = {"maxshape": (None,) * 4, "chunks": (8, 8, 8, 8), "compression": "gzip"}
    store(good, np.ones(SHAPE, "f4"), **options)
    refused(good, "has chunks (8, 8, 8, 8) larger than its shape (3, 5, 2, 4)")


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_chunks_that_do_not_divide_the_array_are_no_bomb(good: Path, compression: str | None) -> None:
    kernel = np.arange(120, dtype="f4").reshape(SHAPE)
    store(good, kernel, chunks=(2, 4, 2, 3), compression=compression)
    arrays, _ = read_weights(good, [CONV])
    assert np.array_equal(arrays[CONV.name]["kernel"], kernel)


def test_chunk_that_unpacks_to_more(good: Path) -> None:
    def write(file: h5py.File) -> None:
        data = file.create_dataset(KERNEL, shape=SHAPE, dtype="f4", chunks=SHAPE, compression="gzip")
        data.id.write_direct_chunk((0, 0, 0, 0), bytes(10_000))

    replace_kernel(good, write)
    refused(good, "stores 10,000 bytes, too many for chunks of 480")


@pytest.mark.parametrize("attribute", ["layer_names", "layer_names0"])
def test_attribute_bomb(tmp_path: Path, attribute: str) -> None:
    path = tmp_path / "w.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs[attribute] = np.zeros(40_000, "S32")
    refused(path, f"attribute {attribute} of / declares 1,280,000 bytes of names, expected at most 1,048,576")


def test_attribute_bomb_that_is_not_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.full(4099, b"name")
    size, bomb = struct.pack("<Q", 4099), struct.pack("<Q", 1 << 40)
    assert path.read_bytes().count(size) == 2  # how many there are, and how many there may be
    path.write_bytes(path.read_bytes().replace(size, bomb))
    started = time.perf_counter()
    refused(path, "file is damaged (HDF5: ", "ran off end of input buffer")
    assert time.perf_counter() - started < 1


# row 5


def test_never_written(good: Path) -> None:
    replace_kernel(good, lambda file: file.create_dataset(KERNEL, shape=SHAPE, dtype="f4"))
    refused(good, "conv1 kernel (conv1/conv1/kernel:0) declares 120 values but stores none")


def test_partly_written(good: Path) -> None:
    def write(file: h5py.File) -> None:
        file.create_dataset(KERNEL, shape=SHAPE, dtype="f4", chunks=(1, 5, 2, 4))[1:] = 1

    replace_kernel(good, write)
    refused(good, "stores 2 of its 3 chunks")


# row 6


@pytest.mark.parametrize("shape", [(1,), (3,), (4, 1), (1, 4)])
def test_shape_that_would_broadcast(good: Path, shape: tuple[int, ...]) -> None:
    with edited(good) as file:
        del file["conv1/conv1/bias:0"]
        file["conv1/conv1/bias:0"] = np.ones(shape, "f4")
    refused(good, f"conv1 bias (conv1/conv1/bias:0) has shape {shape}, expected (4,)")


def test_other_kernel_layout(good: Path) -> None:
    kernel = np.arange(120, dtype="f4").reshape(4, 2, 3, 5)
    store(good, kernel)
    expected = "has shape (4, 2, 3, 5), expected (3, 5, 2, 4): this is OIHW; pass layout='OIHW'"
    assert refused(good).endswith(expected)
    weights, _ = read_weights(good, [CONV], layout="OIHW")
    np.testing.assert_array_equal(weights["conv1"]["kernel"], np.einsum("oihw->hwio", kernel))


def test_other_kernel_layout_the_other_way(good: Path) -> None:
    message = re.escape("expected (4, 2, 3, 5): this is HWIO; pass layout='HWIO'")
    with pytest.raises(WeightsError, match=message):
        read_weights(good, [CONV], layout="OIHW")


# row 7


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_values(good: Path, bad: float) -> None:
    kernel = np.ones(SHAPE, "f4")
    kernel[0, 2, 1, 3] = kernel[1, 0, 0, 0] = kernel[2, 4, 1, 3] = bad
    store(good, kernel)
    refused(good, "conv1 kernel (conv1/conv1/kernel:0) holds 3 non-finite values, first at [0,2,1,3]")


def test_float64_that_overflows(good: Path) -> None:
    kernel = np.ones(SHAPE)
    kernel[1, 2, 0, 3] = 1e300
    store(good, kernel)
    refused(good, "holds 1 non-finite values, first at [1,2,0,3] (stored as float64, read as float32)")


# row 8


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (np.ones(SHAPE, np.complex64), "complex64"),
        (np.ones(SHAPE, bool), "bool"),
        (np.ones(SHAPE, np.int32), "int32"),
        (np.ones(SHAPE, "S4"), "|S4"),
        (np.ones(SHAPE, [("a", "f4"), ("b", "f4")]), "[('a', '<f4'), ('b', '<f4')]"),
        (np.full(SHAPE, "x").astype(object), "object"),
    ],
    ids=["complex", "bool", "int", "bytes", "compound", "vlen-str"],
)
def test_dtype(good: Path, data: np.ndarray, name: str) -> None:
    store(good, data)
    refused(good, f"has dtype {name}, expected float")


@pytest.mark.parametrize("dtype", [h5py.ref_dtype, h5py.vlen_dtype(np.float32)], ids=["reference", "vlen"])
def test_object_dtype(good: Path, dtype: np.dtype) -> None:
    replace_kernel(good, lambda file: file.create_dataset(KERNEL, shape=SHAPE, dtype=dtype))
    refused(good, "has dtype object, expected float")


def test_float_of_no_standard_format(good: Path) -> None:
    odd = h5py.h5t.IEEE_F32LE.copy()
    odd.set_ebias(100)
    space = h5py.h5s.create_simple(SHAPE)
    replace_kernel(good, lambda file: h5py.h5d.create(file["conv1/conv1"].id, b"kernel:0", odd, space))
    refused(good, "has a dtype that is none of float16, float32 and float64")


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])
def test_every_standard_float_is_read(good: Path, dtype: str) -> None:
    kernel = np.linspace(-2, 2, 120).reshape(SHAPE).astype(dtype)
    store(good, kernel)
    weights, _ = read_weights(good, [CONV])
    assert weights["conv1"]["kernel"].dtype == np.float32
    np.testing.assert_array_equal(weights["conv1"]["kernel"], kernel.astype(np.float32))


# row 9


@pytest.mark.parametrize("target", [f"/{KERNEL}", "/nowhere", "/conv1/conv1/bias:0"])
@pytest.mark.parametrize("place", ["conv1", "conv1/conv1", KERNEL])
def test_soft_link(good: Path, place: str, target: str) -> None:
    with edited(good) as file:
        del file[place]
        file[place] = h5py.SoftLink(target)
    refused(good, f"{place} is a soft link to '{target}'; links are not followed")


# row 10


def test_truncated(good: Path) -> None:
    good.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    assert "missing" not in refused(good, "file is damaged (HDF5: ", "truncated")


@pytest.mark.parametrize(("start", "stop"), [(96, 696), (512, 1112), (696, 1296)])
def test_corrupted_header(good: Path, start: int, stop: int) -> None:
    data = bytearray(good.read_bytes())
    data[start:stop] = b"\xa5" * (stop - start)
    good.write_bytes(data)
    assert "missing" not in refused(good, "file is damaged (HDF5: ")


def test_damaged_table_of_links(good: Path) -> None:
    good.write_bytes(good.read_bytes().replace(b"HEAP", b"heap"))
    assert "missing" not in refused(good, "file is damaged (HDF5: ", "bad local heap signature")


def test_damaged_object(good: Path) -> None:
    """h5py raises KeyError, as for a name that is not there."""
    with edited(good) as file:
        address = h5py.h5o.get_info(file["conv1/conv1"].id).addr
    data = bytearray(good.read_bytes())
    data[address] = 9  # version of the object header
    good.write_bytes(data)
    with pytest.raises(KeyError), h5py.File(good) as file:
        file["conv1/conv1"]
    assert "missing" not in refused(good, "file is damaged (HDF5: ", "object header")


def test_wrong_checksum(good: Path) -> None:
    kernel = np.full(SHAPE, 1.5, "f4")
    store(good, kernel, chunks=SHAPE, fletcher32=True)
    data = good.read_bytes()
    good.write_bytes(data.replace(kernel.tobytes(), b"\x01" + kernel.tobytes()[1:]))
    refused(good, "file is damaged (HDF5: ")


def test_chain_of_text_that_never_ends(good: Path) -> None:
    """libhdf5 follows a piece of free space of no size to itself, for ever."""
    with edited(good) as file:
        file.attrs["keras_version"] = "2.2.4"
    data = bytearray(good.read_bytes())
    start = data.index(b"GCOL")
    data[start + 16 + 8] = 0xE0  # the size of the first object
    good.write_bytes(data)
    refused(good, f"file is damaged (its text at byte {start:,} leads nowhere)")


# row 11


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")


@pytest.mark.parametrize(
    ("write", "found"),
    [
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer"),
        (lambda path: path.write_text("\n<!DOCTYPE html><title>404</title>"), "an HTML page"),
        (_zip, "a zip archive (a .keras or .npz file?)"),
        (lambda path: path.write_bytes(pickle.dumps({})), "a Python pickle, which is never loaded"),
        (lambda path: np.savez(path.open("wb"), a=np.ones(2)), "a zip archive (a .keras or .npz file?)"),
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


# row 12


def test_missing_and_unexpected_layers(tmp_path: Path) -> None:
    weights = random_weights(CONV, DENSE)
    path = write_legacy(tmp_path / "w.h5", {"convolution2d_1": weights["conv1"], "fc": weights["fc"]})
    asked = (LayerWeights("conv2d_1", "Conv2D", CONV.shapes), LayerWeights("zzz", "Dense", DENSE.shapes))
    message = refused(path, layers=asked)
    assert message == (
        f"{path}: missing layers: conv2d_1 (the nearest in the file is convolution2d_1), zzz;"
        " unexpected layers: convolution2d_1, fc (strict=False reads the rest)"
    )
    found, receipt = read_weights(path, [*asked, DENSE], strict=False)
    assert_same(found, {"fc": weights["fc"]})
    assert receipt.missing == ("conv2d_1", "zzz")
    assert receipt.unexpected == ("convolution2d_1",)


def test_listed_layer_without_group(good: Path) -> None:
    with edited(good) as file:
        file.attrs["layer_names"] = [b"conv1", b"conv2"]
    refused(good, "attribute layer_names lists conv2, but the file has no such group")


def test_listed_array_that_is_not_there(good: Path) -> None:
    with edited(good) as file:
        del file[KERNEL]
    refused(good, "conv1 lists conv1/kernel:0, but the file has no such dataset")


def test_layer_listed_twice(good: Path) -> None:
    with edited(good) as file:
        file.attrs["layer_names"] = [b"conv1", b"conv1"]
    refused(good, "holds two layers named conv1")


@pytest.mark.parametrize(
    "names",
    [["kernel:0"], ["kernel:0", "bias:0", "extra"], ["kernel:0", "kernel_1:0"], ["gamma:0", "bias:0"]],
    ids=["too-few", "too-many", "twice", "another-role"],
)
def test_arrays_that_are_not_the_layers(good: Path, names: list[str]) -> None:
    with edited(good) as file:
        file["conv1"].attrs["weight_names"] = [name.encode() for name in names]
    refused(good, f"conv1 holds {len(names)} arrays ({', '.join(names)}), expected (kernel, bias)")


# row 13


def test_group_where_a_dataset_should_be(good: Path) -> None:
    replace_kernel(good, lambda file: file.create_group(KERNEL))
    refused(good, "conv1/conv1/kernel:0: expected dataset, found group")


def test_dataset_where_a_group_should_be(good: Path) -> None:
    with edited(good) as file:
        del file["conv1/conv1"]
        file["conv1/conv1"] = np.ones(3)
    refused(good, "conv1/conv1: expected group, found dataset")


@pytest.mark.parametrize(
    ("data", "shape"), [(h5py.Empty("f4"), "None"), (np.ones((3, 0, 2, 4), "f4"), "(3, 0, 2, 4)"), (1.5, "()")]
)
def test_shapeless_dataset(good: Path, data: object, shape: str) -> None:
    store(good, data, dtype="f4")
    refused(good, f"has shape {shape}, expected (3, 5, 2, 4)")


@pytest.mark.parametrize("value", [3.0, np.ones(2), h5py.Empty("S3"), np.array([[b"conv1"]])])
def test_names_that_are_no_names(good: Path, value: object) -> None:
    with edited(good) as file:
        file.attrs["layer_names"] = value
    refused(good, "attribute layer_names of / has ", "names")


# row 14


def test_cycle_and_depth_are_not_walked(good: Path) -> None:
    with edited(good) as file:
        file["conv1/cycle"] = file["/"]
        group = file.create_group("deep")
        for _ in range(3000):
            group = group.create_group("g")
    started = time.perf_counter()
    weights, _ = read_weights(good, [CONV])
    assert time.perf_counter() - started < 1
    assert_same(weights, random_weights(CONV))


def test_cycle_in_keras3(tmp_path: Path) -> None:
    path = write_keras3(tmp_path / "w.h5", random_weights(CONV), {"conv1": "conv2d"})
    with edited(path) as file:
        file["layers/conv2d/layers"] = file["layers"]
    refused(path, "holds two layers named conv1")


def test_too_many_groups_of_layers(tmp_path: Path) -> None:
    path = write_keras3(tmp_path / "w.h5", random_weights(CONV), {"conv1": "conv2d"})
    with edited(path) as file:
        many = file.create_group("layers/model/layers")
        for index in range(10_001):
            many[f"g{index}"] = file["vars"]
    refused(path, "holds 10,001 members, expected at most 10,000")


def test_few_groups_that_are_linked_many_times(tmp_path: Path) -> None:
    path = write_keras3(tmp_path / "w.h5", random_weights(CONV), {"conv1": "conv2d"})
    with edited(path) as file:
        inner = file.create_group("inner")
        for index in range(200):
            inner.create_group(f"layers/empty{index}")
            file[f"layers/model{index}"] = inner
    refused(path, "holds more than 10,000 groups of layers")


# row 15


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


def test_known_filters_are_read(good: Path) -> None:
    kernel = np.linspace(-2, 2, 120, dtype="f4").reshape(SHAPE)
    store(good, kernel, chunks=(2, 5, 1, 3), compression="gzip", shuffle=True, fletcher32=True)
    weights, _ = read_weights(good, [CONV])
    np.testing.assert_array_equal(weights["conv1"]["kernel"], kernel)


# row 16


def test_chunks_of_another_rank(good: Path) -> None:
    """CVE-2026-19025: reading such a dataset may kill the process, so a failure of this test may, too."""
    store(good, np.ones(SHAPE, "f4"), chunks=SHAPE)
    data = bytearray(good.read_bytes())
    dimensions = data.index(struct.pack("<5I", *SHAPE, 4))
    assert data[dimensions - 11 : dimensions - 8] == b"\x03\x02\x05"  # layout version 3, chunked, rank + 1
    data[dimensions - 9] = 4
    good.write_bytes(data)
    refused(good, "conv1 kernel (conv1/conv1/kernel:0) has chunks of rank 3, expected 4")


# row 17


def test_directory(tmp_path: Path) -> None:
    refused(tmp_path, "this is a directory, expected an HDF5 file")


def test_no_such_file(tmp_path: Path) -> None:
    refused(tmp_path / "w.h5", "cannot be read (No such file or directory)")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_fifo_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.h5")
    refused(tmp_path / "w.h5", "this is not a regular file, expected an HDF5 file")


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


# row 18


def test_official_name_with_other_content(good: Path) -> None:
    path = good.rename(good.parent / "vgg16_weights_tf_dim_ordering_tf_kernels.h5")
    with pytest.warns(UserWarning, match="vgg16_weights_tf_dim_ordering_tf_kernels.h5"):
        weights, _ = read_weights(path, [CONV])
    assert_same(weights, random_weights(CONV))


# all rows


def test_a_bad_last_array_stops_before_the_first_is_read(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with edited(good) as file:
        del file["conv1/conv1/bias:0"]
        file["conv1/conv1/bias:0"] = np.ones(5, "f4")
    monkeypatch.setattr(h5py.Dataset, "read_direct", lambda *_: pytest.fail("read before all was checked"))
    refused(good, "conv1 bias (conv1/conv1/bias:0) has shape (5,), expected (4,)")


def test_nothing_is_left_open(good: Path) -> None:
    store(good, np.full(SHAPE, np.nan, "f4"))
    refused(good, "120 non-finite values")
    with h5py.File(good, "r+"):  # would fail while somebody reads
        pass
