"""Attributions and preferred inputs as pictures: what is drawn where, in which colours, with which words."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

import convlab
from convlab import attribution, plot
from convlab.attribution import MeanAttribution
from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import Activation, Conv1D, Conv2D, Dense, Flatten, GlobalAveragePooling1D, ReLU
from convlab.markup.mosaic import DEAD
from convlab.model.initialise import randomise
from support.figures import heading


@pytest.fixture(scope="module")
def model():
    return convlab.load("lenet5")


@pytest.fixture(scope="module")
def acts(model):
    return model.run(model.prepare(["weights/fashion_mnist/shirt.png", "weights/fashion_mnist/bag.png"]))


@pytest.fixture(autouse=True)
def in_the_checkout(request, monkeypatch):
    monkeypatch.chdir(request.config.rootpath)


def words(figure):
    return [text.get_text() for text in figure.findobj(lambda part: hasattr(part, "get_text"))]


def images(figure):
    """Return for each axes with pictures its pictures, (H, W, colours)."""
    found = [[np.asarray(one.get_array()) for one in ax.get_images()] for ax in figure.axes]
    return [each for each in found if each]


def made_up(result, values):
    """Return an attribution with other values (2, 28, 28), by the input."""
    return replace(result, values=np.asarray(values, np.float32), layer="input")


def test_a_map_stands_beside_the_image_and_over_it(model, acts):
    found = attribution.grad_cam(model, acts, "Shirt")
    figure = plot.attribution(found, image=1)
    assert isinstance(figure, Figure)
    (under,), (plain,), (again, over) = images(figure)[:3]
    np.testing.assert_array_equal(under, again)
    np.testing.assert_array_equal(over[..., :3], plain)
    values = found.at_pixels()[1]
    assert plain.shape == (28, 28, 3)
    assert over[..., 3].flat[values.argmax()] == over[..., 3].max() == 204  # of 255: alpha is 0.8
    assert (over[..., 3][values == 0] == 0).all()
    title, note = heading(figure)
    assert title == "lenet5 · class 6 (Shirt), image 1 of 2"
    assert note.replace("\n", " ") == f"by relu2: {found.note}"


def test_colours_end_where_99_percent_of_the_values_do_and_it_is_written(model, acts):
    values = np.zeros((2, 28, 28))
    values[0].flat[:100] = np.linspace(-0.5, 0.4, 100)
    values[0, 20, 20] = 900
    found = made_up(attribution.gradient(model, acts, "Shirt"), values)
    figure = plot.attribution(found)
    reach = np.percentile(np.abs(np.float32(values[0])), 99)
    assert f"−{reach:.3g} to {reach:.3g}, at most 900" in words(figure)
    (plain,) = images(figure)[1]
    np.testing.assert_array_equal(plain[27, 27], [247, 246, 246])  # 0 lies in the middle: white
    red, blue = plain[20, 20].astype(int), plain[0, 0].astype(int)
    assert red[0] - red[2] > 50
    assert blue[2] - blue[0] > 50


def test_few_values_among_zeros_keep_their_scale(model, acts):
    values = np.zeros((2, 28, 28))
    values[0, 3, 4] = 0.25
    figure = plot.attribution(made_up(attribution.gradient(model, acts, "Shirt"), values))
    assert "0 to 0.25" in words(figure)


def test_methods_stand_side_by_side_each_with_its_scale(model, acts):
    found = [
        attribution.gradient(model, acts, "Shirt"), attribution.layer_cam(model, acts, "Shirt"),
    ]  # fmt: skip
    figure = plot.attributions(found)
    assert {"the input", "gradient", "layer_cam"} <= set(words(figure))
    assert [len(each) for each in images(figure)] == [1, 3, 2]  # what has a sign lies on a pale picture
    assert heading(figure)[0] == "lenet5 · class 6 (Shirt), image 0 of 2"
    several = plot.attributions([found[1], attribution.layer_cam(model, acts, "Bag")])
    assert {"layer_cam: class 6 (Shirt)", "layer_cam: class 8 (Bag)"} <= set(words(several))


def test_random_weights_stand_in_the_title(acts):
    drawn = convlab.load("lenet5", weights=3)
    figure = plot.attribution(attribution.gradient(drawn, drawn.run(acts.input), "Shirt"))
    assert heading(figure)[0].startswith("lenet5 (random weights) · ")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"image": 2}, "image 2 of a batch of 2"), ({"alpha": 1.5}, "alpha is 1.5, expected 0 to 1")],
)
def test_what_cannot_be_drawn_is_refused(model, acts, options, message):
    found = attribution.gradient(model, acts, "Shirt")
    with pytest.raises(ShapeError, match=message):
        plot.attribution(found, **options)
    with pytest.raises(ShapeError, match=message):
        plot.attributions([found], **options)


def test_none_and_what_has_no_places_are_refused(model, acts):
    with pytest.raises(ShapeError, match="found none"):
        plot.attributions([])
    found = replace(attribution.gradient(model, acts, "Shirt"), values=np.zeros((2, 120)), layer="fc1")
    with pytest.raises(UnsupportedError, match="no places in the image"):
        plot.attribution(found)


def test_preferred_inputs_are_drawn_and_what_did_not_fire_is_hatched(model):
    found = attribution.preferred_input(model, "conv2", [5, 8], steps=3)
    quiet = replace(found, end=np.array([found.start[0] - 1, abs(found.start[1]) + 1]))
    figure = plot.preferred_inputs(quiet, columns=2)
    ((pixels,),) = images(figure)
    half = pixels.shape[1] // 2 - 1
    assert {tuple(colour) for colour in pixels[:, :half].reshape(-1, 3)} - {(255, 255, 255)} == set(DEAD)
    zoom = half // 28
    np.testing.assert_array_equal(
        pixels[: 28 * zoom, -28 * zoom :][::zoom, ::zoom], np.repeat(found.pictures[1], 3, -1)
    )
    title, note = heading(figure)
    assert title == "lenet5 · conv2: the inputs that its channels prefer"
    assert "1 did not fire (hatched)" in note


@pytest.mark.parametrize(("shape", "drawn", "share"), [((200, 1), (1, 200), 1 / 8), ((300, 12), (300, 12), 2)])
def test_a_sequence_is_drawn_as_its_input_is(shape, drawn, share):
    layers = [Conv1D("c", 4, 5), GlobalAveragePooling1D("g"), Dense("d", 3)]
    model = convlab.Model.sequential("signal", shape, layers)
    randomise(model, 0)
    found = attribution.gradient(model, model.run(np.random.default_rng(0).normal(size=(1, *shape))), 1)
    for figure in (plot.attribution(found), plot.attributions([found, found])):
        under, *frames = [ax for ax in figure.axes if ax.images and ax.get_label() != "<colorbar>"]
        assert under.images[0].get_array().shape[:2] == drawn
        for ax in frames:
            assert ax.images[-1].get_array().shape[:2] == drawn
            box = ax.get_window_extent()
            assert box.height / box.width == pytest.approx(share, rel=0.02)


@pytest.mark.parametrize(
    ("layer", "numbers"),
    [("conv", "its mean before the activation function"), ("relu", "its mean"), ("softmax", "what it made")],
)
def test_it_is_written_what_the_numbers_below_preferred_inputs_are(layer, numbers):
    layers = [
        Conv2D("conv", 2, 3, activation="relu"), ReLU("relu"), Flatten("flat"), Activation("softmax", "softmax"),
    ]  # fmt: skip
    small = convlab.Model.sequential("small", (6, 6, 1), layers)
    randomise(small, 0)
    _, note = heading(plot.preferred_inputs(attribution.preferred_input(small, layer, [0, 1], steps=1)))
    assert note.partition("  ·")[0] == f"1 step by pixels; below each {numbers}"


def of_batch(model, acts, target="Shirt"):
    return MeanAttribution.of(attribution.grad_cam(model, acts, target))


def test_of_each_class_the_mean_picture_the_mean_map_and_both_are_drawn(model, acts):
    means = {"shirts": of_batch(model, acts), "x" * 99: of_batch(model, acts, target="Coat")}
    figure = plot.mean_attributions(means)
    found = images(figure)
    assert len(found) == 6
    for mean, ((under,), (plain,), (again, over)) in zip(means.values(), (found[:3], found[3:]), strict=True):
        pixels = acts.preprocessing.restore(acts.input).astype(float).mean(axis=0)
        assert np.abs(under.reshape(28, 28) - pixels[..., 0]).max() <= 1
        np.testing.assert_array_equal(under, again)
        np.testing.assert_array_equal(over[..., :3], plain)
        strongest = mean.at_pixels()[0].argmax()
        assert over[..., 3].flat[strongest] == over[..., 3].max() == 204
    written = words(figure)
    assert "shirts · 2 pictures · class 6 (Shirt)" in written
    assert "x" * 89 + "…" in written
    title, note = heading(figure)
    assert title == "lenet5 · grad_cam, the mean of each class"
    assert "each on its own scale" in note


def test_of_very_many_classes_the_first_are_drawn(model, acts, monkeypatch):
    monkeypatch.setattr("convlab.view.mean_attributions.MOST", 11)
    mean = of_batch(model, acts)
    figure = plot.mean_attributions({f"class {i}": mean for i in range(14)})
    assert len(images(figure)) == 3 * 11
    assert heading(figure)[0].endswith("the mean of each class, the first 11 of 14 classes")
    width, height = figure.get_size_inches()
    assert 0.5 < width / height < 2


def test_means_that_are_not_there_are_named(model, acts):
    with pytest.raises(ShapeError, match="mean_attributions: found none"):
        plot.mean_attributions({})
    with pytest.raises(ShapeError, match=r"alpha is 1\.5"):
        plot.mean_attributions({"a": of_batch(model, acts)}, alpha=1.5)


@pytest.mark.parametrize(("layer", "name"), [("fc3", "Shirt"), ("conv2", "6")])
def test_below_the_preferred_input_of_a_class_stands_its_label(model, layer, name):
    found = attribution.preferred_input(model, layer, 6, steps=1)
    texts = [text.get_text() for ax in plot.preferred_inputs(found).axes for text in ax.texts]
    assert any(text.startswith(f"{name} · ") for text in texts)


def test_a_recording_is_no_attribution(model, acts):
    for draw in (plot.attribution, lambda found: plot.attributions([found])):
        with pytest.raises(UnsupportedError, match="expected an Attribution, found Activations"):
            draw(acts)
