"""Explanations in volumes: each number of a small recording, against what the layer computed."""

from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.cli import main
from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import (
    Activation,
    Add,
    AveragePooling3D,
    BatchNormalization,
    Concatenate,
    Conv3D,
    Conv3DTranspose,
    Cropping3D,
    Dense,
    Flatten,
    GlobalAveragePooling3D,
    GlobalMaxPooling3D,
    LeakyReLU,
    Maximum,
    MaxPooling3D,
    Multiply,
    PReLU,
    SpatialDropout3D,
    UpSampling3D,
    ZeroPadding3D,
)
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node

SHAPE = (3, 5, 4, 2)
LAYERS = {
    "same": Conv3D("a", 3, 2, padding="same", activation="relu"),
    "strided": Conv3D("a", 3, (2, 3, 1), (1, 2, 3), "same", activation="tanh"),
    "dilated in groups": Conv3D("a", 4, (2, 2, 1), dilation=(2, 3, 1), groups=2, use_bias=False),
    "softmax": Conv3D("a", 3, (3, 1, 2), activation="softmax"),
    "in the padding alone": Conv3D("a", 2, 1, padding=1),
    "before the first slice": Conv3D("a", 2, (3, 1, 2), padding=1),
    "max": MaxPooling3D("a", (2, 3, 2), 1, "same"),
    "mean": AveragePooling3D("a", (3, 2, 2), (1, 2, 1), "same"),
    "largest": GlobalMaxPooling3D("a"),
    "average": GlobalAveragePooling3D("a"),
    "average kept": GlobalAveragePooling3D("a", keepdims=True),
    "flat": Flatten("a"),
    "flat, channels first": Flatten("a", channels_first=True),
    "padded": ZeroPadding3D("a", ((1, 0), (0, 2), (1, 1))),
    "cropped": Cropping3D("a", ((1, 0), (0, 2), (1, 1))),
    "repeated": UpSampling3D("a", (2, 1, 1)),
    "normalised": BatchNormalization("a"),
    "leaky": LeakyReLU("a"),
    "softmax of a place": Activation("a", "softmax"),
    "quiet": SpatialDropout3D("a"),
}
MERGES = [Add("a"), Multiply("a"), Maximum("a"), Concatenate("a")]


def recorded(layer, dtype=np.float32):
    model = Model.sequential("scan", SHAPE, [layer])
    randomise(model, 3)
    return model, model.run(np.random.default_rng(1).normal(size=(2, *SHAPE)).astype(dtype))


def explain_all(model, acts, layer="a"):
    """Assert that every number is explained, and return the last explanation."""
    shape = model.shapes[layer]
    for number, place in enumerate(np.ndindex(shape)):
        z, y, x = place[:-1] if len(shape) == 4 else (0, 0, 0)
        why = convlab.explain(model, acts, layer, y, x, place[-1], z=z, image=1)
        assert why.agrees, str(why)
        assert why.recorded == acts[layer][(1, *place)]
        assert why.products.shape == why.patch.shape == why.kernel.shape
        if number % 7 == 0:
            assert str(why) and why.as_dict()["z"] == (z if len(shape) == 4 else None)
    return why


@pytest.mark.parametrize("name", LAYERS)
def test_every_number(name):
    explain_all(*recorded(LAYERS[name]))


@pytest.mark.parametrize("name", ["same", "mean"])
def test_every_number_in_double(name):
    assert explain_all(*recorded(LAYERS[name], np.float64)).tolerance < 1e-12


@pytest.mark.parametrize("layer", MERGES, ids=repr)
def test_merges(layer):
    inputs = {"x": SHAPE, "y": SHAPE}
    model = Model("net", inputs, [Node("a", layer, ("x", "y"))])
    rng = np.random.default_rng(2)
    acts = model.run([rng.normal(size=(2, *SHAPE)).astype(np.float32) for _ in inputs])
    why = explain_all(model, acts)
    assert why.place.slices == range(2, 3)


def test_a_kernel_turned_is_told():
    model, acts = recorded(LAYERS["same"])
    model["a"].set_weights(kernel=model["a"].weights["kernel"][::-1].copy())
    assert not convlab.explain(model, acts, "a", 1, 1, 0, z=1).agrees


def test_what_is_written():
    model, acts = recorded(Conv3D("a", 3, (2, 2, 1), padding="same"))
    why = convlab.explain(model, acts, "a", 3, 1, 2, z=2)
    text = str(why)
    assert text.startswith("scan, a (Conv3D): channel 2 at slice 2, row 3, column 1\n")
    assert "looks at input: slices 2 to 3, rows 3 to 4, column 1, channels 0 to 1 (2 of 4 cells are padding)" in text
    assert "sees slices 2 to 3, rows 3 to 4, column 1 of the volume (2 x 2 x 1, in it slice 2, rows 3 to 4" in text
    assert "input slice 2, channel 1: sum" in text and "slice 3, channel" not in text
    x, kernel = acts.input[0, 2, 3:5, 1:2].astype(np.float64), model["a"].weights["kernel"][0, ..., 2]
    assert np.allclose(why.products, x * kernel, rtol=1e-12)
    assert "sum of 4 products" in text
    largest = str(convlab.explain(*recorded(MaxPooling3D("a", 3, 1, "same")), "a", 2, 2, 1, z=1))
    assert "largest of 27 cells, at slice" in largest


def test_a_frame_is_padding():
    model, acts = recorded(LAYERS["padded"])
    assert convlab.explain(model, acts, "a", 1, 1, z=0).formula == "padding"
    assert convlab.explain(model, acts, "a", 1, 1, z=1).formula == "input at slice 0, row 1, column 0, channel 0"


def test_behind_a_volume_all_is_as_before():
    layers = [Conv3D("conv", 2, 2), GlobalAveragePooling3D("mean"), Dense("fc", 3, "softmax")]
    model = Model.sequential("scan", SHAPE, layers)
    randomise(model, 3)
    acts = model.run(np.ones((2, *SHAPE), np.float32))
    assert "unit 1" in str(explain_all(model, acts, "fc"))
    assert "looks at conv: slices 0 to 1, rows 0 to 3, columns 0 to 2, channel 1" in str(
        explain_all(model, acts, "mean")
    )


def test_what_is_not_explained_says_so():
    for layer in (Conv3DTranspose("a", 2, 2), PReLU("a")):
        with pytest.raises(
            UnsupportedError, match=rf"layer 'a' is a {type(layer).__name__} on a volume, which explain"
        ):
            convlab.explain(*recorded(layer), "a")
    model, acts = recorded(LAYERS["same"])
    with pytest.raises(ShapeError, match="explain: z is 3, but layer 'a' has z 0 to 2"):
        convlab.explain(model, acts, "a", z=3)
    with pytest.raises(ShapeError, match="z is 1, but the output of layer 'a' has no slices"):
        convlab.explain(*recorded(LAYERS["flat"]), "a", z=1)
    with pytest.raises(UnsupportedError, match="explained in a volume, which has no picture"):
        convlab.plot.explanation(convlab.explain(model, acts, "a"), acts)


def test_the_command(tmp_path, capsys):
    network = str(Path(__file__).parents[1] / "references" / "volumes" / "c3d_keras3.keras")
    np.save(tmp_path / "video.npy", np.random.default_rng(0).normal(size=(6, 14, 12, 3)))
    video = str(tmp_path / "video.npy")
    assert main(["explain", network, video, "conv1", "--at", "4,1,2", "--channel", "3"]) == 0
    assert "conv1 (Conv3D): channel 3 at slice 4, row 1, column 2" in capsys.readouterr().out
    assert main(["explain", network, video, "conv1", "--at", "6,1,2"]) == 1
    assert "z is 6, but layer 'conv1' has z 0 to 5" in capsys.readouterr().err
    assert main(["run", network, video, "--out", str(tmp_path / "out"), "--layers", "conv2,pool2"]) == 0
    drawn = sorted(path.name for path in (tmp_path / "out" / "video").iterdir())
    assert drawn == ["01_conv2.png", "02_pool2.png", "activations.h5", "network.png"]
    assert main(["filters", network, "conv2", "--out", str(tmp_path / "filters.png")]) == 0
    assert main(["run", network, str(tmp_path / "filters.png"), "--out", str(tmp_path / "out")]) == 1
    assert "filters.png: a picture is no input here: the network takes volumes" in capsys.readouterr().err
