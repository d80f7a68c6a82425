"""Recording a PyTorch module: what is kept, in which order of axes, under which names, and what is left behind."""

import subprocess
import sys
from collections import OrderedDict

import numpy as np
import pytest

import convlab
from convlab.comparison.torch_recorder import record_torch
from support.frameworks import assert_close, to_torch
from support.recorded import live

torch = live("torch", instead="comparison/test_frameworks.py")
nn = torch.nn


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def numbers(*shape):
    return np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)


def lenet5(model):
    """Return convlab's LeNet-5 as PyTorch spells it, with its weights."""
    flatten = nn.Sequential(Permute(0, 2, 3, 1), nn.Flatten())
    names = ("conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten", "fc1", "relu3", "fc2", "relu4", "fc3")
    parts = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(inplace=True), nn.AvgPool2d(2)]
    parts += [nn.Conv2d(6, 16, 5), nn.ReLU(inplace=True), nn.AvgPool2d(2), flatten]
    parts += [
        nn.Linear(400, 120),
        nn.ReLU(inplace=True),
        nn.Linear(120, 84),
        nn.ReLU(inplace=True),
        nn.Linear(84, 10),
    ]
    network = nn.Sequential(OrderedDict(zip((*names, "softmax"), (*parts, nn.Softmax(1)), strict=True)))
    for name, part in network.named_children():
        if list(part.parameters()):
            kernel, bias = model[name].weights.values()
            part.weight.data = (
                torch.tensor(kernel).permute(3, 2, 0, 1) if kernel.ndim == 4 else torch.tensor(kernel).T
            )
            part.bias.data = torch.tensor(bias)
    return network


class Permute(nn.Module):
    def __init__(self, *axes):
        super().__init__()
        self.axes = axes

    def forward(self, x):
        return x.permute(self.axes)


def test_lenet5_is_recorded_under_convlabs_names_with_convlabs_shapes_and_values():
    model = convlab.load("lenet5")
    x = np.random.default_rng(0).uniform(0, 1, (3, 28, 28, 1)).astype(np.float32)
    ours, theirs = model.run(x), record_torch(lenet5(model), x, names={"flatten": "flatten"})
    assert [name for name in theirs if not name.startswith("flatten.")] == list(ours)
    assert_close(model, ours, {name: theirs[name] for name in ours})
    np.testing.assert_array_equal(theirs.input, ours.input)
    np.testing.assert_array_equal(theirs.output, theirs["softmax"])
    assert (theirs.kinds["conv1"], list(theirs.outputs), theirs.network) == ("Conv2d", ["softmax"], None)


def test_what_an_in_place_module_overwrites_was_recorded_before():
    x = 9 * numbers(2, 5, 7, 3)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Hardtanh(inplace=True))
    acts = record_torch(network, x)
    with torch.no_grad():
        expected = np.moveaxis(network[0](to_torch(x)).numpy(), 1, -1)
    assert expected.min() < 0 and expected.max() > 1
    np.testing.assert_array_equal(acts["0"], expected)
    np.testing.assert_array_equal(acts["1"], np.maximum(expected, 0))
    np.testing.assert_array_equal(acts["2"], np.clip(expected, 0, 1))
    np.testing.assert_array_equal(acts.output, np.clip(expected, 0, 1))
    assert list(acts.outputs) == ["2"]


def test_an_in_place_module_does_not_overwrite_what_the_caller_gave():
    x = numbers(2, 5, 7, 3)
    for given, options in ((x, {}), (np.moveaxis(x, -1, 1).copy(), {"channels_last_input": False})):
        before = given.copy()
        acts = record_torch(nn.ReLU(inplace=True), given, **options)
        np.testing.assert_array_equal(given, before)
        assert not np.shares_memory(acts.input, given)
        np.testing.assert_array_equal(acts.input, x)
        np.testing.assert_array_equal(acts["ReLU"], np.maximum(x, 0))


class Shared(nn.Module):
    """One ReLU and one block, each called twice, and functions that are no modules."""

    def __init__(self):
        super().__init__()
        self.stem, self.relu = nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True)
        self.block = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3))

    def forward(self, x):
        x = self.block(self.relu(self.stem(x)))
        return torch.tanh(self.relu(self.block(x)) + x)


def test_a_module_called_twice_has_two_names_and_those_inside_a_block_its_path():
    acts = record_torch(Shared(), numbers(2, 5, 7, 3))
    assert list(acts) == ["stem", "relu", "block.0", "block.1", "block.0/2", "block.1/2", "relu/2"]
    np.testing.assert_array_equal(acts["relu/2"], np.maximum(acts["block.1/2"], 0))
    np.testing.assert_array_equal(acts["relu"], np.maximum(acts["stem"], 0))
    assert list(acts.outputs) == ["output"]  # a function made it
    np.testing.assert_allclose(acts.output, np.tanh(acts["relu/2"] + acts["block.1"]), rtol=1e-6)


def test_names_rename_and_bring_in_a_module_made_of_others():
    acts = record_torch(Shared(), numbers(2, 5, 7, 3), names={"stem": "conv1", "block": "bn1", "Shared": "tanh"})
    assert list(acts) == [
        "conv1",
        "relu",
        "block.0",
        "block.1",
        "bn1",
        "block.0/2",
        "block.1/2",
        "bn1/2",
        "relu/2",
        "tanh",
    ]
    np.testing.assert_array_equal(acts["bn1/2"], acts["block.1/2"])
    assert list(acts.outputs) == ["tanh"]


def test_a_name_that_no_module_has_is_refused():
    with pytest.raises(
        convlab.LayerNameError, match=r"no module 'blok'; did you mean 'block'\? available: Shared, stem,"
    ):
        record_torch(Shared(), numbers(2, 5, 7, 3), names={"blok": "conv1"})


def test_a_sequence_has_its_channels_moved_and_a_row_stays_as_it_is():
    x = numbers(2, 7, 3)
    network = nn.Sequential(nn.Conv1d(3, 4, 3), nn.Flatten(), nn.Linear(20, 6))
    acts = record_torch(network, x)
    assert [acts[name].shape for name in acts] == [(2, 5, 4), (2, 20), (2, 6)]
    np.testing.assert_array_equal(acts["1"], np.moveaxis(acts["0"], -1, 1).reshape(2, 20))
    assert record_torch(network[2], numbers(2, 20))["Linear"].shape == (2, 6)


def test_input_may_be_channels_first():
    x = numbers(2, 5, 7, 3)
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    acts = record_torch(network, np.moveaxis(x, -1, 1), channels_last_input=False)
    np.testing.assert_array_equal(acts.input, x)
    np.testing.assert_array_equal(acts["0"], record_torch(network, x)["0"])


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 4, 4, 4)])
def test_a_tensor_is_channels_first_and_an_array_channels_last(shape):
    """Where all sides are equally long, nothing but the type can tell."""
    network = nn.Sequential(nn.Conv2d(shape[1], 4, 3))
    x = torch.randn(shape, requires_grad=True)
    acts = record_torch(network, x)
    expected = np.moveaxis(network(x).detach().numpy(), 1, -1)
    np.testing.assert_array_equal(acts["0"], expected)
    np.testing.assert_array_equal(acts.input, np.moveaxis(x.detach().numpy(), 1, -1))
    np.testing.assert_array_equal(record_torch(network, acts.input)["0"], expected)
    turned = x.detach().movedim(1, -1)
    np.testing.assert_array_equal(record_torch(network, turned, channels_last_input=True)["0"], expected)


def test_a_tensor_stays_as_it_is_though_a_module_writes_to_its_input():
    x = torch.randn(2, 3, 5, 7)
    before = x.clone()
    acts = record_torch(nn.ReLU(inplace=True), x)
    assert torch.equal(x, before)
    np.testing.assert_array_equal(acts.input, np.moveaxis(before.numpy(), 1, -1))


def test_indices_and_sequences_as_pytorch_has_them():
    words = torch.tensor([[1, 5, 2]])
    acts = record_torch(nn.Sequential(nn.Embedding(9, 4)), words)
    np.testing.assert_array_equal(acts.input, words.numpy())
    assert acts["0"].shape == (1, 4, 3)  # as of any module: the second axis is taken for the channels
    assert record_torch(nn.Sequential(nn.Conv1d(3, 4, 2)), torch.randn(2, 3, 7))["0"].shape == (2, 6, 4)


def test_bfloat16_is_recorded_as_float32():
    network = nn.Sequential(nn.Conv2d(3, 4, 3)).bfloat16()
    x = torch.randn(2, 3, 5, 7)
    acts = record_torch(network, x)
    assert acts["0"].dtype == np.float32
    np.testing.assert_array_equal(acts["0"], np.moveaxis(network(x.bfloat16()).detach().float().numpy(), 1, -1))


@pytest.mark.parametrize(
    ("given", "options", "found", "advice"),
    [
        (
            torch.zeros(3, 28, 27, 1),
            {},
            (3, 28, 27, 1),
            "; a tensor is channels first: if its channels are last, give channels_last_input=True",
        ),
        (
            np.zeros((3, 1, 28, 27)),
            {},
            (3, 27, 1, 28),
            "; an array of NumPy is channels last, found (3, 1, 28, 27): if its channels are first, give a tensor, or"
            " channels_last_input=False",
        ),
        (np.zeros((3, 28, 27, 1)), {"channels_last_input": False}, (3, 28, 27, 1), ""),
    ],
)
def test_an_input_that_the_module_does_not_take_is_refused_in_one_line(given, options, found, advice):
    with pytest.raises(convlab.ShapeError) as caught:
        record_torch(nn.Sequential(nn.Conv2d(1, 6, 5)), given, **options)
    message = str(caught.value)
    assert message.startswith(f"record_torch: Sequential does not take {found}: Given groups=1, weight of size ")
    assert message.endswith(f"channels instead{advice}")
    assert "\n" not in message


def test_what_is_no_module_and_no_numbers_is_refused():
    with pytest.raises(convlab.UnsupportedError, match=r"^record_torch: a function, expected a PyTorch"):
        record_torch(torch.nn.functional.relu, numbers(2, 3))
    with pytest.raises(convlab.UnsupportedError, match="cannot be computed with"):
        record_torch(nn.ReLU(), "photo.png")


def test_it_is_computed_in_the_type_of_the_parameters():
    acts = record_torch(nn.Sequential(nn.Conv2d(3, 4, 3)).double(), numbers(2, 5, 7, 3))
    assert acts["0"].dtype == np.float64


def test_dropout_and_batch_normalization_predict_and_each_mode_is_restored():
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Conv2d(3, 4, 1))
    network.train()
    network[1].eval()
    x, statistics = numbers(2, 5, 7, 3), network[0].running_mean.clone()
    acts = record_torch(network, x)
    np.testing.assert_array_equal(acts["1"], acts["0"])
    np.testing.assert_allclose(acts["0"], x / np.sqrt(1 + network[0].eps), rtol=1e-6)
    assert torch.equal(network[0].running_mean, statistics)
    assert [part.training for part in network.modules()] == [True, True, False, True]


def test_nothing_stays_behind_when_the_module_raises():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(99, 2))
    network.train()
    with pytest.raises(convlab.ShapeError, match=r"^record_torch: Sequential does not take \(2, 3, 5, 7\): mat1 and"):
        record_torch(network, numbers(2, 5, 7, 3))
    assert all(part.training and not part._forward_hooks for part in network.modules())
    assert torch.is_grad_enabled()


def test_no_hook_stays_behind_after_a_run():
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    record_torch(network, numbers(2, 5, 7, 3))
    assert not network[0]._forward_hooks


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.relu = nn.LSTM(3, 4), nn.ReLU()

    def forward(self, x):
        return self.lstm(self.relu(x))


def test_a_module_that_returns_two_tensors_is_left_out_and_a_network_that_does_is_refused():
    acts = record_torch(nn.Sequential(Two(), First()), numbers(2, 7, 3), channels_last_input=False)
    assert list(acts) == ["0.relu", "1"]
    message = "^record_torch: Two returns a tuple, expected a tensor: give a module that returns one$"
    with pytest.raises(convlab.UnsupportedError, match=message):
        record_torch(Two(), numbers(2, 7, 3), channels_last_input=False)


class First(nn.Module):
    def forward(self, pair):
        return pair[0]


def test_importing_the_recorders_imports_no_framework():
    program = (
        "import sys, convlab, convlab.comparison.torch_recorder, convlab.comparison.keras_recorder;"
        "assert not {'torch', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
