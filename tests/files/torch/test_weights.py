"""Weights from PyTorch: every format and kind of layer against PyTorch itself, and which module is which layer."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.files.formats import holds_tensors
from convlab.files.torch.layouts import counterparts
from convlab.files.torch.weights import LayerWeights, read_torch_weights
from convlab.layers import BatchNormalization, Conv1D, Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, Flatten, PReLU
from convlab.model.model import Model
from support.files.torch_files import (
    FORMATS,
    VGG_NAMES,
    VGG_SHAPE,
    asked,
    convolutions,
    state,
    torch_vgg,
    vgg,
    vgg_arrays,
    whole,
    write_npz,
    write_pt,
    write_safetensors,
)
from support.frameworks import assert_close, from_torch, to_torch
from support.recorded import answer, answers, file, text, this_test
from support.stand_in import library

torch = library("torch")
FLATTENED = {"fc1": (5, 3, 7)}


def give(model, path, flattened=None, **options):
    """Read a file into a model; return the receipt."""
    arrays, receipt = read_torch_weights(path, asked(model, flattened), **options)
    for name, weights in arrays.items():
        model[name].set_weights(**weights)
    return receipt


def run_vgg(network, x, ours):
    """Return every layer's output under convlab's names, the last with its softmax; recorded, among ours."""

    def ask():
        recorded = {}
        modules = {name: network.get_submodule(module) for name, module in VGG_NAMES.items()}
        for name, module in modules.items():
            module.register_forward_hook(lambda _, __, y, name=name: recorded.update({name: y.clone()}))
        with torch.no_grad():
            maps = network.avgpool(network.features(to_torch(x)))
            recorded["predictions"] = network.classifier(maps.flatten(1)).softmax(1)
        return {name: from_torch(y if name == "predictions" else y.relu()) for name, y in recorded.items()}

    return answers("torch", (this_test(), x), ask, ours)


def described(network):
    """Return name -> shape, type and kind of module, of the weights of a chain of modules."""

    def ask():
        kinds = {name: type(module).__name__ for name, module in network.named_children()}
        state = network.state_dict().items()
        about = {name: (tuple(t.shape), t.numpy().dtype.name, kinds[name.split(".")[0]]) for name, t in state}
        return json.dumps(about)

    return json.loads(text("torch", (this_test(), "described"), ask))


def computed(network, arrays, x):
    """Return what a chain of modules makes of x, channels first, with these weights."""

    def ask():
        network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
        with torch.no_grad():
            return network.eval()(torch.tensor(np.moveaxis(x, -1, 1))).numpy()

    return answer("torch", (this_test(), x, *arrays.values()), ask)


@pytest.mark.parametrize("form", FORMATS)
def test_a_network_named_as_torchvision_does_equals_pytorch_in_every_layer(form: str, tmp_path: Path):
    network, model = torch_vgg(), vgg()
    receipt = give(model, FORMATS[form](tmp_path / form, vgg_arrays()), FLATTENED)
    assert {row.layer: row.path.rpartition(".")[0] for row in receipt.rows} == VGG_NAMES
    x = np.random.default_rng(0).normal(size=(2, *VGG_SHAPE)).astype(np.float32)
    ours = model.run(x, pre=True)
    theirs = run_vgg(network, x, ours)
    assert len(theirs) == len(VGG_NAMES)
    assert_close(model, ours, theirs)


def test_the_order_after_flatten_shows_in_the_numbers_alone(tmp_path: Path):
    network, model = torch_vgg(), vgg()
    give(model, write_npz(tmp_path / "w.npz", vgg_arrays()))  # nobody says what was flattened: every shape fits
    x = np.random.default_rng(0).normal(size=(2, *VGG_SHAPE)).astype(np.float32)
    with pytest.raises(AssertionError, match=r"^fc1: relative L2 distance \d\.\d+e-01"):
        assert_close(model, model.run(x, pre=True), run_vgg(network, x, None))


def test_receipt(tmp_path: Path):
    path = write_safetensors(tmp_path / "w.safetensors", vgg_arrays(), {"format": "pt"})
    receipt = give(vgg(), path, FLATTENED)
    assert receipt.headline == (
        f"{path}: safetensors, matched by numbers in names and shapes; 9 layers, 18 arrays, 3,782 values"
    )
    lines = {line.split()[0] + " " + line.split()[1]: line for line in str(receipt).splitlines()[2:]}
    assert re.search(r"\(3, 3, 3, 7\) +features\.0\.weight +OIHW -> HWIO$", lines["block1_conv1 kernel"])
    assert re.search(r"\(105, 11\) +classifier\.0\.weight +transposed, rows CHW -> HWC$", lines["fc1 kernel"])
    assert re.search(r"\(11,\) +classifier\.3\.bias +as stored$", lines["fc2 bias"])


# every kind of layer: whole numbers and powers of two are exact in float32, so the outputs must be equal


def every_kind():
    """Return a network with each kind of module that has weights, and the same in convlab."""
    nn = torch.nn
    network = nn.Sequential(
        nn.Conv2d(3, 4, (2, 3), groups=1, bias=False),
        nn.BatchNorm2d(4, eps=1.0),
        nn.PReLU(4),
        nn.Conv2d(4, 8, (3, 2), groups=4),
        nn.PReLU(),
        nn.ConvTranspose2d(8, 2, (2, 3), stride=(2, 1)),
        nn.Conv2d(2, 4, (1, 2), groups=2),
        nn.Flatten(),
        nn.BatchNorm1d(4 * 12 * 6, eps=1.0),
        nn.PReLU(4 * 12 * 6),
        nn.Linear(4 * 12 * 6, 5),
        nn.Linear(5, 5, bias=False),
    )
    layers = [
        Conv2D("conv", 4, (2, 3), use_bias=False),
        BatchNormalization("norm", epsilon=1.0),
        PReLU("slopes", shared_axes=(1, 2)),
        DepthwiseConv2D("depthwise", (3, 2), depth_multiplier=2),
        PReLU("slope"),
        Conv2DTranspose("up", 2, (2, 3), stride=(2, 1)),
        Conv2D("grouped", 4, (1, 2), groups=2),
        Flatten("flatten"),
        BatchNormalization("flat_norm", epsilon=1.0),
        PReLU("flat_slopes"),
        Dense("fc", 5),
        Dense("square", 5, use_bias=False),
    ]
    return network.eval(), Model.sequential("every-kind", (9, 8, 3), layers)


def whole_state(network):
    """Return weights for which every sum is exact, and no two channels are alike."""
    arrays = {}
    for seed, (name, (shape, dtype, kind)) in enumerate(described(network).items()):
        values = whole(*shape, seed=seed)
        if name.endswith("running_var"):  # with epsilon 1: divide by 1, 2 or 4
            values = np.choose(values.astype(int) % 3, [0, 3, 15]).astype(np.float32)
        elif kind == "PReLU":
            values = 2.0 ** -(values % 3)
        arrays[name] = values.astype(dtype)
    return arrays


@pytest.mark.parametrize("form", FORMATS)
def test_every_kind_of_module_computes_the_same(form: str, tmp_path: Path):
    network, model = every_kind()
    arrays = whole_state(network)
    assert sum(name.endswith("num_batches_tracked") for name in arrays) == 2
    flat = (12, 6, 4)
    assert next(node.input_shapes for node in model.nodes if node.name == "flatten") == (flat,)
    receipt = give(
        model,
        FORMATS[form](tmp_path / form, arrays),
        dict.fromkeys(("flat_norm", "flat_slopes", "fc"), flat),
    )
    assert [int(row.path.split(".")[0]) for row in receipt.rows] == [
        0,
        *[1] * 4,
        2,
        3,
        3,
        4,
        5,
        5,
        6,
        6,
        *[8] * 4,
        9,
        10,
        10,
        11,
    ]
    x = whole(2, 9, 8, 3)
    expected = computed(network.double(), arrays, x.astype(np.float64))
    assert len(np.unique(expected)) == expected.size
    np.testing.assert_array_equal(model.predict(x.astype(np.float64)), expected)


def test_one_dimension(tmp_path: Path):
    network = torch.nn.Sequential(torch.nn.Conv1d(3, 4, 2), torch.nn.Conv1d(4, 5, 3))
    arrays = {name: whole(*shape) for name, (shape, *_) in described(network).items()}
    model = Model.sequential("signal", (9, 3), [Conv1D("a", 4, 2), Conv1D("b", 5, 3)])
    give(model, write_safetensors(tmp_path / "w.safetensors", arrays))
    x = whole(2, 9, 3)
    np.testing.assert_array_equal(model.predict(x), np.moveaxis(computed(network, arrays, x), 1, -1))


# numbers

BIAS = LayerWeights("fc", "Dense", {"kernel": (2, 3), "bias": (3,)})


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_every_float_is_read_as_float32(form: str, dtype: str, tmp_path: Path):
    arrays = {
        "fc.weight": np.linspace(-2, 2, 6).reshape(3, 2).astype(dtype),
        "fc.bias": np.array([1e-7, 2, 3], dtype),
    }
    (weights,) = read_torch_weights(FORMATS[form](tmp_path / form, arrays), [BIAS])[0].values()
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(weights["kernel"], arrays["fc.weight"].T.astype(np.float32))
    np.testing.assert_array_equal(weights["bias"], arrays["fc.bias"].astype(np.float32))


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_bfloat16(suffix: str, tmp_path: Path):
    """Its bits are the upper half of a float32's."""
    bits = {"fc.weight": np.arange(0x3F7E, 0x3F84).reshape(3, 2), "fc.bias": np.array([0x1234, 0xC040, 0x7F61])}
    bits = {name: array.astype(np.uint16) for name, array in bits.items()}

    def save(path):
        torch.save({name: torch.tensor(array).view(torch.bfloat16) for name, array in bits.items()}, path)

    path = tmp_path / f"w.{suffix}"
    file("torch", (this_test(),), save, path) if suffix == "pt" else write_safetensors(path, bits)
    (weights,) = read_torch_weights(path, [BIAS])[0].values()
    exact = {name: (array.astype(np.uint32) << 16).view(np.float32) for name, array in bits.items()}
    np.testing.assert_array_equal(weights["kernel"], exact["fc.weight"].T)
    np.testing.assert_array_equal(weights["bias"], exact["fc.bias"])


def test_a_view_that_negates(tmp_path: Path):
    """PyTorch keeps the sign of an imaginary part as a note beside the numbers."""

    def save(path):
        negative = torch.complex(torch.zeros(3, 2), torch.arange(6.0).reshape(3, 2)).conj().imag
        assert negative.is_neg()
        torch.save({"fc.weight": negative, "fc.bias": torch.ones(3)}, path)

    path = file("torch", (this_test(),), save, tmp_path / "w.pt")
    (weights,) = read_torch_weights(path, [BIAS])[0].values()
    np.testing.assert_array_equal(weights["kernel"], [[0, -2, -4], [-1, -3, -5]])


@pytest.mark.parametrize("dtype", [">f4", ">f8"])
def test_npz_of_another_machine_and_in_fortran_order(dtype: str, tmp_path: Path):
    kernel = np.asfortranarray(np.arange(6).reshape(3, 2).astype(dtype))
    path = write_npz(tmp_path / "w.npz", {"fc.weight": kernel, "fc.bias": np.ones(3, dtype)})
    (weights,) = read_torch_weights(path, [BIAS])[0].values()
    np.testing.assert_array_equal(weights["kernel"], [[0, 2, 4], [1, 3, 5]])


# telling the files


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_is_known_by_its_content(form: str, tmp_path: Path):
    assert holds_tensors(FORMATS[form](tmp_path / form, state("a")).rename(tmp_path / f"{form}-bare"))


def test_a_file_is_known_by_its_ending(tmp_path: Path):
    assert all(holds_tensors(Path(f"missing{suffix}")) for suffix in (".safetensors", ".NPZ", ".pt", ".pth"))
    (tmp_path / "text").write_text('{"name":{"class_name": "Sequential"}}')
    others = [tmp_path, tmp_path / "text", tmp_path / "missing", Path("weights/lenet5.h5")]
    assert not any(holds_tensors(path) for path in others)


def test_a_state_dict_without_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_pt(tmp_path / "w.pt", state("a"))
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    np.testing.assert_array_equal(read_torch_weights(path, convolutions("a"))[0]["a"]["kernel"], 0)


# what the order after Flatten depends on: the whole way through `load`


def test_what_is_put_in_order_behind_a_flatten():
    def vector(kind, **shapes):
        return counterparts(LayerWeights("fc", kind, shapes, (2, 3, 4)))

    dense = vector("Dense", kernel=(24, 24), bias=(24,))
    assert dense["kernel"].transform == "transposed, rows CHW -> HWC"
    assert dense["bias"].transform == "as stored"  # its numbers are outputs
    norm = vector("BatchNormalization", gamma=(24,), beta=(5,))
    assert [norm[role].transform for role in norm] == ["CHW -> HWC", "as stored"]
    alpha = vector("PReLU", alpha=(24,))["alpha"]
    np.testing.assert_array_equal(alpha.convert(np.arange(24.0))[:4], [0, 6, 12, 18])
    np.testing.assert_array_equal(alpha.convert(np.full(1, 0.5)), np.full(24, 0.5))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("between", ["nothing", "Dropout", "BatchNormalization"])
def test_flatten_as_keras_and_pytorch_do_it(data_format: str, between: str, tmp_path: Path):
    """Channels first, both flatten alike; channels last, Keras' order is another."""
    keras = library("keras")
    norms = [torch.nn.BatchNorm1d(140, eps=1.0)] if between == "BatchNormalization" else []
    options = {"BatchNormalization": {"epsilon": 1.0}, "Dropout": {"rate": 0.5}}
    layers = [getattr(keras.layers, between)(**options[between])] if between != "nothing" else []
    image = (9, 6, 3) if data_format == "channels_last" else (3, 9, 6)
    conv = keras.layers.Conv2D(4, (3, 2), data_format=data_format)
    described = keras.Sequential([keras.Input(image), conv, keras.layers.Flatten(), *layers, keras.layers.Dense(5)])
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, (3, 2)), torch.nn.Flatten(), *norms, torch.nn.Linear(140, 5))
    assert_loaded_alike(described, network.eval(), whole(2, 9, 6, 3), tmp_path)


def test_flatten_of_rows(tmp_path: Path):
    keras = library("keras")
    layers = [keras.layers.Conv1D(4, 2), keras.layers.Flatten(), keras.layers.Dense(5)]
    network = torch.nn.Sequential(torch.nn.Conv1d(3, 4, 2), torch.nn.Flatten(), torch.nn.Linear(32, 5))
    assert_loaded_alike(keras.Sequential([keras.Input((9, 3)), *layers]), network, whole(2, 9, 3), tmp_path)


def assert_loaded_alike(described_by, network, x, folder: Path) -> None:
    """Load PyTorch's weights into what Keras describes, and compare exactly with what PyTorch computes."""
    arrays = {}
    for seed, (name, (shape, *_)) in enumerate(described(network).items()):
        values = whole(*shape, seed=seed)
        arrays[name] = values if not name.endswith("running_var") else np.where(values > 0, 3, 15).astype(np.float32)
    (folder / "net.json").write_text(text("keras", (this_test(),), described_by.to_json))
    path = write_safetensors(folder / "w.safetensors", arrays)
    model = convlab.load(path, topology=folder / "net.json")
    np.testing.assert_array_equal(model.predict(x), computed(network, arrays, x))


def test_h5py_is_not_needed():
    code = "import sys, convlab.files.flattened, convlab.files.torch.weights; sys.exit('h5py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("kind", "transform"),
    [("Conv2D", "OIHW -> HWIO"), ("Conv2DTranspose", "IOHW -> HWOI"), ("DepthwiseConv2D", "(C*M)1HW -> HWCM")],
)
def test_the_axes_of_a_kernel_are_those_of_the_layer_inside(kind, transform):
    for name in (kind, f"TimeDistributed({kind})"):
        assert counterparts(LayerWeights("c", name, {"kernel": (3, 2, 5, 5)}))["kernel"].transform == transform
