"""Plans: what they compute is what the network computes without one, to the bit, whatever it is made of."""

import gc
import os
import subprocess
import sys
import weakref
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convlab
from convlab.errors import ShapeError, UnsupportedError, WeightsError
from convlab.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Embedding,
    Flatten,
    GlobalAveragePooling2D,
    Identity,
    Lambda,
    Layer,
    MaxPooling2D,
    Multiply,
    ReLU,
    Reshape,
    Softmax,
    TimeDistributed,
)
from convlab.model import plan as plan_module
from convlab.model import planning
from convlab.model.execution import execute
from convlab.model.fusion import fuse
from convlab.model.graph import build_graph
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from convlab.model.plan import Plan
from convlab.runtime.policy import using_policy
from convlab.testing import assert_layers_agree
from convlab_kernels.cpu.runtime.program import Life, lives
from support.layers.samples import every_layer, inputs_for


def names_of(graph):
    return [name for node in graph.nodes for name in (node.name, f"{node.name}/pre")]


def values(steps):
    """Return what steps made, by the names of a recording."""
    made = {}
    for node, before, after in steps:
        made |= {node.name: after.copy()} | ({} if before is None else {f"{node.name}/pre": before.copy()})
    return made


def unplanned(graph, sources, wanted=()):
    with using_policy(True):
        return values(execute(graph, sources, wanted))


def assert_planned(graph, sources, wanted=()):
    """Assert that a plan hands out what the network makes, and return it."""
    images = len(next(iter(sources.values())))
    plan = Plan(graph, images, True, wanted=wanted)
    expected = unplanned(graph, sources, wanted)
    for _ in range(2):
        found = values(plan.execute(sources))
        for name in {*wanted, *graph.outputs} & expected.keys():
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
            assert found[name].dtype == np.float32
    return plan


MAPS = Path("/proc/self/maps")

SAMPLES = [pytest.param(layer, shapes, id=f"{name} {i}") for i, (name, layer, shapes) in enumerate(every_layer())]


@pytest.mark.parametrize(("layer", "shapes"), SAMPLES)
def test_every_layer_in_a_plan_is_the_layer_alone(layer, shapes):
    sources = {f"input{i}": x.astype(np.float32) for i, x in enumerate(inputs_for(layer, shapes))}
    inputs = dict(zip(sources, shapes, strict=True))
    graph = build_graph("one", inputs, [Node("layer", layer, tuple(inputs))])
    if layer.shapes and not layer._held.weights:
        randomise(Model.of(graph), 3)
    assert_planned(graph, sources, names_of(graph))


def images(n, shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype(np.float32)


def sources_of(model, n):
    return {name: images(n, shape) for name, shape in model.inputs.items()}


def branching(filters=24, size=(19, 23)):
    """Return a network with branches, a layer called twice, views of views, and several outputs."""
    twice = Conv2D("twice", filters, 3, padding="same", activation="relu")
    nodes = [
        Node("stem", Conv2D("stem", filters, 3, padding="same"), ("input",)),
        Node("norm", BatchNormalization("norm"), ("stem",)),
        Node("act", ReLU("act", max_value=6), ("norm",)),
        Node("twice", twice, ("act",)),
        Node("twice/2", twice, ("twice",)),
        Node("sum", Add("sum"), ("act", "twice/2")),
        Node("depth", DepthwiseConv2D("depth", 3, padding="same"), ("sum",)),
        Node("gate", Activation("gate", "sigmoid"), ("depth",)),
        Node("gated", Multiply("gated"), ("gate", "sum")),
        Node("both", Concatenate("both"), ("gated", "twice")),
        Node("pool", MaxPooling2D("pool", 2), ("both",)),
        Node("mean", AveragePooling2D("mean", 2), ("both",)),
        Node("flat", Flatten("flat"), ("pool",)),
        Node("again", Reshape("again", (-1, 2 * filters)), ("flat",)),
        Node("fc", Dense("fc", 11, "softmax"), ("again",)),
        Node("gap", GlobalAveragePooling2D("gap"), ("mean",)),
    ]
    model = Model("branching", (*size, 3), nodes, outputs=("fc", "gap", "flat", "twice"))
    randomise(model, 1)
    return model


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("fused", [False, True])
def test_a_branching_network(n, fused):
    model = branching()
    graph = fuse(model.graph) if fused else model.graph
    for wanted in ((), names_of(graph), ["act", "both", "flat"]):
        assert_planned(graph, sources_of(model, n), wanted)


KINDS = {
    "conv": lambda name, c: Conv2D(name, c, 3, padding="same", activation="relu"),
    "one": lambda name, c: Conv2D(name, c, 1),
    "norm": lambda name, _: BatchNormalization(name),
    "relu": lambda name, _: ReLU(name),
    "tanh": lambda name, _: Activation(name, "tanh"),
    "depth": lambda name, _: DepthwiseConv2D(name, 3, padding="same"),
    "pool": lambda name, _: MaxPooling2D(name, 3, stride=1, padding="same"),
    "add": lambda name, _: Add(name),
    "view": lambda name, _: Identity(name),
}


@st.composite
def graphs(draw):
    """Return a random network, and what is wanted of it: branches, layers called twice, several outputs."""
    channels, size = draw(st.integers(1, 19)), draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    names, nodes, called = ["input"], [], {}
    for i in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        first, second = (draw(st.sampled_from(names)) for _ in range(2))
        layer = called[kind] if kind in called and draw(st.booleans()) else KINDS[kind](f"{kind}{i}", channels)
        name = layer.name if layer is not called.get(kind) else f"{layer.name}/{i}"
        called.setdefault(kind, layer)
        nodes.append(Node(name, layer, (first, second) if kind == "add" else (first,)))
        names.append(name)
    outputs = draw(st.lists(st.sampled_from(names[1:]), min_size=1, max_size=3, unique=True))
    model = Model("random", {"input": (*size, channels)}, nodes, outputs=outputs)
    randomise(model, 0)
    return model, draw(st.lists(st.sampled_from(names[1:]), unique=True))


@settings(max_examples=40, deadline=None)
@given(graphs(), st.sampled_from([1, 3]))
def test_random_networks(made, n):
    model, wanted = made
    assert_planned(model.graph, sources_of(model, n), wanted)
    assert_planned(fuse(model.graph), sources_of(model, n))


@settings(max_examples=20, deadline=None)
@given(graphs(), st.sampled_from([1, 3]))
def test_planned_numbers_are_those_of_float64_but_for_rounding(made, n):
    model, _ = made
    model.compiled = True
    x = images(n, model.input_shape)
    for _ in range(2):
        model.run(x)
    assert model._caches.whole.plans._plans
    assert_layers_agree(model, model.run(x.astype(np.float64)), x)


@pytest.mark.parametrize("name", ["resnet50", "mobilenetv2", "inceptionv3", "densenet121"])
def test_networks_by_name(name):
    model = convlab.load(name, weights=0, input_shape=(75, 91, 3), include_top=False)
    assert_planned(fuse(model.graph), sources_of(model, 2))


def chain(depth=4):
    model = Model.sequential("chain", (23, 19, 24), [Conv2D(f"conv{i}", 24, 3, padding="same") for i in range(depth)])
    randomise(model, 0)
    return model


def test_memory_that_is_given_up_a_step_too_early_is_noticed(monkeypatch):
    """The mutant: every buffer's life ends one step early, so that a step writes to what it still reads."""

    def shorter(uses):
        return {buffer: Life(life.first, max(life.first, life.last - 1)) for buffer, life in lives(uses).items()}

    rows = [DepthwiseConv2D(f"rows{i}", 3, padding="same") for i in range(4)]  # each row is needed for the next
    model = Model.sequential("rows", (23, 19, 24), rows)
    randomise(model, 0)
    assert_planned(model.graph, sources_of(model, 1))
    monkeypatch.setattr(planning, "lives", shorter)
    with pytest.raises(AssertionError):
        assert_planned(model.graph, sources_of(model, 1))


# ---- what the user wrote: it is called only on numbers


def a_layer(function):
    """Return a layer of the user's own that is a function."""

    class Own(Layer):
        name = "own"

        def __call__(self, x):
            return function(x)

    return Own()


def between(layer):
    """Return a network with a layer between two convolutions."""
    model = chain(depth=2)
    first, last = (node.layer for node in model.nodes)
    model = Model.sequential("between", (23, 19, 24), [first, layer, last])
    model.compiled = True
    return model


def kinds_seen(make):
    """Return the types of the arrays that a user's function is called on in four calls of a network."""
    seen = []
    model = between(make(lambda x: seen.append(type(x)) or 2 * x))
    for _ in range(4):
        model.predict(images(2, (23, 19, 24)))
    [plan] = plans_of(model)
    assert [step.by_layer for step in plan.planning.steps] == [False, True, False]
    return set(seen)


OWN = {
    "a layer": a_layer,
    "a function": lambda function: Lambda("own", function),
    "a layer at each step": lambda function: TimeDistributed(a_layer(function)),
}


@pytest.mark.parametrize("make", OWN.values(), ids=OWN)
def test_what_the_user_wrote_never_sees_an_array_without_numbers(make):
    assert kinds_seen(make) == {np.ndarray}


def test_a_layer_that_decides_by_the_numbers_decides_at_each_call():
    model = between(a_layer(lambda x: x if np.asarray(x).max() < 100 else x / 10))
    x = images(1, (23, 19, 24))
    for _ in range(3):
        model.predict(x)
    np.testing.assert_array_equal(model.predict(1000 * x), copy(model).predict(1000 * x))


def test_a_function_that_fails_is_told_as_it_is_without_a_plan():
    def function(x):
        if x.max() > 100:
            raise ValueError("too large")
        return x

    model, x = between(a_layer(function)), images(1, (23, 19, 24))
    model.predict(x)
    for _ in range(2):
        with pytest.raises(ValueError, match="too large"):
            model.predict(1000 * x)
    assert not plans_of(model)  # the inputs were at fault
    model.predict(x)
    assert plans_of(model) != [None]


# ---- when there is a plan


def plans_of(model):
    return list(model._caches.fused.plans._plans.values())


def test_a_plan_is_made_at_the_second_call_and_followed_from_then_on(monkeypatch):
    model, x = branching(filters=48, size=(61, 43)), images(1, (61, 43, 3))
    first = model.predict(x)
    assert not plans_of(model)
    second = model.predict(x)
    [plan] = plans_of(model)
    monkeypatch.setattr("convlab.model.computing.execute", lambda *_: 1 / 0)  # nothing is computed layer by layer
    third = model.predict(x)
    for name in model.outputs:
        np.testing.assert_array_equal(second[name], first[name])
        np.testing.assert_array_equal(third[name], first[name])
    assert plan.planning.images == 1


def test_a_plan_that_answers_otherwise_is_not_followed(monkeypatch):
    model, x = chain(), images(3, (23, 19, 24))
    model.compiled = True
    expected = model.predict(x)
    monkeypatch.setattr(Plan, "execute", lambda *_: [(model.graph.nodes[-1], None, 1 + expected)])
    for _ in range(3):
        np.testing.assert_array_equal(model.predict(x), expected)
    assert plans_of(model) == [None]


def test_what_a_plan_in_memory_of_its_own_hands_out_is_the_callers():
    model = Model.sequential("small", (5, 7, 3), [Conv2D("conv", 4, 3), Flatten("flat"), Softmax("shares")])
    randomise(model, 0)
    model.compiled = True
    plan = model.plan()
    assert not plan.planning.moving
    assert not [step for step in plan.planning.steps if step.by_layer]
    [(_, _, first)] = plan.execute({"input": images(1, (5, 7, 3))})
    kept = first.copy()
    plan.execute({"input": images(1, (5, 7, 3), seed=1)})
    np.testing.assert_array_equal(first, kept)


def test_a_network_too_small_has_no_plan_until_it_is_asked_for():
    model, x = chain(depth=1), images(1, (23, 19, 24))
    for _ in range(3):
        model.predict(x)
    assert not plans_of(model)
    assert "NumPy" in str(model.plan())
    model.compiled = True
    assert "NumPy" not in str(model.plan())
    expected = model.predict(x)
    assert len(plans_of(model)) == 2
    np.testing.assert_array_equal(model.predict(x), expected)


def test_what_changes_a_plan():
    """The batch, the threads, how NaN is treated; other weights forget them all."""
    model = chain()
    model.compiled = True
    a, b = model.plan(1), model.plan(2)
    assert model.plan(1) is a is not b
    model.propagate_nan = True
    assert model.plan(1) is not a
    model.propagate_nan = False
    assert model.plan(1) is a
    model["conv0"].set_weights(kernel=2 * model["conv0"].weights["kernel"])
    assert model.plan(1) is not a
    x = images(1, (23, 19, 24))
    assert (model.predict(x) != 0).any()
    np.testing.assert_array_equal(model.predict(x), unplanned(fuse(model.graph), {"input": x})["conv3"])


def test_the_oldest_of_many_plans_is_forgotten():
    model = chain(depth=1)
    model.compiled = True
    for n in range(1, 12):
        model.plan(n)
    assert [plan.planning.images for plan in plans_of(model)] == list(range(4, 12))


def test_a_batch_of_none():
    model = chain()
    model.compiled = True
    for _ in range(3):
        assert model.predict(images(0, (23, 19, 24))).shape == (0, 23, 19, 24)
    assert not plans_of(model)


@pytest.mark.parametrize("batch", [0, -1, 1.5, True, "1"])
def test_a_plan_for_what_is_no_batch(batch):
    with pytest.raises(ShapeError, match=r"images, expected a whole number of at least 1$"):
        chain().plan(batch)


def test_a_plan_without_weights():
    with pytest.raises(WeightsError, match="no weights"):
        Model.sequential("empty", (23, 19, 24), [Conv2D("conv", 4, 3)]).plan()


def test_a_plan_on_a_gpu():
    model = chain()
    model.device = "cuda"
    with pytest.raises(UnsupportedError, match="a plan is for a processor"):
        model.plan()


@pytest.mark.parametrize("error", [MemoryError, OSError])
def test_a_call_does_not_fail_for_want_of_a_plan(monkeypatch, error):
    model, x = chain(), images(1, (23, 19, 24))
    model.compiled = True
    expected, tries = model.predict(x), []

    def fail(*_):
        tries.append(1)
        raise error

    monkeypatch.setattr(planning.Notes, "empty", fail)
    for _ in range(3):
        np.testing.assert_array_equal(model.predict(x), expected)
    assert len(tries) == 1
    with pytest.raises(error):
        model.plan()


@pytest.mark.skipif(not MAPS.exists(), reason="the system does not tell")
def test_a_plan_keeps_none_of_the_addresses_it_was_made_with():
    """A process has some 65,000 of them."""

    def addresses():
        return len(MAPS.read_text(encoding="utf-8").splitlines())

    model = chain(depth=40)
    model.compiled = True
    model.plan(1)
    before = addresses()
    for n in range(2, 7):
        model.plan(n)
    assert addresses() < before + 5 * 40 / 2


LAYOUTS = {"last axis first": np.asfortranarray, "every second": lambda x: np.repeat(x, 2, -1)[..., ::2]}


@pytest.mark.parametrize("lay_out", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("layer", [Softmax("layer", axis=(1, 2)), Flatten("layer")], ids=["softmax", "flatten"])
def test_the_layout_of_the_input_changes_nothing_from_one_call_to_the_next(lay_out, layer):
    model, x = Model.sequential("one", (5, 37, 6), [layer]), images(2, (5, 37, 6))
    model.compiled = True
    expected = copy(model).predict(lay_out(x))
    for laid in (x, x, lay_out(x)):
        found = model.predict(laid)
        np.testing.assert_array_equal(found, expected)
        assert found.flags.writeable


class Own(np.ndarray):
    """What a user has made of NumPy's arrays."""


def test_what_is_handed_out_shares_no_memory_with_an_input_of_a_class_of_its_own():
    model = Model.sequential("view", (5, 7, 6), [Flatten("flat")])
    model.compiled = True
    x = images(2, (5, 7, 6)).view(Own)
    for _ in range(3):
        assert not np.shares_memory(model.predict(x), x)
        assert not np.shares_memory(model.run(x)["flat"], x)


def test_a_plan_is_gone_with_its_network():
    """And with it the weights: nothing waits for Python to look for circles."""
    model = chain()
    model.compiled = True
    gc.disable()
    try:
        plan = weakref.ref(model.plan())
        model.drop_prepared()
        assert plan() is None
    finally:
        gc.enable()


def test_a_plan_of_what_looks_rows_up_in_a_table():
    model = Model.sequential("table", (9,), [Embedding("table", 7, 5), Dense("fc", 3)])
    randomise(model, 0)
    model.compiled = True
    assert "2 steps" in str(model.plan())


def test_who_finds_the_plan_in_use_computes_without_it():
    model = chain()
    model.compiled = True
    plan, x = model.plan(), images(1, (23, 19, 24))
    expected = model.predict(x)
    plan._idle.pop()
    np.testing.assert_array_equal(model.predict(x), expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_follows_a_plan_that_another_thread_was_carrying_out():
    program = """
import os
from convlab.layers import Conv2D
from convlab.model.initialise import randomise
from convlab.model.model import Model
model = Model.sequential("small", (9, 7, 3), [Conv2D("conv", 2, 3)])
randomise(model, 0)
model.compiled = True
plan = model.plan()
plan._idle.clear()  # as if another thread had it
child = os.fork()
if child == 0:
    os._exit(7 if plan._idle else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert not plan._idle  # here it still has
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_plan_that_was_interrupted_is_followed_again(monkeypatch):
    model = chain()
    model.compiled = True
    plan, x = model.plan(), images(1, (23, 19, 24))
    expected = model.predict(x)

    def interrupt(pieces):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(plan_module, "carry_out", interrupt)
        model.predict(x)
    assert plan._idle
    np.testing.assert_array_equal(model.predict(x), expected)


def test_the_table():
    model = chain(depth=2)
    model.compiled = True
    lines = str(model.plan(3)).splitlines()
    assert lines[0] == "chain for 3 images: 2 steps"
    assert lines[2].split() == ["layer", "kernel", "output", "memory", "multiply-adds", "bytes", "threads"]
    work, values, weights = 23 * 19 * 24 * 24 * 9 * 3, 3 * 23 * 19 * 24 * 4, (24 * 24 * 9 + 24) * 4
    first, last = (int(word.replace(",", "")) for word in lines[4].split()[9:12:2])
    assert last - first == values
    row = f"conv0 winograd 3 x 23 x 19 x 24 {first:,} to {last:,} {work:,} {2 * values + weights:,}"
    assert lines[4].split()[:-1] == row.split()
    assert lines[5].split()[:10] == ["conv1", "winograd", "3", "x", "23", "x", "19", "x", "24", "handed"]
    assert "in 1 compiled call;" in lines[-1]


@pytest.mark.parametrize("method", ["predict", "run"])
def test_an_option_that_is_set_between_two_calls_is_seen(method):
    """And one of another network's layer makes no new plan."""
    model, x = chain(depth=2), images(1, (23, 19, 24))
    model.compiled = True

    def answer():
        y = getattr(model, method)(x)
        return y if method == "predict" else y.output

    for _ in range(3):
        before = answer()
    model["conv1"].activation = "relu"
    for _ in range(3):
        np.testing.assert_array_equal(answer(), np.maximum(before, 0))
    made = model._of_layers("fused", fuse)
    chain()["conv1"].activation = "relu"
    assert model._of_layers("fused", fuse) is made


def test_weights_that_change_while_a_graph_is_made_of_the_old_ones_are_seen():
    model = chain(depth=1)

    def make(graph):
        made = fuse(graph)
        model["conv0"].set_weights(kernel=2 * model["conv0"].weights["kernel"])
        return made

    made = model._of_layers("fused", make)
    assert model._of_layers("fused", fuse) is not made
