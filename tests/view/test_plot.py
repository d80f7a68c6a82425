"""The figures: what is drawn is the mosaic, what is written is true, and nothing is left open."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import convlab
from convlab.errors import FileError, LayerNameError, ShapeError, UnsupportedError
from convlab.layers import Conv1D
from convlab.model.initialise import randomise
from support.figures import texts


@pytest.fixture(scope="module")
def acts(lenet):
    x = np.random.default_rng(1).random((2, 28, 28, 1), np.float32)
    return lenet.run(x, pre=True)


def test_feature_maps_shows_the_mosaic_and_says_what_it_is(acts, tmp_path):
    path = tmp_path / "relu2.png"
    figure = convlab.plot.feature_maps(acts, "relu2", image=1, path=path)
    assert isinstance(figure, Figure)
    (drawn,) = figure.axes[0].get_images()
    zoom = (drawn.get_array().shape[0] - 8) // 20  # two rows of ten cells
    expected = convlab.mosaic(acts["relu2"], 8, zoom=zoom, gap=zoom * 10 // 24, image=1, colors="auto")
    assert np.array_equal(drawn.get_array(), expected)
    written = texts(figure)
    assert "lenet5 (random weights) · relu2: 16 channels of 10 × 10, image 1 of 2" in written
    assert "each channel on its own scale, from 0 to its maximum" in written
    with Image.open(path) as saved:
        assert saved.size == tuple((figure.get_size_inches() * figure.dpi).astype(int))


def test_feature_maps_counts_dead_and_not_finite(acts):
    maps = np.ones((1, 4, 5, 6))
    maps[..., 2] = 0
    maps[0, 0, 0, 3] = np.nan
    odd = convlab.Activations({"a": maps}, {"a": "Conv2D"}, {"x": maps}, {"y": maps}, "net")
    written = texts(convlab.plot.feature_maps(odd, "a"))
    assert "1 dead, hatched (2)" in written
    assert "1 values are NaN or infinite (magenta)" in written


def test_chosen_channels_keep_their_numbers(acts):
    written = texts(convlab.plot.feature_maps(acts, "conv2", channels=[3, 11], columns=1))
    assert "2 of 16 channels" in written
    assert {"3", "11"} <= set(written.split("\n"))


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
    names = [ax.get_title(loc="left") for ax in figure.axes]
    assert names == ["in colour (grey is 0)", "on red", "on green", "on blue"]
    in_colour, on_red, _, on_blue = (ax.get_images()[0].get_array() for ax in figure.axes)
    assert in_colour[0, 0].tolist() == [255, 128, 128]
    assert on_red[0, 0, 0] > on_red[0, 0, 2] + 50  # red
    assert not np.array_equal(on_red, on_blue)


def test_filters_of_a_deep_layer_are_a_table_of_what_was_chosen(lenet):
    figure = convlab.plot.filters(lenet, "conv2", outputs=slice(-2, None), inputs=[0, 5, 2])
    written = texts(figure)
    assert "2 of 16 kernels of 5 × 5, 3 of 6 input channels" in written
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
    assert "block5_\npool" in texts(figure)


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
    with pytest.raises(FileError, match=r"nowhere/x\.png: the picture cannot be written"):
        convlab.plot.dense(acts, "fc1", path="nowhere/x.png")
    with pytest.raises(UnsupportedError, match=r"'relu1' \(Activation\) has no convolution kernels"):
        convlab.plot.filters(lenet, "relu1")


def test_a_notebook_shows_the_figure(acts):
    assert convlab.plot.dense(acts, "fc2")._repr_png_().startswith(b"\x89PNG")


def test_pyplot_is_never_imported():
    """It would keep every figure until somebody closes it."""
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
