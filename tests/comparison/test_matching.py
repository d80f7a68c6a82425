"""Which array is compared with which, where names and activation functions do not lie alike."""

from dataclasses import replace

import numpy as np
import pytest

from convlab import LayerNameError
from convlab.comparison.comparison import compare
from convlab.layers import Activation, Add, Conv2D, Dense, Flatten, MaxPooling2D, ReLU, Softmax, ZeroPadding2D
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from convlab.model.receipt import Receipt, ReceiptRow
from convlab.recording.activations import Activations
from support.comparison.torch_spelling import images, network


def net(*layers):
    return network((9, 8, 3), *layers, Flatten("flatten"), Dense("fc1", 6, "tanh"), Dense("fc2", 4, "softmax"))


def fused():
    return net(
        Conv2D("conv1", 5, 3, activation="relu"),
        MaxPooling2D("pool", 2),
        Conv2D("conv2", 4, 2, activation="relu"),
    )


def apart():
    """Return the same with its first function as a layer of its own."""
    model = fused()
    other = net(
        Conv2D("conv1", 5, 3), ReLU("relu1"), MaxPooling2D("pool", 2), Conv2D("conv2", 4, 2, activation="relu")
    )
    for layer in other.layers:
        if layer.shapes:
            layer.set_weights(**model[layer.name].weights)
    return other


def modules(model, x, change=None):
    """Return what PyTorch's hooks see of it: modules without their functions, and an output that no module made."""
    acts = (change or model).run(x, pre=True)
    seen = {name: acts.arrays.get(f"{name}/pre", acts[name]) for name in ("conv1", "pool", "conv2", "fc1", "fc2")}
    kinds = dict(zip(seen, ("Conv2d", "MaxPool2d", "Conv2d", "Linear", "Linear"), strict=True))
    return Activations(seen, kinds, {"input": x}, {"output": acts.output}, "Net")


def paired(report):
    return {row.name: row.reference for row in report.rows if row.kind != "Input"}


INSIDE = {
    "conv1/pre": "conv1",
    "pool": "pool",
    "conv2/pre": "conv2",
    "fc1/pre": "fc1",
    "fc2/pre": "fc2",
    "fc2": "output",
}
"""What belongs together where one side has all functions inside its layers and the other none."""


@pytest.mark.parametrize("recorded", [True, False])
def test_functions_inside_layers_on_one_side_and_outside_on_the_other(recorded):
    model = fused()
    x = images(model)
    report = compare(model.run(x, pre=recorded), modules(model, x))
    assert report.agrees, str(report)
    assert paired(report) == INSIDE
    assert "conv1/pre: the reference is called conv1" in str(report)
    turned = compare(modules(model, x), model.run(x, pre=recorded))
    assert turned.agrees, str(turned)
    assert paired(turned) == {other: name for name, other in INSIDE.items()}


def test_what_is_before_a_function_is_made_from_what_was_recorded_or_from_the_input():
    model = fused()
    x = images(model)
    for record in (["conv2"], ["pool", "conv2"], ["conv1", "conv2"]):
        report = compare(model.run(x, record=record), modules(model, x))
        assert report.agrees, str(report)
        assert "conv2/pre" in paired(report)


def test_a_mistake_is_found_behind_functions_that_lie_elsewhere():
    model = fused()
    x = images(model)
    wrong = fused()
    kernel = model["conv2"].weights["kernel"]
    wrong["conv2"].set_weights(kernel=kernel[::-1, ::-1])
    report = compare(model.run(x), modules(model, x, wrong))
    assert (report.first, report.guesses[0].name) == ("conv2/pre", "kernel turned")


def test_where_numbers_do_not_tell_it_is_as_everywhere_else():
    """After a mistake no array is near; what tanh is given lies between -1 and 1 here, as what it returns."""
    model = fused()
    model["fc1"].set_weights(kernel=model["fc1"].weights["kernel"] / 50)
    x = images(model)
    wrong = fused()
    wrong["fc1"].set_weights(**model["fc1"].weights)
    wrong["conv2"].set_weights(bias=model["conv2"].weights["bias"] + 1)
    assert np.abs(wrong.run(x, pre=True)["fc1/pre"]).max() < 1
    report = compare(model.run(x), modules(model, x, wrong))
    assert paired(report) == INSIDE
    both = compare(model.run(x), dict(wrong.run(x)))
    assert paired(both) == {name: name for name in ("conv1", "pool", "conv2", "flatten", "fc1", "fc2")}


def test_what_is_much_nearer_tells_where_nothing_else_does():
    """What tanh is given lies between -1 and 1, as what it returns."""
    model = network((4,), Dense("fc1", 5, "tanh"), Dense("fc2", 3))
    model["fc1"].set_weights(kernel=model["fc1"].weights["kernel"] / 50)
    x = images(model)
    acts = model.run(x, pre=True)
    assert np.abs(acts["fc1/pre"]).max() < 1
    report = compare(model.run(x), {"fc1": acts["fc1/pre"] * (1 + 1e-6), "fc2": acts["fc2"]})
    assert (report.agrees, paired(report)) == (True, {"fc1/pre": "fc1", "fc2": "fc2"})


def test_a_function_that_is_a_layer_of_its_own_on_one_side():
    ours, theirs = apart(), fused()
    x = images(ours)
    for reference in (theirs.run(x), dict(theirs.run(x))):
        report = compare(ours.run(x), reference)
        assert report.agrees, str(report)
        assert paired(report)["relu1"] == "conv1"
    report = compare(theirs.run(x), ours.run(x))
    assert report.agrees, str(report)
    assert (paired(report)["conv1/pre"], paired(report)["conv1"]) == ("conv1", "relu1")


def test_a_forgotten_function_is_named_at_the_layer_after_it():
    model = fused()
    x = images(model)
    wrong = fused()
    wrong.nodes[0].layer.activation = "linear"
    report = compare(model.run(x), dict(wrong.run(x)))
    assert (report.first, report.guesses[0].sentence) == (
        "pool",
        "its activation function is missing (relu) (in conv1)",
    )


def test_the_last_function_is_compared_unless_it_is_elsewhere():
    """A network that returns logits differs from one that returns probabilities."""
    model = fused()
    x = images(model)
    theirs = modules(model, x)
    logits = replace(theirs, outputs={"fc2": theirs["fc2"]})
    report = compare(model.run(x), logits)
    assert (report.first, report.guesses[0].sentence) == ("fc2", "its activation function is missing (softmax)")


def test_a_function_along_another_axis_may_lie_inside_the_other_layer():
    ours = network((5, 4, 3), Conv2D("conv", 3, 1), Softmax("softmax", axis=2), Conv2D("last", 2, 1))
    x = images(ours)
    acts = ours.run(x)
    report = compare(acts, {"conv": acts["softmax"], "last": acts["last"]})
    assert report.agrees
    assert paired(report) == {"softmax": "conv", "last": "last"}


def test_the_last_function_may_be_a_layer_of_its_own():
    model = network((4,), Dense("fc1", 5), Dense("fc2", 3, "softmax"))
    x = images(model)
    acts = model.run(x, pre=True)
    arrays = {"fc1": acts["fc1"], "fc2": acts["fc2/pre"], "probabilities": acts["fc2"]}
    theirs = Activations(arrays, {}, {"input": x}, {"probabilities": acts["fc2"]}, "Net")
    report = compare(model.run(x), theirs)
    assert report.agrees
    assert paired(report) == {"fc1": "fc1", "fc2/pre": "fc2", "fc2": "probabilities"}


# ---- other names


def renamed(acts, names):
    """Return a recording without a network, with other names."""
    kinds = {names[name]: kind for name, kind in acts.kinds.items() if name in names}
    arrays = {names[name]: array for name, array in acts.items() if name in names}
    outputs = {names.get(name, name): array for name, array in acts.outputs.items()}
    return Activations(arrays, kinds, {"input": acts.input}, outputs, "Net")


def test_two_chains_are_matched_by_order():
    model = fused()
    x = images(model)
    acts = model.run(x)
    numbers = {name: str(i) for i, name in enumerate(acts)}
    report = compare(acts, renamed(acts, numbers))
    assert report.agrees
    assert paired(report) == {name: number for name, number in numbers.items() if name != "flatten"}
    assert compare(dict(acts), dict(renamed(acts, numbers))).agrees
    wider = {f"{name}!": array for name, array in acts.items()} | {"more": acts["fc2"] + 1}
    with pytest.raises(LayerNameError, match="have no layer's name in common"):
        compare(acts, wider)


def test_two_chains_of_which_one_has_its_functions_as_layers():
    ours, theirs = fused(), apart()
    x = images(ours)
    acts = theirs.run(x)
    names = {name: str(i) for i, name in enumerate(acts)}
    all_apart = dict(theirs.run(x, pre=True))
    order = ["conv1", "relu1", "pool", "conv2/pre", "conv2", "flatten", "fc1/pre", "fc1", "fc2/pre", "fc2"]
    everything = {str(i): all_apart[name] for i, name in enumerate(order)}
    report = compare(ours.run(x), everything)
    assert report.agrees, str(report)
    assert paired(report)["conv1/pre"] == "0"
    assert paired(report)["conv1"] == "1"
    turned = compare(everything, ours.run(x))
    assert turned.agrees, str(turned)
    assert paired(turned)["0"] == "conv1/pre"
    with pytest.raises(LayerNameError):  # of some functions, but not of all
        compare(ours.run(x), dict(renamed(acts, names)))


def test_rows_that_are_equally_long_but_do_not_fit_are_not_matched():
    model = fused()
    acts = model.run(images(model))
    backwards = {f"{name}!": acts[name] for name in reversed(list(acts))}
    with pytest.raises(LayerNameError):
        compare(acts, backwards)


@pytest.mark.parametrize("again", [["input"], ["pool"], ["pool", "pool"], ["input", "conv2/pre", "conv2"]])
def test_layers_that_hand_on_what_they_get_do_not_break_the_order(again):
    """Identity, Dropout, padding by nothing; theirs may flatten in another order, by a layer or a function."""
    model = fused()
    x = images(model)
    acts = model.run(x, pre=True)
    made = dict(acts, input=x, flat=np.moveaxis(acts["conv2"], -1, 1).reshape(len(x), -1))
    inside = ["conv1", "pool", "conv2", "fc1", "fc2"]
    apart = ["conv1/pre", "conv1", "pool", "conv2/pre", "conv2", "fc1/pre", "fc1", "fc2/pre", "fc2"]
    for order in (inside, [*inside[:3], "flat", *inside[3:]], apart):
        names = list(order)
        for name in again:
            if name == "input" or name in names:
                names.insert(names.index(name) + 1 if name in names else 0, name)
        theirs = {str(i): made[name] for i, name in enumerate(names)}
        report = compare(model.run(x), {"input": x, **theirs})
        assert report.agrees, str(report)
        found = {name: names[int(number)] for name, number in paired(report).items()}
        assert found == {name: name for name in order if name != "flat"}
        wrong = {number: array + (name == "fc2") for (number, array), name in zip(theirs.items(), names, strict=True)}
        assert compare(model.run(x), {"input": x, **wrong}).first == "fc2"


def test_what_nothing_tells_is_refused_with_what_would_tell():
    acts = fused().run(images(fused()))
    with pytest.raises(
        LayerNameError, match=r"with names= .* load the network .*load\(\.\.\., weights=\"module\.pt\"\)"
    ):
        compare(acts, {"0": acts["conv1"], "1": acts["pool"]})


def test_a_mistake_that_changes_a_shape_is_matched_by_the_names_of_classes():
    ours = network((9, 8, 3), Conv2D("conv", 4, 3), MaxPooling2D("pool", 3, 2))
    x = images(ours)
    acts = ours.run(x)
    theirs = Activations(
        {"0": acts["conv"], "1": np.zeros((3, 4, 3, 4), np.float32)},
        {"0": "Conv2d", "1": "MaxPool2d"},
        {"input": x},
        {"1": np.zeros((3, 4, 3, 4), np.float32)},
        "Net",
    )
    assert compare(acts, theirs).first == "pool"
    other = replace(theirs, kinds={"0": "Conv2d", "1": "Upsample"}, outputs={})
    with pytest.raises(LayerNameError):
        compare(acts, other)


def test_names_that_weights_were_loaded_from():
    model = fused()
    x = images(model)
    rows = [("conv1", "features.0.weight"), ("conv2", "features.3.weight"), ("fc2", "classifier.weight")]
    model.receipt = Receipt("net.pt", "", tuple(ReceiptRow(n, "kernel", (), path, "") for n, path in rows))
    acts = model.run(x)
    names = {"conv1": "features.0", "pool": "features.2", "conv2": "features.3", "fc1": "fc", "fc2": "classifier"}
    report = compare(acts, renamed(acts, names))
    assert report.agrees
    assert paired(report) == names
    turned = compare(renamed(acts, names), acts)
    assert turned.agrees
    assert paired(turned) == {other: name for name, other in names.items()}


def test_of_unequal_rows_those_are_matched_that_are_alike_in_class_and_shape():
    """Theirs has no layer for the flattening, and one more that is like none."""
    layers = [Conv2D("conv", 4, 3), ReLU("act"), MaxPooling2D("pool", 2), Flatten("flatten"), Dense("fc", 5)]
    model = network((9, 8, 3), *layers)
    x = images(model)
    acts = model.run(x)
    arrays = {"conv": acts["conv"], "1": acts["act"], "2": acts["pool"], "3": acts["pool"], "4": acts["pool"]}
    kinds = dict(zip(arrays, ("Conv2d", "ReLU", "MaxPool2d", "Dropout", "Flatten"), strict=True))
    theirs = Activations(
        arrays | {"fc": acts["fc"]}, kinds | {"fc": "Linear"}, {"input": x}, {"fc": acts["fc"]}, "Net"
    )
    assert paired(compare(acts, theirs)) == {"conv": "conv", "act": "1", "pool": "2", "fc": "fc"}
    two = replace(theirs, kinds=theirs.kinds | {"3": "MaxPool2d"})  # either may be it
    assert paired(compare(acts, two)) == {"conv": "conv", "fc": "fc"}
    turned = replace(
        theirs, arrays={name: arrays.get(name, acts["fc"]) for name in ("conv", "2", "1", "3", "4", "fc")}
    )
    assert paired(compare(acts, turned)) == {"conv": "conv", "fc": "fc"}


def test_where_names_are_given_nothing_is_matched_by_order():
    model = fused()
    acts = model.run(images(model))
    theirs = dict(renamed(acts, {"conv1": "conv1", "pool": "1", "conv2": "conv2"}))
    assert paired(compare(acts, theirs)) == {"conv1": "conv1", "pool": "1", "conv2": "conv2"}
    assert paired(compare(acts, theirs, names={"conv1": "conv1"})) == {"conv1": "conv1", "conv2": "conv2"}


def test_what_comes_out_is_compared_whatever_lies_before_it():
    ours = network((9, 8, 3), Conv2D("conv", 4, 3), ZeroPadding2D("zeros"), MaxPooling2D("pool", 3, 2))
    theirs = network((9, 8, 3), Conv2D("conv", 4, 3), MaxPooling2D("other", 3, 2, 1))
    theirs["conv"].set_weights(**ours["conv"].weights)
    x = images(ours) - 4
    report = compare(ours.run(x), theirs.run(x))
    assert paired(report) == {"conv": "conv", "pool": "other"}
    assert report.guesses[0].name == "zeros left out"
    asked = compare(ours.run(x), theirs.run(x), names={"conv": "conv"})
    assert paired(asked) == {"conv": "conv", "pool": "other"}
    assert not asked.agrees


def ends(made, **theirs):
    """Return the comparison with a network that has the same two layers, and whose output is what is given."""
    model = network((9, 8, 3), Conv2D("conv", 4, 3), MaxPooling2D("pool", 2), Activation("act", "relu"))
    x = images(model)
    acts = model.run(x)
    arrays = {name: acts[name] for name in theirs.get("layers", acts)}
    return compare(acts, Activations(arrays, {}, {"input": x}, {theirs.get("name", "output"): made(acts)}, "Net"))


def test_the_outputs_are_compared_where_one_network_goes_on_behind_the_other():
    """A layer that the other lacks at the end, and functions there, which are no layers."""
    lacks = ends(lambda acts: acts["pool"], layers=("conv", "pool"), name="pool")
    assert (lacks.first, str(lacks).partition(" (")[0]) == ("act", "the outputs differ: act, reference pool")
    assert lacks.guesses[0].sentence == "its activation function is missing (ReLU)"
    shorter = ends(lambda acts: acts["act"].repeat(2, 1))
    assert (shorter.first, shorter.rows[-1].reference) == ("act", "output")
    sigmoid = ends(lambda acts: 1 / (1 + np.exp(-acts["act"])))
    assert str(sigmoid).startswith("the outputs differ: act, reference output (relative error")
    assert sigmoid.guesses[0].sentence == "a function is applied to it: sigmoid"
    assert "their layers agree: what is no layer there" in str(ends(lambda acts: acts["act"] * 3))
    same = ends(lambda acts: acts["act"])
    assert str(same).startswith("all 3 layers agree\n")
    assert same.rows[-1].reference == "output"


def test_several_outputs_are_compared_in_their_order():
    conv, left, right = Conv2D("conv", 3, 1), ReLU("left"), MaxPooling2D("right", 2)
    nodes = [Node("conv", conv, ("input",)), Node("left", left, ("conv",)), Node("right", right, ("conv",))]
    model = Model("net", (4, 4, 3), nodes, outputs=("left", "right"))
    randomise(model, 0)
    acts = model.run(images(model))
    found = {"1": acts["left"], "2": acts["right"]}
    theirs = Activations({"conv": acts["conv"]}, {}, {"input": acts.input}, found, "Net")
    assert paired(compare(acts, theirs)) == {"conv": "conv", "left": "1", "right": "2"}
    wrong = replace(theirs, outputs=found | {"2": acts["right"] + 1})
    assert compare(acts, wrong).first == "right"
    fewer = compare(acts, replace(theirs, outputs={"1": acts["left"]}))
    assert str(fewer).startswith("the 1 layer compared agrees; what comes out (left, right) was not compared\n")
    assert str(compare(acts, {"left": acts["left"]})).startswith(
        "the 1 layer compared agrees; what comes out (right) was not compared\n"
    )


def test_recordings_of_two_pictures_are_said_to_be_that():
    """Also where no network is at hand: then no advice to have one, which would not help."""
    model = network((9, 8, 3), Conv2D("conv", 4, 3))
    x = images(model)
    for side in (lambda acts: acts, lambda acts: {"input": acts.input, **acts}):
        report = compare(side(model.run(x[:1])), side(model.run(x[1:2])))
        headline, *_ = lines = str(report).splitlines()
        assert headline.endswith("): these are recordings of different inputs")
        assert lines[1] == ""


def test_a_layer_that_is_missing_is_named():
    model = network((9, 8, 3), Conv2D("conv", 4, 3), MaxPooling2D("pool", 2))
    acts = model.run(images(model))
    report = compare(acts, {"conv": acts["conv"], "pool": acts["conv"]})
    assert (report.first, report.guesses[0].sentence) == ("pool", "the layer is missing (MaxPooling2D)")


@pytest.mark.parametrize("last", ["output", "dropout", "softmax"])
@pytest.mark.parametrize("names", [None, {"fc2": "head"}, {"conv1": "conv1", "conv2": "conv2", "fc2": "head"}])
def test_the_last_function_may_lie_behind_a_layer_that_names_say(names, last):
    """The reference applies its softmax by a function or a module, and has a Dropout behind it, or has not."""
    model = fused()
    x = images(model)
    theirs = modules(model, x)
    head = "head" if names else "fc2"
    arrays = {head if name == "fc2" else name: array for name, array in theirs.items()}
    output = theirs.output
    behind = {} if last == "output" else {last: output}
    report = compare(model.run(x), replace(theirs, arrays=arrays | behind, outputs={last: output}), names=names)
    assert report.agrees, str(report)
    assert paired(report) == {**INSIDE, "fc2/pre": head, "fc2": last}
    back = None if names is None else {other: name for name, other in names.items()}
    turned = compare(replace(theirs, arrays=arrays | behind, outputs={last: output}), model.run(x), names=back)
    assert turned.agrees, str(turned)


def test_what_a_function_makes_of_the_last_layer_is_compared_too():
    """PyTorch's hooks see no function: a forward that ends in one returns something else than its last module."""
    model = network((4, 5, 3), Conv2D("conv", 4, 3), Flatten("flatten"), Dense("fc", 4))
    acts = model.run(images(model))
    layers = {name: acts[name] for name in ("conv", "fc")}
    kinds = {"conv": "Conv2d", "fc": "Linear"}
    for output, agrees in ((acts.output.copy(), True), (2 * acts.output, False), (acts.output.argmax(1), False)):
        theirs = Activations(layers, kinds, {"input": acts.input}, {"output": output}, "Net")
        report, turned = compare(acts, theirs), compare(theirs, acts)
        assert (report.first, turned.first) == ((None, None) if agrees else ("fc", "output"))
        assert paired(report) == {"conv": "conv", "fc": "output"}
        assert paired(turned) == {"conv": "conv", "fc": "fc", "output": "fc"}


def test_a_function_that_the_other_network_has_nowhere_is_missing():
    right, wrong = (
        network((9, 8, 3), Conv2D("conv", 4, 3, activation=function), MaxPooling2D("pool", 2), Dense("fc", 2))
        for function in ("relu", "linear")
    )
    for layer in ("conv", "fc"):
        wrong[layer].set_weights(**right[layer].weights)
    x = images(right) - 0.5
    for ours, theirs, guess in ((wrong, right, "ReLU applied"), (right, wrong, "activation missing")):
        report = compare(ours.run(x), theirs.run(x))
        assert (report.first, paired(report)["conv"]) == ("conv", "conv")
        assert report.guesses[0].name == guess


def test_a_branching_network_is_not_matched_by_order():
    conv, add = Conv2D("conv", 3, 1), Add("add")
    nodes = [Node("conv", conv, ("input",)), Node("add", add, ("conv", "input"))]
    model = Model("net", (4, 4, 3), nodes)
    randomise(model, 0)
    acts = model.run(images(model))
    with pytest.raises(LayerNameError):
        compare(acts, {"0": acts["conv"], "1": acts["add"]})


def test_an_activation_layer_that_both_have_stays_where_it_is():
    """Theirs applies ReLU twice: nothing is moved behind a function that has a partner of its own."""
    model = network((5, 4, 3), Conv2D("conv", 4, 3), Activation("act", "relu"))
    x = images(model)
    acts = model.run(x)
    report = compare(acts, {"conv": acts["act"], "act": acts["act"]})
    assert (report.first, report.guesses[0].name) == ("conv", "ReLU applied")


def test_what_was_before_a_function_has_one_partner():
    model = fused()
    acts = model.run(images(model), pre=True)
    theirs = {"x": acts["conv1/pre"], "conv1": acts["conv1/pre"]}
    report = compare(acts, theirs, names={"conv1/pre": "x"})
    assert paired(report) == {"conv1/pre": "x", "conv1": "conv1"}
    assert report.first == "conv1"
