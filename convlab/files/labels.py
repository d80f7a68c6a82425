"""Names of classes: from a file, from the user, or ImageNet's for a thousand classes that nobody has named."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convlab.errors import FileError
from convlab.model.logits import final_activation
from convlab.model.model import Model
from convlab.model.sources import check_labels
from convlab.storage.json_text import parse_json
from convlab.zoo import imagenet_labels

LARGEST = 16 << 20  # bytes of a file of names: more is none
NUMBERED = re.compile(r"(\d+)[\s:,]+(.+)")
IMAGENET = 1000  # classes
SCORES = ("softmax", "sigmoid", "linear")  # functions that make scores of classes


def give_labels(model: Model, labels: str | Path | Sequence[str]) -> None:
    """Name the classes of a network's only output, by a sequence of names or the path of a file of them.

    Raises
    ------
    FileError
        For a file that cannot be read, or holds no names.
    ShapeError
        For another number of names than there are classes: one unit of a sigmoid stands for two.
    """
    names = read_labels(Path(labels)) if isinstance(labels, str | Path) else tuple(map(str, labels))
    check_labels(model.graph, names)
    model.labels, model.labels_assumed = names, False


def guess_labels(model: Model) -> None:
    """Take a thousand classes of pictures in colour for ImageNet's, where nobody has named them."""
    shapes = list(model.inputs.values())
    pictures = len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][2] == 3
    outputs = [(model.shapes[name], final_activation(model.graph, name)) for name in model.outputs]
    scores = outputs in [[((IMAGENET,), function)] for function in SCORES]
    if model.labels is None and pictures and scores:
        model.labels, model.labels_assumed = tuple(imagenet_labels()), True


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the names in a file: a line each, with or without their numbers, or JSON.

    JSON is a list of names, or an object of them by number, as Keras' class index: {"0": ["n01440764", "tench"]}.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise FileError(f"{path}: the labels cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise FileError(f"{path}: the labels cannot be read: this is no text") from None
    if len(content) > LARGEST:
        raise FileError(f"{path}: the labels cannot be read: more than {LARGEST >> 20} MiB")
    names = _of_json(path, text) if path.suffix.lower() == ".json" else _of_lines(text)
    if not names:
        raise FileError(f"{path}: there are no labels in it; expected one in each line")
    return names


def _of_lines(text: str) -> tuple[str, ...]:
    """Return a name for each line; "0 cat" is cat where all lines have their number."""
    lines = [line.strip() for line in text.strip().splitlines()]
    numbered = [NUMBERED.fullmatch(line) for line in lines]
    if all(found and int(found[1]) == i for i, found in enumerate(numbered)):
        return tuple(found[2] for found in numbered if found)
    return tuple(lines)


def _of_json(path: Path, text: str) -> tuple[str, ...]:
    try:
        values = parse_json(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: the labels cannot be read ({error})") from None
    if isinstance(values, Mapping) and set(values) == {str(i) for i in range(len(values))}:
        values = [values[str(i)] for i in range(len(values))]
    names = [_name(value) for value in values] if isinstance(values, list) else [None]
    if None in names:
        raise FileError(f'{path}: expected ["cat", "dog", ...] or {{"0": "cat", "1": "dog", ...}}')
    return tuple(str(name) for name in names)


def _name(value: Any) -> str | None:
    """Return a name; of Keras' pair of WordNet's number and a name the latter."""
    if isinstance(value, list) and len(value) == 2:
        value = value[1]
    return value.replace("_", " ") if isinstance(value, str) else None
