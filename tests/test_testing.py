"""`convlab.testing`: the assertion for tests of other people's networks."""

import re
import warnings
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.layers import Conv2D, Dense, Flatten, GlobalAveragePooling2D, MaxPooling2D, ReLU, Softmax
from convlab.testing import assert_layers_agree
from support.comparison.torch_spelling import images, network
from support.recorded import live

ROOT = Path(__file__).parents[1]


def net(stride=1):
    layers = [
        Conv2D("conv", 4, 3, activation="relu"),
        MaxPooling2D("pool", 2, stride),
        GlobalAveragePooling2D("mean"),
    ]
    return network((9, 8, 3), *layers, Dense("fc", 5, "softmax"))


@pytest.fixture
def model():
    return net()


@pytest.fixture
def x(model):
    return images(model)


def kinds_of_references(acts, path):
    acts.save(path)
    return [acts, dict(acts), {"input": acts.input, "fc": acts["fc"]}, path, str(path)]


def test_networks_recordings_files_and_arrays_that_agree(model, x, tmp_path):
    for reference in [net(), *kinds_of_references(net().run(x), tmp_path / "a.h5")]:
        assert assert_layers_agree(model, reference, x) is None


def test_the_failure_is_the_report(model, x, tmp_path):
    wrong = net()
    wrong["fc"].set_weights(kernel=model["fc"].weights["kernel"] * 1.01)
    for reference in [wrong, *kinds_of_references(wrong.run(x), tmp_path / "a.h5")]:
        with pytest.raises(AssertionError) as caught:
            assert_layers_agree(model, reference, x)
        acts = wrong.run(x) if reference is wrong else reference
        assert str(caught.value) == str(convlab.compare(model.run(x), acts))
        assert str(caught.value).startswith("first layer that differs: fc (relative error ")


def test_a_network_with_more_outputs_fails_and_arrays_of_some_layers_do_not(model, x):
    acts = model.run(x)
    more = replace(acts, outputs={**acts.outputs, "extra": acts["pool"]})
    with pytest.raises(AssertionError, match=r"^all 4 layers agree; what comes out \(extra\) was not compared"):
        assert_layers_agree(model, more, x)
    assert_layers_agree(model, {"pool": acts["pool"]}, x)


def test_names_and_a_tolerance_of_ones_own(model, x):
    other = {f"my {name}": array * 1.001 for name, array in model.run(x).items()}
    names = {"fc": "my fc"}
    assert_layers_agree(model, other, x, names=names, tolerance=0.01)
    with pytest.raises(AssertionError, match="first layer that differs: fc"):
        assert_layers_agree(model, other, x, names=names)
    with pytest.raises(convlab.LayerNameError, match="no recorded layer 'mine'"):
        assert_layers_agree(model, other, x, names={"fc": "mine"})


def test_what_is_no_reference_is_refused(model, x):
    with pytest.raises(convlab.UnsupportedError, match="compare: b is a float; give a recording, "):
        assert_layers_agree(model, 1.5, x)


def test_it_is_found_under_convlab():
    assert convlab.testing.assert_layers_agree is assert_layers_agree


# ---- with a framework


def test_a_module_of_pytorch_on_its_own_tensor_and_on_an_array(model, x):
    torch = live("torch", instead="comparison/test_frameworks.py")
    nn = torch.nn
    reference = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    )
    whole = nn.Sequential(*reference, nn.Softmax(1))
    with torch.no_grad():
        reference[0].weight.copy_(torch.tensor(np.array(model["conv"].weights["kernel"])).permute(3, 2, 0, 1))
        reference[0].bias.copy_(torch.tensor(np.array(model["conv"].weights["bias"])))
        reference[5].weight.copy_(torch.tensor(np.array(model["fc"].weights["kernel"]).T))
        reference[5].bias.copy_(torch.tensor(np.array(model["fc"].weights["bias"])))
    names = {"conv": "1", "pool": "2", "fc": "6"}
    tensor = torch.tensor(np.moveaxis(x, -1, 1))
    for given in (tensor, x):
        assert_layers_agree(model, whole, given, names=names)
    with pytest.raises(AssertionError, match=r"pool \(relative error .*agrees if it is the other pooling: Average"):
        whole[2] = nn.AvgPool2d(2, 1)
        assert_layers_agree(model, whole, tensor, names=names)


def test_a_model_of_keras_as_the_reference_and_as_the_network(x):
    keras = live("keras", instead="files/keras/test_live.py")
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(4, 3, name="conv"), keras.layers.ReLU(name="relu")]
    reference = keras.Sequential([keras.Input((9, 8, 3)), *layers])
    assert_layers_agree(reference, reference, x)
    assert_layers_agree(convlab.load(reference), reference, x)
    with pytest.raises(AssertionError, match="first layer that differs: conv"):
        assert_layers_agree(convlab.load(reference, weights=1), reference, x)


def copied(model, module, names):
    """Give convolutions of a module, and dense layers that follow no Flatten, the weights of a network."""
    torch = live("torch", instead="comparison/test_matching.py")
    with torch.no_grad():
        for name, place in names.items():
            part, weights = module.get_submodule(place), model[name].weights
            part.weight.copy_(torch.tensor(np.array(np.moveaxis(weights["kernel"], (-1, -2), (0, 1)))))
            part.bias.copy_(torch.tensor(np.array(weights["bias"])))
    return module


def ended(torch, end, output):
    """Return the class of a module `conv, act`, and what a function makes of that."""
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            setattr(self, output, nn.ReLU())

        def forward(self, x):
            return end(getattr(self, output)(self.conv(x)))

    return Net()


@pytest.mark.parametrize("output", ["act", "output"])
@pytest.mark.parametrize("end", ["sigmoid", "twice", "twice in place", "max_pool2d"])
def test_a_function_at_the_end_that_the_network_lacks(x, end, output):
    torch = live("torch", instead="comparison/test_matching.py")
    ends = {
        "sigmoid": torch.sigmoid,
        "twice": lambda y: y * 2,
        "twice in place": lambda y: y.mul_(2),
        "max_pool2d": lambda y: torch.nn.functional.max_pool2d(y, 2),
    }
    model = network((9, 8, 3), Conv2D("conv", 4, 3), ReLU(output))
    same = copied(model, ended(torch, lambda y: y, output), {"conv": "conv"})
    assert_layers_agree(model, same, x)
    module = copied(model, ended(torch, ends[end], output), {"conv": "conv"})
    with pytest.raises(AssertionError, match=f"the outputs differ: {output}, reference "):
        assert_layers_agree(model, module, x)
    for names in ({"conv": "conv"}, {output: output}):
        with pytest.raises(AssertionError, match="the outputs differ"):
            assert_layers_agree(model, module, x, names=names)


def test_a_softmax_that_the_module_lacks_or_has_as_a_module(x):
    torch = live("torch", instead="comparison/test_matching.py")
    nn = torch.nn
    conv, mean = Conv2D("conv", 4, 3), GlobalAveragePooling2D("mean")
    parts = {"conv": nn.Conv2d(3, 4, 3), "mean": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(), "fc": nn.Linear(4, 5)}
    model = network((9, 8, 3), conv, mean, Dense("fc", 5), Softmax("softmax"))
    logits = copied(model, nn.Sequential(OrderedDict(parts)), {"conv": "conv", "fc": "fc"})
    with pytest.raises(AssertionError, match=r"outputs differ: softmax, reference fc .* is missing \(Softmax\)"):
        assert_layers_agree(model, logits, x)
    inside = network((9, 8, 3), conv, mean, Dense("fc", 5, "softmax"))
    inside["fc"].set_weights(**model["fc"].weights)
    for behind in ({}, {"dropout": nn.Dropout()}, {"act": nn.ReLU()}):
        whole = nn.Sequential(OrderedDict(parts | {"softmax": nn.Softmax(1)} | behind)).eval()
        assert_layers_agree(inside, whole, x)
        assert_layers_agree(inside, whole, x, names={"fc": "fc"})
        assert_layers_agree(model, whole, x)


def test_a_module_that_lacks_a_function_between(x):
    """Names differ, functions lie elsewhere, and nothing is asked."""
    torch = live("torch", instead="comparison/test_matching.py")
    nn = torch.nn
    model = network((9, 8, 3), Conv2D("conv", 4, 3, activation="relu"), Flatten("flatten"), Dense("fc", 5))
    reference = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(168, 5))
    with torch.no_grad():
        reference[0].weight.copy_(torch.tensor(np.array(model["conv"].weights["kernel"])).permute(3, 2, 0, 1))
        reference[0].bias.copy_(torch.tensor(np.array(model["conv"].weights["bias"])))
        kernel = np.array(model["fc"].weights["kernel"]).reshape(7, 6, 4, 5).transpose(2, 0, 1, 3).reshape(168, 5)
        reference[3].weight.copy_(torch.tensor(kernel.T))
        reference[3].bias.copy_(torch.tensor(np.array(model["fc"].weights["bias"])))
    assert_layers_agree(model, reference, x)
    first, behind = [nn.Identity(), *reference[:2]], [nn.Dropout(), nn.ZeroPad2d(0), *reference[2:]]
    parts = OrderedDict(features=nn.Sequential(*first), head=nn.Sequential(*behind))
    assert_layers_agree(model, nn.Sequential(parts).eval(), x)
    reference[1] = nn.Identity()
    with pytest.raises(AssertionError, match=r"agrees if its activation function is missing \(relu\)"):
        assert_layers_agree(model, reference, x)


def test_a_kernel_whose_input_channels_are_reversed(x):
    torch = live("torch", instead="comparison/test_input_guesses.py")
    model = network((9, 8, 3), Conv2D("conv", 4, 3))
    module = copied(model, torch.nn.Sequential(OrderedDict(conv=torch.nn.Conv2d(3, 4, 3))), {"conv": "conv"})
    module.conv.weight.data = module.conv.weight.data.flip(1)
    message = r"input's channels are reversed \(RGB/BGR\), inside the network \(its code or the kernel\)"
    with pytest.raises(AssertionError, match=message):
        assert_layers_agree(model, module, x)


def test_a_module_in_train_mode_is_compared_as_in_eval_mode_and_said_to_be_in_the_other(x):
    torch = live("torch", instead="comparison/test_matching.py")
    nn = torch.nn
    model = network((9, 8, 3), Conv2D("conv", 4, 3))
    for behind, warned in ((nn.Dropout(), True), (nn.BatchNorm2d(4, eps=0), True), (nn.Identity(), False)):
        parts = OrderedDict(conv=nn.Conv2d(3, 4, 3), behind=behind)
        module = copied(model, nn.Sequential(parts), {"conv": "conv"})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert_layers_agree(model, module, x)
            assert_layers_agree(model, module.eval(), x)
        assert [Path(warning.filename).name for warning in caught] == ["test_testing.py"] * warned
        message = "assert_layers_agree: Sequential is in train mode, where behind would compute something else"
        assert all(str(warning.message).startswith(message) for warning in caught)


def test_arguments_that_are_swapped_and_channels_that_are_first(model, x):
    torch = live("torch", instead="comparison/test_matching.py")
    with pytest.raises(
        convlab.UnsupportedError, match=r"first is a PyTorch module, Linear, expected the network .* second"
    ):
        assert_layers_agree(torch.nn.Linear(4, 5), model, x)
    with pytest.raises(convlab.ShapeError, match=r"channels are first: give np\.moveaxis\(x, 1, -1\)$"):
        assert_layers_agree(model, net(), np.moveaxis(x, -1, 1))


def test_the_lines_of_the_readme(tmp_path, monkeypatch):
    torch = live("torch", instead="comparison/test_matching.py")
    keras = live("keras", instead="files/keras/test_live.py")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (lines,) = [block for block in re.findall(r"```python\n(.+?)```", page, re.DOTALL) if "torch.save(" in block]
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AvgPool2d(2))
    layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.AveragePooling2D(2)]
    keras_model = keras.Sequential([keras.Input((32, 32, 3)), *layers])
    kernel, bias = (weight.detach().numpy() for weight in module.parameters())
    keras_model.layers[0].set_weights([kernel.transpose(2, 3, 1, 0), bias])
    exec(lines, {"module": module, "keras_model": keras_model, "x": np.ones((1, 32, 32, 3), np.float32)})
    module[2] = torch.nn.MaxPool2d(2)
    with pytest.raises(AssertionError, match="agrees if it is the other pooling"):
        exec(lines, {"module": module, "keras_model": keras_model})
