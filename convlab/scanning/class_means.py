"""The mean attribution of each class over the pictures of a shard, and its file."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from convlab.attribution.mean import MeanAttribution
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.scanning.attributions import class_called, function_called, means_of
from convlab.scanning.marks import shard_name
from convlab.storage.hdf5 import get_dataset, get_group, member_names, read_document, refuse, reopen_hdf5
from convlab.storage.hdf5_arrays import check_floats, read_into
from convlab.storage.hdf5_writing import new_file
from convlab.storage.json_text import parse_json

ATTRIBUTIONS = "attributions"  # the folder
TOLD = ("name", "count", "method", "layer", "note", "target", "targets")
DOCUMENT = 1 << 20  # characters of what is told of a mean
ALL = "all pictures"  # of a folder that has no classes


class ClassMeans:
    """Means that grow with every batch; of no method, nothing."""

    def __init__(self, model: Model, method: str | None) -> None:
        self.model = model
        self.function = None if method is None else function_called(method)
        self.found: dict[str, MeanAttribution] = {}

    def add(self, x: Array, labels: Sequence[str] | None) -> None:
        """Add pictures (N, ...) of these classes."""
        if self.function is None:
            return
        names = np.array(labels or [ALL] * len(x), object)
        for name in dict.fromkeys(names):
            target = class_called(name, self.model.labels or ())
            for mean in means_of(self.model, self.function, list(x[names == name][:, None]), target):
                self.found[name] = self.found[name].merged(mean) if name in self.found else mean

    def write(self, out: Path, index: int) -> str:
        """Write the means of a shard, and return where."""
        name = means_file(index)
        with new_file(out / name, "the attributions", lasting=True, libver="v108") as file:
            for number, (label, mean) in enumerate(self.found.items()):
                _write(file.create_group(str(number)), label, mean)
        return name


def means_file(index: int) -> str:
    """Return where the means of a shard are, in the folder of the scan."""
    return f"{ATTRIBUTIONS}/{shard_name(index)}.h5"


def _write(group: h5py.Group, label: str, mean: MeanAttribution) -> None:
    told = {"name": label, **{field: getattr(mean, field) for field in TOLD[1:]}}
    group.attrs["told"] = json.dumps(told)
    group["values"], group["deviations"] = mean.values, mean.deviations
    for title, arrays in (("input", mean.acts.inputs), ("output", mean.acts.outputs)):
        for number, array in enumerate(arrays.values()):
            group[f"{title}{number}"] = array


def read_means(out: Path, indices: Sequence[int], model: Model) -> dict[str, MeanAttribution]:
    """Return the means of all classes over shards, merged in their order; the network is the one that made them.

    Raises
    ------
    WeightsError
        For a file that is damaged, or none.
    """
    blank = _blank(model)
    found: dict[str, MeanAttribution] = {}
    for index in indices:
        with reopen_hdf5(out / means_file(index)) as file:
            for number in sorted(member_names(file), key=int):
                if (group := get_group(file, number)) is not None:
                    label, mean = _read(group, blank, model)
                    found[label] = found[label].merged(mean) if label in found else mean
    return found


def _blank(model: Model) -> Activations:
    """Return a recording that has all but numbers."""
    nothing = np.zeros((1, *model.input_shape), np.float32)
    return replace(model.run(nothing, record=[model.nodes[-1].name]), arrays={}, kinds={})


def _read(group: h5py.Group, blank: Activations, model: Model) -> tuple[str, MeanAttribution]:
    text = read_document(group, "told", DOCUMENT)
    try:
        told = parse_json(text or "")
        label, *fields = (told[name] for name in TOLD)
    except (ValueError, KeyError, TypeError):
        refuse(group, f"what is told of a mean, {text!r}, cannot be understood")
    ends: dict[str, Any] = {
        f"{title}s": {name: _array(group, f"{title}{i}") for i, name in enumerate(getattr(blank, f"{title}s"))}
        for title in ("input", "output")
    }
    arrays: dict[str, Any] = {name: _array(group, name) for name in ("values", "deviations")}
    acts = replace(blank, **ends)
    return str(label), MeanAttribution(**dict(zip(TOLD[1:], fields, strict=True)), **arrays, acts=acts, network=model)


def _array(group: h5py.Group, name: str) -> Array:
    data = get_dataset(group, name)
    if data is None:
        refuse(group, f"{name} is missing from {group.name}")
    check_floats(data, data.shape, name)
    values: Array = np.empty(data.shape, data.dtype)
    read_into(data, values)
    return values
