r"""The layout of Keras 3, .weights.h5: a group for each layer, numbered by its class, with numbered arrays in it.

The groups lie in a group "layers", and those of a nested model in a group "layers" inside its own. Keras 2.12 to
2.15 calls it "_layer_checkpoint_dependencies" and counts a layer that has weights twice; Keras on Windows long made
one name out of a path, "layers\\conv2d".
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

import h5py

from convlab.files.keras.weights.contents import Contents, LayerWeights, Stored
from convlab.storage import hdf5

__all__ = ["find_numbered", "snake_case"]

LAYERS = "layers"
OLD_LAYERS = "_layer_checkpoint_dependencies"
WRAPPED = "layer"
WRAPPERS_LIMIT = 32


@dataclass(frozen=True)
class Container:
    """Where the groups of a model's layers lie: members of a group, all or those whose names begin with `prefix`."""

    group: h5py.Group
    prefix: str = ""
    counts_twice: bool = False

    def keys(self) -> list[str]:
        """Return what Keras filed the layers under: conv2d, conv2d_1, ..."""
        names = [name for name in hdf5.member_names(self.group) if name.startswith(self.prefix)]
        keys = [name.removeprefix(self.prefix) for name in names]
        return [key for key in keys if key != "optimizer" and not (self.prefix and "\\" in key)]

    def variables(self, key: str) -> h5py.Group | None:
        """Return the group of a layer's arrays; a layer around another has none of its own."""
        return hdf5.get_group(self.group, f"{self.inner(key)}/vars")

    def name(self, key: str) -> str | None:
        """Return the name of a layer, where the file tells it."""
        own = hdf5.get_group(self.group, f"{self.prefix}{key}/vars")
        return None if own is None else hdf5.read_text(own, "name")

    def inner(self, key: str) -> str:
        """Return the path of a layer, or of the innermost that layers are around, TimeDistributed(Dense)."""
        path = self.prefix + key
        for _ in range(WRAPPERS_LIMIT):
            if hdf5.get_group(self.group, f"{path}/{WRAPPED}") is None:
                break
            path = f"{path}/{WRAPPED}"
        return path

    def inside(self, key: str = "") -> "Container | None":
        """Return where the layers of a nested model lie; of the whole model, without a key."""
        stem = self.inner(key) if key else self.prefix
        for name in (LAYERS, OLD_LAYERS):
            group = hdf5.get_group(self.group, f"{stem}/{name}" if stem else name)
            if group is not None:
                return Container(group, "", name == OLD_LAYERS)
        for name in (LAYERS, OLD_LAYERS):
            prefix = f"{stem}\\{name}\\" if stem else f"{name}\\"
            if any(member.startswith(prefix) for member in hdf5.member_names(self.group)):
                return Container(self.group, prefix, name == OLD_LAYERS)
        return None


@dataclass
class Search:
    """The arrays found so far, by layer, and how many groups may still be looked at."""

    file: h5py.File
    found: dict[str, Stored] = field(default_factory=dict)
    budget: int = hdf5.MEMBERS_LIMIT

    def search(self, container: Container, layers: Sequence[LayerWeights], depth: int = 0) -> None:
        """Find the arrays of these layers and, as far as the architecture goes, of those in nested models.

        Of a model that the architecture does not have, the layers are sought one level deep: an architecture may
        be one piece where the file is in parts. Nothing is followed further than that.
        """
        keys = container.keys()
        self.budget -= len(keys)
        if self.budget < 0:
            hdf5.refuse(self.file, f"holds more than {hdf5.MEMBERS_LIMIT:,} groups of layers")
        stored = dict(self._stored(container, keys))
        names = {key: container.name(key) for key in stored}
        owners = _owners(names, {key for key, arrays in stored.items() if arrays.paths}, layers, container)
        for key in keys:
            owner = owners.get(key)
            if key in stored and stored[key].paths:
                self._add(owner.name if owner else names[key] or key, stored[key])
            nested = owner.layers if owner else ()
            inside = container.inside(key) if nested or depth == 0 else None
            if inside is not None:
                self.search(inside, nested or layers, depth + 1)

    def _stored(self, container: Container, keys: Sequence[str]) -> Iterator[tuple[str, Stored]]:
        for key in keys:
            variables = container.variables(key)
            if variables is not None:
                paths = sorted(hdf5.member_names(variables), key=lambda path: (len(path), path))  # 2 before 10
                yield key, Stored(variables, paths)

    def _add(self, name: str, stored: Stored) -> None:
        if name in self.found:
            hdf5.refuse(stored.group, f"holds two layers named {name}")
        self.found[name] = stored


def find_numbered(file: h5py.File, layers: Sequence[LayerWeights]) -> Contents:
    """Find the arrays of each layer of the architecture, and of those the file has besides."""
    search = Search(file)
    root = Container(file)
    search.search(root.inside() or root, layers)  # the root, in a model that is a class of its own
    return Contents("Keras 3 weights HDF5", False, search.found)


def _owners(
    names: Mapping[str, str | None], filled: Set[str], layers: Sequence[LayerWeights], container: Container
) -> dict[str, LayerWeights]:
    """Return whose each key is: by the name that the group tells, else by the counters of the classes.

    Names that Keras made up, dense_5, change with every session. So where names leave out a layer that has weights,
    counters decide if they fit the groups that hold arrays, each of them and no other; else names do all the same.
    """
    counted = _count(layers, container.counts_twice)
    if not any(names.values()) and counted.keys() <= set(container.keys()):
        return counted
    known = {layer.stored_name: layer for layer in layers}
    told = {key: known[name or key] for key, name in names.items() if (name or key) in known}
    asked = {layer.name for layer in layers if layer.has_weights}
    covered = asked <= {layer.name for layer in told.values()}
    return told if covered or filled != {key for key, layer in counted.items() if layer.shapes} else counted


def _count(layers: Sequence[LayerWeights], twice: bool) -> dict[str, LayerWeights]:
    """Return the layers that have weights by their key: conv2d, conv2d_1, ... count the layers of each class."""
    counted: Counter[str] = Counter()
    keys: dict[str, LayerWeights] = {}
    for layer in layers:
        kind = snake_case(layer.written or layer.kind)
        if layer.has_weights:
            keys[f"{kind}_{counted[kind]}" if counted[kind] else kind] = layer
        counted[kind] += 2 if twice and layer.has_weights else 1
    return keys


def snake_case(kind: str) -> str:
    """Return the key Keras 3 files a class of layers under: DepthwiseConv2D -> depthwise_conv2d."""
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", kind).lower()
