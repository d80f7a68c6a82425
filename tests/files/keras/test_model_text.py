"""The text of an architecture: every way Keras stored it is read, and every way it can be spoilt is one line."""

import json
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from convlab.errors import ConvlabError, UnsupportedError, WeightsError
from convlab.files.keras.config import reading
from convlab.files.keras.model import read_model
from convlab.files.keras.weights import opening
from convlab.files.weights import give_weights
from support.files.keras_files import Weights, assert_same, write_keras3, write_legacy
from support.files.whole_models import CONFIG, KEYS, METADATA, TEXT, small_weights, write_h5, write_keras


def load(path: Path, topology: Path | None = None) -> Weights:
    architecture = read_model(path, topology=topology)
    give_weights(architecture, path)
    return {layer.name: dict(layer.weights) for layer in architecture.model if layer.shapes}


def refused(path: Path, *parts: str, source: Path | None = None, kind: type = WeightsError) -> None:
    with pytest.raises(kind, match="^" + re.escape(f"{source or path}: ")) as caught:
        load(path, topology=source)
    assert str(caught.value).isprintable()
    for part in parts:
        assert part in str(caught.value)


# read


@pytest.mark.parametrize(
    "value",
    [
        TEXT,
        TEXT.encode(),
        np.bytes_(TEXT),
        [TEXT.encode()],
        np.array([TEXT], dtype=h5py.string_dtype()),
        json.dumps(CONFIG, indent=1),
    ],
    ids=["str", "bytes", "fixed-length", "array-of-one", "array-of-one-str", "with-line-breaks"],
)
def test_kinds_of_attributes(tmp_path: Path, value: object) -> None:
    assert_same(load(write_h5(tmp_path / "m.h5", value)), small_weights())


def test_archive(tmp_path: Path) -> None:
    assert_same(load(write_keras(tmp_path / "m.keras")), small_weights())


def test_packed_archive(tmp_path: Path) -> None:
    """Archives that were unpacked and packed again by something else."""
    with (
        zipfile.ZipFile(write_keras(tmp_path / "m.keras")) as stored,
        zipfile.ZipFile(tmp_path / "n.keras", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in stored.infolist():
            packed.writestr(member.filename, stored.read(member))
    assert_same(load(tmp_path / "n.keras"), small_weights())


def test_kind_of_file_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    """Keras 2 wrote HDF5 under the name of .keras, too."""
    write_h5(tmp_path / "m.h5").rename(tmp_path / "h5.keras")
    write_keras(tmp_path / "m.keras").rename(tmp_path / "keras.h5")
    assert_same(load(tmp_path / "h5.keras"), small_weights())
    assert_same(load(tmp_path / "keras.h5"), small_weights())


@pytest.mark.parametrize("form", ["m.h5", "m.weights.h5"])
def test_topology_beside_weights(tmp_path: Path, form: str) -> None:
    write = write_legacy if form == "m.h5" else lambda path, weights: write_keras3(path, weights, KEYS)
    path = write(tmp_path / form, small_weights())
    (tmp_path / "topology.json").write_text(TEXT)
    assert_same(load(path, tmp_path / "topology.json"), small_weights())
    assert read_model(path, topology=tmp_path / "topology.json").model.name == "m"


# not there


@pytest.mark.parametrize("layout", ["legacy", "keras3"])
def test_weights_only(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "w.h5"
    if layout == "legacy":
        write_legacy(path, small_weights())
    else:
        write_keras3(path, small_weights(), KEYS)
    refused(
        path,
        "holds no architecture (no attribute model_config), at most weights: give the architecture too, as"
        " topology=FILE with what Keras' to_json() returned, or name a network of the zoo"
        " with weights=FILE",
    )


def test_text_in_place_of_a_model(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(TEXT)
    refused(path, "JSON text (an architecture? give it as topology, beside the file of its weights)")


def test_other_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", a=np.ones(3))
    refused(tmp_path / "m.npz", "not a file of Keras but arrays by name (.npz) (a zip archive): they do not tell the")


# spoilt

SPOILT = [
    ("", "is not JSON text (Expecting value"),
    ("{", "is not JSON text (Expecting property name"),
    ("[1]", "holds a JSON list, expected an object"),
    ('{"a": NaN}', "is not JSON text (NaN is not a number of JSON)"),
    ('{"a": -Infinity}', "is not JSON text (-Infinity is not a number of JSON)"),
    ('{"a": 1e999}', "is not JSON text (1e999 is too large)"),
    ('{"a": ' + "9" * 5000 + "}", "is not JSON text (a whole number of 5,000 digits, expected at most 40)"),
    ('{"a":' * 100_000 + "1" + "}" * 100_000, "is not JSON text (it is nested too deeply)"),
    ("[" * 100_000, "is not JSON text (it is nested too deeply)"),
]


@pytest.mark.parametrize(("text", "reason"), SPOILT)
def test_not_json(tmp_path: Path, text: str, reason: str) -> None:
    refused(write_h5(tmp_path / "m.h5", text), f"m.h5: attribute model_config {reason}")
    refused(write_keras(tmp_path / "m.keras", text), f"m.keras: config.json {reason}")
    refused(write_keras(tmp_path / "n.keras", metadata=text), f"n.keras: metadata.json {reason}")
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(WeightsError, match=re.escape(f"m.json {reason}")):
        read_model(tmp_path / "w.h5", topology=tmp_path / "m.json")


@pytest.mark.parametrize("form", ["h5", "keras"])
def test_not_utf8(tmp_path: Path, form: str) -> None:
    spoilt = TEXT.encode().replace(b"flatten", b"flat\xff\xfen")
    if form == "h5":
        refused(write_h5(tmp_path / "m.h5", spoilt), "attribute model_config of / is not UTF-8 text")
    else:
        refused(write_keras(tmp_path / "m.keras", spoilt), "config.json is not JSON text ('utf-8' codec")


@pytest.mark.parametrize("name", [r"\ud800", r"a\nb", r"\u0000", "..", ""])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    refused(write_keras(tmp_path / "m.keras", TEXT.replace("flatten", name)), kind=ConvlabError)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (3.0, "has dtype float64, expected text"),
        ([b"a", b"b"], "holds 2 texts, expected 1"),
        ([], "holds 0 texts, expected 1"),
        (np.array([[b"a"]]), "has shape (1, 1), expected a list of text"),
        (h5py.Empty("S1"), "has shape None, expected a list of text"),
    ],
)
def test_attribute_that_is_no_text(tmp_path: Path, value: object, reason: str) -> None:
    refused(write_h5(tmp_path / "m.h5", value), f"attribute model_config of / {reason}")


@pytest.mark.parametrize("count", [0, 2])
def test_one_text_is_expected(tmp_path: Path, count: int) -> None:
    refused(write_h5(tmp_path / "m.h5", np.array([b"{}"] * count, "S2")), f"holds {count} texts, expected 1")


def test_text_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "TEXT_LIMIT", 100)
    refused(write_h5(tmp_path / "m.h5"), f"holds {len(TEXT)} bytes of text, expected at most 100")
    refused(write_h5(tmp_path / "n.h5", np.bytes_(TEXT)), f"declares {len(TEXT)} bytes of text, expected at most 100")
    refused(write_keras(tmp_path / "m.keras"), f"config.json declares {len(TEXT)} bytes, expected at most 100")
    (tmp_path / "m.json").write_text(TEXT)
    refused(tmp_path / "m.h5", "more than 100 bytes, expected an architecture", source=tmp_path / "m.json")


def test_small_text_that_would_fill_the_memory(tmp_path: Path) -> None:
    """An empty object is three bytes of text, and over 64 in memory."""
    text = f'{{"class_name": "Sequential", "config": [{"{}," * 1_400_000}{{}}]}}'
    path = write_keras(tmp_path / "m.keras", text)
    refused(path, f"config.json declares {len(text):,} bytes, expected at most 4,194,304")


def test_topology_that_is_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "w.h5", "cannot be read (No such file or directory)", source=tmp_path / "m.json")
    refused(tmp_path / "w.h5", "this is a directory; expected an architecture as JSON text", source=tmp_path)


def test_unknown_layer(tmp_path: Path) -> None:
    text = TEXT.replace('"Flatten"', '"Lambda"')
    refused(write_keras(tmp_path / "m.keras", text), "layer 'flatten' is a Lambda", kind=UnsupportedError)


# weights inside the archive


def repacked(path: Path, weights: bytes | None) -> Path:
    """Replace the weights in an archive, or leave them out."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", METADATA)
        archive.writestr("config.json", TEXT)
        if weights is not None:
            archive.writestr("model.weights.h5", weights)
    return path


def test_archive_without_weights(tmp_path: Path) -> None:
    refused(repacked(tmp_path / "m.keras", None), "a zip archive without model.weights.h5")


def test_errors_name_the_archive_and_no_temporary_file(tmp_path: Path) -> None:
    path = repacked(tmp_path / "m.keras", b"<html>")
    with pytest.raises(WeightsError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: model.weights.h5: not an HDF5 file but an HTML page")
    assert "convlab-" not in str(caught.value)


def test_weights_larger_than_the_network_can_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound of this network of 411 numbers: float64 for each and five of an optimizer's, and room for HDF5."""
    monkeypatch.setattr(opening, "BASE", 1000)
    limit = 1000 + 6 * (8 * 411 + 3 * (16 << 10))
    refused(
        repacked(tmp_path / "m.keras", bytes(limit + 1)),
        f"model.weights.h5 declares {limit + 1:,} bytes, expected at most {limit:,}",
    )


def test_weights_that_are_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BASE", 1 << 30)
    refused(repacked(tmp_path / "m.keras", bytes(20 << 20)), "expected at most 100 times as many")
