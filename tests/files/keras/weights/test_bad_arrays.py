"""Arrays whose shape, dtype or values cannot be the layer's weights."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from convlab.errors import WeightsError
from convlab.files.keras.weights.reading import read_keras_weights
from support.files.bad_files import KERNEL, SHAPE, edited, refused, replace_kernel, store
from support.files.keras_files import CONV

# shape


@pytest.mark.parametrize("shape", [(1,), (3,), (4, 1), (1, 4)])
def test_shape_that_would_broadcast(good: Path, shape: tuple[int, ...]) -> None:
    with edited(good) as file:
        del file["conv1/conv1/bias:0"]
        file["conv1/conv1/bias:0"] = np.ones(shape, "f4")
    refused(good, f"conv1 bias (conv1/conv1/bias:0) has shape {shape}, expected (4,)")


@pytest.mark.parametrize(
    ("data", "shape"), [(h5py.Empty("f4"), "None"), (np.ones((3, 0, 2, 4), "f4"), "(3, 0, 2, 4)"), (1.5, "()")]
)
def test_shapeless_dataset(good: Path, data: object, shape: str) -> None:
    store(good, data, dtype="f4")
    refused(good, f"has shape {shape}, expected (3, 5, 2, 4)")


@pytest.mark.parametrize("shape", [(50_000_000, 50_000_000), (268_435_456,)])
def test_shape_bomb(good: Path, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h5py.Dataset, "read_direct", lambda *_: pytest.fail("a bomb was read"))
    options = {"shape": shape, "dtype": "f4", "chunks": (1024,) * len(shape), "compression": "gzip"}
    replace_kernel(good, lambda file: file.create_dataset(KERNEL, **options))
    refused(good, f"has shape {shape}, expected (3, 5, 2, 4)")


def test_other_kernel_layout(good: Path) -> None:
    kernel = np.arange(120, dtype="f4").reshape(4, 2, 3, 5)
    store(good, kernel)
    expected = "has shape (4, 2, 3, 5), expected (3, 5, 2, 4): this is OIHW; pass layout='OIHW'"
    assert refused(good).endswith(expected)
    weights, _ = read_keras_weights(good, [CONV], layout="OIHW-tensorflow")
    np.testing.assert_array_equal(weights["conv1"]["kernel"], np.einsum("oihw->hwio", kernel))


def test_other_kernel_layout_the_other_way(good: Path) -> None:
    message = re.escape("expected (4, 2, 3, 5): this is HWIO; pass layout='HWIO'")
    with pytest.raises(WeightsError, match=message):
        read_keras_weights(good, [CONV], layout="OIHW")


# dtype


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
    weights, _ = read_keras_weights(good, [CONV])
    assert weights["conv1"]["kernel"].dtype == np.float32
    np.testing.assert_array_equal(weights["conv1"]["kernel"], kernel.astype(np.float32))


# values


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


# the whole file


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
