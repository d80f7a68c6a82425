"""Pictures of networks with several inputs and outputs, of sequences, and of more layers than one line takes."""

from itertools import pairwise

import numpy as np
import pytest

import convlab
from convlab.layers import (
    Add,
    Concatenate,
    Conv1D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling1D,
    MaxPooling1D,
    over_time,
)
from convlab.markup.maps import recorded_maps
from convlab.model.model import Model, Node
from convlab.view import network as view
from support.figures import heading


def run(inputs, *chain, outputs=None, n=2):
    """Return the recording of a seeded network of (layer, names of what it takes)."""
    model = Model("net", inputs, [Node(layer.name, layer, sources) for layer, sources in chain], outputs=outputs)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights(**{name: rng.normal(size=shape) for name, shape in layer.shapes.items()})
    return model.run({name: rng.normal(size=(n, *shape)) for name, shape in model.inputs.items()})


def written(ax):
    """Return what is written above a strip."""
    return [text.get_text().replace("\n", "_") for text in ax.texts]


@pytest.fixture
def two_inputs():
    """Return a recording of a picture and a vector that meet, and part again into two answers."""
    return run(
        {"picture": (5, 7, 3), "facts": (4,)},
        (Conv2D("conv", 2, 3), ("picture",)),
        (Flatten("flatten"), ("conv",)),
        (Dense("hidden", 6), ("facts",)),
        (Concatenate("both"), ("flatten", "hidden")),
        (Dense("kind", 3), ("both",)),
        (Dense("age", 2), ("both",)),
        outputs=["kind", "age"],
    )


@pytest.fixture
def sequence():
    """Return a recording of a network on sequences (40, 3)."""
    return run(
        {"sound": (40, 3)},
        (Conv1D("conv", 4, 5), ("sound",)),
        (MaxPooling1D("pool", 2), ("conv",)),
        (GlobalAveragePooling1D("gap"), ("pool",)),
        (Dense("out", 3), ("gap",)),
    )


def test_every_input_and_every_output_has_its_strip(two_inputs):
    axes = convlab.plot.network(two_inputs).axes
    names = ["picture", "facts", "conv", "hidden", "both", "kind", "age"]
    assert [written(ax)[0] for ax in axes] == names
    assert [written(ax)[1] for ax in axes[:3]] == ["5 × 7 × 3", "4", "3 × 5 × 2"]
    assert [len(ax.patches) for ax in axes] == [0, 0, 0, 0, 0, 3, 2]  # both answers are bars


def test_an_input_that_is_no_picture_is_a_column_of_cells(two_inputs):
    (drawn,) = convlab.plot.network(two_inputs, image=1).axes[1].get_images()
    column = two_inputs.inputs["facts"][1].reshape(4, 1, 1)
    assert np.array_equal(drawn.get_array(), convlab.mosaic(column, colors="auto"))


def test_the_picture_of_several_inputs_is_the_one_with_rows_and_columns(two_inputs):
    from matplotlib.figure import Figure

    from convlab.view.picture import draw_input

    ax = Figure().add_subplot()
    draw_input(ax, two_inputs, 0)
    assert ax.get_images()[0].get_array().shape[:2] == (5, 7)


def test_a_sequence_is_a_table_and_its_maps_are_bars(sequence):
    axes = convlab.plot.network(sequence).axes
    assert [written(ax)[0] for ax in axes] == ["input", "conv", "pool", "gap", "out"]
    assert [written(ax)[1] for ax in axes] == ["40 × 3", "36 × 4", "18 × 4", "4", "3"]
    (sound,) = axes[0].get_images()
    table = sequence.inputs["sound"][0][:, :, None]
    assert np.array_equal(sound.get_array(), convlab.mosaic(table, colors="auto"))
    assert axes[0].get_box_aspect() == 2  # not 40 / 3, a line
    (bars,) = axes[1].get_images()
    zoom = 150 // 36
    pixels = bars.get_array().shape[0]
    assert pixels == 4 * (round(36 / 8) * zoom + round(0.08 * zoom * 36)) - round(0.08 * zoom * 36)


def test_a_sequence_of_one_channel_is_a_bar():
    acts = run({"sound": (40, 1)}, (Conv1D("conv", 4, 5), ("sound",)))
    ax = convlab.plot.network(acts).axes[0]
    assert ax.get_images()[0].get_array().shape[:2] == (1, 40)
    assert ax.get_box_aspect() == 1 / 8


def test_feature_maps_of_a_sequence_have_one_row(sequence, tmp_path):
    figure = convlab.plot.feature_maps(sequence, "conv", image=1, columns=1, path=tmp_path / "maps.png")
    assert heading(figure)[0] == "net · conv: 4 channels of 1 × 36, image 1 of 2"
    pixels = figure.axes[0].get_images()[0].get_array()
    zoom = pixels.shape[1] // 36
    maps = sequence["conv"][1][None].repeat(round(36 / 8), axis=0)  # one cell high it would be a line
    gap = (pixels.shape[0] - 4 * zoom * len(maps)) // 3
    assert np.array_equal(pixels, convlab.mosaic(maps, 1, zoom=zoom, gap=(gap, 2), colors="auto"))
    assert "2 × 36 × 4" in sequence._repr_html_()


def test_maps_of_any_number_of_axes():
    array = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)
    assert np.array_equal(recorded_maps(array, 1), array[1, 1])  # the middle of three slices
    assert np.array_equal(recorded_maps(array[:, :, None], 1), array[1].reshape(12, 5, 6))
    assert np.array_equal(recorded_maps(array[:, 0], -1), array[1, 0])
    assert np.array_equal(recorded_maps(array[:, 0, 0], 1), array[1, 0, 0][None])
    assert np.array_equal(recorded_maps(array[:, 0, 0, 0], 1), array[1, 0, 0, 0][None, None])


def test_strips_that_do_not_fit_go_on_in_the_next_line(monkeypatch):
    x = np.random.default_rng(0).normal(size=(1, 5, 7, 3))
    many = {f"add{i}": x for i in range(40)}
    acts = convlab.Activations(many, dict.fromkeys(many, "Add"), {"input": x}, {"add39": x}, "net")
    figure = convlab.plot.network(acts, maps=1)
    boxes = [ax.get_position() for ax in figure.axes]
    assert [written(ax)[0] for ax in figure.axes] == ["input", *many]
    lines = sorted({round(box.y1, 6) for box in boxes}, reverse=True)
    assert len(lines) == 2
    places = [(lines.index(round(box.y1, 6)), box.x0) for box in boxes]
    assert places == sorted(places)  # read like a text
    assert all(box.x0 >= 0 and box.x1 <= 1 and box.y0 >= 0 for box in boxes)
    assert figure.get_size_inches()[0] <= view.LINE
    assert figure.dpi == 150
    monkeypatch.setattr(view, "PIXELS", 1e5)
    small = convlab.plot.network(acts, maps=1)
    assert np.prod(small.get_size_inches()) * small.dpi**2 == pytest.approx(1e5)


def test_a_layer_that_mixes_channels_shows_its_own_best():
    """Add keeps the channels apart and shows those of the convolution before it; a later convolution does not."""
    acts = run(
        {"x": (6, 7, 9)},
        (Conv2D("a", 9, 3, padding="same"), ("x",)),
        (Add("sum"), ("a", "x")),
        (Conv2D("b", 9, 3), ("sum",)),
    )
    acts["a"][...] *= np.array([1, 9, 1, 1, 9, 1, 1, 1, 1])
    acts["b"][...] *= np.array([9, 1, 1, 1, 1, 1, 1, 9, 1])
    axes = convlab.plot.network(acts, maps=2).axes
    shown = [[label.get_text() for label in ax.get_yticklabels()] for ax in axes]
    assert shown == [[], ["1", "4"], ["1", "4"], ["0", "7"]]


def test_a_layer_around_one_that_mixes_channels_mixes_them():
    acts = run({"x": (6, 9)}, (Conv1D("a", 9, 1), ("x",)), (over_time(Dense("b", 9)), ("a",)))
    acts["a"][...] *= np.array([1, 9, 1, 1, 9, 1, 1, 1, 1])
    acts["b"][...] *= np.array([9, 1, 1, 1, 1, 1, 1, 9, 1])
    assert acts.kinds["b"] == "TimeDistributed(Dense)"
    shown = [[label.get_text() for label in ax.get_yticklabels()] for ax in convlab.plot.network(acts, maps=2).axes]
    assert shown == [[], ["1", "4"], ["0", "7"]]


@pytest.mark.parametrize("size", [None, (8, 5)])
def test_names_do_not_touch_on_a_small_page_either(size):
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 6))
    names = ["conv2d", "max_pooling2d", "conv2d_1", "max_pooling2d_1", "dense", "max_pooling2d_2", "out"]
    layers = dict.fromkeys(names, x) | {"dense": x.reshape(1, -1)[:, :120], "out": x[:, 0, 0]}
    acts = convlab.Activations(layers, dict.fromkeys(names, "Add"), {"x": x}, {"out": layers["out"]}, "net")
    figure = convlab.plot.network(acts, size=size, dpi=72)
    figure.canvas.draw()
    boxes = [ax.texts[0].get_window_extent() for ax in figure.axes]
    assert min(after.x0 - before.x1 for before, after in pairwise(boxes)) >= 8
