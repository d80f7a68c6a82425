"""Weight files whose names of layers and arrays are no names, too many, or of nothing that is there."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from bad_files import KERNEL, edited, refused, replace_kernel

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


@pytest.mark.parametrize("attribute", ["layer_names", "layer_names0"])
def test_attribute_bomb(tmp_path: Path, attribute: str) -> None:
    path = tmp_path / "w.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs[attribute] = np.zeros(40_000, "S32")
    refused(path, f"attribute {attribute} of / declares 1,280,000 bytes of names, expected at most 1,048,576")


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
