"""Gradients explained: what is shown adds up to what the backward pass made, for every layer."""

import numpy as np
import pytest
from numpy import ndindex

import convlab
from convlab.layers import (
    ACTIVATIONS,
    Activation,
    Add,
    Conv2D,
    Conv2DTranspose,
    Dense,
    GlobalAveragePooling2D,
    GroupNormalization,
    MaxPooling2D,
    Multiply,
    UpSampling2D,
)
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from support.layers.beside_keras import built
from support.layers.samples import every_layer, inputs_for

WITHOUT = {"Embedding", "Lambda", "Residual"}  # what has no gradient
STEP = 1e-6

CASES = [
    pytest.param(layer, shapes, id=f"{name}-{i}")
    for i, (name, layer, shapes) in enumerate(every_layer())
    if name not in WITHOUT
]


def alone(layer, shapes):
    """Return a network of one layer, and what it is given, in float64."""
    built(layer, *shapes)
    inputs = {f"x{i}": x.astype(np.float64) for i, x in enumerate(inputs_for(layer, shapes))}
    model = Model("alone", dict(zip(inputs, shapes, strict=True)), [Node(layer.name, layer, tuple(inputs))])
    return model, inputs


def weighted(model, inputs, dtype):
    """Return random weights for the numbers of the output, and the gradients of their sum."""
    acts = model.run({name: x.astype(dtype) for name, x in inputs.items()})
    seed = np.random.default_rng(4).normal(size=acts.output.shape).astype(dtype)
    return seed, convlab.gradients(model, acts, {model.outputs[0]: seed})


@pytest.mark.parametrize(("layer", "shapes"), CASES)
def test_every_layer(layer, shapes):
    """Beside a central difference of what the layer computes, and what its gradient adds up to in either type."""
    model, inputs = alone(layer, shapes)
    seed, grads = weighted(model, inputs, np.float64)
    _, single = weighted(model, inputs, np.float32)
    random = np.random.default_rng(6)
    for name, x in inputs.items():
        for at in {tuple(int(random.integers(size)) for size in x.shape) for _ in range(4)}:
            image, *cell = at
            place = dict(zip(("channel", "x", "y", "z"), reversed(cell), strict=False))
            why = convlab.explain(model, grads, name, **place, image=image, backward=True)
            ends = []
            for sign in (0.5, -0.5):
                moved = x.copy()
                moved[at] += sign * STEP
                ends.append(model.run({**inputs, name: moved}).output)
            changes = (ends[0] - ends[1]) * seed / STEP
            assert abs(why.after - changes.sum()) <= 1e-7 * np.abs(changes).sum() + 1e-8
            assert why.agrees and why.recorded == grads[name][at] and str(why)
            why = convlab.explain(model, single, name, **place, image=image, backward=True)
            assert why.agrees, (why.recorded, why.after, why.tolerance)
            assert why.tolerance <= 1e-4 * (1 + np.abs(why.patch).sum())


@pytest.mark.parametrize("size", [1, 30])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_function(activation, size):
    """As a layer, and behind a convolution, whose gradients are then those before the function."""
    layers = [Conv2D("conv", 4, (3, 2), (2, 1), "same", activation=activation), Activation("act", activation)]
    model = Model.sequential("net", (5, 4, 3), layers)
    randomise(model, 0)
    acts = model.run(size * np.random.default_rng(1).normal(size=(1, 5, 4, 3)).astype(np.float32))
    grads = convlab.gradients(model, acts, {"act": np.random.default_rng(4).normal(size=acts.output.shape)})
    for at in ndindex(3, 4, 4):
        why = convlab.explain(model, grads, "conv", *at, backward=True)
        assert why.agrees, (why.recorded, why.after, why.tolerance)
    for at in ndindex(5, 4, 3):
        why = convlab.explain(model, grads, "input", *at, backward=True)
        assert why.agrees and why.sources == (("conv",) if activation == "linear" else ("conv/pre",))


# ---- a convolution again


def net(*layers, shape=(7, 6, 2), seed=0):
    """Return a network, and the gradients of random weights on what it makes, in float64."""
    model = Model.sequential("net", shape, list(layers))
    randomise(model, seed)
    acts = model.run(np.random.default_rng(1).normal(size=(2, *shape)))
    weights = np.random.default_rng(2).normal(size=acts.output.shape)
    return model, convlab.gradients(model, acts, {model.outputs[0]: weights})


def test_the_kernel_is_turned_and_inputs_and_outputs_exchanged():
    model, grads = net(Conv2D("conv", 3, (3, 2), padding="same"))
    why = convlab.explain(model, grads, "input", 3, 2, 1, image=1, backward=True)
    kernel = model["conv"].weights["kernel"]
    np.testing.assert_array_equal(why.kernel, kernel[::-1, ::-1, 1, :])
    assert (why.place.rows, why.place.columns, why.place.channels) == (range(2, 5), range(1, 3), range(3))
    np.testing.assert_array_equal(why.patch, grads["conv"][1, 2:5, 1:3])
    assert why.link == "its kernel, turned by 180 degrees"


def test_the_whole_gradient_is_a_convolution_of_the_gradients_with_what_is_shown():
    model, grads = net(Conv2D("conv", 3, 3, padding="same"))
    turned = [convlab.explain(model, grads, "input", 3, 2, c, backward=True).kernel for c in range(2)]
    again = convlab.conv2d(grads["conv"], np.stack(turned, axis=-1), padding="same")
    np.testing.assert_allclose(again, grads["input"], atol=1e-12)


def test_what_a_stride_a_dilation_a_group_and_an_edge_leave_of_the_kernel():
    model, grads = net(Conv2D("conv", 4, 3, stride=2, padding=1, groups=2))
    kernel = model["conv"].weights["kernel"]
    why = convlab.explain(model, grads, "input", 3, 2, 1, backward=True)
    np.testing.assert_array_equal(why.kernel, kernel[[2, 0]][:, [1]][:, :, 0, 2:])
    assert (why.place.rows, why.place.columns, why.place.channels) == (range(1, 3), range(1, 2), range(2, 4))
    assert why.link == "its kernel, turned by 180 degrees, 2 x 1 of its cells"
    model, grads = net(Conv2D("conv", 3, (3, 1), dilation=(2, 1), padding="same"))
    why = convlab.explain(model, grads, "input", 2, 3, 0, backward=True)
    assert (why.place.rows, why.place.columns) == (range(0, 5, 2), range(3, 4))
    np.testing.assert_array_equal(why.kernel, model["conv"].weights["kernel"][::-1, :, 0])
    corner = convlab.explain(model, grads, "input", 6, 5, 0, backward=True)
    np.testing.assert_array_equal(corner.kernel, model["conv"].weights["kernel"][[2, 1], :, 0])


def test_a_transposed_convolution_turns_nothing():
    model, grads = net(Conv2DTranspose("up", 3, (3, 2), 2))
    why = convlab.explain(model, grads, "input", 3, 2, 1, backward=True)
    np.testing.assert_array_equal(why.kernel, model["up"].weights["kernel"][..., 1])
    assert (why.place.rows, why.place.columns, why.link) == (range(6, 9), range(4, 6), "its weights")


def test_the_text_of_a_sum_that_can_be_done_by_hand():
    model = Model.sequential("hand", (3, 3, 1), [Conv2D("conv", 1, 2, use_bias=False)])
    model["conv"].set_weights(kernel=np.array([[1.0, 2], [3, 4]]).reshape(2, 2, 1, 1))
    acts = model.run(np.zeros((1, 3, 3, 1)))
    grads = convlab.gradients(model, acts, {"conv": np.array([[1.0, 2], [3, 4]]).reshape(1, 2, 2, 1)})
    assert str(convlab.explain(model, grads, "input", 1, 1, 0, backward=True)).splitlines() == [
        "hand, gradient of given gradients by input (InputLayer): channel 0 at row 1, column 1",
        "  reaches conv: rows 0 to 1, columns 0 to 1, channel 0",
        "  through its kernel, turned by 180 degrees",
        "",
        "output channel 0: sum +20",
        " row    0    1",
        "   0 1.00 2.00     4.00 3.00     4.00 6.00",
        "   1 3.00 4.00  x  2.00 1.00  =  6.00 4.00",
        "",
        "sum of 4 products 20 = 20",
        "  recorded 20",
    ]


# ---- of the largest in a window, its own gradient


def test_windows_of_which_the_cell_is_not_the_largest_give_nothing_back():
    model = Model.sequential("net", (1, 5, 1), [MaxPooling2D("pool", (1, 3), 1)])
    acts = model.run(np.array([1.0, 7, 3, 8, 2]).reshape(1, 1, 5, 1))
    grads = convlab.gradients(model, acts, {"pool": np.array([10.0, 20, 30]).reshape(1, 1, 3, 1)})
    why = convlab.explain(model, grads, "input", 0, 3, 0, backward=True)
    assert (why.patch.ravel().tolist(), why.kernel.ravel().tolist()) == ([20, 30], [1, 1])
    lost = convlab.explain(model, grads, "input", 0, 1, 0, backward=True)
    assert (lost.patch.ravel().tolist(), lost.kernel.ravel().tolist(), lost.after) == ([10, 20], [1, 0], 10)


# ---- several readers, and none


def residual():
    """Return a network in which layers are read twice, by several, or by none at some places."""
    nodes = [
        Node("stem", Conv2D("stem", 4, 3, padding="same", activation="relu"), ("input",)),
        Node("deep", Conv2D("deep", 4, 3, padding="same", activation="tanh"), ("stem",)),
        Node("skip", Conv2D("skip", 4, 1, 2), ("stem",)),
        Node("add", Add("add"), ("deep", "stem")),
        Node("up", UpSampling2D("up", 2), ("skip",)),
        Node("twice", Multiply("twice"), ("add", "add", "up")),
        Node("mean", GlobalAveragePooling2D("mean"), ("twice",)),
        Node("out", Dense("out", 3, "softmax"), ("mean",)),
    ]
    model = Model("residual", (8, 6, 3), nodes, labels=("a", "b", "c"))
    randomise(model, 0)
    return model, model.run(np.random.default_rng(1).normal(size=(2, 8, 6, 3)).astype(np.float32))


def test_what_several_readers_give_back_is_added():
    model, acts = residual()
    grads = convlab.gradients(model, acts, "b")
    for name in grads:
        for at in ndindex(*np.array((1, 1, *grads[name].shape[1:]))[-3:]):
            why = convlab.explain(model, grads, name, *at, image=1, backward=True)
            assert why.agrees and all(part.agrees for part in why.parts)
    why = convlab.explain(model, grads, "stem", 2, 4, 1, backward=True)
    assert [part.sources for part in why.parts] == [("deep/pre",), ("skip",), ("add",)]
    assert why.patch.ravel().tolist() == [part.before for part in why.parts]
    assert why.after == pytest.approx(sum(part.recorded for part in why.parts), abs=why.tolerance)
    assert "reaches deep/pre, skip, add\n" in str(why) and "sum of what 3 layers give back" in str(why)
    assert [len(part["parts"]) for part in why.as_dict()["parts"]] == [0, 0, 0]
    between = convlab.explain(model, grads, "stem", 3, 4, 1, backward=True)
    assert between.sources == ("deep/pre", "add")  # the stride of `skip` steps over it
    assert convlab.explain(model, grads, "add", 0, 0, 0, backward=True).sources == ("twice", "twice")


def test_the_target_itself_begins_with_1():
    model, acts = residual()
    grads = convlab.gradients(model, acts, ("deep", (2, 2, 1)))
    own, other = (convlab.explain(model, grads, "deep", 2, 2, c, backward=True) for c in (1, 0))
    assert (own.after, own.formula) == (1, "nothing comes back + 1 to begin with")
    assert (other.after, other.sources) == (0, ()) and "reaches nothing that leads there" in str(other)


def test_gradients_to_begin_with_come_on_top():
    model, _ = net(Conv2D("conv", 3, 2), Activation("act", "relu"), Conv2D("last", 2, 1))
    acts, ones = model.run(np.ones((1, 7, 6, 2))), np.ones((1, 6, 5, 3))
    both = convlab.gradients(model, acts, {"conv": ones, "act/pre": 2 * ones})
    why = convlab.explain(model, both, "conv", 2, 2, 1, backward=True)
    assert (why.after, why.bias, why.sources, why.agrees) == (3, 3, (), True)
    more = convlab.gradients(model, acts, {"conv": ones, "last/pre": np.ones((1, 6, 5, 2))})
    for name in ("act", "conv"):
        why = convlab.explain(model, more, name, 2, 2, 1, backward=True)
        assert why.agrees and why.bias == (name == "conv") and why.sources


def test_channels_that_are_silenced_give_nothing_back():
    model, acts = residual()
    quiet = model.ablate({"deep": [1]})
    grads = convlab.gradients(quiet, quiet.run(acts.input), "b")
    why = convlab.explain(quiet, grads, "stem", 2, 4, 1, backward=True).parts[0]
    assert why.agrees and (why.patch[:, :, 1] == 0).all() and (why.patch[:, :, 0] != 0).all()


# ---- what is refused


def test_what_cannot_be_explained_says_so():
    model, acts = residual()
    grads = convlab.gradients(model, acts, "b")
    some = convlab.gradients(model, acts, "b", to=["input", "stem"])
    for message, ask in [
        ("these are gradients: backward=True tells", lambda: convlab.explain(model, grads, "stem")),
        ("found a recording: convlab.gradients", lambda: convlab.explain(model, acts, "stem", backward=True)),
        ("are no gradients, but pictures of edges", lambda: explained(model, acts, rule="guided")),
        ("which lack deep, skip, add: make them by stem, deep, skip, add, too", lambda: explained(model, some)),
        (r"class 1 \(b\) has no gradient by what layer 'out' makes", lambda: explained(model, grads, "out")),
        ("no layer 'stemm'; did you mean 'stem'", lambda: explained(model, grads, "stemm")),
        ("recording is of another network", lambda: explained(model.ablate({"deep": [1]}), grads)),
        ("y is 8, but layer 'stem' has y 0 to 7", lambda: explained(model, grads, "stem", 8)),
    ]:
        with pytest.raises(convlab.ConvlabError, match=message):
            ask()


def explained(model, grads, layer="stem", *at, rule=None):
    if rule:
        grads = convlab.gradients(model, grads, "b", rule=rule)
    return convlab.explain(model, grads, layer, *at, backward=True)


def test_what_reaches_too_much_one_by_one_is_refused(monkeypatch):
    monkeypatch.setattr("convlab.explanation.links.MOST_WORK", 100)
    model, grads = net(GroupNormalization("norm", 1))
    with pytest.raises(convlab.UnsupportedError, match="in which one number reaches 84 others: no explanation"):
        convlab.explain(model, grads, "input", 0, 0, 0, backward=True)
