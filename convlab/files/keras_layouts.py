"""The ways Keras has laid out weights in HDF5 since version 1: where each layer's arrays lie in a given file.

Keras 1     block1_conv1/block1_conv1_W_1:0       attributes layer_names and weight_names list the names;
Keras 2, 3  block1_conv1/block1_conv1/kernel:0    whole-model files hold all of it in the group model_weights
Keras 3     layers/conv2d_1/vars/0                .weights.h5; the attribute name of vars is the layer's
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import h5py

from convlab.files import hdf5
from convlab.layers import Shape

__all__ = ["Contents", "LayerWeights", "Stored", "find_contents"]


MODEL = "top_level_model_weights"  # arrays that belong to no layer; layer_names does not list it
THEANO_KERNEL = re.compile(r"_W(_\d+)?$")  # TensorFlow ends every name in ":0"


@dataclass(frozen=True)
class LayerWeights:
    """What one layer asks of a file.

    Attributes
    ----------
    name
        The layer's name, "block1_conv1".
    kind
        Its Keras class, "Conv2D".
    shapes
        The shape of each of its arrays, in Keras' order: {"kernel": (3, 3, 3, 64), "bias": (64,)}.
    flattened
        For a dense layer behind a Flatten: the (H, W, C) that was flattened. In OIHW files it was (C, H, W),
        which no shape betrays; with this, the rows of the kernel are put in order.
    """

    name: str
    kind: str
    shapes: Mapping[str, Shape]
    flattened: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Stored:
    """The arrays of one layer in a file: paths inside a group, in Keras' order."""

    group: h5py.Group
    paths: list[str]


@dataclass(frozen=True)
class Contents:
    """What a file says it holds: its layers that have weights, and whether Theano wrote their kernels."""

    layout: str
    theano: bool
    layers: dict[str, Stored]


def find_contents(file: h5py.File, layers: Sequence[LayerWeights]) -> Contents:
    """Find out which layout a file has and which layers with weights it holds.

    Parameters
    ----------
    file
        The open file.
    layers
        The architecture; used only where a Keras 3 file does not name its layers.

    Raises
    ------
    WeightsError
        If the file has none of the layouts, or contradicts itself.
    """
    nested = hdf5.get_group(file, "model_weights")
    root = file if nested is None else nested
    names = _split_names(root, "layer_names")
    if names is not None:
        return _find_legacy(file, root, names)
    if not {"layers", "vars"}.intersection(hdf5.member_names(file)):
        hdf5.refuse(file, "holds no Keras weights: no attribute layer_names, no group layers")
    return _find_keras3(file, layers)


def _split_names(group: h5py.Group, attribute: str) -> list[str] | None:
    """Read a list of names; Keras splits one of over 64 kB into attribute0, attribute1, ..."""
    names = hdf5.read_names(group, attribute)
    if names is not None:
        return names
    parts: list[list[str]] = []
    while (part := hdf5.read_names(group, f"{attribute}{len(parts)}")) is not None:
        parts.append(part)
    return [name for part in parts for name in part] if parts else None


def _find_legacy(file: h5py.File, root: h5py.Group, names: list[str]) -> Contents:
    layers: dict[str, Stored] = {}
    own = [MODEL] if hdf5.get_group(root, MODEL) is not None else []
    for name in names + own:
        group = hdf5.get_group(root, name)
        if group is None:
            hdf5.refuse(file, f"attribute layer_names lists {name}, but the file has no such group")
        paths = _split_names(group, "weight_names")
        if paths:
            _add(layers, name, Stored(group, paths))
    version = hdf5.read_text(file, "keras_version")
    backend = hdf5.read_text(root, "backend")
    theano = _is_theano(backend, layers)
    told = "theano (told by weight names without ':0')" if theano else "not stated"
    layout = f"Keras legacy HDF5, keras_version {version or 'not stated'}, backend {backend or told}"
    return Contents(layout, theano, layers)


def _add(layers: dict[str, Stored], name: str, stored: Stored) -> None:
    if name in layers:
        hdf5.refuse(stored.group, f"holds two layers named {name}")
    layers[name] = stored


def _is_theano(backend: str | None, layers: Mapping[str, Stored]) -> bool:
    """Tell whether Theano wrote the kernels: Keras 2 says so, in Keras 1 the names of the weights do."""
    if backend is not None:
        return backend == "theano"
    return any(THEANO_KERNEL.search(path) for stored in layers.values() for path in stored.paths)


def _find_keras3(file: h5py.File, layers: Sequence[LayerWeights]) -> Contents:
    named: dict[str, Stored] = {}
    unnamed: dict[str, Stored] = {}
    for key, variables in _keras3_variables(file):
        paths = sorted(hdf5.member_names(variables), key=lambda path: (len(path), path))  # 2 before 10
        name = hdf5.read_text(variables, "name")
        if paths and name is not None:
            _add(named, name, Stored(variables, paths))
        elif paths:
            _add(unnamed, key, Stored(variables, paths))
    for name, stored in _name_counted(unnamed, layers).items():
        _add(named, name, stored)
    return Contents("Keras 3 weights HDF5", False, named)


def _keras3_variables(file: h5py.File) -> Iterator[tuple[str, h5py.Group]]:
    """Yield the group of variables of each layer, with the key Keras filed it under."""
    budget = hdf5.MEMBERS_LIMIT
    for container in _containers(file):
        keys = hdf5.member_names(container)
        budget -= len(keys)
        if budget < 0:
            hdf5.refuse(file, f"holds more than {hdf5.MEMBERS_LIMIT:,} groups of layers")
        for key in keys:
            variables = hdf5.get_group(container, f"{key}/vars") if key != "optimizer" else None
            if variables is not None:
                yield key, variables


def _containers(file: h5py.File) -> Iterator[h5py.Group]:
    """Yield the groups whose members are layers.

    That is the group layers (the root, in a model that is a class of its own) and the group layers of each
    model in it. Nothing is followed further than that.
    """
    layers = hdf5.get_group(file, "layers")
    top = file if layers is None else layers
    yield top
    for key in hdf5.member_names(top):
        inner = hdf5.get_group(top, f"{key}/layers")
        if inner is not None:
            yield inner


def _name_counted(unnamed: dict[str, Stored], layers: Sequence[LayerWeights]) -> dict[str, Stored]:
    """Name the groups that do not say whose they are: conv2d, conv2d_1, ... count the layers of each class.

    Where the counters do not fit, the keys are taken for the names.
    """
    counted: Counter[str] = Counter()
    names: dict[str, str] = {}
    for layer in layers:
        kind = snake_case(layer.kind)
        names[f"{kind}_{counted[kind]}" if counted[kind] else kind] = layer.name
        counted[kind] += 1
    if not names.keys() <= unnamed.keys():
        return unnamed
    return {names.get(key, key): stored for key, stored in unnamed.items()}


def snake_case(kind: str) -> str:
    """Return the key Keras 3 files a class of layers under: DepthwiseConv2D -> depthwise_conv2d."""
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", kind).lower()
