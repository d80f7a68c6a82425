"""Weight files whose names of layers and arrays are no names, too many, or of nothing that is there."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from convlab.files.keras.weights import keras2_h5
from convlab.files.keras.weights.reading import read_keras_weights
from convlab.storage import hdf5_heaps
from convlab.storage.hdf5_heaps import check_heaps
from support.files.bad_files import CONV, KERNEL, edited, refused, replace_kernel

# names that are none


@pytest.mark.parametrize("name", ["../conv1/kernel:0", "./kernel:0", "/conv1/conv1/kernel:0", "conv1//kernel:0"])
def test_path_that_leaves_its_layer(good: Path, name: str) -> None:
    with edited(good) as file:
        file["conv1"].attrs["weight_names"] = [name.encode(), b"conv1/bias:0"]
    refused(good, "is not allowed")


def test_name_with_nul(good: Path) -> None:
    with edited(good) as file:
        file["conv1"].attrs["weight_names"] = np.array([b"conv1/kernel:0\0x", b"conv1/bias:0"])
    refused(good, "attribute weight_names of /conv1 holds 'conv1/kernel:0\\x00x', which is not a printable name")


@pytest.mark.parametrize("value", [3.0, np.ones(2), h5py.Empty("S3"), np.array([[b"conv1"]])])
def test_names_that_are_no_names(good: Path, value: object) -> None:
    with edited(good) as file:
        file.attrs["layer_names"] = value
    refused(good, "attribute layer_names of / has ", "names")


@pytest.mark.parametrize("texts", [[], [b"2.2.4", b"2.3.1"]], ids=["none", "two"])
def test_one_text_is_expected(good: Path, texts: list[bytes]) -> None:
    with edited(good) as file:
        file.attrs["keras_version"] = np.array(texts, "S5")
    refused(good, f"attribute keras_version of / holds {len(texts)} strings, expected 1")


def test_a_file_that_changed_is_searched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its longest text is remembered for as long as its size and its time are the same."""
    path, searched = tmp_path / "w.h5", []
    monkeypatch.setattr(hdf5_heaps, "_starts", lambda data, *_: searched.append(len(data)) or [])
    for content, time, sizes in [(b"four", 10, [4]), (b"four", 10, []), (b"five!", 10, [5]), (b"five!", 20, [5])]:
        path.write_bytes(content)
        os.utime(path, ns=(time, time))
        assert check_heaps(path) == 0
        assert searched == sizes
        searched.clear()


@pytest.mark.parametrize("attribute", ["layer_names", "layer_names0"])
def test_attribute_bomb(tmp_path: Path, attribute: str) -> None:
    path = tmp_path / "w.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs[attribute] = np.zeros(40_000, "S32")
    refused(path, f"attribute {attribute} of / declares 1,280,000 bytes of names, expected at most 1,048,576")


def test_one_long_text_many_times(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name is a reference, and any number of them may lead to the longest text of the file."""
    with edited(good) as file:
        file.attrs["long"] = "A" * 1_000_000
        file.attrs["layer_names"] = ["conv1"] * 2200
    monkeypatch.setattr(np, "ravel", lambda _: pytest.fail("a bomb was read"))
    refused(good, "attribute layer_names of / may repeat one long text 2,200 times, to more than 2,147,483,648 bytes")


def test_many_names_beside_a_long_config_are_read(good: Path) -> None:
    """What Keras 3 writes for its largest networks: names of variable length beside a config of a megabyte."""
    with edited(good) as file:
        names = [*file.attrs["layer_names"], *(f"empty{i}" for i in range(1100))]
        file.attrs["layer_names"] = [str(name) for name in names]
        file.attrs["model_config"] = " " * 1_200_000
        for name in names[-1100:]:
            file.create_group(name).attrs["weight_names"] = np.zeros(0)
    arrays, _ = read_keras_weights(good, [CONV])
    assert list(arrays) == ["conv1"]


def test_long_name_is_cut(good: Path) -> None:
    with edited(good) as file:
        file["conv1"].attrs["weight_names"] = ["A" * 500_000, "conv1/bias:0"]
    message = refused(
        good, "attribute weight_names of /conv1 holds 'AAA", "is not a name of at most 65,536 characters"
    )
    assert len(message) < 400


def test_names_in_parts_without_end(good: Path) -> None:
    with edited(good) as file:
        del file.attrs["layer_names"]
        for index in range(102):
            file.attrs[f"layer_names{index}"] = [b"conv1"]
    refused(good, "splits attribute layer_names of / into more than 100 parts")


def test_many_long_names(tmp_path: Path) -> None:
    """One text of 900 letters, 1,300 times, is over the limit that one of each would be under."""
    path = tmp_path / "w.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs.create("layer_names", ["A" * 900] * 1300, dtype=h5py.string_dtype())
    refused(path, "attribute layer_names of / holds more than 1,048,576 characters of names")


def test_arrays_without_end(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras2_h5, "PATHS_LIMIT", 1)
    refused(good, "lists more than 1 arrays")


# names of what is not there, or not that


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([b"conv1", b"conv2"], "attribute layer_names lists conv2, but the file has no such group"),
        ([b"conv1", b"conv1"], "holds two layers named conv1"),
    ],
    ids=["without-group", "twice"],
)
def test_listed_layers(good: Path, names: list[bytes], message: str) -> None:
    with edited(good) as file:
        file.attrs["layer_names"] = names
    refused(good, message)


def test_listed_array_that_is_not_there(good: Path) -> None:
    with edited(good) as file:
        del file[KERNEL]
    refused(good, "conv1 lists conv1/kernel:0, but the file has no such dataset")


@pytest.mark.parametrize(
    "names",
    [["kernel:0"], ["kernel:0", "bias:0", "extra"], ["kernel:0", "kernel_1:0"], ["gamma:0", "bias:0"]],
    ids=["too-few", "too-many", "twice", "another-role"],
)
def test_arrays_that_are_not_the_layers(good: Path, names: list[str]) -> None:
    with edited(good) as file:
        file["conv1"].attrs["weight_names"] = [name.encode() for name in names]
    refused(good, f"conv1 holds {len(names)} arrays ({', '.join(names)}), expected (kernel, bias)")


def test_group_where_a_dataset_should_be(good: Path) -> None:
    replace_kernel(good, lambda file: file.create_group(KERNEL))
    refused(good, "conv1/conv1/kernel:0: expected dataset, found group")


def test_dataset_where_a_group_should_be(good: Path) -> None:
    with edited(good) as file:
        del file["conv1/conv1"]
        file["conv1/conv1"] = np.ones(3)
    refused(good, "conv1/conv1: expected group, found dataset")
