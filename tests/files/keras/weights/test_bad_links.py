"""Weight files that point out of themselves, or round in circles: nothing is followed, nothing is walked."""

import posixpath
from pathlib import Path

import h5py
import pytest

from convlab.files.keras.weights.reading import read_keras_weights
from support.files.bad_files import KERNEL, edited, refused
from support.files.keras_files import CONV, assert_same, random_weights, write_keras3, write_legacy

# links


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


@pytest.mark.parametrize("target", [f"/{KERNEL}", "/nowhere", "/conv1/conv1/bias:0"])
@pytest.mark.parametrize("place", ["conv1", "conv1/conv1", KERNEL])
def test_soft_link(good: Path, place: str, target: str) -> None:
    with edited(good) as file:
        del file[place]
        file[place] = h5py.SoftLink(target)
    refused(good, f"{place} is a soft link to '{target}'; links are not followed")


# cycles and depth


def record_opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by the path of everything opened by name; forbid to visit whole trees."""
    opened: list[str] = []
    get_item = h5py.Group.__getitem__

    def record(group: h5py.Group, name: str) -> object:
        opened.append(posixpath.join(group.name, name))
        return get_item(group, name)

    monkeypatch.setattr(h5py.Group, "__getitem__", record)
    for walk in ("visit", "visititems", "visit_links", "visititems_links"):
        monkeypatch.setattr(h5py.Group, walk, lambda *_: pytest.fail("the file was walked"))
    return opened


def test_cycle_and_depth_are_not_walked(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with edited(good) as file:
        file["conv1/cycle"] = file["/"]
        group = file.create_group("deep")
        for _ in range(3000):
            group = group.create_group("g")
    opened = record_opened(monkeypatch)
    weights, _ = read_keras_weights(good, [CONV])
    assert_same(weights, random_weights(CONV))
    assert set(opened) == {"/", "/conv1", "/conv1/conv1", f"/{KERNEL}", "/conv1/conv1/bias:0"}


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
