"""Recordings as HDF5 files.

    attributes    format, model, note, activation, preprocessing (JSON, or empty), labels (or none)
                  inputs, outputs, names, kinds, replaced (or none): lists of names; functions: of the outputs
    /inputs/NAME  (N, ...)            /outputs/NAME (N, ...)
    /layers/NAME  (N, ...)            for each of `names`, in order of execution; "/" in a name is written "%2F"

One chunk holds one image, so that a reader in any language gets one image's activation with one read.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import h5py
import numpy as np

from convlab.images.preprocessing import Preprocessing
from convlab.recording.recorded import Recorded
from convlab.runtime.arrays import Array
from convlab.storage.growth import check_growth
from convlab.storage.hdf5 import get_dataset, open_hdf5, read_names, read_text, refuse, reopen_hdf5
from convlab.storage.hdf5_arrays import check_chunks, check_floats, read_into
from convlab.storage.hdf5_writing import new_file
from convlab.storage.json_text import parse_json
from convlab.wording import printable

FORMAT = "convlab recording 2"


def save(acts: Recorded, path: Path) -> None:
    """Write a recording; `path` appears, or is replaced, only when the file is complete."""
    with new_file(path, "the recording", libver="v108") as file:  # before v108, labels and names end at 64 kB
        _write(file, acts)


def _write(file: h5py.File, acts: Recorded) -> None:
    file.attrs["format"] = FORMAT
    file.attrs["model"] = printable(acts.model)  # the name of its file, which may be anything
    file.attrs["note"] = acts.note
    file.attrs["activation"] = acts.activation
    file.attrs["preprocessing"] = json.dumps(asdict(acts.preprocessing)) if acts.preprocessing else ""
    file.attrs["functions"] = [acts.functions.get(name, "linear") for name in acts.outputs]
    file.attrs["inputs"] = list(acts.inputs)
    file.attrs["outputs"] = list(acts.outputs)
    file.attrs["names"] = list(acts.arrays)
    file.attrs["kinds"] = list(acts.kinds.values())
    for name, several in (("labels", acts.labels), ("replaced", acts.replaced)):
        if several:
            file.attrs[name] = list(several)
    for title, arrays in (("inputs", acts.inputs), ("outputs", acts.outputs), ("layers", acts.arrays)):
        group = file.create_group(title, track_order=True)
        for name, array in arrays.items():
            group.create_dataset(_key(name), data=array, chunks=(1, *array.shape[1:]) if array.size else None)


def _key(name: str) -> str:
    return quote(name, safe=" ")


def read(path: Path) -> Recorded:
    """Open a recording; its layers are read when they are asked for."""
    with open_hdf5(path) as file:
        if (found := read_text(file, "format")) != FORMAT:
            refuse(file, f"this is no recording (format {found!r}, expected {FORMAT!r}); is it a weight file?")
        labels = read_names(file, "labels")
        names, kinds = read_names(file, "names") or [], read_names(file, "kinds") or []
        if len(names) != len(kinds):
            refuse(file, f"{len(names)} names of layers and {len(kinds)} kinds do not fit together")
        inputs, outputs = _read_all(file, "inputs"), _read_all(file, "outputs")
        shapes = [array.shape for array in (*inputs.values(), *outputs.values())]
        if min(map(len, shapes)) < 2 or len({shape[0] for shape in shapes}) > 1:
            refuse(file, f"inputs and outputs {', '.join(map(str, shapes))} are no batches of one size")
        if labels and [array.shape[1:] for array in outputs.values()] != [(len(labels),)]:
            refuse(
                file,
                f"{len(labels)} labels and outputs {', '.join(map(str, shapes[len(inputs) :]))} do not fit together",
            )
        return Recorded(
            LayersInFile(path, names),
            dict(zip(names, kinds, strict=True)),
            inputs=inputs,
            outputs=outputs,
            model=read_text(file, "model") or "",
            preprocessing=_read_preprocessing(file),
            labels=tuple(labels) if labels else None,
            activation=read_text(file, "activation") or "linear",
            note=read_text(file, "note") or "",
            replaced=tuple(read_names(file, "replaced") or []),
            functions=dict(zip(outputs, read_names(file, "functions") or [], strict=False)),
        )


class LayersInFile(Mapping[str, Array]):
    """The layers of a recording, read from its file one at a time.

    The file is opened anew for each, so nothing is held open; it must stay where it is.
    """

    def __init__(self, path: Path, names: list[str]) -> None:
        self.path, self.names = path, dict.fromkeys(names)

    def __getitem__(self, name: str) -> Array:
        if name not in self.names:
            raise KeyError(name)
        with reopen_hdf5(self.path) as file:
            return _read(_find(file, f"layers/{_key(name)}"))

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _read_all(file: h5py.File, group: str) -> dict[str, Array]:
    names = read_names(file, group)
    if not names:
        refuse(file, f"lists no {group}")
    datasets = [_find(file, f"{group}/{_key(name)}") for name in names]
    check_growth(Path(file.filename), sum(dataset.nbytes for dataset in datasets), f"its {group}")
    return {name: _read(dataset) for name, dataset in zip(names, datasets, strict=True)}


def _find(file: h5py.File, path: str) -> h5py.Dataset:
    """Return an array of the recording that is sound as far as can be told without reading it."""
    dataset = get_dataset(file, path)
    if dataset is None:
        refuse(file, f"{path} is missing from the recording")
    check_floats(dataset, dataset.shape, path)
    return dataset


def _read(dataset: h5py.Dataset) -> Array:
    path = str(dataset.name).lstrip("/")
    check_growth(Path(dataset.file.filename), dataset.nbytes, path)
    check_chunks(dataset, path)
    array: Array = np.empty(dataset.shape, dataset.dtype)
    read_into(dataset, array)
    return array


def _read_preprocessing(file: h5py.File) -> Preprocessing | None:
    text = read_text(file, "preprocessing")
    if not text:
        return None
    try:
        fields = parse_json(text)
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        return Preprocessing(**values)
    except (ValueError, TypeError, AttributeError) as error:
        refuse(file, f"preprocessing {text!r} cannot be understood ({error})")
