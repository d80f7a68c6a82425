"""Two correct runs agree whatever the network does to rounding errors; small bugs are found all the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convlab
from convlab.comparison.comparison import TIMES, compare
from convlab.comparison.rounding import ASSUMED_TERMS, assumed_errors, expected_errors, terms_of
from convlab.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from convlab.model.initialise import randomise
from convlab.model.model import Node
from support.comparison.torch_spelling import images, network, normalise, spelled, tensors
from support.stand_in import library

torch = library("torch")
EPS = float(np.finfo(np.float32).eps)


def residual():
    """Return two residual blocks (He et al., arXiv 1512.03385, figure 2) on 13 x 11 images."""
    nodes = [Node("stem", Conv2D("stem", 8, 3, padding="same"), ("input",))]
    last = "stem"
    for block in "ab":
        layers = [
            Conv2D(f"{block}_conv1", 8, 3, padding="same", use_bias=False),
            BatchNormalization(f"{block}_bn1"),
            Activation(f"{block}_relu", "relu"),
            Conv2D(f"{block}_conv2", 8, 3, padding="same", use_bias=False),
            BatchNormalization(f"{block}_bn2"),
        ]
        source = last
        for layer in layers:
            nodes.append(Node(layer.name, layer, (source,)))
            source = layer.name
        nodes.append(Node(f"{block}_add", Add(f"{block}_add"), (last, source)))
        nodes.append(Node(f"{block}_out", Activation(f"{block}_out", "relu"), (f"{block}_add",)))
        last = f"{block}_out"
    nodes.append(Node("gap", GlobalAveragePooling2D("gap"), (last,)))
    nodes.append(Node("fc", Dense("fc", 5, "softmax"), ("gap",)))
    model = convlab.Model("residual", (13, 11, 3), nodes)
    randomise(model, 0)
    return model


def assert_agree(model, x, theirs):
    report = compare(model.run(x), theirs)
    assert report.agrees, str(report)
    assert len(report.rows) == len(model.nodes)
    assert report.guesses == ()
    return report


@pytest.mark.parametrize("weights", ["pretrained", 0, 1])
def test_lenet5_agrees_with_torch(weights):
    model = convlab.load("lenet5", weights=weights)
    x = np.random.default_rng(0).uniform(0, 1, (3, 28, 28, 1)).astype(np.float32)
    report = assert_agree(model, x, spelled(model, x))
    assert str(report).startswith("all 13 layers agree\n")


@pytest.mark.parametrize("seed", range(3))
def test_a_residual_network_agrees_with_torch(seed):
    model = residual()
    randomise(model, seed)
    assert_agree(model, images(model, seed=seed), spelled(model, images(model, seed=seed)))


def test_batch_normalisation_that_cancels():
    """A large mean is taken off: what rounding left of the difference is a thousand times the usual error."""
    model = network((9, 8, 3), Conv2D("conv", 5, 3), BatchNormalization("bn"), Conv2D("next", 4, 3))
    model["conv"].set_weights(bias=np.full(5, 3e4))
    model["bn"].set_weights(moving_mean=np.full(5, 3e4))
    x = images(model)
    report = assert_agree(model, x, spelled(model, x))
    rows = {row.name: row for row in report.rows}
    assert rows["bn"].relative_error > 100 * EPS  # it does cancel
    assert 1000 * EPS < rows["bn"].expected < 1e-2
    assert rows["conv"].expected < 10 * EPS


def test_what_cancels_in_a_silenced_channel_is_not_expected():
    model = network((9, 8, 3), Conv2D("conv", 5, 3), Activation("relu", "relu"), BatchNormalization("bn"))
    model["conv"].set_weights(bias=np.full(5, 3e4))
    model["bn"].set_weights(moving_mean=np.full(5, 3e4))
    x = images(model)
    for name in ("conv", "relu"):
        silent = model.ablate({name: range(5)})
        assert expected_errors(silent, {"input": x}, EPS)["bn"] < 10 * EPS
    assert expected_errors(model, {"input": x}, EPS)["bn"] > 1000 * EPS


def test_float64_is_held_to_float64():
    model = residual()
    x = images(model).astype(np.float64)
    theirs = spelled(model, x, dtype=torch.float64)
    report = assert_agree(model, x, theirs)
    assert max(row.expected for row in report.rows) < 1e-13
    off = {**theirs, "a_conv1": theirs["a_conv1"] * (1 + 1e-9)}
    assert compare(model.run(x), off).first == "a_conv1"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_float32_numbers_are_held_to_float32_whatever_holds_them(dtype):
    model = residual()
    x = images(model)
    ours, theirs = (
        {name: array.astype(dtype) for name, array in run.items()} for run in (model.run(x), spelled(model, x))
    )
    assert compare(ours, theirs).agrees
    report = compare({**ours, "input": x}, theirs, model=model)
    assert report.agrees
    assert min(row.expected for row in report.rows) >= EPS


def test_a_half_precision_reference():
    model = residual()
    x = images(model)
    theirs = {name: array.astype(np.float16) for name, array in spelled(model, x).items()}
    report = assert_agree(model, x, theirs)
    assert all(row.expected < 5e-3 for row in report.rows)
    off = {**theirs, "a_conv1": theirs["a_conv1"] + np.float16(0.25)}
    assert compare(model.run(x), off).first == "a_conv1"


def pixels_and_a_dead_layer(epsilon=1e-3):
    """Return a run in float64 of whole-number pixels, with a layer that is 0 throughout and others that are not."""
    nodes = [
        Node("dead", Activation("dead", "relu"), ("input",)),
        Node("conv", Conv2D("conv", 3, 3), ("input",)),
        Node("bn", BatchNormalization("bn", epsilon=epsilon), ("conv",)),
    ]
    model = convlab.Model("dead", (6, 5, 2), nodes)
    randomise(model, 0)
    x = -np.random.default_rng(0).integers(0, 128, (2, 6, 5, 2)).astype(np.float64)
    model["bn"].set_weights(moving_variance=[0.5, 1e-2, 1.0])
    return model.run(x)


@pytest.mark.parametrize("known", [True, False])
def test_what_tells_no_precision_loosens_none(known):
    a, b = pixels_and_a_dead_layer(), pixels_and_a_dead_layer(1e-3 + 3e-7)
    if not known:
        a, b = (
            {"input": acts.input.astype(np.int8), **acts, "dead": acts["dead"].astype(np.int8)} for acts in (a, b)
        )
    assert compare(a, a).agrees
    report = compare(a, b)
    assert report.first == "bn"
    assert max(row.expected for row in report.rows if row.name in ("conv", "bn")) < 1e-13


def test_float32_inputs_leave_float64_layers_alone():
    model = residual()
    x = images(model).astype(np.float64)
    acts = model.run(x)
    off = {**acts, "input": x.astype(np.float32), "a_conv1": acts["a_conv1"] * (1 + 1e-9)}
    rows = {row.name: row for row in compare({**acts, "input": x}, off).rows}
    assert [name for name, row in rows.items() if row.differs] == ["a_conv1"]
    assert rows["input"].expected == EPS


@pytest.mark.parametrize("known", [True, False])
def test_a_coarse_layer_loosens_none_before_it(known):
    model = residual()
    x = images(model)
    a = model.run(x) if known else dict(model.run(x))
    b = {**a, "a_conv1": a["a_conv1"] * np.float32(1.0005), "b_conv2": a["b_conv2"].astype(np.float16)}
    report = compare(a, b)
    assert [row.name for row in report.rows if row.differs] == ["a_conv1"]
    coarse = [row.name for row in report.rows if row.expected > 4e-4]
    assert coarse == list(a)[list(a).index("b_conv2") :]


def test_one_weight_off_by_one_percent_is_found_and_nothing_is_guessed():
    model, other = residual(), residual()
    kernel = other["b_conv1"].weights["kernel"].copy()
    kernel[1, 2, 3, 4] *= 1.01
    other["b_conv1"].set_weights(kernel=kernel)
    x = images(model)
    report = compare(model.run(x), spelled(other, x))
    assert report.first == "b_conv1"
    assert report.guesses == ()
    assert "no guess makes it agree" in str(report).splitlines()[0]


def test_of_two_bugs_the_first_is_named():
    model = residual()
    x = images(model, 1)
    bugs = {name: lambda t: t.relu() * 1.5 for name in ("a_relu", "b_relu")}
    theirs = spelled(model, x, bugs)
    report = compare(model.run(x), theirs)
    assert report.first == "a_relu"
    assert [row.name for row in report.rows if not row.differs] == ["stem", "a_conv1", "a_bn1"]


def test_a_cause_behind_sums_of_branches():
    """Only the ends of the blocks were recorded: what lies between is run anew, branches and all."""
    model = residual()
    x = images(model, 1)
    weights = tensors(model, "b_bn1")
    theirs = spelled(model, x, {"b_bn1": lambda t: normalise(t, weights, 1e-5)})
    report = compare(model.run(x), {name: theirs[name] for name in ("a_out", "b_out", "fc")})
    assert report.first == "b_out"
    assert (report.guesses[0].name, report.guesses[0].layer) == ("another epsilon", "b_bn1")


@pytest.mark.parametrize("given", ["model", "dictionaries"])
def test_expected_errors_cover_what_happens_and_not_much_more(given):
    model = residual()
    x = images(model)
    a, b = model.run(x), spelled(model, x)
    report = compare(a, b) if given == "model" else compare(dict(a), b)
    for row in report.rows[:-1]:
        assert row.relative_error <= row.expected * TIMES / 4
        assert row.expected < (100 if given == "model" else 1000) * EPS


def test_expected_errors_grow_with_the_terms_of_a_sum():
    """One layer, where it is the difference of two sums of K terms: eps/2 * sqrt(K), with what storing adds."""
    for features in (30, 3000):
        model = network((features,), Dense("fc", 400))
        x = images(model, 4)
        noise = expected_errors(model, {"input": x}, EPS)["fc"]
        assert noise == pytest.approx(EPS / 2 * (np.sqrt(features) + 1), rel=0.2)


def test_layers_without_weights_round_as_well():
    """The mean of 13 x 11 numbers, which nearly cancel, and before that an input that is known to half a unit."""
    model = network((13, 11, 200), GlobalAveragePooling2D("gap"))
    noise = expected_errors(model, {"input": images(model, 4)}, EPS)["gap"]
    assert noise == pytest.approx(EPS / 2 * np.hypot(np.sqrt(13 * 11 + 1) + 1, 1), rel=0.1)


def test_terms_of_layers():
    model = network((8, 6, 3), Conv2D("conv", 4, 3), MaxPooling2D("pool", 2), Flatten("flatten"), Dense("fc", 5))
    assert [terms_of(node, model) for node in model.nodes] == [28, 5, 2, 25]


def test_assumed_errors_know_a_softmax_by_its_sums():
    logits = np.array([[30.0, -20.0, 5.0]])
    probabilities = np.exp(logits - 30) / np.exp(logits - 30).sum()
    first, second = assumed_errors([logits, probabilities], [EPS, EPS])
    step = EPS / 2 * (np.sqrt(ASSUMED_TERMS) + 1)
    assert first == pytest.approx(step)
    assert second == pytest.approx(step * np.sqrt(2) * (2 * 30 + 1))
    assert assumed_errors([logits, logits], [EPS, EPS])[1] == pytest.approx(step * np.sqrt(2))


@st.composite
def random_models(draw):
    size = draw(st.sampled_from([(7, 6, 1), (9, 8, 3), (6, 7, 2)]))
    layers = []
    for i in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "bn", "relu"]))
        layer = {
            "conv": Conv2D(
                f"l{i}",
                draw(st.integers(1, 5)),
                3,
                padding="same",
                activation=draw(st.sampled_from(["relu", "tanh"])),
            ),
            "bn": BatchNormalization(f"l{i}"),
            "relu": Activation(f"l{i}", "relu"),
        }[kind]
        layers.append(layer)
    return network(size, *layers, Flatten("flatten"), Dense("fc", 3, "softmax"), seed=draw(st.integers(0, 99)))


@given(random_models(), st.sampled_from([np.float32, np.float64]))
@settings(max_examples=15, deadline=None)
def test_every_run_agrees_with_itself(model, dtype):
    acts = model.run(images(model).astype(dtype), pre=True)
    report = compare(acts, acts)
    assert report.agrees
    assert [row.relative_error for row in report.rows] == [0.0] * (len(acts) + 1)
