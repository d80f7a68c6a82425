"""Layers, channels and ranges as a command is told them: names, patterns, kinds, numbers."""

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from convlab.errors import LayerNameError, ShapeError
from convlab.model.model import Model
from convlab.runtime.arrays import Shape
from convlab.wording import listed, nearest, unknown

HELP = "names, patterns (block5_*), kinds (Conv2D), or numbers in order of execution (3, 1-5, -1 the last)"
ONE = "its name, or a pattern (*_conv4), kind (Dense) or number in order of execution (3, -1 the last)"


def add_layers(parser: argparse.ArgumentParser, what: str, default: str = "all") -> None:
    """Let a command take layers."""
    parser.add_argument("--layers", metavar="LAYER,...", help=f"{what} (default: {default}): {HELP}")


def add_layer(parser: argparse.ArgumentParser) -> None:
    """Let a command take one layer."""
    parser.add_argument("layer", metavar="LAYER", help=ONE)


def chosen_layers(model: Model, text: str | None) -> list[str] | None:
    """Return the names of the layers that a text chooses, in order of execution; None for all.

    Raises
    ------
    LayerNameError
        Where a part of the text chooses none.
    """
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    kinds = {node.name: node.layer.kind for node in model.nodes}
    found = {name for part in parts for name in _chosen(part, kinds)}
    return [*(name for name in kinds if name in found), *(name for name in found if name not in kinds)] or None


def chosen_layer(model: Model, text: str) -> str:
    """Return the name of the only layer that a text chooses.

    Raises
    ------
    LayerNameError
        Where it chooses none, or several.
    """
    found = list(_chosen(text, {node.name: node.layer.kind for node in model.nodes}))
    if len(found) > 1:
        raise LayerNameError(f"{text!r} is {len(found)} layers, {listed(found)}: give one of them")
    return found[0]


def _chosen(part: str, kinds: Mapping[str, str]) -> Iterable[str]:
    """Return the layers that one part chooses: by its name before all else, which may be a number."""
    names = list(kinds)
    if part in kinds or part.removesuffix("/pre") in kinds:
        return [part]
    if number := re.fullmatch(r"(-?\d+)(?:-(\d+))?", part):
        return _numbered(part, names, *number.groups())
    for texts in (kinds, kinds.values()):  # names, else what they are
        if matching := [name for name, text in zip(names, texts, strict=True) if fnmatchcase(text, part)]:
            return matching
    if set("*?[") & set(part):
        near = nearest(part, kinds) or names[:3]
        raise LayerNameError(f"no layer fits {part!r} (of {len(names)}, such as {', '.join(near)})")
    raise LayerNameError(unknown("layer", part, dict.fromkeys([*names, *kinds.values()])))


def _numbered(part: str, names: Sequence[str], first: str, last: str | None) -> Sequence[str]:
    start = int(first) if int(first) > 0 else len(names) + 1 + int(first)
    end = start if last is None else int(last)
    if not 1 <= start <= end <= len(names) or int(first) == 0:
        raise LayerNameError(f"no layers {part}: there are 1 to {len(names)}, and -1 is the last")
    return names[start - 1 : end]


def one_range(text: str) -> slice:
    """Return the numbers that a text means: 0:16, 5, -8:."""
    try:
        return slice(*(int(part) if part else None for part in text.split(":"))) if ":" in text else _one(int(text))
    except (ValueError, TypeError):
        raise argparse.ArgumentTypeError(f"{text!r} is no range: 0:16, -8: or 5") from None


def _one(index: int) -> slice:
    return slice(index, index + 1 or None)


def ranges(text: str) -> list[slice]:
    """Return the numbers that a text means: 0,5,8:16."""
    return [one_range(part.strip()) for part in text.split(",") if part.strip()]


def chosen_channels(shapes: Mapping[str, Shape], wanted: Sequence[slice]) -> dict[str, list[int]]:
    """Return which of the channels wanted each layer of maps has, by its shape (..., C).

    Raises
    ------
    ShapeError
        Where none of them has any.
    """
    found = {
        name: list(dict.fromkeys(i for part in wanted for i in range(shape[-1])[part]))
        for name, shape in shapes.items()
        if len(shape) > 1
    }
    if found and not any(found.values()):
        most = max(shapes[name][-1] for name in found)
        raise ShapeError(f"no layer that is drawn has such a channel: there are 0 to {most - 1} at most")
    return found
