"""The overlay: a unit's value lies on the pixels that it looks at, derived by hand."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import convlab
from convlab.errors import LayerNameError, ShapeError, UnsupportedError
from convlab.layers import (
    AveragePooling2D,
    Conv1D,
    Conv2D,
    Dense,
    Flatten,
    GlobalMaxPooling2D,
    MaxPooling2D,
    UpSampling2D,
)
from convlab.model.model import Model
from support.figures import heading

HOT, COLD = (253, 231, 37), (68, 1, 84)  # the ends of viridis


def recorded(shape, *layers, n=1):
    """Return a recording of seeded layers on an image that is dark and of no colour of the map."""
    model = Model.sequential("net", shape, layers)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights(**{name: rng.normal(size=weights) for name, weights in layer.shapes.items()})
    return model.run(np.zeros((n, *shape)))


def drawn(figure, size):
    """Return the colours (H, W, 3) in the middle of each of the image's pixels, as the figure shows them."""
    figure.canvas.draw()
    ax, canvas = figure.axes[0], np.asarray(figure.canvas.buffer_rgba())
    colours = np.empty((*size, 3), int)
    for y, x in np.ndindex(*size):
        right, up = ax.transData.transform((x, y))
        colours[y, x] = canvas[int(len(canvas) - up), int(right), :3]
    return colours


def places(colours, colour):
    """Return the rows and the columns of the pixels of a colour, which must be a box."""
    found = np.argwhere((np.abs(colours - colour) <= 1).all(axis=2))
    rows, columns = (sorted(set(found[:, i].tolist())) for i in (0, 1))
    assert len(found) == len(rows) * len(columns)
    return rows, columns


def hot(shape, y, x):
    """Return a map with one unit that is 1."""
    values = np.zeros(shape)
    values[y, x] = 1
    return values


@pytest.mark.parametrize(
    ("y", "x", "rows", "columns"),
    [
        (0, 0, [1, 2, 3], [1, 2]),
        (2, 5, [7, 8, 9], [11, 12]),
        (4, 9, [13, 14, 15], [19, 20]),
    ],
)
def test_a_unit_lies_in_the_middle_of_what_it_sees(y, x, rows, columns):
    """Unit (y, x) of a 5 x 4 window at stride (3, 2) sees rows 3y..3y+4 and columns 2x..2x+3.

    The centres are row 3y+2 and the line between columns 2x+1 and 2x+2; three rows and two columns lie around them.
    The last row of the image (16) and the last two columns (21, 22) belong to no unit, nor do row and column 0.
    """
    acts = recorded((17, 23, 1), Conv2D("conv", 2, (5, 4), stride=(3, 2)))
    assert acts["conv"].shape == (1, 5, 10, 2)
    figure = convlab.plot.overlay(acts, "conv", values=hot((5, 10), y, x), alpha=1)
    colours = drawn(figure, (17, 23))
    assert places(colours, HOT) == (rows, columns)
    covered = (np.abs(colours - HOT) <= 1).all(axis=2) | (np.abs(colours - COLD) <= 1).all(axis=2)
    assert np.flatnonzero(covered.any(axis=1)).tolist() == list(range(1, 16))
    assert np.flatnonzero(covered.any(axis=0)).tolist() == list(range(1, 21))
    assert covered[1:16, 1:21].all()
    assert places(drawn(stretched(acts, hot((5, 10), y, x)), (17, 23)), HOT) != (rows, columns)


def stretched(acts, values):
    """Return the figure as other programs draw it."""
    figure = convlab.plot.overlay(acts, "conv", values=values, alpha=1)
    figure.axes[0].get_images()[1].set_extent((-0.5, 22.5, 16.5, -0.5))
    figure.axes[0].set(xlim=(-0.5, 22.5), ylim=(16.5, -0.5))
    return figure


def test_a_chain_of_layers_adds_up():
    """conv 3 x 3, valid: centre y+1. pool 2, stride 2: between 2y+1 and 2y+2. conv 3 x 3: between 2y+3 and 2y+4."""
    layers = Conv2D("a", 2, 3), MaxPooling2D("pool", 2), Conv2D("b", 3, 3)
    acts = recorded((15, 19, 3), *layers)
    assert acts["b"].shape == (1, 4, 6, 3)
    colours = drawn(convlab.plot.overlay(acts, "b", values=hot((4, 6), 1, 4), alpha=1), (15, 19))
    assert places(colours, HOT) == ([5, 6], [11, 12])


def test_what_reaches_over_the_edge_is_cut_off():
    """Padding 2 and a stride of 5 put the first window's centre on pixel 0: two of its five pixels lie outside."""
    acts = recorded((12, 16, 1), Conv2D("conv", 1, 5, stride=5, padding=2))
    figure = convlab.plot.overlay(acts, "conv", values=hot((3, 4), 0, 0), alpha=1)
    assert figure.axes[0].get_images()[1].get_extent() == [-2.5, 17.5, 12.5, -2.5]
    assert (figure.axes[0].get_xlim(), figure.axes[0].get_ylim()) == ((-0.5, 15.5), (11.5, -0.5))
    assert places(drawn(figure, (12, 16)), HOT) == ([0, 1, 2], [0, 1, 2])


def test_a_channel_is_drawn_as_it_was_recorded():
    acts = recorded((9, 11, 1), Conv2D("conv", 4, 3), AveragePooling2D("pool", 2), n=2)
    maps = np.random.default_rng(1).normal(size=acts["pool"].shape)
    acts = convlab.Activations(
        {"pool": maps}, {"pool": "Pool"}, acts.inputs, {"y": maps}, "net", network=acts.network
    )
    figure = convlab.plot.overlay(acts, "pool", 2, image=1)
    veil = figure.axes[0].get_images()[1].get_array()
    scale = convlab.mosaic(maps[1, :, :, [2]].transpose(1, 2, 0), gap=0, colors="auto")
    assert np.array_equal(veil[:, :, :3], scale)
    assert (veil[:, :, 3] == 153).all()
    one = maps[1, :, :, 2]
    assert heading(figure) == (
        f"net · pool, channel 2: {one.min():.3g} to {one.max():.3g}, image 1 of 2",
        "each cell 2 × 2 pixels, in the middle of the 4 × 4 that its unit sees",
    )
    bar = figure.axes[0].child_axes[0]
    assert bar.get_ylim() == pytest.approx((-np.abs(one).max(), np.abs(one).max()))


def test_nan_hides_the_image_and_zeros_are_hatched():
    acts = recorded((5, 7, 1), Conv2D("conv", 1, 3))
    values = np.ones((3, 5))
    values[1, 2] = np.nan
    figure = convlab.plot.overlay(acts, "conv", values=values, alpha=0.2)
    assert drawn(figure, (5, 7))[2, 3].tolist() == [255, 0, 255]
    assert "1 values are NaN or infinite (magenta)" in heading(figure)[1]
    assert "conv: 1 to 1" in heading(figure)[0]
    figure = convlab.plot.overlay(acts, "conv", values=values * np.nan)
    assert "conv: no finite value" in heading(figure)[0]
    figure = convlab.plot.overlay(
        acts, "conv", values=values[:] * 0 if np.isfinite(values).all() else np.zeros((3, 5))
    )
    assert "zero everywhere (hatched)" in heading(figure)[1]
    assert figure.axes[0].child_axes == []


def test_the_image_below_is_the_one_asked_for():
    lenet = convlab.load("lenet5", weights=5)
    x = np.random.default_rng(1).random((2, 28, 28, 1), np.float32)
    figure = convlab.plot.overlay(lenet.run(x), "conv2", 3, image=1, alpha=0)
    colours = drawn(figure, (28, 28))
    assert np.abs(colours - np.round(x[1] * 255)).max() <= 1


def test_a_value_before_the_activation_lies_where_the_layer_does():
    acts = recorded((9, 11, 1), Conv2D("conv", 4, 3, activation="relu"))
    pre = acts.network.run(acts.input, pre=True)
    extent = [convlab.plot.overlay(pre, n, 0).axes[0].get_images()[1].get_extent() for n in ("conv", "conv/pre")]
    assert extent[0] == extent[1] == [0.5, 9.5, 7.5, 0.5]


@pytest.mark.parametrize(
    ("channels", "size", "lies"), [(1, (1, 20), ([0], [7, 8])), (3, (20, 3), ([7, 8], [0, 1, 2]))]
)
def test_a_sequence_is_a_picture_of_one_row_or_a_table_with_a_row_for_each_step(channels, size, lies):
    """A window of 4 at stride 2 sees cells 2x..2x+3; the two in its middle are 2x+1 and 2x+2."""
    acts = recorded((20, channels), Conv1D("conv", 2, 4, stride=2))
    assert acts["conv"].shape == (1, 9, 2)
    figure = convlab.plot.overlay(acts, "conv", values=hot((1, 9), 0, 3)[0], alpha=1)
    assert places(drawn(figure, size), HOT) == lies


def test_callers_axes_and_a_file(tmp_path):
    acts, figure = recorded((5, 7, 1), Conv2D("conv", 1, 3)), Figure()
    ax = figure.add_subplot()
    assert convlab.plot.overlay(acts, "conv", 0, ax=ax, path=tmp_path / "o.png") is figure
    assert len(ax.get_images()) == 2
    assert (tmp_path / "o.png").read_bytes().startswith(b"\x89PNG")


def test_a_recording_from_a_file_needs_the_network(tmp_path):
    acts = recorded((9, 11, 1), Conv2D("conv", 4, 3))
    acts.save(tmp_path / "a.h5")
    opened = convlab.Activations.open(tmp_path / "a.h5")
    with pytest.raises(UnsupportedError, match="opened from a file does not know its network: give model="):
        convlab.plot.overlay(opened, "conv", 0)
    assert len(convlab.plot.overlay(opened, "conv", 0, model=acts.network).axes[0].get_images()) == 2
    other = recorded((9, 12, 1), Conv2D("conv", 4, 3)).network
    with pytest.raises(ShapeError, match=r"'conv' has \(7, 9\) cells in the recording, \(7, 10\) in the network"):
        convlab.plot.overlay(opened, "conv", 0, model=other)


def test_layers_without_a_place_in_the_image_are_named():
    layers = [Conv2D("conv", 4, 3), UpSampling2D("up", 2), GlobalMaxPooling2D("gap"), Dense("fc", 3)]
    acts = recorded((9, 11, 1), *layers)
    with pytest.raises(UnsupportedError, match="units of 'fc' see all of the image: they have no place in it"):
        convlab.plot.overlay(acts, "fc", 0)
    with pytest.raises(UnsupportedError, match="units of 'gap' see all of the image"):
        convlab.plot.overlay(acts, "gap", 0)
    with pytest.raises(UnsupportedError, match="units of 'up' see boxes at no even distance; take the layer before"):
        convlab.plot.overlay(acts, "up", 0)


def test_wrong_requests_are_named():
    acts = recorded((9, 11, 1), Conv2D("conv", 4, 3), Flatten("flatten"))
    with pytest.raises(LayerNameError, match="no layer 'cnov'; did you mean 'conv'"):
        convlab.plot.overlay(acts, "cnov", 0)
    for channel in (4, -1):
        with pytest.raises(ShapeError, match=f"channel is {channel}, but layer 'conv' has 0 to 3"):
            convlab.plot.overlay(acts, "conv", channel)
    with pytest.raises(ShapeError, match=r"values have shape \(9, 7\), but layer 'conv' has \(7, 9\) cells"):
        convlab.plot.overlay(acts, "conv", values=np.zeros((9, 7)))
    with pytest.raises(ShapeError, match=r"values have shape \(1, 7, 9\), but layer 'conv' has \(7, 9\) cells"):
        convlab.plot.overlay(acts, "conv", values=np.zeros((1, 7, 9)))
    for values, shape in ((5.0, r"\(\)"), (np.zeros(9), r"\(9,\)")):
        with pytest.raises(ShapeError, match=rf"values have shape {shape}, but layer 'conv' has \(7, 9\) cells"):
            convlab.plot.overlay(acts, "conv", values=values)
    for both in ({}, {"channel": 0, "values": np.zeros((7, 9))}):
        with pytest.raises(ShapeError, match="expected either channel= or values=, found both or neither"):
            convlab.plot.overlay(acts, "conv", **both)
    with pytest.raises(ShapeError, match=r"alpha is 1\.5, expected 0 to 1"):
        convlab.plot.overlay(acts, "conv", 0, alpha=1.5)
    with pytest.raises(ShapeError, match="image 1 of a batch of 1 does not exist"):
        convlab.plot.overlay(acts, "conv", values=np.zeros((7, 9)), image=1)
