"""What a run takes and leaves: bytes refused before anything is computed, no array shared, nothing kept in vain."""

import itertools
import tracemalloc
import weakref
from math import prod

import numpy as np
import pytest

import convlab
from convlab.errors import BudgetError, WeightsError
from convlab.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Cropping2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node

SHAPE = (7, 5, 2)


def sequential(*layers):
    model = Model.sequential("small", SHAPE, layers)
    randomise(model, seed=1)
    return model


def images(n, shape=SHAPE, dtype=np.float32):
    return np.random.default_rng(0).uniform(-1, 1, (n, *shape)).astype(dtype)


def every_layer(pool=GlobalAveragePooling2D):
    return sequential(
        ZeroPadding2D("zeros", (1, 2)),
        Conv2D("conv", 6, (3, 2), activation="relu"),
        BatchNormalization("norm"),
        Activation("sigmoid", "sigmoid"),
        AveragePooling2D("average", (2, 3), stride=1),
        MaxPooling2D("max", 2, stride=1),
        pool("global"),
        Dense("fc", 4, "softmax"),
    )


# ---- budget


def test_budget_is_checked_before_anything_is_computed():
    model = convlab.load("lenet5", weights=None)
    x = np.zeros((2, 28, 28, 1), np.float32)
    bytes_of = {"conv1": 2 * 28 * 28 * 6 * 4, "pool1": 2 * 14 * 14 * 6 * 4}
    total = sum(bytes_of.values())
    table = ", ".join(f"{name} {size:,}" for name, size in bytes_of.items())
    message = (
        f"recording 2 image(s) of 'lenet5' takes {total:,} bytes, more than max_bytes={total - 1:,};"
        f" narrow record= or the batch. Bytes by layer: {table}"
    )
    with pytest.raises(BudgetError) as error:
        model.run(x, ["pool1", "conv1"], max_bytes=total - 1)
    assert str(error.value) == message
    assert isinstance(error.value, MemoryError)
    with pytest.raises(WeightsError, match="layer 'conv1' has no weights"):  # so it was asked to compute
        model.run(x, ["pool1", "conv1"], max_bytes=total)


@pytest.mark.parametrize(("dtype", "pre"), [(np.float32, False), (np.float64, False), (np.float32, True)])
def test_budget_counts_the_bytes_that_are_recorded(dtype, pre):
    model = every_layer()
    x = images(3, dtype=dtype)
    size = sum(array.nbytes for array in model.run(x, pre=pre).values())
    assert model.run(x, pre=pre, max_bytes=size)
    with pytest.raises(BudgetError, match=f"takes {size:,} bytes, more than max_bytes={size - 1:,}"):
        model.run(x, pre=pre, max_bytes=size - 1)


def test_vgg16_recording_takes_the_bytes_of_its_shapes():
    model = convlab.load("vgg16", weights=None)
    values = sum(prod(model.shapes[node.name]) for node in model.nodes)
    with pytest.raises(
        BudgetError, match=rf"takes {4 * values:,} bytes.*block1_conv2 12,845,056, .*predictions 4,000$"
    ):
        model.run(np.zeros((1, 224, 224, 3), np.float32), max_bytes=0)


# ---- nothing is shared, nothing is written to


def lenet5():
    model = convlab.load("lenet5", weights=0)
    model.preprocessing = None  # which would warn of negative inputs
    return model


def flatten_first():
    return sequential(Flatten("flatten"), Dense("fc", 3), Activation("same", "linear"))


def flatten_last():
    return sequential(MaxPooling2D("pool", 2), Flatten("flatten"))


def nothing_but_views():
    return sequential(Activation("one", "linear"), Activation("two", "linear"), Flatten("flatten"), Flatten("again"))


MODELS = {
    "lenet5": lenet5,
    "flatten first": flatten_first,
    "flatten last": flatten_last,
    "nothing but views": nothing_but_views,
}


def selections(model):
    """Return every way to record one node or two, and all."""
    names = [node.name for node in model.nodes]
    return ["all", *([name] for name in names), *map(list, itertools.combinations(names, 2))]


@pytest.mark.slow
@pytest.mark.parametrize("pre", [False, True])
@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_no_recorded_array_shares_memory_with_another(make, pre):
    model = make()
    x = images(2, model.input_shape)
    for record in selections(model):
        acts = model.run(x, record, pre=pre)
        arrays = {"x": x, "input": acts.input, **acts}
        if acts.output is not acts.get(model.nodes[-1].name):
            arrays["output"] = acts.output
        for (name, a), (other, b) in itertools.combinations(arrays.items(), 2):
            assert not np.shares_memory(a, b), f"{name} and {other} when recording {record}"


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_writing_into_one_array_changes_no_other(make):
    model = make()
    x = images(2, model.input_shape)
    acts = model.run(x, pre=True)
    expected = {name: array.copy() for name, array in acts.items()} | {"input": x.copy()}
    x[:] = np.nan
    for name, array in {**acts, "input": acts.input}.items():
        np.testing.assert_array_equal(array, expected[name])
        array[:] = np.nan


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_prediction_is_the_callers_own(make):
    model = make()
    x = images(2, model.input_shape)
    y = model.predict(x)
    assert not np.shares_memory(x, y)
    expected = y.copy()
    y[:] = np.nan
    np.testing.assert_array_equal(model.predict(x), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_input_is_never_written_to(dtype):
    model = every_layer()
    x = images(2, dtype=dtype)
    before = x.copy()
    x.flags.writeable = False
    model.run(x, pre=True)
    model.predict(x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("pool", [GlobalAveragePooling2D, GlobalMaxPooling2D])
def test_float64_is_kept_all_through(pool):
    model = every_layer(pool)
    double, single = (model.run(images(2, dtype=dtype), pre=True) for dtype in (np.float64, np.float32))
    assert {array.dtype for array in [*double.values(), double.input, double.output]} == {np.dtype(np.float64)}
    assert {array.dtype for array in [*single.values(), single.input, single.output]} == {np.dtype(np.float32)}
    for name, array in double.items():
        np.testing.assert_allclose(single[name], array, rtol=1e-5, atol=1e-5)
        assert (single[name] != array).any()  # it was not computed in float32 and widened


# ---- memory


def test_what_nobody_takes_is_not_held(monkeypatch):
    """Of six branches that lead nowhere, no more than the last is alive while the next is computed."""
    branches = [Node(f"branch{i}", MaxPooling2D(f"branch{i}", 2), ("input",)) for i in range(6)]
    out = [Node("pool", MaxPooling2D("pool", 3), ("input",)), Node("out", Flatten("out"), ("pool",))]
    model, made, alive = Model("forked", SHAPE, [*branches, *out]), [], []
    compute = MaxPooling2D.__call__

    def watched(self, x):
        alive.append(sum(ref() is not None for ref in made))
        y = compute(self, x)
        made.append(weakref.ref(y))
        return y

    monkeypatch.setattr(MaxPooling2D, "__call__", watched)
    model.predict(images(2))
    model.run(images(2), ["out"])
    assert len(alive) == 14
    assert max(alive[:7]) <= 1 and max(alive[7:]) <= 1


def test_an_output_that_is_taken_by_later_nodes_is_still_an_output():
    nodes = [
        Node("pool", MaxPooling2D("pool", 2), ("input",)),
        Node("same", Activation("same", "linear"), ("pool",)),
        Node("mean", GlobalAveragePooling2D("mean"), ("same",)),
    ]
    model, x = Model("m", SHAPE, nodes, outputs=("pool", "same", "mean")), images(2)
    found, acts = model.predict(x), model.run(x, ["mean"])
    expected = MaxPooling2D("p", 2)(x)
    for outputs in (found, acts.outputs):
        np.testing.assert_array_equal(outputs["pool"], expected)
        np.testing.assert_array_equal(outputs["same"], expected)
        np.testing.assert_allclose(outputs["mean"], expected.mean(axis=(1, 2)), rtol=1e-6)
        assert not np.shares_memory(outputs["pool"], outputs["same"])


@pytest.mark.slow
def test_run_keeps_no_more_in_memory_than_it_needs():
    model = convlab.load("vgg16", weights=0, include_top=False)
    x = 100 * images(1, (224, 224, 3))
    big = 224 * 224 * 64 * 4  # block1_conv1 and block1_conv2 each
    # At the worst moment: input and output of block1_conv2, its padded input, the windows' buffer; and a tenth.
    bound = 1.1 * (2 * big + 226 * 226 * 64 * 4 + (4 << 20))
    everything = sum(4 * prod(model.shapes[node.name]) for node in model.nodes)
    assert bound < 0.8 * everything
    for compute in (lambda: model.run(x, "block5_pool").output, lambda: model.predict(x)):
        compute()  # prepares the kernels
        model._caches.pool.sizes.clear()
        tracemalloc.start()
        try:
            compute()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert big < peak < bound


def test_a_part_of_a_map_does_not_keep_the_whole_of_it():
    """A crop is a view of what it was cut from, which a recording or a prediction would keep in memory."""
    layers = [Conv2D("conv", 4, 1), Cropping2D("crop", ((30, 30), (20, 19)))]
    model = Model.sequential("m", (61, 40, 3), layers)
    randomise(model, 0)
    x = images(1, model.input_shape)
    for array in (model.predict(x), model.run(x, record=["crop"])["crop"]):
        assert array.shape == (1, 1, 1, 4)
        assert array.base is None
