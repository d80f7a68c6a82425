"""The figures: what is drawn is the mosaic, what is written is true, and nothing is left open."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import convlab
from convlab.errors import FileError, LayerNameError, ShapeError, UnsupportedError
from convlab.images.preprocessing import standard
from convlab.layers import Conv1D, Conv2D, DepthwiseConv2D, SeparableConv2D, ZeroPadding2D
from convlab.model.initialise import randomise
from support.figures import heading, texts, words_drawn


@pytest.fixture(scope="module")
def acts(lenet):
    x = np.random.default_rng(1).random((2, 28, 28, 1), np.float32)
    return lenet.run(x, pre=True)


def captions(figure):
    """Return what stands below the maps."""
    return [text.get_text() for text in figure.axes[0].texts]


def test_feature_maps_shows_the_mosaic_and_says_what_it_is(acts, tmp_path):
    path = tmp_path / "relu2.png"
    figure = convlab.plot.feature_maps(acts, "relu2", image=1, path=path)
    assert isinstance(figure, Figure)
    (drawn,) = figure.axes[0].get_images()
    zoom = round(drawn.get_array().shape[1] / (80 + 70 / 24))  # eight columns of ten cells, seven gaps of 10/24
    gaps = drawn.get_array().shape[0] - 20 * zoom, zoom * 10 // 24
    expected = convlab.mosaic(acts["relu2"], 8, zoom=zoom, gap=gaps, image=1, colors="auto")
    assert np.array_equal(drawn.get_array(), expected)
    written = texts(figure)
    assert "lenet5 (random weights) · relu2: 16 channels of 10 × 10, image 1 of 2" in written
    assert "each channel on its own scale, from 0 to its maximum" in written
    with Image.open(path) as saved:
        assert saved.size == tuple((figure.get_size_inches() * figure.dpi).astype(int))


def test_feature_maps_counts_zero_and_not_finite(acts):
    maps = np.ones((1, 4, 5, 6))
    maps[..., 2] = 0
    maps[0, 0, 0, 3] = np.nan
    odd = convlab.Activations({"a": maps}, {"a": "Conv2D"}, {"x": maps}, {"y": maps}, "net")
    written = texts(convlab.plot.feature_maps(odd, "a"))
    assert "1 zero for this image, hatched (2)" in written
    assert "1 values are NaN or infinite (magenta)" in written


def test_chosen_channels_keep_their_numbers(acts):
    figure = convlab.plot.feature_maps(acts, "conv2", channels=[11, 3], columns=1)
    assert "2 of 16 channels" in texts(figure)
    ends = [np.abs(acts["conv2"][0, :, :, channel]).max() for channel in (11, 3)]
    assert captions(figure) == [f"11 · ±{ends[0]:.3g}", f"3 · ±{ends[1]:.3g}"]


def test_a_shared_scale_has_a_bar_with_its_numbers(acts):
    figure = convlab.plot.feature_maps(acts, "relu1", scale="shared")
    bar = figure.axes[0].child_axes[0]
    assert bar.get_ylim() == (0, pytest.approx(float(acts["relu1"][0].max())))


def test_callers_axes_are_used(acts, lenet):
    figure = Figure()
    ax = figure.add_subplot()
    assert convlab.plot.feature_maps(acts, "conv1", ax=ax) is figure
    assert convlab.plot.dense(acts, "fc2", ax=figure.add_subplot()) is figure
    assert convlab.plot.network(acts, ax=figure.add_subplot()) is figure
    assert convlab.plot.filters(lenet, "conv2", ax=figure.add_subplot()) is figure
    assert [len(axes.get_images()) for axes in figure.axes] == [1, 0, 1, 1]


@pytest.mark.parametrize("channels", [1, 3, 6, 20, 67, 512])
def test_any_number_of_channels(channels):
    maps = np.random.default_rng(0).random((1, 3, 2, channels))
    net = convlab.Activations({"a": maps}, {"a": "Conv2D"}, {"x": maps}, {"y": maps}, "net")
    assert f"{channels} channels of 3 × 2" in texts(convlab.plot.feature_maps(net, "a"))


def test_filters_of_one_input_channel_are_one_panel(lenet, tmp_path):
    figure = convlab.plot.filters(lenet, "conv1", path=tmp_path / "f.png")
    assert len(figure.axes) == 1
    assert "lenet5 (random weights) · conv1: 6 kernels of 5 × 5" in texts(figure)
    assert "each kernel on its own scale: blue negative, white 0, red positive" in texts(figure)


def test_filters_scales(lenet):
    kernel = lenet["conv1"].weights["kernel"]
    shared = convlab.plot.filters(lenet, "conv1", scale="shared")
    assert f"one scale for all kernels, ±{np.abs(kernel).max():.3g}" in texts(shared)

    def strongest(figure):
        """Return, for each kernel, how far from white its strongest pixel is."""
        pixels = figure.axes[0].get_images()[0].get_array().astype(int)
        return [np.abs(247 - half).max() for half in (pixels[:, :160], pixels[:, -150:])]

    own = strongest(convlab.plot.filters(lenet, "conv1", outputs=[0, 1]))
    assert min(own) > 200  # each reaches an end of the colormap
    louder = convlab.load("lenet5", weights=5)
    louder["conv1"].set_weights(kernel=kernel * np.array([1, 0.1, 1, 1, 1, 1], np.float32))
    quiet = strongest(convlab.plot.filters(louder, "conv1", outputs=[0, 1], scale="shared"))
    assert quiet[0] > 200
    assert quiet[1] < 60
    with pytest.raises(ShapeError, match="'own' is unknown for filters: use channel, shared"):
        convlab.plot.filters(lenet, "conv1", scale="own")


def test_filters_on_colours_are_shown_as_rgb_whatever_the_networks_order():
    """A kernel that is positive on red alone must look red, in VGG's BGR order too."""
    vgg = convlab.load("vgg16", weights=0, include_top=False, input_shape=(32, 32, 3))
    kernel = np.zeros((3, 3, 3, 64), np.float32)
    kernel[:, :, 2, 0] = 1  # BGR: the third channel is red
    vgg["block1_conv1"].set_weights(kernel=kernel)
    figure = convlab.plot.filters(vgg, "block1_conv1")
    ax = figure.axes[0]
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names[:4] == ["col", "R", "G", "B"]
    in_colour, on_red, on_green, on_blue = (
        ax.get_images()[0].get_array()[3, round(x) + 3].tolist() for x in ax.get_xticks()[:4]
    )
    assert in_colour == [255, 128, 128]
    assert on_red[0] > on_red[2] + 50  # red
    assert on_green == on_blue
    assert min(on_blue) >= 246


def test_filters_of_a_deep_layer_are_a_table_of_what_was_chosen(lenet):
    figure = convlab.plot.filters(lenet, "conv2", outputs=slice(-2, None), inputs=[0, 5, 2])
    assert "2 of 16 kernels of 5 × 5, 3 of 6 input channels" in heading(figure)[0]
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["14", "15"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "5", "2"]
    pixels = ax.get_images()[0].get_array()
    part = lenet["conv2"].weights["kernel"][:, :, [0, 5, 2]][:, :, :, -2:]
    y, x, c, o = np.unravel_index(part.argmax(), part.shape)
    tile_h, tile_w = (pixels.shape[0] + 6) // 2, (pixels.shape[1] + 6) // 3
    zoom = (tile_w - 6) // 5
    strongest = pixels[o * tile_h + y * zoom, c * tile_w + x * zoom]
    assert strongest[0] > 80 > strongest[2]  # RdBu_r's red end is where the largest weight is


def test_network_shows_each_layer_once_from_left_to_right(acts, tmp_path):
    figure = convlab.plot.network(acts, path=tmp_path / "network.png")
    names = ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "fc1", "relu3", "fc2", "relu4", "fc3", "softmax"]
    found = [line for line in texts(figure).split("\n") if line in names]
    assert found == names  # not flatten, which only reshapes, nor name/pre
    lefts = [ax.get_position().x0 for ax in figure.axes]
    assert lefts == sorted(lefts)


def test_network_follows_the_same_channels_until_they_are_mixed(acts):
    figure = convlab.plot.network(acts, maps=3)
    strips = {i: [label.get_text() for label in ax.get_yticklabels()] for i, ax in enumerate(figure.axes)}
    assert strips[4] == strips[5] == strips[6]  # conv2, relu2, pool2
    assert len(strips[4]) == 3


def test_network_of_a_model_without_top_ends_in_maps():
    model = convlab.load("vgg16", weights=0, include_top=False, input_shape=(40, 33, 3))
    figure = convlab.plot.network(model.run(np.random.default_rng(0).uniform(-100, 100, (1, 40, 33, 3))))
    assert "block5_pool" in texts(figure)


def test_network_without_preprocessing_shows_the_first_channel():
    x = np.random.default_rng(0).random((1, 4, 5, 2))
    acts = convlab.Activations({"a": x}, {"a": "Conv2D"}, {"x": x}, {"y": x}, "net")
    assert "net" in texts(convlab.plot.network(acts))


def test_network_with_nothing_to_draw_says_so(lenet):
    acts = lenet.run(np.zeros((1, 28, 28, 1), np.float32), record="flatten")
    with pytest.raises(ShapeError, match="nothing to draw in a recording of flatten"):
        convlab.plot.network(acts)


def test_dense_shows_the_largest_with_labels(tmp_path):
    model = convlab.load("lenet5")
    acts = model.run(np.random.default_rng(0).random((1, 28, 28, 1), np.float32))
    figure = convlab.plot.dense(acts, "softmax", 3, path=tmp_path / "dense.png")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [label for label, _ in acts.top(3)]
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert widths == pytest.approx([probability for _, probability in acts.top(3)])
    assert "the 3 largest of 10 values" in texts(figure)


def test_hidden_units_have_numbers_and_negative_values_bars_to_the_left(acts):
    figure = convlab.plot.dense(acts, "fc2", 84)
    assert [int(label.get_text()) for label in figure.axes[0].get_yticklabels()] == list(np.argsort(-acts["fc2"][0]))
    assert min(bar.get_width() for bar in figure.axes[0].patches) == pytest.approx(acts["fc2"][0].min())


def test_wrong_requests_are_named(acts, lenet):
    with pytest.raises(LayerNameError, match="did you mean 'conv1'"):
        convlab.plot.feature_maps(acts, "conv_1")
    with pytest.raises(ShapeError, match=r"channels \[99\]: there are only 0 to 15"):
        convlab.plot.feature_maps(acts, "conv2", channels=[99])
    with pytest.raises(ShapeError, match="selects none of the 16"):
        convlab.plot.feature_maps(acts, "conv2", channels=[])
    with pytest.raises(ShapeError, match="not \\(N, features\\): draw it with feature_maps"):
        convlab.plot.dense(acts, "conv2")
    with pytest.raises(ShapeError, match="expected a slice or a list of numbers from 0 to 15"):
        convlab.plot.feature_maps(acts, "conv2", channels=3)
    with pytest.raises(ShapeError, match="image 5 of a batch of 2 does not exist"):
        convlab.plot.dense(acts, "fc1", image=5)
    with pytest.raises(ShapeError, match="k is 0, expected at least 1"):
        convlab.plot.dense(acts, "fc1", 0)
    with pytest.raises(FileError, match=r"nowhere/x\.png: cannot be written, for the folder nowhere does not exist"):
        convlab.plot.dense(acts, "fc1", path="nowhere/x.png")
    with pytest.raises(UnsupportedError, match=r"'relu1' \(Activation\) has no convolution kernels"):
        convlab.plot.filters(lenet, "relu1")


def test_a_notebook_shows_the_figure(acts):
    assert convlab.plot.dense(acts, "fc2")._repr_png_().startswith(b"\x89PNG")


def test_pyplot_is_never_imported():
    """It keeps every figure until somebody closes it."""
    code = "import sys; from convlab.view import plot; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_path_without_an_ending_is_a_png_of_that_name(acts, tmp_path):
    convlab.plot.dense(acts, "fc2", path=tmp_path / "figure")
    assert (tmp_path / "figure").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["figure"]


def test_the_last_image_of_a_batch_can_be_counted_from_the_end(acts):
    last, one = (convlab.plot.network(acts, image=image).axes[0].get_images()[0].get_array() for image in (-1, 1))
    assert np.array_equal(last, one)


@pytest.mark.parametrize("ending", ["pdf", "svg", "jpg"])
def test_other_formats(acts, tmp_path, ending):
    convlab.plot.dense(acts, "fc2", path=tmp_path / f"figure.{ending}")
    assert (tmp_path / f"figure.{ending}").stat().st_size > 1000


def test_a_nan_among_units_is_magenta_and_places_without_a_unit_are_white():
    units = np.arange(1.0, 31)[None]
    units[0, 3] = np.nan
    x = np.zeros((1, 4, 4, 1))
    acts = convlab.Activations(
        {"fc": units, "out": units[:, :2]}, {"fc": "Dense", "out": "Dense"}, {"x": x}, {"y": units}, "net"
    )
    pixels = convlab.plot.network(acts).axes[1].get_images()[0].get_array()
    assert pixels.shape[:2] == (15, 2)
    assert pixels[3, 0].tolist() == [255, 0, 255]
    acts = convlab.Activations({"fc": units[:, :29], "out": units[:, :2]}, acts.kinds, {"x": x}, {"y": units}, "net")
    assert convlab.plot.network(acts).axes[1].get_images()[0].get_array()[14, 1].tolist() == [255, 255, 255]


def test_network_says_what_its_colours_mean(acts):
    written = texts(convlab.plot.network(acts))
    assert "each map on its own scale: dark 0 to yellow, or blue negative, red positive" in written


def test_a_long_title_fits_on_the_sheet(lenet):
    figure = convlab.plot.filters(lenet, "conv2", outputs=[1], inputs=[2])
    figure.draw_without_rendering()
    (title,) = [t for t in figure.findobj(lambda a: hasattr(a, "get_text")) if t.get_text().startswith("lenet5")]
    assert title.get_window_extent().x1 < figure.bbox.x1


def test_filters_of_a_sequence_are_one_row_high():
    model = convlab.Model.sequential("m", (9, 2), [Conv1D("conv", 3, 5)])
    randomise(model, 0)
    assert "m · conv: 3 kernels of 1 × 5, 2 input channels" in texts(convlab.plot.filters(model, "conv"))


def test_each_map_has_its_numbers_and_the_colours_have_words(acts):
    figure = convlab.plot.feature_maps(acts, "relu1", image=1)
    peaks = acts["relu1"][1].max(axis=(0, 1))
    assert captions(figure) == [f"{i} · max {peak:.3g}" for i, peak in enumerate(peaks)]
    (bar,) = figure.axes[0].child_axes
    assert [tick.get_text() for tick in bar.get_yticklabels()] == ["0", "max"]
    signed = convlab.plot.feature_maps(acts, "conv1")
    (bar,) = signed.axes[0].child_axes
    assert [tick.get_text() for tick in bar.get_yticklabels()] == ["−max", "0", "max"]
    assert convlab.plot.feature_maps(acts, "conv1", colorbar=False).axes[0].child_axes == []


def test_a_colormap_can_be_chosen(acts):
    grey = convlab.plot.feature_maps(acts, "relu1", cmap="gray").axes[0].get_images()[0].get_array()
    assert (grey == grey[:, :, :1]).all()
    strip = convlab.plot.network(acts, cmap="gray").axes[1].get_images()[0].get_array()
    assert (strip == strip[:, :, :1]).all()
    with pytest.raises(ShapeError, match="no colormap of Matplotlib 'grau'"):
        convlab.plot.feature_maps(acts, "relu1", cmap="grau")


def test_few_outputs_stand_in_their_order_beside_the_cells_that_make_them(lenet, acts):
    *_, cells, bars = convlab.plot.network(acts).axes
    assert [label.get_text() for label in bars.get_yticklabels()] == list(lenet.labels)
    levels = cells.get_images()[0].get_array()
    assert levels.shape[:2] == (10, 1)
    assert cells.get_position().y0 == pytest.approx(bars.get_position().y0)
    assert bars.get_ylim() == cells.get_ylim() == (9.5, -0.5)


def test_of_many_outputs_the_largest_come_first():
    values = np.arange(12.0)[None]
    x = np.zeros((1, 4, 4, 1))
    net = convlab.Activations({"out": values}, {"out": "Dense"}, {"x": x}, {"out": values}, "net")
    bars = convlab.plot.network(net).axes[-1]
    assert [label.get_text() for label in bars.get_yticklabels()] == [str(i) for i in range(11, 1, -1)]


def test_network_says_which_channels_it_shows(acts):
    figure = convlab.plot.network(acts, maps=4)
    assert heading(figure)[1].startswith("the 4 channels of each convolution that vary most, borders left out")
    figure.set_size_inches(4, 3)
    figure.draw_without_rendering()
    note = figure.get_layout_engine().note.get_window_extent()
    assert note.x1 < figure.bbox.x1


def kernels_beside_each_other(preprocessing, *layers):
    model = convlab.Model.sequential("m", (8, 8, 3), layers, preprocessing=preprocessing)
    randomise(model, 0)
    figure = convlab.plot.filters(model, layers[-1].name)
    return [label.get_text() for label in figure.axes[0].get_xticklabels()][:4], heading(figure)


def test_colours_are_named_only_where_their_order_is_known():
    said = "if channels 0, 1, 2 are red, green, blue (nobody said: preprocessing=)"
    unit = standard("unit", 3)
    for form, names in (
        (unit, ["in colour", "red", "green", "blue"]),
        (replace(unit, assumed=True), ["in colour", "0", "1", "2"]),
        (None, ["in colour", "0", "1", "2"]),
    ):
        found, (_, note) = kernels_beside_each_other(form, ZeroPadding2D("pad"), Conv2D("conv", 2, 3))
        assert found == names
        assert (said in note) == ("0" in names)


def test_three_channels_that_are_no_colours_are_a_table():
    names, (title, _) = kernels_beside_each_other(standard("unit", 3), Conv2D("a", 3, 1), Conv2D("b", 2, 3))
    assert names == ["0", "1", "2"]
    assert title == "m · b: 2 kernels of 3 × 3, 3 input channels"


def test_depthwise_kernels_stand_side_by_side_under_their_output_channel():
    model = convlab.Model.sequential("m", (8, 9, 4), [DepthwiseConv2D("dw", 3, depth_multiplier=2)])
    randomise(model, 0)
    figure = convlab.plot.filters(model, "dw", outputs=[5, 0], scale="shared")
    assert heading(figure)[0] == "m · dw: 2 of 8 kernels of 3 × 3, 2 for each of 4 input channels"
    assert captions(figure) == ["5", "0"]
    kernel = model["dw"].weights["kernel"]
    part = np.stack([kernel[:, :, 2, 1], kernel[:, :, 0, 0]], axis=-1)  # output c * M + m
    pixels = figure.axes[0].get_images()[0].get_array()
    zoom = (pixels.shape[1] - 6) // 6
    strongest = np.unravel_index(np.abs(part).argmax(), part.shape)
    y, x, tile = strongest
    gap = pixels.shape[1] - 6 * zoom
    colour = pixels[y * zoom + 1, tile * (3 * zoom + gap) + x * zoom + 1]
    assert abs(int(colour[0]) - int(colour[2])) > 50


def test_of_a_separable_layer_the_kernels_on_each_channel_are_drawn():
    model = convlab.Model.sequential("m", (8, 9, 4), [SeparableConv2D("sep", 7, (3, 2))])
    randomise(model, 0)
    figure = convlab.plot.filters(model, "sep")
    assert heading(figure)[0] == "m · sep: 4 kernels of 3 × 2, one for each of 4 input channels (then 7 of 1 × 1)"
    peaks = np.abs(model["sep"].weights["depthwise_kernel"]).max(axis=(0, 1, 3))
    assert captions(figure) == [f"{i} · ±{peak:.2g}" for i, peak in enumerate(peaks)]


@pytest.mark.parametrize(("size", "numbers"), [((7, 6), []), ((4, 3), ["0", "4"])])
def test_captions_without_room_between_the_rows_become_numbers_at_the_edge(size, numbers):
    maps = np.random.default_rng(0).random((1, 10, 10, 8))
    acts = convlab.Activations({"a": maps}, {"a": "Conv2D"}, {"x": maps}, {}, "net")
    figure = convlab.plot.feature_maps(acts, "a", size=size)
    words = words_drawn(figure)
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == numbers
    assert [text in words for text in ax.texts] == [not numbers] * 8
    assert not any(text.get_clip_on() for text in ax.texts)  # the last row's lie below the axes
