"""Files as every Keras writes them, of every layer over its options: they load and compute what it computed."""

import json
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close, gamma
from references.keras_writers.archive import RECORDS, unpack
from references.keras_writers.cases import by_kind
from references.keras_writers.numbers import given, samples

import convlab
from convlab.files.keras.layers import LAYERS

WRITERS = sorted(path.name.removesuffix(".tar.xz") for path in RECORDS.glob("*.tar.xz"))
KINDS = by_kind()
ROUNDINGS = 50
"""Of one number: sums of products are exact in these cases, what is left is a function or a normalisation."""


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


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("writer", WRITERS)
def test_what_it_writes_loads_and_computes_the_same(records, writer, kind, suffix):
    folder = records(writer)
    index = json.loads((folder / f"{kind}.json").read_text())
    path = folder / (kind + suffix)
    if not path.exists():
        assert not index["layers"] or suffix == ".keras"
        pytest.skip(f"{writer} writes no {kind}{suffix}")
    model = convlab.load(path)
    x = {name: channels_last(given(name, shape), model.inputs[name]) for name, shape in index["inputs"].items()}
    acts = model.run(x)
    answers = np.load(folder / f"{kind}.npz")
    assert index["layers"]
    for layer, case in index["layers"].items():
        agree(acts[layer], answers[layer], answers[f"{layer}:shape"], case)


def channels_last(x, shape):
    """Return x (N, C, ...) as (N, ..., C) where that is the shape of our input."""
    return x if x.shape[1:] == shape else np.moveaxis(x, 1, -1)


def agree(ours, theirs, shape, case):
    """Assert that our record of a layer is theirs, rounded as theirs is."""
    if "channels_first" in case and ours.shape != tuple(shape):
        ours = np.moveaxis(ours, -1, 1)
    assert ours.shape == tuple(shape), case
    theirs, kind = theirs.astype(np.float64), theirs.dtype
    bound = gamma(ROUNDINGS, kind) * np.abs(theirs).max()
    assert_close(samples(ours), theirs, bound, case)


@pytest.mark.parametrize("writer", WRITERS)
def test_every_layer_is_recorded(records, writer):
    """A layer that is added to the table needs a case, and a record of every Keras that has it."""
    assert sorted(set(LAYERS) - set(KINDS)) == []
    for kind, cases in KINDS.items():
        index = json.loads((records(writer) / f"{kind}.json").read_text())
        if index["layers"] or index["lacking"]:
            known = [*index["layers"].values(), *index["lacking"]]
            assert sorted(known) == sorted(map(str, cases)), f"{kind}: record it anew"
