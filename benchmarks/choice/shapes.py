"""Convolutions that real networks make: 200 distinct ones of the networks in `benchmarks.keras`.

    python -m benchmarks.choice.shapes

writes benchmarks/choice/shapes.json: all those of five networks at batch 1, some of the same at batch 8, and of each
other network as many as make 200, evenly through its layers. Each network takes a picture of its standard size.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import convlab
from convlab.bench.case import Case, cases_of
from convlab_kernels.window import Window

PATH = Path(__file__).with_name("shapes.json")
COUNT = 200
WHOLE = ("VGG16", "ResNet50", "InceptionV3", "MobileNet", "MobileNetV2")
"""The networks of which every convolution is taken."""
BATCH, BATCHED = 8, 24
"""A batch, and how many of their convolutions are taken with it too."""
KEYS = ("image", "filters", "kernel", "stride", "padding", "dilation", "groups", "batch", "layers")

T = TypeVar("T")


def read_cases(path: Path = PATH) -> list[Case]:
    """Read the shapes; the first layer that has it in each network is named, as in "VGG16/block1_conv1"."""
    return [case_of(row) for row in json.loads(path.read_text(encoding="utf-8"))]


def case_of(row: Mapping[str, Any]) -> Case:
    """Return the case that a row of a file describes."""
    top_bottom, left_right = map(tuple, row["padding"])
    kernel, stride, dilation = (tuple(row[key]) for key in ("kernel", "stride", "dilation"))
    window = Window(kernel, stride, (top_bottom, left_right), dilation)
    return Case(tuple(row["image"]), row["filters"], window, row["groups"], row["batch"], layers=tuple(row["layers"]))


def row_of(case: Case) -> dict[str, Any]:
    """Return what describes a case in a file."""
    return {key: case.as_dict()[key] for key in KEYS}


def convolutions(names: Sequence[str]) -> dict[Case, list[str]]:
    """Return the distinct convolutions of networks, each with the first layer of each network that has it."""
    found: dict[Case, list[str]] = {}
    for name in names:
        for case in cases_of(_load(name)):
            # "same" is other cells around another image: the cells are what counts
            window = replace(case.window, padding=case.window.pads((case.image[0], case.image[1])))
            layers = found.setdefault(replace(case, window=window, layers=()), [])
            if not any(layer.startswith(f"{name}/") for layer in layers):
                layers.append(f"{name}/{case.layers[0]}")
    return found


def _load(name: str) -> Any:
    """Return convlab's model of a network of Keras, without weights."""
    import keras

    from benchmarks.keras.networks import STANDARD, build

    keras.backend.clear_session()
    side = STANDARD.get(name, 224)
    with keras.device("meta"):  # weights of no content
        text = build(name, (side, side), True).to_json()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.json"
        path.write_text(text, encoding="utf-8")
        return convlab.load(path, weights=None)


def selection(found: Mapping[Case, list[str]]) -> Iterator[Case]:
    """Yield the shapes to measure. A shape counts as the first network's that has it."""
    networks: dict[str, list[Case]] = {}
    for case, layers in found.items():
        named = replace(case, layers=tuple(layers))
        networks.setdefault(layers[0].partition("/")[0], []).append(named)
    whole = [case for name in WHOLE for case in networks.pop(name)]
    yield from whole
    yield from (replace(case, batch=BATCH) for case in evenly(whole, BATCHED))
    each, more = divmod(COUNT - len(whole) - BATCHED, len(networks))
    for number, cases in enumerate(networks.values()):
        yield from evenly(cases, each + (number < more))


def evenly(items: Sequence[T], count: int) -> list[T]:
    """Return so many of the items, each from the middle of an equal part."""
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]


def main() -> None:
    from benchmarks.keras.networks import NAMES

    found = convolutions([*WHOLE, *(name for name in NAMES if name not in WHOLE)])
    cases = list(selection(found))
    rows = ",\n".join(json.dumps(row_of(case)) for case in cases)
    PATH.write_text(f"[\n{rows}\n]\n", encoding="utf-8")
    networks = {layer.partition("/")[0] for case in cases for layer in case.layers}
    print(f"{len(set(cases))} of {len(found)} distinct convolutions, from {len(networks)} networks: {PATH}")


if __name__ == "__main__":
    main()
