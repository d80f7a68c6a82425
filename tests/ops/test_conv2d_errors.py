"""What conv2d refuses, and the words in which it does."""

import numpy as np
import pytest

import convlab
from convlab.errors import ConvlabError, ShapeError, UnsupportedError
from convlab_kernels.cpu import METHODS
from support.kernels.sweep import Case

SMALL = Case((2, 3), (3, 2), ((1, 2), (3, 0)), (1, 2), "2 groups")
X, W, B = (5, 7, 8, 6), (2, 3, 6, 4), (4,)
WRONG = [
    ({"x": (5, 7, 8)}, ShapeError, r"input has shape \(5, 7, 8\), expected four dimensions \(N, H, W, C\)"),
    ({"x": (1, 5, 7, 8, 6)}, ShapeError, r"input has shape \(1, 5, 7, 8, 6\), expected four dimensions"),
    ({"x": (5, 0, 8, 6), "padding": 3}, ShapeError, r"input has shape \(5, 0, 8, 6\), .*only N may be 0"),
    ({"w": (2, 3, 6)}, ShapeError, r"kernel has shape \(2, 3, 6\), expected \(KH, KW, C/groups, O\)"),
    ({"w": (2, 3, 6, 0)}, ShapeError, r"kernel has shape \(2, 3, 6, 0\), .*none of them 0"),
    (
        {"w": (0, 3, 6, 4)},
        ShapeError,
        r"kernel has shape \(0, 3, 6, 4\), expected \(KH, KW, C/groups, O\), none of them 0",
    ),
    ({"b": (5,)}, ShapeError, r"bias has shape \(5,\), expected \(4,\), one number for each output channel"),
    ({"b": (1,)}, ShapeError, r"bias has shape \(1,\), expected \(4,\)"),
    ({"b": (4, 1)}, ShapeError, r"bias has shape \(4, 1\), expected \(4,\)"),
    ({"b": ()}, ShapeError, r"bias has shape \(\), expected \(4,\)"),
    (
        {"w": (2, 3, 5, 4)},
        ShapeError,
        r"input \(5, 7, 8, 6\) has 6 channels, but kernel \(2, 3, 5, 4\) in 1 group\(s\) takes 5 \* 1 = 5$",
    ),
    (
        {"x": (5, 6, 7, 8)},
        ShapeError,
        r"has 8 channels, .* takes 6 \* 1 = 6 \(is the input channels first\? convlab is channels last\)$",
    ),
    ({"groups": 0}, ShapeError, r"groups is 0, expected a whole number of at least 1"),
    ({"groups": -1}, ShapeError, r"groups is -1, expected a whole number"),
    ({"groups": 1.0}, ShapeError, r"groups is 1\.0, expected a whole number"),
    ({"groups": True}, ShapeError, r"groups is True, expected a whole number"),
    ({"groups": 4}, ShapeError, r"input \(5, 7, 8, 6\) has 6 channels, .* in 4 group\(s\) takes 6 \* 4 = 24"),
    ({"w": (2, 3, 2, 4), "groups": 3, "b": None}, ShapeError, r"4 output channels cannot be split into 3 groups"),
    ({"stride": 0}, ShapeError, r"stride 0 is out of range: at least 1"),
    ({"stride": (2, -1)}, ShapeError, r"stride \(2, -1\) is out of range"),
    ({"dilation": 0}, ShapeError, r"dilation 0 is out of range"),
    ({"padding": -1}, ShapeError, r"padding -1 is out of range: at least 0"),
    ({"padding": 2**62}, ShapeError, r"padding 4611686018427387904 is out of range"),
    ({"padding": "circular"}, ShapeError, r"padding 'circular' is unknown: use \"valid\", \"same\""),
    (
        {"x": (5, 1, 8, 6), "padding": ((0, 0), (1, 2))},
        ShapeError,
        r"output height is not positive: floor\(\(1 \+ 0 \+ 0 - 2\) / 1\) \+ 1 = 0: a window of 2 cells",
    ),
    (
        {"dilation": (1, 5), "stride": 2, "padding": ((0, 0), (1, 1))},
        ShapeError,
        r"output width is not positive: floor\(\(8 \+ 1 \+ 1 - 11\) / 2\) \+ 1 = 0: a window of 11 cells"
        r" \(kernel 3, dilation 5\) does not fit in an input of 8 with padding 1 and 1",
    ),
    (
        {"method": "depthwise"},
        UnsupportedError,
        r"depthwise: kernel \(2, 3, 6, 4\) in 1 group\(s\) sees 6 channels at once, expected as many groups as"
        r" channels: use im2col$",
    ),
    (
        {"method": "fft"},
        UnsupportedError,
        rf"method 'fft' is unknown: use auto, strict, {', '.join(METHODS)}$",
    ),
]


@pytest.mark.parametrize(("change", "error", "message"), WRONG, ids=[str(change) for change, _, _ in WRONG])
def test_errors_say_what_is_wrong(change, error, message):
    shapes = {"x": X, "w": W, "b": B} | {name: change[name] for name in "xwb" if name in change}
    arrays = {name: shape if shape is None else np.ones(shape, np.float32) for name, shape in shapes.items()}
    with pytest.raises(error, match=message) as caught:
        convlab.conv2d(**(change | arrays))
    assert isinstance(caught.value, ConvlabError) and "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [np.complex64, object, "U3", "datetime64[s]"])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_arrays_that_are_no_numbers_are_refused(which, dtype):
    arrays = list(SMALL.arrays)
    arrays[which] = np.zeros(arrays[which].shape, dtype)
    with pytest.raises(UnsupportedError, match=r"cannot be computed with: make it float32 or float64"):
        convlab.conv2d(*arrays, **SMALL.attributes)
