"""The picture of an explanation: what it draws is looked up in the figure, number by number."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from PIL import Image

import convlab
from convlab.explanation.explanation import explain
from convlab.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from convlab.view.explain import explanation
from convlab.view.explain_cells import FOUND, POSITIVE, TOTAL
from support.figures import heading, words_drawn

LAYERS = [
    Conv2D("conv", 6, 3, 2, "same", activation="relu"),
    BatchNormalization("norm"),
    ZeroPadding2D("frame"),
    MaxPooling2D("pool", (2, 3)),
    AveragePooling2D("mean", 2, 1),
    Conv2D("point", 7, 1),
    GlobalAveragePooling2D("all"),
    Flatten("flat"),
    Dense("dense", 13, "softmax"),
    Activation("last", "relu"),
]


@pytest.fixture(scope="module")
def model():
    network, random = convlab.Model.sequential("net", (11, 14, 5), LAYERS), np.random.default_rng(0)
    for layer in network.layers:
        layer.set_weights(**{name: random.uniform(0.1, 1, size) for name, size in layer.shapes.items()})
    return network


@pytest.fixture(scope="module")
def acts(model):
    return model.run(np.random.default_rng(1).normal(size=(2, 11, 14, 5)).astype(np.float32))


def titled(figure, start):
    """Return the axes whose title starts so."""
    return [ax for ax in figure.axes if ax.get_title(loc="left").startswith(start)]


def numbers(ax):
    return [text.get_text() for text in ax.texts]


def marks(ax):
    """Return the frames (left, top, width, height) of what is looked at, in cells."""
    frames = [patch for patch in ax.patches if isinstance(patch, Rectangle) and not patch.get_fill()]
    return [patch.get_bbox().bounds for patch in frames if to_hex(patch.get_edgecolor()) == FOUND]


def texts(figure):
    return [text.get_text() for text in figure.texts]


@pytest.mark.parametrize("layer", [layer.name for layer in LAYERS])
def test_every_kind_of_layer_is_drawn(model, acts, layer, tmp_path):
    path = tmp_path / "picture.png"
    why = explain(model, acts, layer, 0, 0, 1, image=1)
    figure = explanation(why, acts, path=path)
    assert heading(figure)[0] == f"net, {layer} ({why.kind}): " + (
        "channel 1 at row 0, column 0 of image 1" if len(why.shape) > 1 else "unit 1 of image 1"
    )
    width, height = figure.get_size_inches() * figure.dpi
    with Image.open(path) as saved:
        assert saved.size == pytest.approx((width, height), abs=1)
    for ax in figure.axes:  # nothing reaches over the edge of the page
        box = ax.get_tightbbox()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height


def test_a_convolution_shows_its_numbers(model, acts):
    why = explain(model, acts, "conv", 0, 3, 2)
    figure = explanation(why, acts)
    tables, kernels, products = (titled(figure, name) for name in ("patch", "kernel", "products: sum"))
    assert [len(axes) for axes in (tables, kernels, products)] == [3, 3, 3]
    drawn = [int(ax.get_title(loc="left").rpartition(" ")[2]) for ax in titled(figure, "input, channel")]
    for axes, array in ((tables, why.patch), (kernels, why.kernel), (products, why.products)):
        for ax, channel in zip(axes, drawn, strict=True):
            np.testing.assert_array_equal(ax.images[0].get_array(), array[:, :, channel])
            assert [float(text) for text in numbers(ax)] == pytest.approx(array[:, :, channel].ravel(), abs=0.005)
    assert products[0].get_title(loc="left") == f"products: sum {why.channel_sums[drawn[0]]:.4g}"


def rows_of(figure):
    """Return the input channels that are drawn, from the top."""
    return [ax.get_title(loc="left") for ax in titled(figure, "input, channel")]


def test_the_same_input_channels_stand_in_the_same_order_whichever_number_is_explained(model, acts):
    """Those with the largest products anywhere: a kernel's size times that of its map."""
    whys = [explain(model, acts, "conv", y, x, 2) for y in range(6) for x in range(7)]
    assert len({tuple(why.strongest(3)) for why in whys}) > 5
    pictures = [rows_of(explanation(why, acts)) for why in whys]
    kernel = np.linalg.norm(model["conv"].weights["kernel"][..., 2].reshape(9, 5), axis=0)
    sizes = kernel * np.linalg.norm(acts.input[0].reshape(-1, 5), axis=0)
    assert pictures == [[f"input, channel {i}" for i in np.sort(np.argsort(-sizes)[:3])]] * len(whys)


def test_the_strongest_here_are_named_and_can_be_asked_for(model, acts):
    why = explain(model, acts, "conv", 1, 5, 2)
    strongest = why.strongest(3)
    figure = explanation(why, acts, channels=strongest)
    assert rows_of(figure) == [f"input, channel {i}" for i in strongest]
    sums = ", ".join(f"channel {i} {why.channel_sums[i]:+.3g}" for i in strongest)
    assert f"strongest here: {sums}" in heading(figure)[1]
    with pytest.raises(convlab.ShapeError, match=r"channels \[7\]: there are only 0 to 4"):
        explanation(why, acts, channels=[7])


def test_the_layers_own_map_is_shown_with_the_cell(model, acts):
    why = explain(model, acts, "conv", 1, 5, 2, image=1)
    figure = explanation(why, acts)
    (ax,) = titled(figure, "conv, channel 2: this number")
    np.testing.assert_array_equal(ax.images[0].get_array(), acts["conv"][1, :, :, 2])
    assert marks(ax) == [(4.5, 0.5, 1, 1)]


def test_a_long_name_is_not_cut():
    name = "block7_expanded_separable_convolution_of_the_second_branch_with_a_long_name/batch_normalization_2"
    network = convlab.Model.sequential("a_network_of_a_long_name_too", (5, 6, 2), [BatchNormalization(name)])
    network[name].set_weights(**{key: np.ones(shape) for key, shape in network[name].shapes.items()})
    recording = network.run(np.ones((1, 5, 6, 2), np.float32))
    figure = explanation(explain(network, recording, name, 2, 3, 1), recording)
    figure.draw_without_rendering()
    title = figure.get_layout_engine().title
    assert title.get_text().replace("\n", "").endswith("channel 1 at row 2, column 3")
    assert title.get_window_extent().x1 < figure.bbox.x1


def test_padding_is_hatched_over_its_number(model, acts):
    why = explain(model, acts, "conv", 0, 6, 2)
    assert why.place.padding.sum() == 5
    figure = explanation(why, acts)
    (table, *_), (product, *_) = titled(figure, "patch"), titled(figure, "products")
    for ax in (table, product):
        hatched = {patch.get_bbox().bounds[:2]: patch for patch in ax.patches if patch.get_hatch()}
        assert set(hatched) == {(j - 0.5, i - 0.5) for i, j in np.argwhere(why.place.padding)}
        above = max(text.get_zorder() for text in ax.texts)
        assert all(patch.get_zorder() > above and patch.get_facecolor()[3] == 1 for patch in hatched.values())
    (kernel, *_) = titled(figure, "kernel")
    assert not [patch for patch in kernel.patches if patch.get_hatch()]


def test_the_window_and_the_field_are_framed_where_they_are(model, acts):
    why = explain(model, acts, "norm", 2, 3, 2)
    figure = explanation(why, acts)
    (image,), (window,) = titled(figure, "image"), titled(figure, "conv, channel 2")
    (top, bottom), (left, right) = why.field_in_image
    assert marks(image) == [(left - 0.5, top - 0.5, right - left + 1, bottom - top + 1)]
    assert marks(window) == [(2.5, 1.5, 1, 1)]


def test_a_window_over_the_edge_stays_whole(model, acts):
    why = explain(model, acts, "conv", 0, 6)
    (window, *_) = titled(explanation(why, acts), "input, channel")
    rows, columns = why.place.rows, why.place.columns
    assert marks(window) == [(columns[0] - 0.5, rows[0] - 0.5, 3, 3)]
    assert window.get_ylim() == (10.5, rows[0] - 0.5)
    assert window.get_xlim() == (-0.5, columns[-1] + 0.5)


def test_the_cells_of_a_dilated_window_are_framed_one_by_one(acts):
    model = convlab.Model.sequential("net", (11, 14, 5), [Conv2D("c", 1, (3, 2), dilation=(2, 4))])
    model["c"].set_weights(kernel=np.ones((3, 2, 5, 1)), bias=np.zeros(1))
    acts = model.run(acts.input)
    (window, *_) = titled(explanation(explain(model, acts, "c", 1, 2), acts), "input, channel")
    *cells, whole = marks(window)
    assert whole == (1.5, 0.5, 5, 5)
    assert cells == [(x - 0.5, y - 0.5, 1, 1) for y in (1, 3, 5) for x in (2, 6)]


def test_the_winner_is_framed(model, acts):
    why = explain(model, acts, "pool", 1, 1, 2)
    (table,) = titled(explanation(why, acts), "patch")
    ((row, column, _),) = np.argwhere(why.kernel)
    assert marks(table) == [(column - 0.5, row - 0.5, 1, 1)]


def test_the_bars_add_up(model, acts):
    why = explain(model, acts, "dense", channel=4)
    (ax,) = titled(explanation(why, acts), "what each adds")
    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    *terms, total, after = bars
    assert sum(bar.get_width() for bar in terms) == pytest.approx(why.before)
    for bar, following in pairwise(terms):
        assert following.get_x() == pytest.approx(bar.get_x() + bar.get_width())
    assert (total.get_x(), total.get_width(), after.get_width()) == (0, why.before, why.after)
    assert to_hex(total.get_facecolor()) == TOTAL
    assert all((bar.get_width() > 0) == (to_hex(bar.get_facecolor()) == POSITIVE) for bar in terms)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[-3:] == ["bias", "sum", "softmax"]
    assert len(names) == 7 + 3


def test_many_terms_are_summed(model, acts):
    network = convlab.Model.sequential("net", (11, 14, 5), [Flatten("f"), Dense("d", 3)])
    network["d"].set_weights(kernel=np.ones((770, 3)), bias=np.ones(3))
    recording = network.run(acts.input)
    why = explain(network, recording, "d", channel=1)
    (ax,) = titled(explanation(why, recording), "what each adds")
    assert ax.get_yticklabels()[10].get_text() == "760 others"
    *terms, total = (patch for patch in ax.patches if isinstance(patch, Rectangle))
    assert sum(bar.get_width() for bar in terms) == pytest.approx(total.get_width()) == pytest.approx(why.before)


def test_what_is_drawn_is_among_the_terms_and_zeros_are_counted():
    """Channel 11 is the largest of the image, but adds least here; channels 0 to 9 are zero everywhere."""
    network = convlab.Model.sequential("net", (6, 6, 24), [Conv2D("conv", 1, 3)])
    network["conv"].set_weights(kernel=np.ones((3, 3, 24, 1)), bias=np.zeros(1))
    x = np.ones((1, 6, 6, 24)) * np.arange(24)
    x[..., :10], x[0, 3:, 3:, 11], x[0, :3, :3, 11] = 0, 1e3, 1e-3
    recording = network.run(x)
    why = explain(network, recording, "conv", 0, 0)
    figure = explanation(why, recording)
    assert rows_of(figure) == ["input, channel 11", "input, channel 22", "input, channel 23"]
    (ax,) = titled(figure, "what each adds")
    names = [label.get_text() for label in ax.get_yticklabels()]
    shown = [11, *range(15, 24)]
    assert names == [*(f"channel {i}" for i in shown), "14 others, 10 of them 0", "bias", "sum"]


def test_of_an_image_of_zeros_one_channel_is_drawn(model, acts):
    recording = model.run(np.zeros_like(acts.input))
    figure = explanation(explain(model, recording, "conv", 1, 1, 2), recording)
    assert rows_of(figure) == ["input, channel 0"]
    assert "strongest here: nothing, all products are 0" in heading(figure)[1]


def test_the_arithmetic_stands_below(model, acts):
    why = explain(model, acts, "norm", 1, 2)
    *_, last = texts(explanation(why, acts))
    assert last.startswith(f"recorded {why.recorded:.6g}")
    joined = " ".join(texts(explanation(why, acts)))
    assert f"{why.formula} = {why.before:.6g}" in joined


def test_a_large_window_has_colours_without_numbers():
    model = convlab.Model.sequential("net", (13, 15, 2), [GlobalAveragePooling2D("all")])
    acts = model.run(np.ones((1, 13, 15, 2), np.float32))
    (table,) = titled(explanation(explain(model, acts, "all"), acts), "patch")
    assert numbers(table) == []
    assert table.images[0].get_array().shape == (13, 15)


def test_the_picture_is_the_one_the_network_saw():
    model = convlab.load("lenet5", weights=0)
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    acts = model.run(model.prepare(pixels))
    (image,) = titled(explanation(explain(model, acts, "conv1", 3, 4), acts), "image")
    np.testing.assert_array_equal(image.images[0].get_array(), pixels)


def test_networks_without_an_image_are_drawn():
    model = convlab.Model.sequential("net", (6,), [Dense("d", 3)])
    model["d"].set_weights(kernel=np.ones((6, 3)), bias=np.ones(3))
    acts = model.run(np.ones((1, 6), np.float32))
    assert titled(explanation(explain(model, acts, "d", channel=2), acts), "what each adds")


def test_a_sequence_is_framed_where_its_steps_are():
    model = convlab.Model.sequential("net", (9, 4), [Conv1D("conv", 2, 3)])
    model["conv"].set_weights(kernel=np.ones((3, 4, 2)), bias=np.ones(2))
    acts = model.run(np.arange(36.0).reshape(1, 9, 4))
    (image,) = titled(explanation(explain(model, acts, "conv", x=5, channel=1), acts), "image")
    assert image.images[0].get_array().shape[:2] == (9, 4)
    assert image.get_window_extent().height == pytest.approx(2 * 2.6 * 150)  # no line
    assert marks(image) == [(-0.5, 4.5, 4, 3)]  # steps 5, 6, 7 with all of their channels


def test_odd_values_are_drawn(model, acts):
    x = acts.input.copy()
    x[0, 0, 0], x[0, 1, 1] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        recording = model.run(x)
    explanation(explain(model, recording, "conv"), recording).canvas.draw()


@pytest.mark.parametrize(("size", "drawn"), [((8, 6), True), ((4, 3), False)])
def test_numbers_of_a_small_page_stay_in_their_cells_or_are_left_out(model, acts, size, drawn):
    why = explain(model, acts, "conv", 1, 1, 2)
    figure = explanation(why, acts, size=size, dpi=100)
    words = words_drawn(figure)
    for ax in titled(figure, "kernel") + titled(figure, "products"):
        assert [text in words for text in ax.texts] == [drawn] * 9
        widest = max(text.get_window_extent().width for text in ax.texts)
        assert not drawn or widest <= ax.get_window_extent().width / 3


# ---- backwards


def test_a_gradient_is_drawn_from_gradients(model, acts):
    grads = convlab.gradients(model, acts, 3)
    why = explain(model, grads, "input", 4, 6, 2, image=1, backward=True)
    figure = explanation(why, grads)
    assert (
        heading(figure)[0]
        == "net, gradient of class 3 by input (InputLayer): channel 2 at row 4, column 6 of image 1"
    )
    shown = [channel for channel in range(6) if titled(figure, f"gradient by conv/pre, channel {channel}")]
    assert len(shown) == 3 and len(titled(figure, "kernel, turned")) == 3
    maps = titled(figure, f"gradient by conv/pre, channel {shown[0]}")[0].images[0].get_array()
    np.testing.assert_array_equal(maps, grads.before_activation("conv")[1, :, :, shown[0]])
    (own,) = titled(figure, "gradient by input, channel 2: this number")
    np.testing.assert_array_equal(own.images[0].get_array(), grads["input"][1, :, :, 2])
    assert titled(figure, "image, and this cell")


@pytest.mark.parametrize("layer", ["conv", "norm", "frame", "pool", "mean", "point", "all", "flat", "dense"])
def test_gradients_of_every_layer_are_drawn(layer, model, acts):
    grads = convlab.gradients(model, acts, {"last": np.ones((2, 13))})
    assert heading(explanation(explain(model, grads, layer, backward=True), grads))


def test_nothing_that_comes_back_is_drawn(model, acts):
    grads = convlab.gradients(model, acts, ("conv", (1, 2, 3)))
    figure = explanation(explain(model, grads, "conv", 1, 2, 3, backward=True), grads)
    assert "nothing comes back + 1 to begin with = 1" in [text.get_text() for text in words_drawn(figure)]


def test_it_is_drawn_from_what_it_was_made_from(model, acts):
    grads = convlab.gradients(model, acts, 3)
    with pytest.raises(convlab.UnsupportedError, match="made from gradients, found a recording"):
        explanation(explain(model, grads, "conv", backward=True), acts)
    with pytest.raises(convlab.UnsupportedError, match="made from a recording, found gradients"):
        explanation(explain(model, acts, "conv"), grads)
