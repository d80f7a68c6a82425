"""ONNX's own test cases, and PyTorch's outputs that ONNX ships, through convlab's operations.

Of the operators convlab has, each case either runs or stands in `EXCLUDED` under the reason why it cannot: that table
is what convlab does not do. Cases of ONNX have channels first, and here they are transposed at the door.
"""

import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import convlab

onnx = pytest.importorskip("onnx")
from onnx.backend.test.loader import load_model_tests  # noqa: E402

NODE_FILES = (
    "averagepool",
    "batchnorm",
    "conv",
    "flatten",
    "gemm",
    "globalaveragepool",
    "globalmaxpool",
    "maxpool",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
)

EXCLUDED = {
    "one or three spatial dimensions: convlab has images alone": [
        r"test_(max|average)pool_[13]d_.*",
        r"test_(Conv|MaxPool|AvgPool|BatchNorm)[13]d.*",
        "test_operator_maxpool",
    ],
    "SAME_LOWER: the odd cell of convlab's same is at the end": [
        r"test_(max|average)pool_2d_same_lower",
        "test_conv_with_autopad_same",
    ],
    "ceil_mode: convlab rounds the output size down": [r"test_(max|average)pool_2d_ceil.*"],
    "dilated pooling": [r"test_(max|average)pool_2d_dilations", "test_MaxPool2d_stride_padding_dilation"],
    "padding of more than half the window is refused": [r"test_(max|average)pool_2d_pads"],
    "count_include_pad: convlab averages the cells inside the image": [".*count_include_pad"],
    "the place of the maximum is not returned": ["test_maxpool_with_argmax.*"],
    "integers are computed with as float32": ["test_maxpool_2d_uint8"],
    "training": ["test_batchnorm_.*training_mode"],
    "flatten keeps the batch and no other axis": [r"test_flatten_(axis[023]|negative_axis[124])"],
    "dense has no factors alpha and beta": ["test_gemm_(alpha|beta|all_attributes)"],
    "a bias is one number for each output, and not otherwise broadcast": [
        "test_gemm_default_(scalar|single_elem_vector|matrix)_bias"
    ],
    "padding with anything but zeros": ["test_(Constant|Reflection|Replication)Pad2d", "test_operator_pad"],
}


def last(x):
    """Return x with the channels, the second axis, last."""
    return np.moveaxis(x, 1, -1)


def first(x):
    """Return x with the channels, the last axis, second."""
    return np.moveaxis(x, -1, 1)


def window(attributes):
    """Return stride and padding in convlab's words."""
    top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
    same = attributes.get("auto_pad") == b"SAME_UPPER"
    return {
        "stride": tuple(attributes.get("strides", (1, 1))),
        "padding": "same" if same else ((top, bottom), (left, right)),
    }


def conv(attributes, x, w, b=None):
    dilation, groups = tuple(attributes.get("dilations", (1, 1))), attributes.get("group", 1)
    attributes = window(attributes) | {"dilation": dilation, "groups": groups}
    return first(convlab.conv2d(last(x), w.transpose(2, 3, 1, 0), b, **attributes))


def pool(op):
    return lambda attributes, x: first(op(last(x), tuple(attributes["kernel_shape"]), **window(attributes)))


def global_pool(op):
    return lambda _, x: op(last(x))[:, :, None, None]


def softmax(attributes, x):
    axis = attributes.get("axis", -1)
    return np.moveaxis(convlab.softmax(np.moveaxis(x, axis, -1)), -1, axis)


def batch_norm(attributes, x, gamma, beta, mean, variance):
    epsilon = attributes.get("epsilon", 1e-5)
    return first(convlab.batch_norm(last(x), mean, variance, gamma, beta, epsilon))


def gemm(attributes, x, w, b=None):
    x, w = (a.T if attributes.get(name) else a for name, a in (("transA", x), ("transB", w)))
    return convlab.dense(x, w, None if b is None else b.reshape(w.shape[1]))


def pad(attributes, x):
    _, _, top, left, _, _, bottom, right = attributes["pads"]
    return first(convlab.zero_pad2d(last(x), ((top, bottom), (left, right))))


OPERATORS = {
    "AveragePool": pool(convlab.avg_pool2d),
    "BatchNormalization": batch_norm,
    "Conv": conv,
    "Flatten": lambda _, x: convlab.flatten(x),
    "Gemm": gemm,
    "GlobalAveragePool": global_pool(convlab.global_avg_pool2d),
    "GlobalMaxPool": global_pool(convlab.global_max_pool2d),
    "MaxPool": pool(convlab.max_pool2d),
    "Pad": pad,
    "Relu": lambda _, x: convlab.relu(x),
    "Sigmoid": lambda _, x: convlab.sigmoid(x),
    "Softmax": softmax,
    "Tanh": lambda _, x: convlab.tanh(x),
}


def node_cases():
    """Yield (name, model, data sets) of ONNX's single-node cases.

    Their files are imported one by one: the loader would compute the cases of all operators, which takes long.
    """
    package = importlib.import_module("onnx.backend.test.case.node")
    for file in pkgutil.iter_modules(package.__path__):
        if file.name.replace("_", "").startswith(NODE_FILES):  # some were renamed between versions
            importlib.import_module(f"{package.__name__}.{file.name}")
    for case in package._NodeTestCases:
        yield case.name, case.model, case.data_sets


def read(path):
    """Return the array in a file of one tensor."""
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return onnx.numpy_helper.to_array(tensor)


def file_cases(kind):
    """Yield (name, model, data sets) of the models whose outputs PyTorch computed."""
    for case in load_model_tests(kind=kind):
        folder = Path(case.model_dir)
        sets = [
            tuple([read(path) for path in sorted(data.glob(f"{side}_*.pb"))] for side in ("input", "output"))
            for data in sorted(folder.glob("test_data_set_*"))
        ]
        yield case.name, onnx.load(folder / "model.onnx"), sets


def of_one_known_operator(case):
    nodes = case[1].graph.node
    return len(nodes) == 1 and nodes[0].op_type in OPERATORS


def reason(name):
    """Return why a case cannot run, or None if it can."""
    for why, patterns in EXCLUDED.items():
        if any(re.fullmatch(pattern, name) for pattern in patterns):
            return why
    return None


NODE = list(filter(of_one_known_operator, node_cases()))
FILES = (case for kind in ("pytorch-converted", "pytorch-operator") for case in file_cases(kind))
PYTORCH = list(filter(of_one_known_operator, FILES))
RUN = [case for case in (*NODE, *PYTORCH) if reason(case[0]) is None]


@pytest.mark.parametrize("case", RUN, ids=[case[0] for case in RUN])
def test_onnx(case):
    _, model, data_sets = case
    (node,) = model.graph.node
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    stored = {array.name: onnx.numpy_helper.to_array(array) for array in model.graph.initializer}
    free = [value.name for value in model.graph.input if value.name not in stored]
    assert data_sets
    for inputs, (expected,) in data_sets:
        values = stored | dict(zip(free, inputs, strict=True))
        actual = OPERATORS[node.op_type](attributes, *(values[name] for name in node.input))
        assert actual.shape == expected.shape
        assert actual.dtype == expected.dtype == np.float32
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=2e-6)


def test_as_many_ran_as_there_are():
    counts = {}
    for _, model, _ in RUN:
        operator = model.graph.node[0].op_type
        counts[operator] = counts.get(operator, 0) + 1
    least = {"Conv": 17, "MaxPool": 6, "AveragePool": 8, "BatchNormalization": 4, "Gemm": 6, "Softmax": 10}
    assert [operator for operator, n in least.items() if counts.get(operator, 0) < n] == [], counts
    assert set(counts) == set(OPERATORS)
    assert sum(model.graph.node[0].op_type == "Conv" for _, model, _ in PYTORCH) == 12 + 8 + 7


def test_every_exclusion_excludes_something():
    names = {name for name, _, _ in (*NODE, *PYTORCH)}
    for why, patterns in EXCLUDED.items():
        for pattern in patterns:
            assert any(re.fullmatch(pattern, name) for name in names), f"{why}: {pattern}"


REFUSED = ["padding of more than half the window is refused"]


@pytest.mark.parametrize("case", [case for case in NODE if reason(case[0]) in REFUSED], ids=lambda case: case[0])
def test_what_is_excluded_as_refused_is_refused(case):
    _, model, [(inputs, _)] = case
    (node,) = model.graph.node
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    with pytest.raises(convlab.ShapeError, match="more than half of the window"):
        OPERATORS[node.op_type](attributes, *inputs)
