"""Preferred inputs: what is changed goes up its gradient, the same every time, and says whether it fired."""

import numpy as np
import pytest

import convlab
from convlab.attribution import parametrisation, preferred_input
from convlab.attribution.parametrisation import Fourier
from convlab.images.preprocessing import VGG
from convlab.layers import Concatenate, Conv2D, Dense, Flatten, GlobalAveragePooling2D, MaxPooling2D
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node


@pytest.fixture
def network():
    layers = [
        Conv2D("a", 4, 3, padding="same", activation="relu"),
        MaxPooling2D("p", 2),
        Conv2D("b", 5, (3, 2), activation="relu"),
        GlobalAveragePooling2D("g"),
        Dense("out", 3, "softmax"),
    ]
    model = Model.sequential("m", (24, 26, 3), layers, preprocessing=VGG)
    randomise(model, 1)
    return model


@pytest.mark.parametrize("fourier", [False, True])
@pytest.mark.parametrize(("layer", "channels"), [("b", [3, 0, 1, 4, 2]), ("out", [2, 0])])
def test_units_answer_more_strongly_at_the_end(network, layer, channels, fourier):
    found = preferred_input(network, layer, channels, fourier=fourier, steps=12)
    assert (found.images.shape, found.images.dtype) == ((len(channels), 24, 26, 3), np.float32)
    assert (found.end > found.start).all()
    pre = network.run(found.images, record=[f"{layer}/pre"])[f"{layer}/pre"]
    inside = pre[:, 2:-2, 2:-2].mean(axis=(1, 2)) if layer == "b" else pre
    np.testing.assert_allclose(found.end, [row[c] for row, c in zip(inside, channels, strict=True)], rtol=1e-4)
    assert found.pictures.shape == (len(channels), 24, 26, 3)


@pytest.mark.parametrize("fourier", [False, True])
def test_a_seed_is_a_picture(network, fourier):
    first, again, other = (
        preferred_input(network, "b", 3, fourier=fourier, steps=3, seed=seed).images for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_step_has_its_length_in_levels(network):
    """Of a network that takes 0 to 255 less a mean a level is 1."""
    found = preferred_input(network, "b", 3, steps=1, rate=7.0)
    start = parametrisation.Pixels(network, 7.0).begin((24, 26, 3), [np.random.default_rng([0, 3])])
    np.testing.assert_allclose(np.linalg.norm(found.images - start), 7, rtol=1e-5)
    assert np.abs(start).max() <= 0.125


def test_another_size_is_taken_where_the_layers_can(network):
    assert preferred_input(network, "b", 0, size=(15, 12), steps=1).images.shape == (1, 15, 12, 3)
    with pytest.raises(convlab.ShapeError, match="output height is not positive"):
        preferred_input(network, "b", 0, size=3, steps=1)
    fixed = Model.sequential("m", (4, 5, 1), [Flatten("f"), Dense("out", 2)])
    randomise(fixed, 0)
    with pytest.raises(convlab.ShapeError, match=r"needs weights of .* an earlier call of the layer has"):
        preferred_input(fixed, "out", 0, size=6, steps=1)


def test_what_cannot_fire_is_said_not_to_have():
    model = Model.sequential("m", (8, 9, 1), [Conv2D("c", 2, 3)])
    model.nodes[0].layer.set_weights(kernel=np.zeros((3, 3, 1, 2)), bias=np.array([-1.0, 1.0]))
    found = preferred_input(model, "c", [0, 1], steps=2)
    assert found.fired.tolist() == [False, False]
    assert repr(found).splitlines()[1:] == [
        "  channel 0: -1 -> -1, did not fire",
        "  channel 1: 1 -> 1, did not fire",
    ]


def test_one_network_with_the_settings_of_the_whole_makes_all_steps(network, monkeypatch):
    """So that the memory of a recording serves the next."""
    network.propagate_nan = network.tf32 = True
    ran, run = [], Model.run

    def watched(model, *inputs, **options):
        ran.append(model)
        return run(model, *inputs, **options)

    monkeypatch.setattr(Model, "run", watched)
    preferred_input(network, "b", range(5), steps=2)
    assert len(ran) == 8  # for the four channels side by side, and for the fifth: at each step, before and after
    assert {id(model) for model in ran} == {id(ran[0])}
    assert ran[0].propagate_nan and ran[0].tf32


@pytest.mark.parametrize("shape", [(2, 7, 9, 3), (1, 8, 6, 1)])
def test_frequencies_pull_back_as_they_make(network, shape):
    """<back(g), v> is <g, d image(x + t v) / dt>, by a central difference; the shift comes back too."""
    if shape[3] == 1:
        network = Model.sequential("m", (8, 6, 1), [Conv2D("c", 2, 3)])
    way, random = Fourier(network, 0.05), np.random.default_rng(0)
    state = way.begin(shape[1:], [random] * shape[0])
    state = state._replace(values=100 * state.values)
    x, back = way.moved(state._replace(randoms=[np.random.default_rng(8 + i) for i in range(shape[0])]))

    def shifted(images):
        ends = -parametrisation.SHIFT, parametrisation.SHIFT + 1
        by = [np.random.default_rng(8 + i).integers(*ends, 2) for i in range(shape[0])]
        return np.stack([np.roll(image, tuple(own), (0, 1)) for image, own in zip(images, by, strict=True)])

    np.testing.assert_array_equal(x, shifted(way.image(state)))
    g = random.normal(size=shape)
    v = random.normal(size=state.values.shape) + 1j * random.normal(size=state.values.shape)

    def value(t):
        light = way._colours(state._replace(values=state.values + t * v))
        form = network.preprocessing
        taken = light if form is None else 255 * light[..., ::-1] - form.mean
        return (shifted(taken) * g).sum()

    pulled = back(g)
    expected = (value(5e-5) - value(-5e-5)) / 1e-4
    np.testing.assert_allclose((pulled.real * v.real + pulled.imag * v.imag).sum(), expected, rtol=1e-6)


def test_progress_is_told(network):
    told = []
    preferred_input(network, "b", range(5), steps=2, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]  # four channels side by side, then one


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "c"}, "no layer 'c'"),
        ({"channel": 5}, "layer 'b' has channels 0 to 4, found 5"),
        ({"channel": "Shirt"}, "layer 'b' has no labels: give a number"),
        ({"channel": True}, "found True"),
        ({"channel": []}, "30 steps for 0 channels"),
        ({"steps": 0}, "0 steps for 1 channels"),
        ({"size": 0}, "size 0 is out of range"),
    ],
)
def test_what_is_wrong_is_said(network, options, message):
    with pytest.raises(convlab.ConvlabError, match=message):
        preferred_input(network, **{"layer": "b", "channel": 1, **options})


def test_a_layer_of_a_network_of_two_inputs_prefers_one_of_the_image_that_it_sees(network):
    nodes = [
        Node("maps", Conv2D("maps", 3, 3), ("image",)),
        Node("means", GlobalAveragePooling2D("means"), ("maps",)),
        Node("both", Concatenate("both"), ("means", "facts")),
        Node("out", Dense("out", 2), ("both",)),
    ]
    model = Model("pair", {"facts": (4,), "image": (9, 8, 1)}, nodes)
    randomise(model, 0)
    assert preferred_input(model, "maps", [1, 2], steps=3).images.shape == (2, 9, 8, 1)
    with pytest.raises(convlab.ShapeError, match="layer 'out' sees several inputs, facts, image"):
        preferred_input(model, "out", 0)


def test_a_network_on_no_image_is_refused():
    model = Model.sequential("m", (6,), [Dense("d", 2)])
    randomise(model, 0)
    with pytest.raises(convlab.ShapeError, match=r"takes \(6,\), no image"):
        preferred_input(model, "d", 0)


@pytest.mark.slow
@pytest.mark.parametrize("fourier", [False, True])
def test_trained_kernels_fire(shared, fourier):
    """VGG16's: patterns that a filter answers to several times as strongly as to noise."""
    model = convlab.load("vgg16", weights=None, include_top=False, input_shape=(48, 56, 3))
    with np.load(shared / "vgg16_blocks1-2" / "vgg16_blocks1-2.npz") as file:
        for name in ("block1_conv1", "block1_conv2", "block2_conv1", "block2_conv2"):
            model[name].set_weights(kernel=file[f"{name}_kernel"], bias=file[f"{name}_bias"])
    found = preferred_input(model, "block2_conv2", range(8), fourier=fourier, steps=30)
    assert found.fired.all()
    assert (found.end > 3 * np.abs(found.start)).all()


@pytest.mark.parametrize("fourier", [False, True])
def test_a_channel_is_the_same_alone_and_among_others(network, fourier):
    several = preferred_input(network, "b", np.array([0, 1, 2, 3, 4]), fourier=fourier, steps=3)
    for channel in (1, 4):
        alone = preferred_input(network, "b", channel, fourier=fourier, steps=3)
        np.testing.assert_allclose(several.images[[channel]], alone.images, atol=1e-3)
        np.testing.assert_allclose(several.end[channel], alone.end[0], rtol=1e-4)


def test_a_class_is_taken_by_its_label():
    model = convlab.load("lenet5")
    found = preferred_input(model, "fc3", ["Shirt", 0], steps=1)
    assert (found.channels, found.names) == ((6, 0), ["Shirt", "T-shirt/top"])
    assert repr(found).splitlines()[1].startswith("  class 6 (Shirt): ")
    np.testing.assert_allclose(preferred_input(model, "fc3", "Shirt", steps=1).end, found.end[:1], rtol=1e-5)
    with pytest.raises(convlab.LayerNameError, match="did you mean 'Shirt'"):
        preferred_input(model, "fc3", "Shrt")
    with pytest.raises(convlab.LayerNameError, match="layer 'conv2' has no labels: give a number"):
        preferred_input(model, "conv2", "Shirt")


def test_what_rose_may_fire_with_more_steps(network):
    network["b"].set_weights(kernel=network["b"].weights["kernel"], bias=np.full(5, -1e6))
    found = preferred_input(network, "b", 0, steps=1)
    assert repr(found).endswith(", did not fire: more steps may")
