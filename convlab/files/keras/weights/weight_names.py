"""Tell what a stored array is for: by the words Keras uses in its name, and by Keras' order where it used none."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TypeAlias

from convlab.files.keras.weights.contents import LayerWeights, Stored
from convlab.storage import hdf5

__all__ = ["NOT_READ", "STATISTICS", "match_roles", "share_out"]

Slot: TypeAlias = tuple[str, str]  # a layer's name and what an array is for: ("encoder/conv1", "kernel")

ROLE = re.compile(
    r"(?:^|[/_])(depthwise_kernel|pointwise_kernel|kernel|bias|gamma|beta|moving_mean|moving_variance|moving_stddev"
    r"|renorm_mean|renorm_stddev|running_mean|running_std|alpha|embeddings|mean|variance|count|W|b)(?:_\d+)?(?::\d+)?$"
)
KERAS_1_ROLES = {  # its running_std holds the variance, whatever it says
    "W": "kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
}
STATISTICS = ("moving_mean", "moving_variance", "mean", "variance", "count")  # are not trained
NOT_READ = {"Normalization": ("count",)}  # how much data it has seen: stored, but not always asked for
RENORM = ("moving_stddev", "renorm_mean", "renorm_stddev")  # of BatchNormalization, where it has renorm=True
UNASKED = NOT_READ | {"BatchNormalization": RENORM}


def match_roles(layer: LayerWeights, stored: Stored) -> dict[str, str]:
    """Say which path holds which array of a layer.

    Returns
    -------
    dict of path by role, in the order of the layer.
    """
    roles = [_role_for(path, layer) for path in stored.paths]
    rest = iter([role for role in _stored_roles(layer) if role not in roles])
    filled = [role or next(rest, "") for role in roles]
    unasked = UNASKED.get(layer.kind, ())
    if sorted(role for role in filled if role in layer.shapes or role not in unasked) != sorted(layer.shapes):
        found, expected = ", ".join(stored.paths), ", ".join(layer.shapes)
        hdf5.refuse(stored.group, f"{layer.name} holds {len(filled)} arrays ({found}), expected ({expected})")
    paths = dict(zip(filled, stored.paths, strict=True))
    return {role: paths[role] for role in layer.shapes}


def _stored_roles(layer: LayerWeights) -> list[str]:
    """Return what Keras stores for a layer, which may be more than is asked for."""
    return [*layer.shapes, *(role for role in UNASKED.get(layer.kind, ()) if role not in layer.shapes)]


def _role_for(path: str, layer: LayerWeights) -> str | None:
    role = _role_of(path)
    if role is None or role in layer.shapes:
        return role
    if role == "kernel" and "embeddings" in layer.shapes:  # W, as Keras 1 called it
        return "embeddings"
    return next((name for name in layer.shapes if _plain(name) == _plain(role)), role)


def _role_of(path: str) -> str | None:
    match = ROLE.search(path)
    return KERAS_1_ROLES.get(match[1], match[1]) if match else None


def _plain(role: str) -> str:
    """Return the name that a depthwise kernel goes by since Keras 3."""
    return role.removeprefix("depthwise_")


def share_out(model: LayerWeights, stored: Stored) -> dict[str, Stored]:
    """Say which of a nested model's arrays belong to which of its layers.

    Up to Keras 2, and in .h5 files still, a nested model is one group of arrays: those that are trained, layer by
    layer, then those that are not. A frozen layer's are among the latter, which only the names tell.

    Returns
    -------
    dict of arrays by the name of their layer.
    """
    told = {_role_of(path) for path in stored.paths}
    slots = [(names, slot) for names, slot in _slots(model) if slot[1] not in RENORM or slot[1] in told]
    owners = _owners_by_name(slots, stored.paths) or _owners_by_order(slots, stored.paths)
    if owners is None:
        hdf5.refuse(
            stored.group,
            f"{model.name} is a model that holds {len(stored.paths)} arrays, which do not fit its"
            f" {len(slots)} weights",
        )
    shares: dict[str, Stored] = {}
    for (name, _), path in zip(owners, stored.paths, strict=True):
        shares.setdefault(name, Stored(stored.group, [])).paths.append(path)
    return shares


def _slots(model: LayerWeights) -> Iterator[tuple[tuple[str, ...], Slot]]:
    """Yield every array that Keras stores for a model, with the names that lead to its layer."""
    leaves = {leaf.name: (path, leaf) for path, leaf in model.leaves()}.values()
    for statistics in (False, True):
        for path, leaf in leaves:
            for role in _stored_roles(leaf):
                if (role in STATISTICS) == statistics:
                    yield path, (leaf.name, role)


def _owners_by_name(slots: Sequence[tuple[tuple[str, ...], Slot]], paths: Sequence[str]) -> list[Slot] | None:
    """Return whose each array is as its name tells, "encoder/conv1/kernel:0" or only "conv1/kernel:0"."""
    known: dict[tuple[str, str], list[Slot]] = {}
    for names, slot in slots:
        for tail in accumulate(reversed(names), lambda behind, name: f"{name}/{behind}"):
            known.setdefault((tail, _plain(slot[1])), []).append(slot)
    longest = max((tail.count("/") for tail, _ in known), default=0) + 1
    free = {slot for _, slot in slots}
    owners = []
    for path in paths:
        role, parts = _role_of(path) or "", ROLE.sub("", path).split("/")[-longest:]
        tails = ["/".join(parts[first:]) for first in range(len(parts))]  # the longest says most
        candidates = [slot for tail in tails for slot in known.get((tail, _plain(role)), ()) if slot in free]
        if not candidates:
            return None
        free.remove(candidates[0])
        owners.append(candidates[0])
    return owners


def _owners_by_order(slots: Sequence[tuple[tuple[str, ...], Slot]], paths: Sequence[str]) -> list[Slot] | None:
    """Return whose each array is as Keras' order tells, where no name contradicts that."""
    if len(slots) != len(paths):
        return None
    owners = [slot for _, slot in slots]
    told = [_role_of(path) for path in paths]
    agrees = all(role is None or _plain(role) == _plain(slot[1]) for role, slot in zip(told, owners, strict=True))
    return owners if agrees else None
