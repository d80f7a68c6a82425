"""ONNX's own test cases, and PyTorch's outputs that ONNX ships, through convlab's operations.

Of the operators convlab has, each case either runs or stands in `EXCLUDED` under the reason why it cannot: that table
is what convlab does not do. Cases of ONNX have channels first, and here they are transposed at the door.
"""

import re
from collections import Counter

import numpy as np
import pytest

import convlab
from support.onnx_cases import from_onnx, recorded
from support.recorded import installed

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
    same = attributes.get("auto_pad") == "SAME_UPPER"
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


def reason(name):
    """Return why a case cannot run, or None if it can."""
    for why, patterns in EXCLUDED.items():
        if any(re.fullmatch(pattern, name) for pattern in patterns):
            return why
    return None


CASES = from_onnx(OPERATORS) if installed("onnx") else recorded()
RUN = [case for case in CASES if reason(case.name) is None and case.data]


def run(case):
    """Yield what convlab computes, and what is expected."""
    assert case.data
    for inputs, expected in case.data:
        yield OPERATORS[case.operator](case.attributes, *inputs), expected


@pytest.mark.parametrize("case", RUN, ids=[case.name for case in RUN])
def test_onnx(case):
    for actual, expected in run(case):
        assert actual.shape == expected.shape
        assert actual.dtype == expected.dtype == np.float32
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=2e-6)


def test_as_many_ran_as_there_are():
    counts = Counter(case.operator for case in RUN)
    least = {"Conv": 16, "MaxPool": 6, "AveragePool": 8, "BatchNormalization": 4, "Gemm": 6, "Softmax": 10}
    assert [operator for operator, n in least.items() if counts[operator] < n] == [], counts
    assert set(counts) == set(OPERATORS)
    assert sum(case.operator == "Conv" and case.pytorch for case in CASES) == 12 + 8 + 7


def test_the_record_is_what_onnx_has():
    """All but one case of a million numbers; with ONNX the record must be the same."""
    found = {case.name: case for case in recorded()}
    assert [case.name for case in CASES] == list(found)
    assert [case.name for case in found.values() if not case.data and reason(case.name) is None] == [
        "test_operator_conv"
    ]
    for case in RUN:
        for (_, expected), (_, before) in zip(case.data, found[case.name].data, strict=False):
            np.testing.assert_array_equal(expected, before)


def test_every_exclusion_excludes_something():
    names = {case.name for case in CASES}
    for why, patterns in EXCLUDED.items():
        for pattern in patterns:
            assert any(re.fullmatch(pattern, name) for name in names), f"{why}: {pattern}"


REFUSED = ["padding of more than half the window is refused"]


@pytest.mark.parametrize("case", [case for case in CASES if reason(case.name) in REFUSED], ids=lambda case: case.name)
def test_what_is_excluded_as_refused_is_refused(case):
    with pytest.raises(convlab.ShapeError, match="more than half of the window"):
        list(run(case))
