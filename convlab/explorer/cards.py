"""What a page writes of a layer, of a group that layers are folded into, and of the whole network."""

from collections.abc import Sequence
from itertools import pairwise
from math import log1p
from typing import Any

from convlab.explorer.groups import path_of
from convlab.explorer.wording import short_shape, written, written_count, written_shape, written_time
from convlab.wording import counted

Told = dict[str, Any]
LISTED = 6  # names of a group


def add_cards(layers: list[Told]) -> None:
    """Say of each layer how it is written, and what is known of its numbers."""
    for layer in layers:
        missing = layer.get("nonfinite", 0)
        kind = f"{layer['kind']}, {written_shape(layer['shape'])}"
        figures = [
            *([f"{written_count(layer['weights'])} weights"] if layer["weights"] else []),
            *([f"{written_count(layer['multiply_adds'])} multiply-adds"] if layer["multiply_adds"] else []),
            *([counted(layer["dead"], "dead channel")] if layer.get("dead") else []),
            *([f"{missing:,} numbers not finite"] if missing else []),
        ]
        spoken = [layer["name"], kind, *([f"{missing:,} NaN/inf"] if missing else [])]
        share = f"{round(100 * layer['zeros'])} % zeros" if "zeros" in layer else ""
        layer["statistics"] = _statistics(layer) if "min" in layer else []
        layer["bars"] = _bars(**layer["histogram"]) if "histogram" in layer else []
        layer["card"] = {
            "title": layer["name"],
            "short": _short(layer["name"], layer["group"]),
            "kind": kind,
            "says": layer["says"],
            "figures": "\n".join(filter(None, [layer["formula"], ", ".join(figures)])),
            "shape": spoken[2] if missing else short_shape(layer["shape"]),
            "spoken": ", ".join(spoken),
            "lines": [line for line in (share, written_time(layer.get("seconds"))) if line],
        }


def _statistics(layer: Told) -> list[tuple[str, str]]:
    rows = [
        ("smallest", written(layer["min"])),
        ("largest", written(layer["max"])),
        ("mean", written(layer["mean"])),
        ("deviation", written(layer["std"])),
        ("zeros", f"{100 * layer['zeros']:.1f} %"),
        ("dead channels", f"{layer['dead']} of {layer['shape'][-1]}" if len(layer["shape"]) > 1 else ""),
        ("not finite", f"{layer['nonfinite']:,}" if layer["nonfinite"] else ""),
        ("weights", written_count(layer["weights"]) if layer["weights"] else ""),
        ("multiply-adds", written_count(layer["multiply_adds"]) if layer["multiply_adds"] else ""),
        ("time", written_time(layer.get("seconds"))),
    ]
    return [row for row in rows if row[1]]


def _bars(edges: Sequence[float], counts: Sequence[int]) -> list[tuple[float, str]]:
    """Return the height of each bar of a histogram, in percent, logarithmic, and what it stands for."""
    most = log1p(max(counts, default=1))
    return [
        (round(100 * log1p(count) / most, 1), f"{count:,} from {written(low)} to {written(high)}")
        for count, (low, high) in zip(counts, pairwise(edges), strict=True)
    ]


def group_cards(layers: Sequence[Told]) -> dict[str, Told]:
    """Return how each group is written while it is folded, by its path."""
    members: dict[str, list[Told]] = {}
    for layer in layers:
        for depth in range(len(layer["group"])):
            members.setdefault(path_of(layer["group"][: depth + 1]), []).append(layer)
    return {path: _group(layers, path.count("/")) for path, layers in members.items()}


def _group(layers: Sequence[Told], depth: int) -> Told:
    *outer, title = layers[0]["group"][: depth + 1]
    names = [layer["name"] for layer in layers]
    listed = [*names[:3], "...", *names[-2:]] if len(names) > LISTED else names
    weights = written_count(sum(layer["weights"] for layer in layers))
    count = counted(len(layers), "layer")
    return {
        "title": title,
        "short": _short(title, outer),
        "kind": f"{count}, folded",
        "says": ", ".join(listed),
        "figures": f"{weights} weights; click to unfold",
        "shape": layers[-1]["card"]["shape"],
        "spoken": f"{title}, {count}, unfold",
        "lines": [count, *filter(None, [written_time(sum(layer.get("seconds") or 0 for layer in layers))])],
    }


def network_card(title: str, layers: Sequence[Told], says: str) -> Told:
    """Return how the whole network is written."""
    weights, multiply_adds = (
        written_count(sum(layer[part] for layer in layers)) for part in ("weights", "multiply_adds")
    )
    return {
        "title": title,
        "kind": counted(len(layers), "layer"),
        "says": says,
        "figures": f"{weights} weights, {multiply_adds} multiply-adds",
    }


def _short(name: str, outer: Sequence[str]) -> str:
    """Return a name without what its groups say already: "conv1" of "block1_conv1" in "block1"."""
    for beginning in ("/".join(outer), *outer[-1:]):
        if beginning and name.startswith(beginning) and len(name) > len(beginning) + 1:
            rest = name[len(beginning) :]
            return rest[1:] if rest[0] in "_/.-" else rest
    return name
