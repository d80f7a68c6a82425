"""What is asked about a network and a recording leaves both as they were, bit for bit; other weights are noticed."""

from functools import partial

import numpy as np
import pytest

import convlab
from convlab import WeightsError, attribution
from convlab.images.preprocessing import VGG
from convlab.layers import Add, BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D, ReLU
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node

METHODS = [
    getattr(attribution, name) for name in attribution.__all__ if name[0].islower() and name != "preferred_input"
]


def _of_class_one(method, model, acts):
    return method(model, acts, 1)


QUESTIONS = {
    "gradients": lambda model, acts: convlab.gradients(model, acts, "b"),
    "guided": lambda model, acts: convlab.gradients(model, acts, 1, rule="guided"),
    "rerun": lambda model, acts: model.rerun(acts, {"a": lambda y: np.multiply(y, 0, out=y)}),
    "ablate": lambda model, acts: model.ablate({"a": [1]}).run(acts.input),
    "convlab.ablation_cam": lambda model, acts: convlab.ablation_cam(model, acts.input, "pool", 1),
    "explain": lambda model, acts: convlab.explain(model, acts, "out", channel=1),
    "preferred_input": lambda model, acts: attribution.preferred_input(model, "a", [0, 2], steps=2),
    "preferred_input, Fourier": lambda model, acts: attribution.preferred_input(
        model, "out", 1, fourier=True, steps=2
    ),
    **{method.__name__: partial(_of_class_one, method) for method in METHODS},
}


@pytest.fixture
def model():
    conv = Conv2D("a", 3, 3, padding="same", activation="relu")
    nodes = [
        Node("a", conv, ("input",)),
        Node("norm", BatchNormalization("norm"), ("a",)),
        Node("a/2", conv, ("norm",)),
        Node("add", Add("add"), ("a", "a/2")),
        Node("relu", ReLU("relu", 6.0), ("add",)),
        Node("pool", MaxPooling2D("pool", (2, 3)), ("relu",)),
        Node("flat", Flatten("flat"), ("pool",)),
        Node("out", Dense("out", 3, "softmax"), ("flat",)),
    ]
    model = Model("m", (8, 9, 3), nodes, VGG, ("a", "b", "c"))
    randomise(model, 1)
    return model


def run(model, **options):
    x = np.random.default_rng(0).uniform(-100, 100, (2, 8, 9, 3)).astype(np.float32)
    return model.run(x, pre=True, **options)


def state_of(model, acts):
    """Return all that is to stay: which objects, their numbers and flags."""
    found = {}
    arrays = {("acts", *key): array for key, array in _arrays(acts).items()}
    arrays |= {(layer.name, role): array for layer in model.layers for role, array in layer._held.weights.items()}
    for key, array in arrays.items():
        found[key] = id(array), array.tobytes(), str(array.flags), array.dtype, array.shape
    for layer in model.layers:
        found[layer.name, "options"] = repr({key: value for key, value in vars(layer).items() if key != "_held"})
    found["model"] = {key: id(value) for key, value in vars(model).items()}
    found["recording"] = {key: id(value) for key, value in vars(acts).items()}
    return found


def _arrays(acts):
    parts = ("arrays", "inputs", "outputs")
    return {(part, name): array for part in parts for name, array in getattr(acts, part).items()}


@pytest.mark.parametrize("question", QUESTIONS)
def test_nothing_is_changed(question, model):
    acts = run(model)
    before = state_of(model, acts)
    QUESTIONS[question](model, acts)
    after = state_of(model, acts)
    assert {key for key in before | after if before.get(key) != after.get(key)} == set()


def test_the_state_tells_what_changes(model):
    acts = run(model)
    before = state_of(model, acts)
    acts["pool"][0, 0, 0, 0] += 1
    acts["a"].flags.writeable = False
    acts.input[0, 0, 0, 0] = 5
    model.labels = None
    model["relu"].max_value = 5.0
    model["out"].set_weights(bias=np.zeros(3))
    changed = {key for key, value in state_of(model, acts).items() if value != before[key]}
    expected = {("acts", "arrays", "pool"), ("acts", "arrays", "a"), ("acts", "inputs", "input"), "model"}
    assert changed == expected | {("relu", "options"), ("out", "bias")}


@pytest.mark.parametrize(
    "question",
    ["gradients", "guided", "rerun", "gradient", "grad_cam", "layer_cam", "input_times_gradient", "deconvnet"],
)
@pytest.mark.parametrize("record", ["all", ["pool"]])
def test_a_recording_of_the_weights_before_is_refused(question, record, model):
    acts = run(model, record=record)
    model["norm"].set_weights(gamma=2 * model["norm"].weights["gamma"])
    with pytest.raises(WeightsError, match="layer 'norm' got other weights after the recording was made: run the"):
        QUESTIONS[question](model, acts)
    QUESTIONS[question](model, run(model, record=record))


def test_what_is_computed_anew_from_the_input_has_the_new_weights(model):
    acts = run(model)
    model["out"].set_weights(kernel=-model["out"].weights["kernel"])
    for name in ("smoothgrad", "integrated_gradients", "occlusion", "ablation_cam"):
        found, anew = (getattr(attribution, name)(model, one, 1) for one in (acts, run(model)))
        np.testing.assert_array_equal(found.values, anew.values)


def test_caches_may_go(model):
    acts = run(model)
    expected = convlab.gradients(model, acts, 1)
    model.drop_prepared()
    found = convlab.gradients(model, acts, 1)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_a_recording_from_a_file_says_nothing_of_weights(model, tmp_path):
    acts = run(model)
    acts.save(tmp_path / "a.h5")
    model["norm"].set_weights(gamma=2 * model["norm"].weights["gamma"])
    opened = convlab.gradients(model, convlab.Activations.open(tmp_path / "a.h5"), 1)
    np.testing.assert_array_equal(opened["relu"], convlab.gradients(model, run(model), 1)["relu"])
