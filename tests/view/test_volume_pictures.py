"""Pictures of volumes: slices in a row for each channel, with what is shown written truly."""

from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.errors import ImageError, ShapeError, UnsupportedError
from convlab.layers import Conv2DTranspose, Conv3D, Conv3DTranspose, Dense, Flatten, MaxPooling3D
from convlab.markup.mosaic import NOT_FINITE
from convlab.model.initialise import randomise
from convlab.model.model import Model
from convlab.view.volumes import MOST, evenly
from support.figures import texts

SHAPE = (5, 7, 9, 2)


@pytest.fixture(scope="module")
def model():
    layers = [
        Conv3D("conv", 4, (3, 2, 1), activation="relu"),
        MaxPooling3D("pool", 2),
        Conv3DTranspose("up", 3, 2, 2),
        Flatten("flat"),
        Dense("fc", 3),
    ]
    model = Model.sequential("scan", SHAPE, layers)
    randomise(model, 3)
    return model


@pytest.fixture(scope="module")
def acts(model):
    return model.run(np.random.default_rng(1).normal(size=(2, *SHAPE)).astype(np.float32))


def pixels_of(figure):
    return figure.axes[0].get_images()[0].get_array()


@pytest.mark.parametrize("layer", ["conv", "up"])
def test_a_row_for_each_channel_and_a_column_for_each_slice(acts, layer):
    figure = convlab.plot.feature_maps(acts, layer, image=1)
    pixels, maps = pixels_of(figure), acts[layer][1]
    depth, height, width, channels = maps.shape
    zoom = min(1900 // (depth * width), 900 // (channels * height))
    gap = max(2, zoom * min(height, width) // 24)
    signs = [1, -1] if maps.min() < 0 else [1]
    assert len(signs) == (2 if layer == "up" else 1)
    for channel, number in np.ndindex(channels, depth):
        # on the scale of the whole channel, so that slices can be compared
        ends = np.abs(maps[..., channel]).max() * np.array(signs)[:, None] * np.ones((1, width))
        alone = convlab.mosaic(np.append(maps[number, :, :, channel], ends, 0)[..., None], colors="auto")
        y, x = channel * (height * zoom + gap), number * (width * zoom + gap)
        tile = pixels[y : y + height * zoom : zoom, x : x + width * zoom : zoom]
        assert np.array_equal(tile, alone[:height])
    written = texts(figure)
    assert f"scan · {layer}: {channels} channels of {depth} × {height} × {width}, image 1 of 2" in written
    assert "each channel on its own scale" in written
    assert "slice" in written and "channel" in written


def test_chosen_channels_and_slices_keep_their_numbers(acts):
    figure = convlab.plot.feature_maps(acts, "conv", channels=[3, 1], slices=[2, 0], scale="shared")
    labels = [label.get_text() for label in (*figure.axes[0].get_yticklabels(), *figure.axes[0].get_xticklabels())]
    assert labels == ["3", "1", "2", "0"]
    assert "scan · conv: 2 of 4 channels of 3 × 6 × 9, 2 of 3 slices, image 0 of 2" in texts(figure)
    with pytest.raises(ShapeError, match=r"slices \[3\]: there are only 0 to 2"):
        convlab.plot.feature_maps(acts, "conv", slices=[3])
    with pytest.raises(ShapeError, match="image 2 of a batch of 2"):
        convlab.plot.feature_maps(acts, "conv", image=2)


def test_of_many_slices_evenly_spread_ones_are_shown():
    assert evenly(MOST, 4) == list(range(MOST))
    assert evenly(128, 64) == sorted(set(evenly(128, 64))) and len(evenly(128, 64)) == MOST
    assert (evenly(128, 64)[0], evenly(128, 64)[-1]) == (0, 127)
    assert len(evenly(100, 600)) == 3
    assert evenly(100, 5000) == [0]


def test_slices_of_zeros_are_hatched_and_channels_of_zeros_counted():
    volume = np.ones((1, 3, 4, 5, 3), np.float32)
    volume[..., 1] = 0
    volume[0, 2, :, :, 2] = 0
    volume[0, 0, 1, 1, 0] = np.nan
    odd = convlab.Activations({"a": volume}, {"a": "Conv3D"}, {"x": volume}, {"y": volume}, "net")
    figure = convlab.plot.feature_maps(odd, "a")
    written = " ".join(texts(figure).split())  # the heading may be broken anywhere
    assert "1 all zero (1)" in written and "hatched: zero in all of the slice" in written
    assert "1 values are NaN or infinite (magenta)" in written
    assert (pixels_of(figure) == NOT_FINITE).all(axis=-1).any()


def test_the_network_shows_the_middle_slice_and_says_so(acts, tmp_path):
    written = texts(convlab.plot.network(acts, path=tmp_path / "net.png"))
    assert "slice 2\n5 × 7 × 9 × 2" in written  # the input
    assert "slice 1\n3 × 6 × 9 × 4" in written
    assert "slice 0\n1 × 3 × 4 × 4" in written
    assert (tmp_path / "net.png").stat().st_size > 1000
    assert "slice 1" in acts._repr_html_() and "2 × 3 × 6 × 9 × 4" in acts._repr_html_()


def test_filters_are_drawn_slice_by_slice(model):
    figure = convlab.plot.filters(model, "conv")
    kernel, pixels = model["conv"].weights["kernel"], pixels_of(figure)
    tiles, shown = pixels.shape[1] + 6, kernel / np.abs(kernel).max(axis=(0, 1, 2, 3))
    pitch = tiles // 6, (pixels.shape[0] + 6) // 4
    zoom = (pitch[1] - 6) // 2
    for o, c, k in np.ndindex(4, 2, 3):
        tile = pixels[o * pitch[1] :: zoom, (c * 3 + k) * pitch[0] :: zoom][:2, :1]
        red, blue = tile[..., 0].astype(int), tile[..., 2].astype(int)
        strong = np.abs(shown[k, :, :, c, o]) > 0.05
        assert (((red > blue) == (shown[k, :, :, c, o] > 0)) | ~strong).all()
    written = texts(figure)
    assert "scan · conv: 4 kernels of 3 × 2 × 1, 2 input channels" in written
    assert "slice by slice" in written
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["0", "1\nchannel 0", "2", "0", "1\nchannel 1", "2"]


@pytest.mark.parametrize("layer", [Conv2DTranspose("up", 5, 2), Conv3DTranspose("up", 5, 2)])
def test_kernels_of_a_transposed_convolution_have_their_outputs_in_rows(layer):
    shape = (4, 6, 7, 3)[-3 if isinstance(layer, Conv2DTranspose) else 0 :]
    model = Model.sequential("net", shape, [layer])
    randomise(model, 3)
    written = texts(convlab.plot.filters(model, "up", inputs=slice(None)))
    assert "5 kernels of 2 × 2" in written and ", 3 input channels" in written


def test_many_slices_leave_room_for_fewer_inputs():
    model = Model.sequential("net", (9, 8, 7, 40), [Conv3D("conv", 2, 3)])
    randomise(model, 3)
    assert "10 of 40 input channels" in texts(convlab.plot.filters(model, "conv"))


def test_maps_of_volumes_are_laid_over_nothing(acts):
    with pytest.raises(UnsupportedError, match=r"overlay: layer 'conv' is a volume of \(3, 6, 9, 4\)"):
        convlab.plot.overlay(acts, "conv", 0)


# arrays as inputs


@pytest.mark.parametrize("dtype", [np.float64, np.uint8])
def test_arrays_and_npy_files_are_taken_as_they_are(model, tmp_path, dtype):
    volume = np.random.default_rng(3).uniform(0, 200, SHAPE).astype(dtype)
    np.save(tmp_path / "scan.npy", volume)
    for source in (volume, volume[None], tmp_path / "scan.npy", str(tmp_path / "scan.npy"), volume.tolist()):
        x = model.prepare(source)
        assert (x.shape, x.dtype) == ((1, *SHAPE), np.float32)
        assert np.array_equal(x[0], volume.astype(np.float32))
    assert model.prepare([volume, tmp_path / "scan.npy"]).shape == (2, *SHAPE)


def test_a_single_channel_may_be_left_out():
    model = Model.sequential("net", (5, 7, 9, 1), [Flatten("flat")])
    assert model.prepare(np.zeros((5, 7, 9))).shape == (1, 5, 7, 9, 1)
    assert model.prepare(np.zeros((2, 5, 7, 9))).shape == (2, 5, 7, 9, 1)
    assert model.prepare(np.zeros((2, 5, 7, 9, 1))).shape == (2, 5, 7, 9, 1)


def test_what_is_no_volume_is_refused_with_both_shapes(model, tmp_path):
    picture = Path(__file__).parent
    with pytest.raises(
        ImageError, match=r"the array has shape \(7, 9, 2\), the network takes volumes \(D, H, W, C\) of \(5"
    ):
        model.prepare(np.zeros((7, 9, 2)))
    with pytest.raises(ImageError, match=r"of \(5, 7, 9, 2\) \(channels last\)"):
        model.prepare(np.zeros((2, 5, 7, 9)))
    with pytest.raises(ImageError, match="a directory"):
        model.prepare(picture)
    (tmp_path / "cat.png").write_bytes(b"x")
    with pytest.raises(ImageError, match=r"cat.png: a picture is no input here: the network takes volumes"):
        model.prepare(tmp_path / "cat.png")
    with pytest.raises(UnsupportedError, match=r"span=\(0, 1\) is for pictures"):
        model.prepare(np.zeros(SHAPE), span=(0, 1))
    np.save(tmp_path / "words.npy", np.array(["a"]))
    with pytest.raises(UnsupportedError, match="cannot be computed with"):
        model.prepare(tmp_path / "words.npy")
