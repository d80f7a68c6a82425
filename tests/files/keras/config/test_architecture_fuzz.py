"""Damaged and hostile configs: every outcome is a network or one line of the family."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convlab.errors import ConvlabError, UnsupportedError, WeightsError
from convlab.files.keras.config.architecture import read_architecture
from convlab.files.keras.config.calls import _Graph
from support.files.keras_configs import KERAS_1, KERAS_2, call, entry, functional, sequential, tensor


def function(called, name, *inbound):
    """Return a function of TensorFlow as Keras 2 writes it."""
    return entry("TFOpLambda", name, *inbound, function=called)


KERAS_3 = functional(
    [
        entry("InputLayer", "image", batch_shape=[None, 8, 9, 3]),
        {
            **functional(
                [
                    entry("InputLayer", "in", batch_shape=[None, None, None, 3]),
                    entry(
                        "Conv2D",
                        "conv",
                        call(tensor("in")),
                        filters=3,
                        kernel_size=[2, 2],
                        padding="same",
                        activation={"class_name": "LeakyReLU", "config": {"negative_slope": 0.1}},
                    ),
                    entry("PReLU", "prelu", call(tensor("conv")), shared_axes=[1, 2]),
                ],
                ["in", 0, 0],
                ["prelu", 0, 0],
                "Functional",
                "inner",
            ),
            "name": "inner",
            "inbound_nodes": [call(tensor("image")), call(tensor("inner"), mask=None)],
        },
        entry("Add", "plus", call(tensor("inner", 1), 3.0)),
        entry("Add", "add", call([tensor("plus"), tensor("inner")])),
        entry("BatchNormalization", "norm", call(tensor("add")), axis=-1, epsilon=0.001),
        entry("Softmax", "softmax", call(tensor("norm")), axis=[1, 2]),
        entry("Rescaling", "scale", call(tensor("softmax")), scale=[1.0, 2.0, 3.0], offset=0),
        entry("Resizing", "resize", call(tensor("scale")), height=3, width=5, interpolation="bilinear"),
        entry("Reshape", "reshape", call(tensor("resize")), target_shape=[5, -1]),
        entry("Conv1D", "row", call(tensor("reshape")), filters=2, kernel_size=[2], padding="causal"),
    ],
    [["image", 0, 0]],
    {"a": ["row", 0, 0], "b": ["inner", 1, 0]},
    "Functional",
)
FIRST = sequential(
    (
        "Convolution2D",
        {
            "name": "c",
            "nb_filter": 2,
            "nb_row": 3,
            "nb_col": 2,
            "dim_ordering": "th",
            "batch_input_shape": [None, 3, 8, 9],
            "activation": "softmax",
        },
    ),
    ("PReLU", {"name": "p"}),
    ("ZeroPadding2D", {"name": "z", "padding": [1, 2, 3, 4], "dim_ordering": "th"}),
    ("Flatten", {"name": "f"}),
    ("Dense", {"name": "d", "output_dim": 4}),
    keras_version="1.2.2",
)
FIRST_3 = functional(
    [
        entry("InputLayer", "image", batch_shape=[None, 3, 8, 9]),
        entry(
            "Conv2D",
            "conv",
            call(tensor("image")),
            filters=4,
            kernel_size=[2, 3],
            data_format="channels_first",
            activation={"class_name": "function", "config": "softmax"},
        ),
        entry("Activation", "act", call(tensor("conv")), activation="relu"),
        entry("BatchNormalization", "norm", call(tensor("act")), axis=1),
        entry("MaxPooling2D", "pool", call(tensor("norm")), data_format="channels_first", padding="same"),
        entry("Concatenate", "both", call([tensor("pool"), tensor("pool")]), axis=1),
        entry("Softmax", "softmax", call(tensor("both")), axis=-1),
        entry("GlobalAveragePooling2D", "mean", call(tensor("softmax")), data_format="channels_first"),
    ],
    [["image", 0, 0]],
    [["mean", 0, 0]],
    "Functional",
)
STEPS = functional(
    [
        entry("InputLayer", "film", batch_input_shape=[None, 4, 8, 9, 3]),
        entry("InputLayer", "words", batch_input_shape=[None, 4]),
        entry(
            "TimeDistributed",
            "cnn",
            [["film", 0, 0, {}]],
            layer=sequential(
                ("Conv2D", {"name": "conv", "filters": 2, "kernel_size": [3, 3], "activation": "glu"}),
                ("CenterCrop", {"name": "middle", "height": 4, "width": 5}),
                ("Flatten", {"name": "flat"}),
            ),
        ),
        entry(
            "TimeDistributed",
            "each",
            [["cnn", 0, 0, {}]],
            layer={"class_name": "Dense", "config": {"name": "fc", "units": 5, "activation": "softmax"}},
        ),
        entry("Embedding", "table", [["words", 0, 0, {}]], input_dim=7, output_dim=5, mask_zero=True),
        entry("Masking", "masking", [["table", 0, 0, {}]], mask_value=0.0),
        entry("Dot", "dot", [["each", 0, 0, {}], ["masking", 0, 0, {}]], axes=[1, 1], normalize=True),
        entry("ThresholdedReLU", "above", [["dot", 0, 0, {}]], theta=0.5),
        entry("Flatten", "row", [["above", 0, 0, {}]]),
        entry("RepeatVector", "again", [["row", 0, 0, {}]], n=3),
        entry("Lambda", "own", [["again", 0, 0, {}]], function=["4wEAAAA=", None, None], function_type="lambda"),
    ],
    [["film", 0, 0], ["words", 0, 0]],
    [["own", 0, 0]],
    "Functional",
)
VOLUMES = functional(
    [
        entry("InputLayer", "scan", batch_shape=[None, 5, 8, 9, 2]),
        entry("Conv3D", "conv", call(tensor("scan")), filters=4, kernel_size=[2, 3, 1], padding="same", groups=2),
        entry("MaxPooling3D", "pool", call(tensor("conv")), pool_size=[1, 2, 3], strides=[2, 1, 1]),
        entry("Conv3DTranspose", "up", call(tensor("pool")), filters=3, kernel_size=2, strides=[1, 2, 1]),
        entry("Cropping3D", "crop", call(tensor("up")), cropping=[[0, 1], [1, 2], [0, 1]]),
        entry("ZeroPadding3D", "pad", call(tensor("crop")), padding=[1, 0, 2]),
        entry("UpSampling3D", "near", call(tensor("pad")), size=[1, 2, 1]),
        entry("BatchNormalization", "norm", call(tensor("near")), axis=-1),
        entry("GlobalAveragePooling3D", "mean", call(tensor("norm")), keepdims=True),
        entry("Multiply", "gated", call([tensor("norm"), tensor("mean")])),
        entry("AveragePooling3D", "last", call(tensor("gated")), pool_size=2, padding="same"),
        entry("Flatten", "flat", call(tensor("last"))),
    ],
    [["scan", 0, 0]],
    [["flat", 0, 0]],
    "Functional",
)
FIRST_VOLUMES = sequential(
    (
        "Convolution3D",
        {
            "name": "c", "nb_filter": 2, "kernel_dim1": 3, "kernel_dim2": 2, "kernel_dim3": 1, "dim_ordering": "th",
            "batch_input_shape": [None, 3, 5, 8, 9], "activation": "softmax",
        },
    ),
    ("ZeroPadding3D", {"name": "z", "padding": [1, 2, 3], "dim_ordering": "th"}),
    ("GlobalMaxPooling3D", {"name": "m", "dim_ordering": "th"}),
    keras_version="1.2.2",
)  # fmt: skip
FUNCTIONS_2 = functional(
    [
        entry("InputLayer", "x", batch_input_shape=[None, 8, 9, 3]),
        function("math.truediv", "divide", ["x", 0, 0, {"y": 127.5, "name": None}]),
        function("math.subtract", "minus", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["divide", 0, 0]}]),
        function("__operators__.add", "plus", ["minus", 0, 0, {"y": [[[[1.0, 2.0, 3.0]]]]}]),
        {
            **function(
                "__operators__.getitem",
                "part",
                [
                    "plus",
                    0,
                    0,
                    {"slice_spec": [{"start": None, "stop": None, "step": None}, {"start": 1, "stop": -1}]},
                ],
            ),
            "class_name": "SlicingOpLambda",
        },
        function(
            "compat.v1.pad", "pad", ["part", 0, 0, {"paddings": [[0, 0], [1, 1], [2, 0], [0, 0]], "mode": "REFLECT"}]
        ),
        function("split", "split", ["pad", 0, 0, {"num_or_size_splits": [1, -1], "axis": -1}]),
        function("concat", "both", [["split", 0, 1, {"axis": 3}], ["split", 0, 0, {"axis": 3}]]),
        function("image.resize", "resize", ["both", 0, 0, {"size": [5, 4], "method": "nearest"}]),
        function("clip_by_value", "clip", ["resize", 0, 0, {"clip_value_min": 0, "clip_value_max": 6.0}]),
        function("where", "where", ["clip", 0, 0, {"x": ["clip", 0, 0], "y": 0.5}]),
        function("reshape", "reshape", ["where", 0, 0, {"shape": [-1, 12, 5]}]),
        function("math.reduce_mean", "mean", ["reshape", 0, 0, {"axis": [1], "keepdims": True}]),
    ],
    [["x", 0, 0]],
    [["mean", 0, 0]],
    "Functional",
)
FUNCTIONS_3 = functional(
    [
        entry("InputLayer", "image", batch_shape=[None, 8, 9, 3]),
        entry("Power", "power", call(tensor("image"), 2.0)),
        entry(
            "GetItem",
            "part",
            call(
                tensor("power"),
                [{"class_name": "__slice__", "config": {"start": None}}, {"class_name": "__ellipsis__"}, 1],
            ),
        ),
        entry("Stack", "stack", call([tensor("part"), tensor("part")]), axis=-1),
        entry(
            "Subtract",
            "minus",
            call(tensor("stack"), {"class_name": "__tensor__", "config": {"value": [1.0, 2.0], "dtype": "float32"}}),
        ),
        entry("Pad", "pad", call(tensor("minus"), constant_values=1.5), pad_width=[[0, 0], [1, 1], [2, 0], [0, 0]]),
        entry("Moveaxis", "move", call(tensor("pad")), source=[1, 2], destination=[-1, 1]),
        entry("Take", "take", call(tensor("move"), [2, 0]), axis=1),
        entry("Flip", "flip", call(tensor("take")), axis=[1, -1]),
        entry("Squeeze", "squeeze", call(tensor("one")), axis=1),
        entry("ExpandDims", "one", call(tensor("flip")), axis=1),
        entry("MaxPool", "pool", call(tensor("squeeze")), pool_size=[2, 1], strides=None, padding="same"),
        entry("Std", "std", call(tensor("pool")), axis=[1, 2], keepdims=False),
    ],
    [["image", 0, 0]],
    [["std", 0, 0]],
    "Functional",
)
VALID = [KERAS_1, KERAS_2, KERAS_3, FIRST, FIRST_3, STEPS, VOLUMES, FIRST_VOLUMES, FUNCTIONS_2, FUNCTIONS_3]
FUNCTIONS = {"own": lambda x: x[..., :2]}

HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([2**31, 10**30, -(10**400), 1e308, float("nan"), float("inf")]),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(
        [
            "conv",
            "image",
            "inner",
            "Conv2D",
            "Add",
            "Lambda",
            "Model",
            "TimeDistributed",
            "Embedding",
            "channels_first",
            "softmax",
            "x" * 999,
            "a\nb",
        ]
    ),
    st.recursive(st.integers(0, 3), lambda inner: st.lists(inner, max_size=4), max_leaves=6),
    st.dictionaries(st.sampled_from(["class_name", "config", "name", "args", "items"]), st.integers(), max_size=3),
    st.sampled_from([["conv", 0, 0], ["split", 0, 2**31 - 1], ["_CONSTANT_VALUE", -1, 1.0], [[0, 2**31 - 1]] * 4]),
    st.sampled_from(
        [
            {"start": -(2**31), "stop": None, "step": 2**31 - 1},
            {"class_name": "__ellipsis__"},
            {"class_name": "__tensor__", "config": {"value": [[1.0] * 9] * 9}},
            {"class_name": "__slice__", "config": {"step": 0}},
        ]
    ),
)


def places(value, path=()):
    """Yield the path of everything in a config."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def changed(config, path, value, delete):
    """Return a config with one thing replaced or deleted."""
    if not path:
        return value
    config = copy.deepcopy(config)
    *way, last = path
    inside = config
    for key in way:
        inside = inside[key]
    if delete:
        del inside[last]
    else:
        inside[last] = value
    return config


@st.composite
def damaged(draw):
    config = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 3))):
        if not isinstance(config, dict | list):
            break
        path = draw(st.sampled_from(sorted(places(config), key=str)))
        config = changed(config, path, draw(HOSTILE), draw(st.booleans()))
    return config


def outcome(config, **options):
    """Read a config; an error is one line that names the file."""
    try:
        functions = FUNCTIONS if config is not None and '"own"' in json.dumps(config, default=str) else None
        return read_architecture(config, "bad.json", functions=functions, **options)
    except ConvlabError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 3000
        assert "bad.json" in str(error)
        return error


@pytest.mark.parametrize(
    "config",
    VALID,
    ids=[
        "keras1",
        "keras2",
        "keras3",
        "first",
        "first3",
        "steps",
        "volumes",
        "first_volumes",
        "functions2",
        "functions3",
    ],
)
def test_what_is_damaged_below_is_sound(config):
    read_architecture(config, "good.json", functions=FUNCTIONS if config is STEPS else None)


@pytest.mark.slow
@settings(max_examples=420, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(damaged())
def test_damaged_config(config):
    outcome(config)


@pytest.mark.parametrize("value", [None, 3, "text", [], {}, [[]], {"class_name": "Sequential"}, {"config": {}}])
def test_no_config_at_all(value):
    assert isinstance(outcome(value), WeightsError)


def nested(depth, calls):
    """Return models in models, each of them called so many times on its own output."""
    model = functional([entry("InputLayer", "x", batch_shape=[None, 2])], [["x", 0, 0]], [["x", 0, 0]])
    for _ in range(depth):
        inner = {**model, "name": "m", "inbound_nodes": [[["x" if i == 0 else "m", i, 0]] for i in range(calls)]}
        layers = [entry("InputLayer", "x", batch_shape=[None, 2]), inner]
        model = functional(layers, [["x", 0, 0]], [["m", calls, 0]])
    return model


def test_models_in_models_without_end():
    assert "nested more than 32 deep" in str(outcome(nested(200, 1)))


def test_a_small_file_with_billions_of_calls():
    error = outcome(nested(30, 2))
    assert isinstance(error, UnsupportedError)
    assert "more than 20,000 calls" in str(error)


def called(times, *inner):
    """Return a model of such layers behind its input x, called so many times on its own output."""
    x = entry("InputLayer", "x", batch_shape=[None, 2])
    model = functional([x, *inner], [["x", 0, 0]], [["add", 0, 0]], "Functional")
    calls = [[["x" if index == 0 else "m", index, 0]] for index in range(times)]
    layers = [x, {**model, "name": "m", "inbound_nodes": calls}]
    return functional(layers, [["x", 0, 0]], [["m", times, 0]])


def test_a_small_file_with_millions_of_inputs():
    error = outcome(called(150, entry("Add", "add", [["x", 0, 0]] * 2000)))
    assert isinstance(error, UnsupportedError)
    assert "take more than 200,000 inputs" in str(error)


def test_the_order_in_a_model_is_found_once(monkeypatch):
    found = []
    order = _Graph.order
    monkeypatch.setattr(_Graph, "order", lambda graph, given: found.append(graph) or order(graph, given))
    assert len(outcome(called(50, entry("Add", "add", [["x", 0, 0]] * 2))).model.nodes) == 50
    assert len(found) == 2


def test_an_option_nested_without_end():
    deep = json.loads("[" * 900 + "]" * 900)
    for key in ("filters", "kernel_size", "activation", "surprise"):
        config = changed(KERAS_2, ("config", "layers", 1, "config", key), deep, delete=False)
        assert isinstance(outcome(config), ConvlabError)
    chain = {"class_name": "Activation", "config": {}}
    for _ in range(300):
        chain = {"class_name": "Activation", "config": {"activation": chain}}
    config = changed(KERAS_2, ("config", "layers", 1, "config", "activation"), chain, delete=False)
    assert isinstance(outcome(config), UnsupportedError)


def test_an_activation_that_would_fill_the_memory():
    size = 2**31 - 1
    ups = [("UpSampling2D", {"name": f"u{i}", "size": [size, size]}) for i in range(300)]
    config = sequential(("UpSampling2D", {"name": "u", "batch_input_shape": [None, 2, 3, 4]}), *ups)
    assert "would make" in str(outcome(config))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("Conv3D", {"filters": 2, "kernel_size": 3, "padding": "same", "dilation_rate": 2**30}),
        ("Conv3DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2**30}),
        ("MaxPooling3D", {"pool_size": 2**30, "strides": 1, "padding": "same"}),
        ("ZeroPadding3D", {"padding": 2**29}),
        ("UpSampling3D", {"size": 2**30}),
    ],
)
def test_a_volume_that_would_fill_the_memory(kind, options):
    config = sequential((kind, {"name": "v", "batch_input_shape": [None, 5, 8, 9, 3], **options}))
    assert "would make" in str(outcome(config))
