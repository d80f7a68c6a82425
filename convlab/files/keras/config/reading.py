"""Read the text of an architecture, and what Keras says beside it, as plain JSON data."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convlab.errors import WeightsError
from convlab.files.keras.archive import is_archive, read_member
from convlab.storage import hdf5
from convlab.storage.foreign import TENSORFLOW_JS, read_head
from convlab.storage.json_text import parse_json
from convlab.wording import say

__all__ = ["Config", "parse_topology", "read_config", "read_topology"]

TEXT_LIMIT = 4 << 20  # bytes, which JSON may make 30 times as many; InceptionResNetV2, with 780 layers, takes 0.7 MB


@dataclass(frozen=True)
class Config:
    """A model's config as parsed JSON, and who wrote it as far as the file says."""

    values: Mapping[str, Any]
    keras_version: str | None = None
    backend: str | None = None


def read_config(path: Path) -> Config:
    """Read the architecture that a whole-model file holds: .h5, .hdf5 or .keras, told by its first bytes.

    Raises
    ------
    WeightsError
        If the file holds no architecture, or is damaged or unsafe.
    """
    if is_archive(path):
        config = read_member(path, "config.json", TEXT_LIMIT)
        metadata = _parse(read_member(path, "metadata.json", TEXT_LIMIT), f"{path}: metadata.json")
        return Config(_parse(config, f"{path}: config.json"), _text(metadata, "keras_version"))
    with hdf5.open_hdf5(path) as file:
        config_text = hdf5.read_document(file, "model_config", TEXT_LIMIT)
        if config_text is None:
            hdf5.refuse(
                file,
                "holds no architecture (no attribute model_config), at most weights: give the architecture too, as"
                f" {say('topology=', '--topology ')}FILE with what Keras' to_json() returned, or name a network of"
                f" the zoo with {say('weights=', '--weights ')}FILE",
            )
        values = _parse(config_text, f"{path}: attribute model_config")
        version, backend = hdf5.read_text(file, "keras_version"), hdf5.read_text(file, "backend")
    return Config(values, version or _text(values, "keras_version"), backend or _text(values, "backend"))


def read_topology(path: Path) -> Config:
    """Read the architecture from a text file of what Keras' to_json() returned.

    Raises
    ------
    WeightsError
        If the file cannot be read or is not such a text.
    """
    text = read_head(path, TEXT_LIMIT + 1, "an architecture as JSON text")
    if len(text) > TEXT_LIMIT:
        raise WeightsError(f"{path}: more than {TEXT_LIMIT:,} bytes, expected an architecture as JSON text")
    config = parse_topology(text, str(path))
    if "modelTopology" in config.values or "weightsManifest" in config.values:
        raise WeightsError(f"{path}: not JSON text of Keras but {TENSORFLOW_JS}")
    return config


def parse_topology(text: str | bytes, where: str) -> Config:
    """Return what Keras' to_json() says; `where` names it in messages."""
    values = _parse(text, where)
    return Config(values, _text(values, "keras_version"), _text(values, "backend"))


def _parse(text: str | bytes, where: str) -> dict[str, Any]:
    try:
        values = parse_json(text)
    except ValueError as error:
        raise WeightsError(f"{where} is not JSON text ({error})") from error
    if not isinstance(values, dict):
        raise WeightsError(f"{where} holds a JSON {type(values).__name__}, expected an object")
    return values


def _text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) else None
