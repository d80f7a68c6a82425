"""Methods of attribution beside captum's numbers, brute force, and what they promise of themselves."""

from inspect import signature

import numpy as np
import pytest

import convlab
from convlab import attribution
from convlab.attribution.cam import last_maps
from convlab.attribution.methods import BY_INPUT, BY_LAYER
from convlab.layers import Activation, Add, Conv2D, Dense, Flatten, GlobalAveragePooling2D, MaxPooling2D
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node

MAPS = (attribution.grad_cam, attribution.grad_cam_plus_plus, attribution.hires_cam, attribution.layer_cam)
OF_INPUT = (
    attribution.gradient,
    attribution.input_times_gradient,
    attribution.smoothgrad,
    attribution.integrated_gradients,
    attribution.guided_backprop,
    attribution.deconvnet,
)


def captums():
    """Return captum's BasicModel_ConvNet_One_Conv (tests/helpers/basic_models.py) and a recording of its input."""
    layers = [
        Conv2D("conv1", 2, 3),
        Activation("relu1", "relu"),
        Flatten("flatten", channels_first=True),
        Dense("fc1", 4),
        Activation("relu2", "relu"),
    ]
    model = Model.sequential("one conv", (4, 4, 1), layers)
    model["conv1"].set_weights(kernel=np.ones((3, 3, 1, 2)), bias=np.array([-50.0, -75.0]))
    row = np.array([1.0, 1, 1, 1, 1, -1, -1, -1])
    model["fc1"].set_weights(kernel=np.stack([row] * 4, axis=1), bias=np.zeros(4))
    return model, model.run(np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1))


@pytest.mark.parametrize(
    ("layer", "expected"), [("conv1", [[11.25, 13.5], [20.25, 22.5]]), ("relu1", [[0, 4], [28, 32.5]])]
)
def test_grad_cam_is_captums(layer, expected):
    """tests/attr/test_gradcam.py of captum, without its last ReLU."""
    model, acts = captums()
    found = attribution.grad_cam(model, acts, 0, layer, signed=True)
    np.testing.assert_array_equal(found.values[0], expected)
    assert (found.method, found.target, found.layer) == ("grad_cam", "class 0", layer)


@pytest.fixture
def network():
    layers = [
        Conv2D("a", 3, 3, padding="same", activation="relu"),
        MaxPooling2D("p", 2),
        Conv2D("b", 5, (3, 2), padding="same", activation="relu"),
        GlobalAveragePooling2D("g"),
        Dense("out", 4, "softmax"),
    ]
    model = Model.sequential("m", (8, 12, 2), layers, labels=("ant", "bee", "cow", "dog"))
    randomise(model, 2)
    return model


@pytest.fixture
def acts(network):
    return network.run(np.random.default_rng(1).normal(size=(2, 8, 12, 2)))


def test_maps_are_weighted_as_the_papers_say(network, acts):
    maps, g = acts["b"], convlab.gradients(network, acts, "cow", to="b")["b"]
    n, _, _, c = maps.shape
    weights, plus = np.zeros((2, n, c))
    for i in range(n):
        for k in range(c):
            weights[i, k] = g[i, :, :, k].mean()
            for at in np.ndindex(maps.shape[1:3]):
                slope = g[(i, *at, k)]
                below = 2 * slope**2 + maps[i, :, :, k].sum() * slope**3
                plus[i, k] += slope**2 / below * max(slope, 0) if below else 0
    expected = {
        "grad_cam": (maps * weights[:, None, None]).sum(axis=-1),
        "grad_cam_plus_plus": (maps * plus[:, None, None]).sum(axis=-1),
        "hires_cam": (maps * g).sum(axis=-1),
        "layer_cam": (maps * np.maximum(g, 0)).sum(axis=-1),
    }
    for method in MAPS:
        found = method(network, acts, "cow", "b")
        np.testing.assert_allclose(found.values, np.maximum(expected[found.method], 0), rtol=1e-10)
        assert found.target == "class 2 (cow)"
        if method is not attribution.layer_cam:
            signed = method(network, acts, 2, "b", signed=True)
            np.testing.assert_allclose(signed.values, expected[found.method], rtol=1e-10)


def test_the_layer_is_chosen_and_named(network, acts):
    found = attribution.grad_cam(network, acts, 0)
    assert found.layer == "b" and "summed over the channels of b, the last layer of maps" in found.note
    assert "the last layer" not in attribution.grad_cam(network, acts, 0, "a").note


def test_the_last_maps_follow_an_addition_or_an_activation():
    nodes = [
        Node("a", Conv2D("a", 3, 1, activation="relu"), ("input",)),
        Node("b", Conv2D("b", 3, 1), ("a",)),
        Node("add", Add("add"), ("a", "b")),
        Node("pool", MaxPooling2D("pool", 2), ("add",)),
        Node("beside", Conv2D("beside", 2, 1, activation="relu"), ("pool",)),
        Node("flat", Flatten("flat"), ("pool",)),
        Node("out", Dense("out", 2), ("flat",)),
    ]
    assert last_maps(Model("m", (6, 7, 3), nodes, outputs=("out",)).graph, "out") == "add"
    plain = Model.sequential("m", (6, 7, 3), [MaxPooling2D("p", 2), Flatten("f"), Dense("d", 2)])
    assert last_maps(plain.graph, "d") == "p"
    with pytest.raises(convlab.ShapeError, match="has no layer of maps"):
        last_maps(Model.sequential("m", (6,), [Dense("d", 2)]).graph, "d")


def test_the_layer_is_chosen_before_the_number_that_is_asked_for(network, acts):
    assert attribution.grad_cam(network, acts, ("b", 1)).layer == "a"
    with pytest.raises(convlab.LayerNameError, match="no layer 'c'"):
        attribution.grad_cam(network, acts, ("c", 1))
    two = Model(
        "two", network.inputs, [*network.nodes, Node("other", Dense("other", 2), ("g",))], outputs=("out", "other")
    )
    randomise(two, 1)
    recorded = two.run(acts.input)
    assert attribution.grad_cam(two, recorded, ("other", 1)).layer == "b"
    with pytest.raises(convlab.ShapeError, match="several outputs, out, other: name a layer"):
        attribution.grad_cam(two, recorded, 1)


def test_maps_at_pixels_lie_where_the_units_look(network, acts):
    """Of b: its kernel is 3 x 2, and "same" adds a column on the right, so what a unit sees is not centred on it."""
    found = attribution.grad_cam(network, acts, 0, signed=True)
    fine = found.at_pixels()
    field = network.receptive_fields()["b"]
    middle = [(field.start[i] + field.end[i]) / 2 for i in (0, 1)]
    assert (fine.shape, field.jump) == ((2, 8, 12), (2, 2))
    for y, x in ((0, 0), (5, 7), (7, 11), (3, 4)):
        v, u = (y - middle[0]) / 2, (x - middle[1]) / 2
        v, u = min(max(v, 0), 3), min(max(u, 0), 5)
        i, j = int(v), int(u)
        i2, j2 = min(i + 1, 3), min(j + 1, 5)
        m = found.values[0]
        top, low = (m[r, j] * (1 - (u - j)) + m[r, j2] * (u - j) for r in (i, i2))
        np.testing.assert_allclose(fine[0, y, x], top * (1 - (v - i)) + low * (v - i), rtol=1e-12)


@pytest.mark.parametrize("method", [method for method in OF_INPUT if method is not attribution.smoothgrad])
def test_methods_of_the_input_are_computed_for_each_image_alone(method, network, acts):
    found = method(network, acts, 1)
    alone = method(network, network.run(acts.input[1:]), 1)
    assert found.values.shape == acts.input.shape and found.layer == "input"
    np.testing.assert_allclose(found.values[1:], alone.values, rtol=1e-9)


def test_input_times_gradient_of_a_linear_network_adds_up():
    model = Model.sequential("linear", (3, 4, 2), [Conv2D("c", 2, 2, use_bias=False), Flatten("f"), Dense("d", 3)])
    randomise(model, 0)
    acts = model.run(np.random.default_rng(0).normal(size=(2, 3, 4, 2)))
    values = attribution.input_times_gradient(model, acts, 1).values.reshape(2, -1).sum(axis=1)
    np.testing.assert_allclose(values, acts.output[:, 1] - model["d"].weights["bias"][1], rtol=1e-10)


def test_integrated_gradients_are_complete(network, acts):
    coarse, fine = (attribution.integrated_gradients(network, acts, 2, steps=n) for n in (8, 256))
    assert fine.numbers["completeness_error"] < 0.01
    pre = network.run(acts.input, record=["out/pre"])["out/pre"][:, 2]
    zero = network.run(np.zeros_like(acts.input), record=["out/pre"])["out/pre"][:, 2]
    np.testing.assert_allclose(fine.values.reshape(2, -1).sum(axis=1), pre - zero, rtol=0.01)
    assert coarse.numbers["completeness_error"] > fine.numbers["completeness_error"]
    assert "256 steps; completeness error 0.0" in fine.told


def test_smoothgrad_is_the_mean_over_its_own_noise(network, acts):
    found = attribution.smoothgrad(network, acts, 1, samples=3, noise=0.1, seed=5)
    random, x = np.random.default_rng(5), acts.input
    spread = 0.1 * np.ptp(x, axis=(1, 2, 3), keepdims=True)
    noisy = [x + spread * random.standard_normal(x.shape) for _ in range(3)]
    pulled = [convlab.gradients(network, network.run(one), 1, to="input")["input"] for one in noisy]
    np.testing.assert_allclose(found.values, np.mean(pulled, axis=0), rtol=1e-10)
    np.testing.assert_array_equal(
        found.values, attribution.smoothgrad(network, acts, 1, samples=3, noise=0.1, seed=5).values
    )


def test_occlusion_is_brute_force(network, acts):
    found = attribution.occlusion(network, acts, 2, window=(3, 5), stride=(2, 4), fill=0.5, batch=3)
    x, total, count = acts.input, np.zeros((2, 8, 12)), np.zeros((8, 12))
    whole = network.run(x, record=["out/pre"])["out/pre"][:, 2]
    for top in (0, 2, 4, 5):
        for left in (0, 4, 7):
            covered = x.copy()
            covered[:, top : top + 3, left : left + 5] = 0.5
            fall = whole - network.run(covered, record=["out/pre"])["out/pre"][:, 2]
            total[:, top : top + 3, left : left + 5] += fall[:, None, None]
            count[top : top + 3, left : left + 5] += 1
    np.testing.assert_allclose(found.values, total / count, rtol=1e-9)
    assert "one of 12 windows" in found.note


def test_occlusion_covers_a_quarter_of_the_sides_unless_asked_otherwise(network, acts):
    height, width = network.input_shape[:2]
    plain, found = (
        attribution.occlusion(network, acts, 2, **how) for how in ({}, {"window": (height // 4, width // 4)})
    )
    np.testing.assert_array_equal(plain.values, found.values)


@pytest.mark.parametrize(
    ("method", "options", "expected"),
    [
        (attribution.smoothgrad, {"samples": 3}, [(1, 3), (2, 3), (3, 3)]),
        (attribution.integrated_gradients, {"steps": 2}, [(1, 2), (2, 2)]),
        (attribution.occlusion, {"window": (8, 6), "stride": 6, "batch": 2}, [(2, 4), (4, 4)]),
        (attribution.occlusion, {"window": (8, 6), "batch": 2}, [(2, 6), (3, 6), (5, 6), (6, 6)]),
    ],
)
def test_progress_is_told(network, acts, method, options, expected):
    told = []
    method(network, acts, 2, **options, progress=lambda done, of: told.append((done, of)))
    assert told == expected


def test_occlusion_by_segments(network, acts):
    segments = np.arange(8)[:, None] // 4 * 2 + np.arange(12) // 6
    found = attribution.occlusion(network, acts, 2, segments=segments)
    covered = acts.input.copy()
    covered[:, 4:, :6] = 0
    pre = [network.run(x, record=["out/pre"])["out/pre"][:, 2] for x in (acts.input, covered)]
    np.testing.assert_allclose(found.values[:, 5, 3], pre[0] - pre[1], rtol=1e-9)
    assert all(len(np.unique(found.values[:, segments == s])) == 2 for s in range(4))


def test_grad_cam_and_ablation_cam_agree_in_sign_on_a_linear_head():
    layers = [Conv2D("maps", 4, 3, activation="relu"), GlobalAveragePooling2D("g"), Dense("out", 3)]
    model = Model.sequential("m", (9, 8, 2), layers)
    randomise(model, 1)
    x = np.random.default_rng(3).normal(size=(2, 9, 8, 2))
    acts = model.run(x)
    for number in range(3):
        ours = attribution.grad_cam(model, acts, number, "maps").values
        score = acts.output[:, number]
        theirs = convlab.ablation_cam(model, x, "maps", number)
        named = attribution.ablation_cam(model, acts, number)
        np.testing.assert_array_equal(named.values, theirs)
        assert (named.target, named.layer, named.method) == (f"class {number}", "maps", "ablation_cam")
        assert (((ours > 0) == (theirs > 0)) | (np.abs(ours) < 1e-9))[score > 0].all()


@pytest.mark.parametrize("method", [*MAPS, *OF_INPUT, attribution.occlusion, attribution.ablation_cam])
def test_gradients_are_no_recording(method, network, acts):
    with pytest.raises(convlab.UnsupportedError, match="found gradient of class 1"):
        method(network, convlab.gradients(network, acts, 1), 1)


def test_maps_of_a_what_if_are_what_it_made_though_it_did_not_keep_them(network, acts):
    replaced = {"a": lambda maps: 3 * maps}
    whole = network.rerun(acts, replaced)
    part = network.rerun(network.run(acts.input, record=["g"]), replaced)
    found, expected = (attribution.grad_cam(network, one, 1, "b") for one in (part, whole))
    np.testing.assert_array_equal(found.values, expected.values)
    assert not np.array_equal(found.values, attribution.grad_cam(network, acts, 1, "b").values)


@pytest.mark.parametrize("method", [*MAPS, attribution.ablation_cam])
def test_maps_of_a_network_of_two_inputs_lie_in_the_image_that_the_layer_sees(method):
    nodes = [
        Node("left", Conv2D("left", 3, 3, activation="relu"), ("small",)),
        Node("right", Conv2D("right", 3, 3, activation="relu"), ("large",)),
        Node("a", GlobalAveragePooling2D("a"), ("left",)),
        Node("b", GlobalAveragePooling2D("b"), ("right",)),
        Node("add", Add("add"), ("a", "b")),
        Node("out", Dense("out", 4, "softmax"), ("add",)),
    ]
    model = Model("pair", {"small": (6, 7, 1), "large": (9, 8, 2)}, nodes)
    randomise(model, 1)
    random = np.random.default_rng(0)
    acts = model.run({name: random.normal(size=(2, *shape)) for name, shape in model.inputs.items()})
    for layer, source, size in (("left", "small", (6, 7)), ("right", "large", (9, 8))):
        found = method(model, acts, 2, layer)
        assert (found.source, found.at_pixels().shape) == (source, (2, *size))
        middle = found.at_pixels()[:, 1:-1, 1:-1]
        np.testing.assert_allclose(middle, found.values)
        convlab.plot.attribution(found)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, a: attribution.grad_cam(m, a, 0, "c"), "no layer 'c'"),
        (lambda m, a: attribution.grad_cam(m, a, 0, "g"), r"layer 'g' has shape \(5,\), not \(H, W, C\)"),
        (lambda m, a: attribution.ablation_cam(m, a, ("c", 0)), "expected a class"),
        (lambda m, a: attribution.ablation_cam(m, a, 99), "classes 0 to"),
        (lambda m, a: attribution.smoothgrad(m, a, 0, samples=0), "samples is 0"),
        (lambda m, a: attribution.integrated_gradients(m, a, 0, steps=0), "steps is 0"),
        (
            lambda m, a: attribution.integrated_gradients(m, a, 0, baseline=np.ones((3, 3))),
            r"baseline has shape \(3, 3\)",
        ),
        (lambda m, a: attribution.occlusion(m, a, 0, segments=np.ones((8, 12))), "expected whole numbers of shape"),
        (lambda m, a: attribution.occlusion(m, a, 0, window=0), "window 0 is out of range"),
        (lambda m, a: attribution.occlusion(m, a, 0, batch=0), "batch is 0"),
    ],
)
def test_what_is_wrong_is_said(call, message, network, acts):
    with pytest.raises(convlab.ConvlabError, match=message):
        call(network, acts)


@pytest.mark.parametrize("method", [*OF_INPUT, attribution.occlusion])
def test_methods_of_the_input_say_of_several_inputs_what_to_use(method):
    model = Model("pair", {"a": (3,), "b": (3,)}, [Node("add", Add("add"), ("a", "b"))])
    acts = model.run({"a": np.ones((1, 3)), "b": np.ones((1, 3))})
    with pytest.raises(convlab.ShapeError, match=r"has several inputs, a, b: use convlab\.gradients"):
        method(model, acts, 0)


def test_occlusion_of_given_gradients_is_that_of_the_number_they_are_of(network, acts):
    seed = np.zeros(acts["out"].shape)
    seed[0, 2] = seed[1, 1] = 1
    found = attribution.occlusion(network, acts, {"out/pre": seed})
    for image, number in enumerate((2, 1)):
        expected = attribution.occlusion(network, acts, number)
        np.testing.assert_allclose(found.values[image], expected.values[image], atol=1e-12)


@pytest.mark.parametrize("baseline", ["a", {}])
def test_what_is_no_baseline_is_named(network, acts, baseline):
    with pytest.raises(convlab.ShapeError, match=r"baseline is ('a'|\{\}), expected a number, or an array"):
        attribution.integrated_gradients(network, acts, 2, baseline=baseline)


def test_the_maps_before_an_activation_are_chosen_for_what_comes_before_it(network, acts):
    assert attribution.grad_cam(network, acts, ("out/pre", 1)).layer == attribution.grad_cam(network, acts, 1).layer


def test_every_method_is_known_by_its_name():
    functions = {name for name in attribution.__all__ if name.islower()}
    assert functions == {*BY_LAYER, *BY_INPUT, "preferred_input"}
    takes_a_layer = {name for name in functions if "layer" in signature(getattr(attribution, name)).parameters}
    assert takes_a_layer == {*BY_LAYER, "preferred_input"}
