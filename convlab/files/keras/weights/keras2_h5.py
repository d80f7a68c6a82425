"""The layout of Keras 1 and 2, and of .h5 files still: names of layers and of their arrays in attributes."""

import re
from collections.abc import Mapping, Sequence

import h5py

from convlab.files.keras.weights.by_order import by_order
from convlab.files.keras.weights.contents import Contents, LayerWeights, Stored
from convlab.files.keras.weights.weight_names import share_out
from convlab.storage import hdf5
from convlab.wording import listed

__all__ = ["find_legacy", "split_names"]

MODEL = "top_level_model_weights"  # arrays that belong to no layer; layer_names does not list it
PARTS_LIMIT = 100  # of 64 kB
PATHS_LIMIT = 100_000  # arrays of all layers
THEANO_KERNEL = re.compile(r"_W(_\d+)?$")  # TensorFlow ends every name in ":0"


def split_names(group: h5py.Group, attribute: str) -> list[str] | None:
    """Read a list of names; Keras splits one of over 64 kB into attribute0, attribute1, ..."""
    names = hdf5.read_names(group, attribute)
    if names is not None:
        return names
    parts: list[list[str]] = []
    while (part := hdf5.read_names(group, f"{attribute}{len(parts)}")) is not None:
        parts.append(part)
        if len(parts) > PARTS_LIMIT:
            hdf5.refuse(group, f"splits attribute {attribute} of {group.name} into more than {PARTS_LIMIT} parts")
    return [name for part in parts for name in part] if parts else None


def find_legacy(
    file: h5py.File, root: h5py.Group, names: list[str], layers: Sequence[LayerWeights], renamed: bool
) -> Contents:
    """Find the arrays of each layer below `root`, where attribute layer_names lists `names`; see `find_contents`."""
    known = {layer.stored_name: layer for layer in layers}
    stored = _groups(file, root, names)
    found: dict[str, Stored] = {}
    for name, arrays in stored.items():
        layer = known.get(name)
        if layer is not None and layer.layers:
            found = share_out(layer, arrays) | found  # a layer that several models share is in each of them
        else:
            found[layer.name if layer else name] = arrays
    ordered = by_order(found, layers) if renamed else found
    version = hdf5.read_text(file, "keras_version")
    backend = hdf5.read_text(root, "backend")
    theano = _is_theano(backend, stored)
    told = backend or ("theano (told by weight names without ':0')" if theano else None)
    layout = f"Keras legacy HDF5, keras_version {version or 'not stated'}" + (f", backend {told}" if told else "")
    older = [f"{name} as {layer}" for name, layer in zip(found, ordered, strict=True) if name != layer]
    if older:
        layout += f", layers by their order: {listed(older)}"
    return Contents(layout, theano, ordered)


def _groups(file: h5py.File, root: h5py.Group, names: list[str]) -> dict[str, Stored]:
    stored: dict[str, Stored] = {}
    count = 0
    own = [MODEL] if hdf5.get_group(root, MODEL) is not None else []
    for name in names + own:
        group = hdf5.get_group(root, name)
        if group is None:
            hdf5.refuse(file, f"attribute layer_names lists {name}, but the file has no such group")
        paths = split_names(group, "weight_names")
        if paths and name in stored:
            hdf5.refuse(file, f"holds two layers named {name}")
        if paths:
            stored[name] = Stored(group, paths)
            count += len(paths)
        if count > PATHS_LIMIT:
            hdf5.refuse(file, f"lists more than {PATHS_LIMIT:,} arrays")
    return stored


def _is_theano(backend: str | None, stored: Mapping[str, Stored]) -> bool | None:
    """Tell whether Theano wrote the kernels: Keras 2 says so, in Keras 1 the names of the weights may."""
    if backend is not None:
        return backend == "theano"
    return any(THEANO_KERNEL.search(path) for arrays in stored.values() for path in arrays.paths) or None
