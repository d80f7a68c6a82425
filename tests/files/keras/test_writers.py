"""Files as every Keras writes them, of every layer over its options: they load and compute what it computed."""

import json
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.files.keras.config.layers import LAYERS
from references.keras_writers.answers import read_answers
from references.keras_writers.archive import RECORDS, unpack
from references.keras_writers.cases import by_kind
from references.keras_writers.networks import ARCHITECTURES, FEW, IMAGE, SMALL, fill
from references.keras_writers.numbers import given, samples
from support.closeness import assert_close, gamma

WRITERS = sorted(path.name.removesuffix(".tar.xz") for path in RECORDS.glob("*.tar.xz"))
KINDS = by_kind()
ROUNDINGS = 50
"""Of one number: sums of products are exact in these cases, what is left is a function or a normalisation."""

OTHERWISE = [
    ("keras-3", "activation='sparsemax'"),  # on TensorFlow it sums cumulative sums: right only if one number stays
    ("keras-2.10", "invert=True"),  # which it does not write, so that its file says something else
    ("keras-2.3", "interpolation='bilinear'"),  # TensorFlow 1 samples corners, and 2 the same file's pixel centres
]
"""Answers that are no definition: the beginning of a writer's name, and a part of the case."""

UNREAD = {"groups=1", "quantization_config=None"}
"""Options that Keras writes where it has no such thing: whatever else it writes is read, or is for training."""


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Return writer -> the folder of its records, unpacked when first asked for."""
    folders = {}

    def folder(writer) -> Path:
        if writer not in folders:
            folders[writer] = tmp_path_factory.mktemp(writer)
            unpack(RECORDS / f"{writer}.tar.xz", folders[writer])
        return folders[writer]

    return folder


def index_of(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("writer", WRITERS)
def test_layers(records, writer, kind):
    folder = records(writer)
    index = index_of(folder, kind)
    if not index["layers"]:
        pytest.skip(f"{writer} has no {kind}, or cannot run it")
    files = [folder / f"{kind}{suffix}" for suffix in (".h5", ".keras") if suffix not in index["unwritten"]]
    assert files
    for path in files:
        model = convlab.load(path)
        assert {option.split(" (")[0] for option in model.receipt.neutral} <= UNREAD
        agree_in_every_layer(writer, model, index, read_answers(folder, kind, index["answers"]))


def agree_in_every_layer(writer, model, index, answers):
    x = {name: given(name, index["inputs"][name]) for name in model.inputs}
    acts = model.run({name: channels_last(x[name], shape) for name, shape in model.inputs.items()})
    for layer, case in index["layers"].items():
        if any(writer.startswith(name) and part in case for name, part in OTHERWISE):
            continue
        ours = acts[layer]
        if "channels_first" in case and ours.shape != answers[layer].shape:
            ours = np.moveaxis(ours, -1, 1)
        agree(ours, answers[layer], case)


def channels_last(x, shape):
    """Return x (N, C, ...) as (N, ..., C) where that is the shape of our input."""
    return x if x.shape[1:] == shape else np.moveaxis(x, 1, -1)


def agree(ours, theirs, case, roundings=ROUNDINGS):
    """Assert that our record of a layer is theirs, rounded as theirs is, or as ours is if that is coarser."""
    assert ours.shape == theirs.shape, case
    values = theirs.values.astype(np.float64)
    kind = theirs.dtype if theirs.dtype == np.float16 else np.float32
    assert_close(samples(ours), values, gamma(roundings, kind) * np.abs(values).max(), case)


@pytest.mark.parametrize("writer", WRITERS)
def test_every_layer_is_recorded(records, writer):
    """A layer that is added to the table needs a case, and a record of every Keras that has it."""
    assert sorted(set(LAYERS) - set(KINDS)) == []
    for kind, cases in KINDS.items():
        index = index_of(records(writer), kind)
        if index["layers"] or index["lacking"]:
            known = [*index["layers"].values(), *index["lacking"]]
            assert sorted(known) == sorted(map(str, cases)), f"{kind}: record it anew"


WAYS = {  # of saving a small network: what holds the architecture, and what the weights
    ".h5": (".h5", ".h5"),
    ".keras": (".keras", ".keras"),
    "text and old weights": (".topology", ".weights"),
    "text and new weights": (".topology", ".weights.h5"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("writer", WRITERS)
def test_small_networks(records, writer, name, way):
    folder, name = records(writer), f"network_{name}"
    index = index_of(folder, name)
    architecture, weights = (folder / f"{name}{suffix}" for suffix in WAYS[way])
    if not weights.exists():
        assert index["unwritten"]
        pytest.skip(f"{writer} writes no {weights.name}")
    model = convlab.load(weights, topology=None if architecture == weights else architecture)
    answers = read_answers(folder, name, index["answers"])
    found = model.predict(given("image", IMAGE))
    ours = list(found.values()) if isinstance(found, dict) else [found]
    assert len(ours) == len(answers)
    for own, theirs in zip(ours, answers.values(), strict=True):
        agree(own, theirs, name, roundings=terms(model))


def terms(model):
    """Return how many products a number at the end of a network is a sum of, one layer after the other."""
    kernels = [shape for layer in model.layers for shape in layer.shapes.values() if len(shape) > 1]
    return sum(int(np.prod(shape[:-1])) for shape in kernels) + ROUNDINGS * len(model.layers)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("writer", WRITERS)
def test_architectures(records, writer, name, tmp_path):
    folder, name = records(writer), f"network_{name}"
    index = index_of(folder, name)
    if "lacking" in index:
        pytest.skip(f"{writer}: {index['lacking']}")
    path = tmp_path / f"{name}.h5"
    path.write_bytes((folder / path.name).read_bytes())
    fill(path)
    model = convlab.load(path)
    acts, answers = model.run(given("image", IMAGE)), read_answers(folder, name, index["answers"], FEW)
    assert set(answers) <= set(acts)
    bound = np.sqrt(terms(model)) * np.finfo(np.float32).eps
    for layer, theirs in answers.items():
        ours = samples(acts[layer], FEW)
        assert acts[layer].shape == theirs.shape
        assert np.linalg.norm(ours - theirs.values) <= bound * np.linalg.norm(theirs.values), layer


def test_the_page_of_writers_and_layers_is_of_these_records(monkeypatch):
    monkeypatch.syspath_prepend(str(RECORDS.parents[1]))
    import make_keras_table

    assert make_keras_table.FILE.read_text() == make_keras_table.page(), "run tests/references/make_keras_table.py"
