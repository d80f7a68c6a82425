"""Running a model: what is recorded in which order, which inputs and graphs it takes, and what it refuses."""

import numpy as np
import pytest

import convlab
from convlab.errors import LayerNameError, ShapeError, UnsupportedError, WeightsError
from convlab.images.preprocessing import VGG
from convlab.layers import (
    Activation,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node

SHAPE = (7, 5, 2)
NAMES = ["conv", "pool", "flatten", "fc", "logits"]
WITH_PRE = ["conv/pre", "conv", "pool", "flatten", "fc/pre", "fc", "logits"]


def sequential(*layers, shape=SHAPE, **options):
    model = Model.sequential("small", shape, layers, **options)
    randomise(model, seed=1)
    return model


@pytest.fixture
def model():
    return sequential(
        Conv2D("conv", 3, (3, 2), padding="same", activation="relu"),
        MaxPooling2D("pool", 2),
        Flatten("flatten"),
        Dense("fc", 4, "tanh"),
        Dense("logits", 6),
    )


def images(n, shape=SHAPE, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype(dtype)


# ---- what is recorded


def test_everything_is_recorded_in_order_of_execution(model):
    acts = model.run(images(3))
    assert list(acts) == NAMES
    shapes = [(3, 7, 5, 3), (3, 3, 2, 3), (3, 18), (3, 4), (3, 6)]
    assert [acts[name].shape for name in acts] == shapes
    kinds = ["Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dense"]
    assert list(acts.kinds.items()) == list(zip(NAMES, kinds, strict=True))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param("all", NAMES, id="all"),
        pytest.param("pool", ["pool"], id="one name"),
        pytest.param(["logits", "conv"], ["conv", "logits"], id="list in any order"),
        pytest.param(iter({"fc", "pool"}), ["pool", "fc"], id="iterator"),
        pytest.param(lambda name: "o" in name, ["conv", "pool", "logits"], id="predicate"),
        pytest.param(["fc/pre", "pool"], ["pool", "fc/pre"], id="value before an activation"),
    ],
)
def test_record_narrows(model, record, expected):
    x = images(2)
    acts, everything = model.run(x, record), model.run(x, pre=True)
    assert list(acts) == list(acts.kinds) == expected
    for name in expected:
        np.testing.assert_array_equal(acts[name], everything[name])
    np.testing.assert_array_equal(acts.output, everything["logits"])
    np.testing.assert_array_equal(acts.input, x)


def test_pre_keeps_what_an_activation_was_applied_to(model):
    x = images(3)
    acts = model.run(x, pre=True)
    assert list(acts) == list(acts.kinds) == WITH_PRE
    assert acts.kinds["conv/pre"] == "Conv2D"
    assert (acts["conv/pre"] < 0).any()
    np.testing.assert_array_equal(np.maximum(acts["conv/pre"], 0), acts["conv"])
    np.testing.assert_array_equal(np.tanh(acts["fc/pre"]), acts["fc"])
    np.testing.assert_array_equal(acts["conv"], model.run(x)["conv"])  # the fused ReLU gives the same bits


def test_pre_of_chosen_layers_only(model):
    assert list(model.run(images(1), ["fc", "pool"], pre=True)) == ["pool", "fc/pre", "fc"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("cnv", r"^no layer 'cnv'; did you mean 'conv'\? available: conv/pre, conv, pool, "),
        (["conv", "flaten"], r"^no layer 'flaten'; did you mean 'flatten'\? available"),
        ("logits/pre", r"^no layer 'logits/pre'; did you mean 'logits'\?"),
        ("zzz", r"^no layer 'zzz'; available: conv/pre"),
        ([], r"^record= selects no layer; available: conv, pool"),
        (lambda name: False, r"^record= selects no layer; available: "),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_the_nearest_name(model, record, message):
    with pytest.raises(LayerNameError, match=message):
        model.run(images(1), record)


def test_an_unknown_layer_is_refused_with_the_nearest_name(model):
    assert model["fc"].units == 4
    with pytest.raises(
        KeyError, match=r"^no layer 'fcc'; did you mean 'fc'\? available: conv, pool, flatten, fc, logits$"
    ):
        model["fcc"]


def test_predict_is_the_output_of_run(model):
    x = images(3)
    np.testing.assert_array_equal(model.predict(x), model.run(x).output)


def test_two_runs_give_the_same_bits(model):
    x = images(3)
    np.testing.assert_array_equal(model.predict(x), model.predict(x))


# ---- batches and inputs


@pytest.mark.parametrize("n", [0, 1, 3])
def test_batch_size(model, n):
    acts = model.run(images(n), pre=True)
    assert [len(array) for array in [*acts.values(), acts.input, acts.output]] == [n] * (len(WITH_PRE) + 2)
    assert model.predict(images(n)).shape == (n, 6)


def test_each_image_of_a_batch_is_computed_as_if_alone(model):
    """In whole numbers, which no order of summing rounds: BLAS sums the rows of larger products in other orders."""
    rng = np.random.default_rng(2)
    for layer in model.layers:
        layer.set_weights(**{name: rng.integers(-3, 4, w.shape) for name, w in layer.weights.items()})
    x = rng.integers(-3, 4, (3, *SHAPE)).astype(np.float32)
    together = model.run(x, pre=True)
    for i in range(3):
        for name, alone in model.run(x[i : i + 1], pre=True).items():
            np.testing.assert_array_equal(together[name][i : i + 1], alone, err_msg=name)
    assert (together["fc/pre"][0] != together["fc/pre"][1]).any()


def test_input_may_be_a_list_integers_or_not_contiguous(model):
    x = np.random.default_rng(0).integers(-9, 9, (2, *SHAPE))
    expected = model.predict(x.astype(np.float32))
    turned = np.ascontiguousarray(x[:, ::-1, :, ::-1].astype(np.float32))[:, ::-1, :, ::-1]
    for same in (x, x.tolist(), turned, np.asfortranarray(x, np.float32)):
        np.testing.assert_array_equal(model.predict(same), expected)


@pytest.mark.parametrize("shape", [(1, 2, 7, 5), (7, 5, 2), (1, 7, 5, 3), (), (1, 5, 7, 2)])
def test_an_input_of_the_wrong_shape_is_refused(model, shape):
    first = shape == (1, 2, 7, 5)
    advice = "its channels are first: give np.moveaxis(x, 1, -1)" if first else "model.prepare makes one"
    message = f"^model 'small': input has shape {re_escape(shape)}, expected \\(N, 7, 5, 2\\); {re_escape(advice)}"
    with pytest.raises(ShapeError, match=message):
        model.run(np.zeros(shape, np.float32))


def re_escape(shape):
    return str(shape).replace("(", r"\(").replace(")", r"\)")


@pytest.mark.parametrize(("x", "expected"), [(["a"], "<U1"), (np.array([1j]), "complex128"), (None, "object")])
def test_an_input_that_is_not_of_real_numbers_is_refused(model, x, expected):
    with pytest.raises(UnsupportedError, match=f"an array of {expected} cannot be computed with"):
        model.run(np.asarray(x))


def test_an_input_of_an_impossible_range_warns_where_run_was_called():
    model = sequential(GlobalAveragePooling2D("mean"), shape=(4, 5, 3), preprocessing=VGG)
    raw = np.random.default_rng(0).uniform(0, 255, (1, 4, 5, 3)).astype(np.float32)
    for call in (model.run, model.predict):
        with pytest.warns(UserWarning, match="looks like raw 0-255 pixels; use model.prepare") as caught:
            call(raw)
        assert [warning.filename for warning in caught] == [__file__]
    model.run(VGG.apply(raw))


def test_a_model_without_preprocessing_prepares_nothing(model):
    with pytest.raises(
        UnsupportedError,
        match=r"^model 'small' has no preprocessing: give run\(\) an array of your own; commands take pictures$",
    ):
        model.prepare("cat.png")


def test_a_model_without_weights_says_how_to_get_some():
    model = Model.sequential("bare", SHAPE, [MaxPooling2D("pool", 2), Conv2D("conv", 3, 1)])
    message = r"^layer 'conv' has no weights: give convlab.load a file with weights=..., or 0 for random ones$"
    with pytest.raises(WeightsError, match=message):
        model.predict(images(1))


# ---- graphs


def shared_convolution():
    """Return a model that calls one convolution twice, at two sizes."""
    conv, pool = Conv2D("conv", 2, 3, padding="same", activation="relu"), MaxPooling2D("pool", 2)
    nodes = [Node("conv", conv, ("input",)), Node("pool", pool, ("conv",)), Node("conv/2", conv, ("pool",))]
    model = Model("shared", SHAPE, nodes)
    randomise(model, seed=2)
    return model


def test_a_layer_called_twice_is_recorded_twice():
    model = shared_convolution()
    x = images(2)
    acts = model.run(x, pre=True)
    assert list(acts) == ["conv/pre", "conv", "pool", "conv/2/pre", "conv/2"]
    w, b = model["conv"].weights["kernel"], model["conv"].weights["bias"]
    first = convlab.relu(convlab.conv2d(x, w, b, padding="same"))
    second = convlab.relu(convlab.conv2d(convlab.max_pool2d(first, 2), w, b, padding="same"))
    assert first.shape[1:3], second.shape[1:3] == ((7, 5), (3, 2))
    np.testing.assert_array_equal(acts["conv"], first)
    np.testing.assert_array_equal(acts["conv/2"], second)
    assert list(model.run(x, "conv/2")) == ["conv/2"]


def test_a_layer_called_twice_is_one_layer():
    model = shared_convolution()
    assert [layer.name for layer in model.layers] == ["conv", "pool"]
    assert model.summary().parameters == 3 * 3 * 2 * 2 + 2
    assert [row.parameters for row in model.summary().rows] == [38, 0, 0]
    assert [row.multiply_adds for row in model.summary().rows] == [7 * 5 * 36, 0, 3 * 2 * 36]


def test_a_value_used_later_is_kept_until_then():
    nodes = [
        Node("a", Conv2D("a", 2, 1), ("input",)),
        Node("b", Conv2D("b", 3, 1), ("input",)),
        Node("c", Conv2D("c", 4, 1), ("a",)),
        Node("d", Conv2D("d", 5, 1), ("a",)),
    ]
    model = Model("graph", SHAPE, nodes)
    randomise(model, seed=3)
    x = images(1)
    np.testing.assert_array_equal(model.predict(x), model["d"](model["a"](x)))
    np.testing.assert_array_equal(model.run(x)["b"], model["b"](x))


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("a", "input"), ("a", "a")], "model 'bad': two layers are named 'a'"),
        ([("a", "input"), ("input", "a")], "model 'bad': two layers are named 'input'"),
        ([("a", "b"), ("b", "input")], "model 'bad': layer 'a' takes 'b', which is no earlier layer"),
        ([], "model 'bad' has no layers"),
    ],
)
def test_a_graph_that_makes_no_sense_is_refused(nodes, message):
    with pytest.raises(ShapeError, match=f"^{message}$"):
        Model("bad", SHAPE, [Node(name, Activation(name, "relu"), (source,)) for name, source in nodes])


def test_one_dense_layer_cannot_be_called_at_two_sizes():
    dense, small = Dense("fc", 4), Dense("small", 3)
    nodes = [Node("small", small, ("input",)), Node("fc", dense, ("input",)), Node("fc/2", dense, ("small",))]
    message = (
        r"^layer 'fc' on an input of \(3,\): needs weights of .*\(3, 4\).*, but an earlier call .* has .*\(5, 4\)"
    )
    with pytest.raises(ShapeError, match=message):
        Model("bad", (5,), nodes)


def test_repr_is_one_line(model):
    assert repr(model) == "<Model small: 5 layers, 145 parameters, (7, 5, 2) -> (6,)>"
    assert sum(layer.parameters for layer in model.layers) == (3 * 2 * 2 * 3 + 3) + (18 * 4 + 4) + (4 * 6 + 6)


def test_labels_must_be_as_many_as_outputs():
    layers = [Flatten("flatten"), Dense("dense", 3)]
    with pytest.raises(ShapeError, match=r"model 'm': 2 labels for an output of \(3,\)"):
        Model.sequential("m", (2, 4, 1), layers, labels=("a", "b"))


@pytest.mark.parametrize("shape", [(-5, 7, 3), (64.0, 48.0, 3), (None, None, 3), 64, (0, 2, 1)])
def test_an_input_shape_is_whole_numbers(shape):
    with pytest.raises(ShapeError, match=r"input shape .*, expected whole numbers of at least 1, as \(H, W, C\)"):
        Model.sequential("m", shape, [Flatten("flatten")])


def test_a_layer_takes_one_input():
    with pytest.raises(ShapeError, match=r"layer 'a' on an input of .* and .*: 2 inputs, expected 1"):
        Model("m", (4, 5, 1), [Node("a", Flatten("a"), ("input", "input"))])


def test_two_layers_of_one_name_are_refused_though_their_nodes_differ():
    nodes = [Node("a", Flatten("same"), ("input",)), Node("b", Dense("same", 2), ("a",))]
    with pytest.raises(ShapeError, match="two layers are named 'same'"):
        Model("m", (4, 5, 1), nodes)


@pytest.mark.parametrize("name", ["", ".", "..", "a\nb", "a\0b", "conv/pre"])
def test_names_that_no_file_or_recording_could_hold_are_refused(name):
    with pytest.raises(LayerNameError, match="cannot be a layer's name"):
        Model.sequential("m", (2, 3, 1), [Flatten(name)])


def test_a_path_is_not_an_input():
    with pytest.raises(ShapeError, match=r"robin\.jpg is no array; model\.prepare makes one from a picture"):
        convlab.load("lenet5").run("robin.jpg")


def test_a_model_holds_its_layers():
    model = convlab.load("lenet5", weights=None)
    assert "conv1" in model and "conv9" not in model
    assert list(model) == list(model.layers)


def test_a_layer_is_found_by_its_place():
    net = convlab.load("lenet5")
    assert (net[2].name, net[-1].name) == ("pool1", "softmax")
    with pytest.raises(LayerNameError, match="no layer 13; "):
        net[13]


def test_a_recording_is_asked_by_name():
    net = convlab.load("lenet5")
    acts = net.run(np.zeros((1, 28, 28, 1), np.float32))
    with pytest.raises(LayerNameError, match=r"no recorded layer 0: give a name, acts\['conv1'\], then"):
        acts[0]


def test_weights_in_a_list_as_keras_has_them():
    layer = convlab.load("lenet5")["conv1"]
    kernel, bias = layer.get_weights()
    assert kernel is layer.weights["kernel"] and bias is layer.weights["bias"]
    assert convlab.load("lenet5")["relu1"].get_weights() == []
