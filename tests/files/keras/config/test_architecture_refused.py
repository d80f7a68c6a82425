"""What is refused of a config, and in which words; shapes that a config leaves open."""

import json

import pytest

from convlab.cli import main
from convlab.errors import ShapeError, UnsupportedError, WeightsError
from convlab.files.keras.config.architecture import read_architecture
from support.files.keras_configs import entry, functional, image, refused, relu, sequential

# open shapes


OPEN = functional([image("image", None, None, 3), relu("a", [["image", 0, 0]])], [["image", 0, 0]], [["a", 0, 0]])


def test_open_sides():
    assert refused(OPEN, UnsupportedError) == (
        "net.h5: input 'image' has the shape (None, None, None, 3) with open sides: give input_shape=(H, W, C)"
    )
    assert read_architecture(OPEN, "m", input_shape=(4, 5, 3)).model.output_shape == (4, 5, 3)


def test_the_command_takes_the_open_sides(tmp_path, capsys):
    path = tmp_path / "net.json"
    path.write_text(json.dumps(OPEN))
    assert main(["summary", str(path), "--weights", "0", "--input-shape", "4,5,3"]) == 0
    assert "4 x 5 x 3" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["summary", str(path), "--input-shape", "4x5"])
    assert "'4x5' is no shape: give whole numbers as 224,224,3" in capsys.readouterr().err


def test_input_shape_that_is_none():
    assert (
        refused(OPEN, ShapeError, input_shape=(4, "5", 3)) == "net.h5: input_shape is (4, '5', 3), expected (H, W, C)"
    )


def test_input_shape_for_two_inputs():
    config = functional([image("a"), image("b")], [["a", 0, 0], ["b", 0, 0]], [["a", 0, 0]])
    assert refused(config, ShapeError, input_shape=(4, 5, 3)) == "net.h5: input_shape is for one input, found a, b"


def test_no_shape_at_all():
    config = sequential(("Flatten", {"name": "f"}), ("Dense", {"name": "d", "units": 4}))
    assert refused(config, UnsupportedError) == "net.h5: input 'f_input' has no shape: give input_shape=(H, W, C)"
    assert read_architecture(config, "m", input_shape=(4, 5, 3)).model["d"].shapes["kernel"] == (60, 4)


# what is refused, and how


def conv(**options):
    base = {"filters": 4, "kernel_size": [3, 2], "batch_input_shape": [None, 8, 9, 3], "name": "c"}
    return sequential(("Conv2D", base | options))


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (
            conv(filters="4"),
            WeightsError,
            "layer 'c' (Conv2D): filters is '4', expected a whole number of at least 1",
        ),
        (
            conv(filters=True),
            WeightsError,
            "layer 'c' (Conv2D): filters is True, expected a whole number of at least 1",
        ),
        (
            conv(kernel_size=[3]),
            WeightsError,
            "layer 'c' (Conv2D): kernel_size is [3], expected 2 whole numbers of at least 1",
        ),
        (
            conv(padding="causal"),
            UnsupportedError,
            "layer 'c' (Conv2D) has padding='causal'; convlab loads 'valid' or 'same'",
        ),
        (conv(surprise=3), UnsupportedError, "layer 'c' (Conv2D) has surprise=3; convlab loads Conv2D without it"),
        (conv(kernel_size=[10, 2]), ShapeError, "layer 'c' on an input of (8, 9, 3): output height is not positive"),
        (conv(groups=2), ShapeError, "layer 'c' on an input of (8, 9, 3):"),
        (
            conv(activation="my_function"),
            UnsupportedError,
            "layer 'c' (Conv2D) has activation='my_function'; convlab loads linear, relu,",
        ),
        (
            conv(data_format="channels_middle"),
            UnsupportedError,
            "layer 'c' (Conv2D) has data_format='channels_middle';",
        ),
        (
            conv(dtype={"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}}),
            UnsupportedError,
            "layer 'c' (Conv2D) has dtype='QuantizedDTypePolicy'; convlab loads floating-point weights",
        ),
        (
            sequential(("ReLU", {"name": "r", "negative_slope": -1, "batch_input_shape": [None, 4]})),
            UnsupportedError,
            "layer 'r': negative_slope is -1.0, expected a number of at least 0",
        ),
        (sequential(), WeightsError, "the model's config is damaged: model 'sequential' has no layers"),
        (
            {"class_name": "Graph", "config": {}},
            UnsupportedError,
            "the model is a Graph; convlab loads Sequential and Functional models",
        ),
        (
            functional(
                [image(), relu("a", [["b", 0, 0]]), relu("b", [["a", 0, 0]])], [["image", 0, 0]], [["b", 0, 0]]
            ),
            WeightsError,
            "the config of model 'net' is damaged: layer 'b' takes what is made from its own output",
        ),
        (
            functional([image(), relu("a", [["b", 0, 0]])], [["image", 0, 0]], [["a", 0, 0]]),
            WeightsError,
            "the config of model 'net' is damaged: it takes call 0 of 'b', which has none",
        ),
        (
            functional([image(), relu("a", [["image", 0, 1]])], [["image", 0, 0]], [["a", 0, 0]]),
            WeightsError,
            "the config of model 'net' is damaged: it takes output 1 of call 0 of 'image'",
        ),
        (
            functional([image(), relu("a", [["image", 0, 0]])], [["image", 0, 0]], [["image", 0, 0]]),
            UnsupportedError,
            "output 'image' is an input: there is nothing to compute",
        ),
        (
            functional([relu("a"), relu("b", [["a", 0, 0]])], [["a", 0, 0]], [["b", 0, 0]]),
            WeightsError,
            "the model's config is damaged: it has no input 'a'",
        ),
        (
            functional([image("image", 0, 9, 3), relu("a", [["image", 0, 0]])], [["image", 0, 0]], [["a", 0, 0]]),
            WeightsError,
            "the model's config is damaged: the shape of input 'image' is [None, 0, 9, 3], expected [null, H, W, C]",
        ),
        (
            functional([image(), entry("Add", "a", [])], [["image", 0, 0]], [["a", 0, 0]]),
            WeightsError,
            "the model's config is damaged: layer 'a' takes nothing",
        ),
        (
            functional(
                [
                    image(),
                    {"name": "inner", "inbound_nodes": [[["image", 0, 0], ["image", 0, 0]]]}
                    | functional([image("x"), relu("y", [["x", 0, 0]])], [["x", 0, 0]], [["y", 0, 0]], name="inner"),
                ],
                [["image", 0, 0]],
                [["inner", 0, 0]],
            ),
            WeightsError,
            "the model's config is damaged: model 'inner' takes 1 inputs, found 2",
        ),
        (
            functional([image(), image()], [["image", 0, 0]], [["image", 0, 0]]),
            WeightsError,
            "the model's config is damaged: two layers are named 'image'",
        ),
        (
            functional([image(), relu("a", [["image", 0, 0, {"training": True}]])], [["image", 0, 0]], [["a", 0, 0]]),
            UnsupportedError,
            "layer 'a' is called with training=True; convlab calls layers on tensors alone",
        ),
        (
            functional(
                [image(), entry("Dense", "d", [["image", 0, 0], ["image", 0, 0]], units=2)],
                [["image", 0, 0]],
                [["d", 0, 0]],
            ),
            ShapeError,
            "layer 'd' on an input of (8, 9, 3) and (8, 9, 3): 2 inputs, expected 1",
        ),
        (
            functional(
                [entry("InputLayer", "image", batch_shape=[None, 2], ragged=True)],
                [["image", 0, 0]],
                [["image", 0, 0]],
            ),
            UnsupportedError,
            "layer 'image' (InputLayer) has ragged=True; convlab loads InputLayer without it",
        ),
    ],
)
def test_messages(config, error, message):
    assert refused(config, error).startswith(f"net.h5: {message}")


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({"registered_name": "my_package>Conv2D"}, "my_package>Conv2D"),
        ({"registered_name": "my_package>Conv2D", "module": "keras.layers"}, "my_package>Conv2D"),
        ({"module": "my_module", "registered_name": "Conv2D"}, "my_module>Conv2D"),
        ({"module": "kerasish.layers"}, "kerasish.layers>Conv2D"),
        ({"module": "keras.src.utils.file_utils"}, "keras.src.utils.file_utils>Conv2D"),
    ],
)
def test_a_class_of_the_authors_own_with_a_name_of_keras(more, shown):
    config = conv()
    config["config"][0] |= more
    assert refused(config, UnsupportedError) == (
        f"net.h5: layer 'c' is '{shown}', a class of its author's own; convlab loads Keras' own layers and runs no"
        " code from a file"
    )


@pytest.mark.parametrize(
    "kind", ["LocallyConnected2D", "ConvLSTM2D", "TensorFlowOpLayer", "ClassMethod", "my_package>Thing", "LSTM"]
)
def test_an_unknown_class_is_refused_by_name(kind):
    """Before its options and its call are looked at."""
    layers = [image(), entry(kind, "odd", [["image", 0, 0, {"y": 3}]], function="os.system", code=["exit()"])]
    message = refused(functional(layers, [["image", 0, 0]], [["odd", 0, 0]]), UnsupportedError)
    advice = "Keras saves what lies before it: keras.Model(model.inputs, model.get_layer('odd').input)"
    assert message == f"net.h5: layer 'odd' is a {kind}, which convlab does not load; {advice}"


def test_nothing_but_shapes_is_made():
    """Reading an architecture takes no memory for weights, however many there are."""
    config = sequential(("Dense", {"name": "d", "units": 2**15, "batch_input_shape": [None, 2**15]}))
    assert read_architecture(config, "m").model["d"].shapes["kernel"] == (2**15, 2**15)


def test_two_layers_under_one_name():
    conv = entry("Conv2D", "c", [["image", 0, 0]], filters=3, kernel_size=2)
    conv["config"]["activation"] = {"class_name": "ReLU", "config": {"name": "r"}}
    layers = [image(), conv, entry("ReLU", "c/activation", [["c", 0, 0]], max_value=0.1)]
    message = refused(functional(layers, [["image", 0, 0]], [["c/activation", 0, 0]]), UnsupportedError)
    assert message.startswith(
        "net.h5: two layers, one of them maybe the activation of another, would be named 'c/act"
    )


FIRST = {"data_format": "channels_first"}


@pytest.mark.parametrize("function", [["relu"], {"relu": 1}])
def test_activation_that_is_no_name_behind_channels_first(function):
    conv = {"name": "c", "filters": 2, "kernel_size": 1, "batch_input_shape": [None, 3, 8, 9], **FIRST}
    config = sequential(("Conv2D", conv), ("Activation", {"name": "a", "activation": function}))
    assert refused(config, (WeightsError, UnsupportedError)).startswith("net.h5: layer 'a' ")


def test_function_in_the_words_of_keras_3_behind_channels_first():
    """A softmax goes along Keras' last axis, which is not ours."""
    conv = {"name": "c", "filters": 2, "kernel_size": 1, "batch_input_shape": [None, 3, 8, 9], **FIRST}
    function = {"class_name": "function", "config": "softmax", "module": "builtins", "registered_name": "function"}
    config = sequential(("Conv2D", conv), ("Activation", {"name": "a", "activation": function}))
    assert list(read_architecture(config, "m").model.shapes) == ["c_input", "c", "c/channels_first", "a"]


@pytest.mark.parametrize(
    ("shape", "layer", "message"),
    [
        ([1] * 9, ("ReLU", {}), "'a_input' has 9 axes, expected at most 8"),
        ([2, 3], ("Reshape", {"target_shape": [2, 3] + [1] * 7}), "'a' has 9 axes, expected at most 8"),
        (
            [2**21, 2**20],
            ("ReLU", {}),
            "'a_input' would make 2,199,023,255,552 numbers of one input, expected at most",
        ),
        ([4, 5, 3], ("Dense", {"units": 2**31 - 1}), "layer 'a' has 8,589,934,588 weights, expected at most"),
        ([4, 5, 3], ("MaxPooling2D", {"pool_size": 2**31 - 1, "strides": 1, "padding": "same"}), "'a' would make 1"),
        ([4, 3], ("AveragePooling1D", {"pool_size": 2**40 // 3, "padding": "same"}), "layer 'a' (AveragePooling1D)"),
        ([4, 3], ("MaxPooling1D", {"pool_size": 2**31 - 1, "strides": 1, "padding": "same"}), None),
    ],
)
def test_sizes_without_bounds(shape, layer, message):
    kind, options = layer
    config = sequential((kind, {"name": "a", "batch_input_shape": [None, *shape], **options}))
    if message is None:  # a sequence that fits: 2**33 numbers
        assert read_architecture(config, "m").model.output_shape == (4, 3)
    else:
        assert refused(config, (ShapeError, WeightsError)).startswith(f"net.h5: {message}")
