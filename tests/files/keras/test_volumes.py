"""Networks on volumes, as Keras 2 and Keras 3 saved them: read, and every layer compared with what Keras recorded."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.errors import ShapeError, UnsupportedError, WeightsError
from convlab.files.flattened import flattened
from convlab.files.keras.config.architecture import read_architecture
from convlab.files.keras.weights.reading import LayerWeights, read_keras_weights
from convlab.files.torch.weights import read_torch_weights
from convlab.layers import Conv3D, Conv3DTranspose, Dense, Flatten
from convlab.model.model import Model
from support.closeness import assert_close, gamma
from support.files.keras_configs import refused, sequential
from support.files.keras_files import KERAS_1, random_weights, write_legacy
from support.frameworks import samples

FOLDER = Path(__file__).parents[2] / "references" / "volumes"
FILES = ["unet3d_keras2.h5", "unet3d_keras3.keras", "c3d_keras2.h5", "c3d_keras3.keras"]
ROUNDINGS = 2000  # more than any number here goes through; a file read wrongly is wrong in the first digit


def loaded(name):
    """Return a network and the volumes that Keras was given."""
    model = convlab.load(FOLDER / name)
    rng = np.random.default_rng(7)
    for layer in model.layers:  # the same random numbers are drawn first there
        for shape in layer.shapes.values():
            rng.uniform(size=shape)
    return model, rng.uniform(-1, 1, (2, *model.input_shape)).astype(np.float32)


@pytest.mark.parametrize("name", FILES)
def test_every_layer_is_as_keras_recorded_it(name):
    model, volumes = loaded(name)
    recorded = np.load((FOLDER / name).with_suffix(".npz"))
    acts = model.run(volumes)
    assert list(acts) == [node.name for node in model.nodes]
    assert set(recorded) == set(acts)
    for layer, values in acts.items():
        scale = max(float(np.abs(values).max()), 1.0)
        assert_close(samples(values), recorded[layer], gamma(ROUNDINGS, np.float32) * scale, f"{name} {layer}")
    assert np.array_equal(
        model.predict(volumes.astype(np.float64)).astype(np.float32).argmax(-1), acts.output.argmax(-1)
    )


@pytest.mark.parametrize("name", FILES)
def test_the_receipt_names_every_kernel(name):
    model, _ = loaded(name)
    rows = {(row.layer, row.weight): row for row in model.receipt.rows}
    kernels = {layer.name: layer.shapes["kernel"] for layer in model.layers if "kernel" in layer.shapes}
    assert {rows[name, "kernel"].shape for name in kernels} == set(kernels.values())
    assert all(row.transform == "as stored" for row in rows.values())
    assert sum(np.prod(row.shape) for row in rows.values()) == model.summary().parameters


def test_the_summary_shows_volumes():
    model, _ = loaded("c3d_keras3.keras")
    rows = {row.name: row for row in model.summary().rows}
    assert rows["conv2"].output_shape == (4, 3, 4, 6)
    assert rows["conv2"].multiply_adds == 4 * 3 * 4 * (3 * 2 * 3 * 4) * 6
    assert (rows["conv1"].receptive_field, rows["conv1"].start) == ((3, 3, 3), (-1, -1, -1))
    assert (rows["pool1"].receptive_field, rows["pool1"].jump) == ((3, 4, 4), (1, 2, 2))
    assert (rows["conv2"].receptive_field, rows["conv2"].jump) == ((5, 6, 8), (1, 4, 2))
    assert rows["pad2"].start == (-1, -1, -3)
    assert rows["mean"].receptive_field is None
    text = str(model.summary())
    assert "6 x 14 x 12 x 3" in text and "5 x 6 x 8" in text


def test_no_unit_sees_a_cell_outside_its_box():
    """The boxes of the table, found out by changing one cell of the volume after the other."""
    model, volumes = loaded("c3d_keras3.keras")
    base = np.abs(volumes[:1])
    field, before = model.receptive_fields()["pad2"], model.run(base, record="pad2", pre=False)["pad2"]
    unit = (2, 1, 3)
    seen = set()
    for cell in np.ndindex(model.input_shape[:3]):
        changed = base.copy()
        changed[(0, *cell)] += 3
        if (model.run(changed, record="pad2")["pad2"] - before)[(0, *unit)].any():
            seen.add(cell)
    box = [
        (max(first, 0), min(last, n - 1))
        for (first, last), n in zip(field.box(*unit), model.input_shape[:3], strict=True)
    ]
    assert [(min(axis), max(axis)) for axis in zip(*seen, strict=True)] == box


# files of Keras 1: its own names of options, and Theano's kernels

KERNEL = LayerWeights("c", "Conv3D", {"kernel": (2, 3, 4, 2, 5), "bias": (5,)})


def test_keras_1_wrote_three_sides_apart():
    config = sequential(
        (
            "Convolution3D",
            {
                "name": "c", "nb_filter": 2, "kernel_dim1": 3, "kernel_dim2": 2, "kernel_dim3": 1,
                "subsample": [1, 2, 1], "border_mode": "same", "dim_ordering": "th",
                "batch_input_shape": [None, 3, 5, 8, 9],
            },
        ),
        ("MaxPooling3D", {"name": "p", "pool_size": [1, 2, 3], "strides": None, "dim_ordering": "th"}),
        ("ZeroPadding3D", {"name": "z", "padding": [1, 0, 2], "dim_ordering": "th"}),
        ("UpSampling3D", {"name": "u", "size": [1, 2, 1], "dim_ordering": "th"}),
        keras_version="1.2.2",
    )  # fmt: skip
    model = read_architecture(config, "old.h5").model
    assert model.inputs == {"c_input": (5, 8, 9, 3)}
    assert model["c"].shapes == {"kernel": (3, 2, 1, 3, 2), "bias": (2,)}
    assert [model.shapes[name] for name in "cpzu"] == [(5, 4, 9, 2), (5, 2, 3, 2), (7, 2, 7, 2), (7, 4, 7, 2)]


@pytest.mark.parametrize("kind", ["MaxPool3D", "AvgPool3D", "GlobalMaxPool3D", "GlobalAvgPool3D"])
def test_short_names_of_keras(kind):
    config = sequential((kind, {"name": "p", "batch_input_shape": [None, 5, 8, 9, 3]}))
    expected = kind.replace("Avg", "Average").replace("Pool3D", "Pooling3D")
    assert type(read_architecture(config, "m.json").model["p"]).__name__ == expected


def test_theano_kernels_are_rotated(tmp_path):
    weights = random_weights(KERNEL)
    path = write_legacy(tmp_path / "w.h5", weights, pattern="{layer}_{role}", roles=KERAS_1)
    found, receipt = read_keras_weights(path, [KERNEL])
    assert np.array_equal(found["c"]["kernel"], weights["c"]["kernel"][::-1, ::-1, ::-1])
    assert receipt.rows[0].transform == "rotated 180 degrees (Theano)"


def test_kernels_with_channels_first_and_the_dense_layer_behind(tmp_path):
    dense = LayerWeights("fc", "Dense", {"kernel": (120, 7), "bias": (7,)}, flattened=(2, 3, 4, 5))
    weights = random_weights(KERNEL, dense)
    stored = {
        "c": {**weights["c"], "kernel": weights["c"]["kernel"].transpose(4, 3, 0, 1, 2)},
        "fc": {**weights["fc"], "kernel": np.empty_like(weights["fc"]["kernel"])},
    }
    for z, y, x, c in np.ndindex(2, 3, 4, 5):
        stored["fc"]["kernel"][((c * 2 + z) * 3 + y) * 4 + x] = weights["fc"]["kernel"][((z * 3 + y) * 4 + x) * 5 + c]
    path = write_legacy(tmp_path / "w.h5", stored)
    found, receipt = read_keras_weights(path, [KERNEL, dense], layout="OIHW-tensorflow")
    assert all(np.array_equal(found[name][role], weights[name][role]) for name in weights for role in weights[name])
    transforms = [row.transform for row in receipt.rows]
    assert transforms == ["OIDHW -> DHWIO", "as stored", "rows CDHW -> DHWC", "as stored"]
    turned, receipt = read_keras_weights(path, [KERNEL, dense], layout="OIHW-theano")
    assert np.array_equal(turned["c"]["kernel"], weights["c"]["kernel"][::-1, ::-1, ::-1])
    assert receipt.rows[0].transform == "OIDHW -> DHWIO, rotated 180 degrees (Theano)"
    with pytest.raises(WeightsError, match="this is OIHW; pass layout='OIHW'"):
        read_keras_weights(path, [KERNEL, dense])


# weights of PyTorch


def test_pytorch_has_channels_first_and_other_rows_behind_flatten(tmp_path):
    """A loop for each number, by PyTorch's definition of Conv3d, ConvTranspose3d, Flatten and Linear."""
    layers = [Conv3D("conv", 4, (2, 1, 3)), Conv3DTranspose("up", 3, (1, 2, 2)), Flatten("flat"), Dense("fc", 5)]
    model = Model.sequential("net", (3, 4, 5, 2), layers)
    rng = np.random.default_rng(4)
    state = {
        "0.weight": rng.integers(-3, 4, (4, 2, 2, 1, 3)),
        "0.bias": rng.integers(-3, 4, 4),
        "1.weight": rng.integers(-3, 4, (4, 3, 1, 2, 2)),
        "1.bias": rng.integers(-3, 4, 3),
        "3.weight": rng.integers(-3, 4, (5, 3 * 2 * 5 * 4)),
        "3.bias": rng.integers(-3, 4, 5),
    }
    np.savez(tmp_path / "w.npz", **{name: array.astype(np.float32) for name, array in state.items()})
    fed = flattened(model.graph)
    asked = [LayerWeights(layer.name, type(layer).__name__, layer.shapes, fed.get(layer.name)) for layer in layers]
    weights, receipt = read_torch_weights(tmp_path / "w.npz", asked)
    for name, arrays in weights.items():
        model[name].set_weights(**arrays)
    x = rng.integers(-3, 4, (2, 2, 3, 4, 5))  # (N, C, D, H, W)
    y = np.zeros((2, 4, 2, 4, 3)) + state["0.bias"][:, None, None, None]
    for o, c, a, b, d in np.ndindex(4, 2, 2, 1, 3):
        y[:, o] += state["0.weight"][o, c, a, b, d] * x[:, c, a : a + 2, b : b + 4, d : d + 3]
    up = np.zeros((2, 3, 2, 5, 4)) + state["1.bias"][:, None, None, None]
    for c, o, a, b, d in np.ndindex(4, 3, 1, 2, 2):
        up[:, o, a : a + 2, b : b + 4, d : d + 3] += state["1.weight"][c, o, a, b, d] * y[:, c]
    expected = up.reshape(2, -1) @ state["3.weight"].T + state["3.bias"]
    assert np.array_equal(model.predict(np.moveaxis(x, 1, -1)), expected)  # whole numbers, exact in float32
    transforms = {row.layer: row.transform for row in receipt.rows if row.weight == "kernel"}
    assert transforms == {
        "conv": "OIDHW -> DHWIO",
        "up": "IODHW -> DHWOI",
        "fc": "transposed, rows CDHW -> DHWC",
    }


# what is refused

VOLUME = {"batch_input_shape": [None, 5, 8, 9, 3]}


@pytest.mark.parametrize(
    ("kind", "options", "error", "message"),
    [
        ("Conv3D", {"filters": 2, "kernel_size": [2, 2]}, WeightsError, "kernel_size is .* expected 3 whole numbers"),
        ("Conv3D", {"filters": 2, "kernel_size": 6}, ShapeError, "output depth is not positive"),
        ("Conv3D", {"filters": 2, "kernel_size": 2, "padding": "causal"}, UnsupportedError, "padding='causal'"),
        ("Conv3D", {"filters": 2**22, "kernel_size": [5, 8, 9]}, ShapeError, "weights, expected at most"),
        ("ZeroPadding3D", {"padding": [1, 2]}, WeightsError, r"cells \(\(front, back\), \(top, bottom\)"),
        ("ZeroPadding3D", {"padding": 2**20}, ShapeError, "would make .* numbers of one input"),
        ("Cropping3D", {"cropping": [[2, 3], [0, 0], [0, 0]]}, ShapeError, "leaves nothing of a depth of 5"),
        ("UpSampling3D", {"size": 2**20}, ShapeError, "would make .* numbers of one input"),
        ("MaxPooling3D", {"pool_size": [2, 2, 0]}, WeightsError, "pool_size is .* expected 3 whole numbers"),
        (
            "MaxPooling3D",
            {"pool_size": 2**30, "strides": 1, "padding": "same"},
            ShapeError,
            "would make .* numbers",
        ),
        ("UpSampling3D", {"size": 2, "interpolation": "bilinear"}, UnsupportedError, "interpolation='bilinear'"),
    ],
)
def test_what_is_refused_names_the_layer(kind, options, error, message):
    text = refused(sequential((kind, {"name": "odd", **VOLUME, **options})), error)
    assert "odd" in text and re.search(message, text), text


def test_a_layer_on_images_says_that_this_is_a_volume():
    text = refused(sequential(("Conv2D", {"name": "c", "filters": 2, "kernel_size": 3, **VOLUME})), ShapeError)
    assert "layer 'c' on an input of (5, 8, 9, 3): expected (H, W, C)" in text


def test_json_of_the_recorded_networks_is_read_without_weights():
    import h5py

    with h5py.File(FOLDER / "unet3d_keras2.h5") as file:
        config = json.loads(file.attrs["model_config"])
    model = read_architecture(config, "m.json").model
    assert model.output_shape == (8, 10, 12, 3)
