"""The operations besides convolution and window pooling: values, special numbers, layouts, errors."""

import numpy as np
import pytest

import convlab
from convlab.errors import ShapeError, UnsupportedError
from support.closeness import assert_close, gamma, sum_bound
from support.recorded import answers, live

RANDOM = np.random.default_rng(11)
X = RANDOM.standard_normal((3, 5, 7, 4)).astype(np.float32)
ROWS = RANDOM.standard_normal((3, 11)).astype(np.float32)
EXTREMES = np.array([0.0, -0.0, 1e-9, 1, -1, 5, -9, 88, -88, 104, 1000, -1000, 3e38, -3e38, np.inf, -np.inf, np.nan])
STATISTICS = [RANDOM.standard_normal(4).astype(np.float32) for _ in range(3)]
VARIANCE = RANDOM.uniform(0.5, 2, 4).astype(np.float32)
MEAN, GAMMA, BETA = STATISTICS

ELEMENTWISE = [convlab.relu, convlab.tanh, convlab.sigmoid, convlab.softmax]
IMAGES = {  # every operation on images, as a function of x (N, H, W, C) alone
    "relu": convlab.relu,
    "tanh": convlab.tanh,
    "sigmoid": convlab.sigmoid,
    "softmax": convlab.softmax,
    "flatten": convlab.flatten,
    "global max": convlab.global_max_pool2d,
    "global mean": convlab.global_avg_pool2d,
    "pad": lambda x: convlab.zero_pad2d(x, ((1, 2), (0, 3))),
    "batch_norm": lambda x: convlab.batch_norm(x, MEAN, VARIANCE, GAMMA, BETA),
    "max_pool2d": lambda x: convlab.max_pool2d(x, (2, 3)),
    "avg_pool2d": lambda x: convlab.avg_pool2d(x, (2, 3)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", IMAGES.values(), ids=IMAGES)
def test_float32_and_float64_are_kept(op, dtype):
    assert op(X.astype(dtype)).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.int64, np.bool_])
@pytest.mark.parametrize("op", IMAGES.values(), ids=IMAGES)
def test_other_numbers_become_float32(op, dtype):
    x = np.round(2 * X).astype(np.int8).astype(dtype)
    actual = op(x)
    assert actual.dtype == np.float32
    assert np.array_equal(actual, op(x.astype(np.float32)))


@pytest.mark.parametrize("op", IMAGES.values(), ids=IMAGES)
def test_lists_become_float32(op):
    actual = op(X.tolist())
    assert actual.dtype == np.float32 and np.array_equal(actual, op(X))


@pytest.mark.parametrize("op", IMAGES.values(), ids=IMAGES)
def test_an_empty_batch_gives_an_empty_batch(op):
    assert op(X[:0]).shape == (0, *op(X).shape[1:])


@pytest.mark.parametrize("op", IMAGES.values(), ids=IMAGES)
def test_memory_layout_makes_no_difference_and_inputs_stay(op):
    expected = op(X)
    framed = np.full((5, 7, 9, 6), np.nan, np.float32)
    framed[1:-1, 1:-1, 1:-1, 1:-1] = X
    fixed = X.copy()
    fixed.flags.writeable = False
    for x in (np.asfortranarray(X), X[:, ::-1, ::-1].copy()[:, ::-1, ::-1], framed[1:-1, 1:-1, 1:-1, 1:-1], fixed):
        actual = op(x)
        assert_close(actual, expected.astype(np.float64), 40 * gamma(1, np.float32), "layout")
        assert np.array_equal(x, X)


@pytest.mark.parametrize("op", [op for name, op in IMAGES.items() if name != "flatten"])
def test_the_result_is_an_array_of_its_own(op):
    assert not np.may_share_memory(op(X), X)


@pytest.mark.parametrize("op", IMAGES.values(), ids=IMAGES)
def test_complex_numbers_are_refused(op):
    with pytest.raises(UnsupportedError, match=r"^an array of complex128 cannot be computed with"):
        op(X.astype(complex))


def test_relu():
    actual = convlab.relu(EXTREMES)
    assert_close(actual, np.where(EXTREMES < 0, 0.0, EXTREMES), 0.0, "relu")
    assert np.isnan(actual[-1]) and actual[1] == 0


def exact_sigmoid(x):
    """Return the logistic function in extended precision, from the side that does not overflow."""
    small = np.exp(-np.abs(x.astype(np.longdouble)))
    return np.where(np.isnan(x), np.nan, np.where(x < 0, small, 1.0) / (1 + small)).astype(np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_is_right_and_quiet_everywhere(dtype):
    x = np.concatenate([EXTREMES, np.linspace(-30, 30, 101)]).astype(dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        actual = convlab.sigmoid(x)
    expected = exact_sigmoid(x)
    # exp twice, a sum, a quotient; below the smallest normal number digits are lost
    assert_close(actual, expected, gamma(6, dtype) * expected + np.finfo(dtype).tiny, "sigmoid")
    assert actual[0] == 0.5 and actual[10] == 1 and actual[11] == 0 and actual[14] == 1 and actual[15] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tanh(dtype):
    x = EXTREMES.astype(dtype)
    exact = np.tanh(x.astype(np.longdouble)).astype(np.float64)
    assert_close(convlab.tanh(x), exact, 4 * gamma(1, dtype) * np.abs(exact), "tanh")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax(dtype):
    x = np.concatenate([ROWS, 100 * ROWS, ROWS + 1e4, ROWS - 1e4, 0 * ROWS]).astype(dtype)
    powers = np.exp(x.astype(np.longdouble) - x.max(axis=1, keepdims=True))
    exact = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float64)
    actual = convlab.softmax(x)
    terms = x.shape[1] + 4  # eleven additions; a subtraction, exp twice, a division
    assert_close(actual, exact, gamma(terms, dtype) * exact + np.finfo(dtype).tiny, "softmax")
    assert_close(actual.sum(axis=1, dtype=np.float64), np.ones(len(x)), gamma(terms, dtype), "sum")
    assert (actual[-1] == dtype(1) / dtype(11)).all()


def test_softmax_of_extreme_numbers():
    actual = convlab.softmax([[1e4, 0, -1e4], [1e38, -1e38, 0], [-np.inf, 0, 0], [np.nan, 1, 2]])
    assert actual[:3].tolist() == [[1, 0, 0], [1, 0, 0], [0, 0.5, 0.5]]
    assert np.isnan(actual[3]).all()


def test_softmax_works_along_the_channels():
    actual = convlab.softmax(X)
    assert actual.shape == X.shape
    assert np.array_equal(actual[1, 2, 3], convlab.softmax(X[1, 2, 3]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [True, False])
def test_dense(bias, dtype):
    w, b = RANDOM.standard_normal((11, 6)).astype(np.float32), RANDOM.standard_normal(6).astype(np.float32)
    exact, magnitude = np.zeros((3, 6)), np.zeros((3, 6))
    for n, i, o in np.ndindex(3, 11, 6):
        exact[n, o] += float(ROWS[n, i]) * float(w[i, o])
        magnitude[n, o] += abs(float(ROWS[n, i]) * float(w[i, o]))
    if bias:
        exact, magnitude = exact + b, magnitude + np.abs(b)
    given = (ROWS.astype(dtype), w.astype(dtype), b.astype(dtype) if bias else None)
    actual = convlab.dense(*given)
    assert actual.dtype == dtype
    assert_close(actual, exact, sum_bound(12, magnitude, dtype), "dense")
    assert convlab.dense(given[0][:0], *given[1:]).shape == (0, 6)


def test_dense_leaves_its_inputs_alone():
    x, w, b = ROWS.copy(), np.ones((11, 6), np.float32), np.ones(6, np.float32)
    for array in (x, w, b):
        array.flags.writeable = False
    out = convlab.dense(x, w, b)
    assert not any(np.may_share_memory(out, array) for array in (x, w, b))
    assert np.array_equal(out, convlab.dense(np.asfortranarray(x), np.asfortranarray(w), b))


DENSE_WRONG = [
    ((3, 11), (10, 6), None, r"input \(3, 11\) and kernel \(10, 6\) do not fit: \(N, \.\.\., in\) and \(in, out\)"),
    ((11,), (11, 6), None, r"input \(11,\) and kernel \(11, 6\) do not fit"),
    ((3, 11), (11,), None, r"input \(3, 11\) and kernel \(11,\) do not fit"),
    ((3, 11), (11, 6), (1,), r"bias has shape \(1,\), expected \(6,\)"),
    ((3, 11), (11, 6), (3, 6), r"bias has shape \(3, 6\), expected \(6,\)"),
]


@pytest.mark.parametrize(("x", "w", "b", "message"), DENSE_WRONG)
def test_dense_says_what_does_not_fit(x, w, b, message):
    with pytest.raises(ShapeError, match=f"^dense: {message}"):
        convlab.dense(np.ones(x), np.ones(w), None if b is None else np.ones(b))


@pytest.mark.parametrize("x", [X, np.asfortranarray(X), X[:, ::-1]])
def test_flatten_goes_by_rows_then_columns_then_channels(x):
    actual = convlab.flatten(x)
    assert actual.shape == (3, 140)
    for n, y, column, c in np.ndindex(x.shape):
        assert actual[n, (y * 7 + column) * 4 + c] == x[n, y, column, c]


def test_flatten_of_other_dimensions():
    assert convlab.flatten(np.ones((3, 5))).shape == (3, 5)
    assert convlab.flatten(np.ones(3)).shape == (3, 1)
    assert convlab.flatten(np.ones((0, 5, 7))).shape == (0, 35)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_global_pools(dtype):
    x = X.astype(dtype)
    total, largest, magnitude = np.zeros((3, 4)), np.full((3, 4), -np.inf), np.zeros((3, 4))
    for n, y, column, c in np.ndindex(x.shape):
        total[n, c] += float(x[n, y, column, c])
        magnitude[n, c] += abs(float(x[n, y, column, c]))
        largest[n, c] = max(largest[n, c], x[n, y, column, c])
    assert_close(convlab.global_max_pool2d(x), largest, 0.0, "max")
    assert_close(convlab.global_avg_pool2d(x), total / 35, sum_bound(36, magnitude / 35, dtype), "mean")


@pytest.mark.parametrize("op", [convlab.global_max_pool2d, convlab.global_avg_pool2d])
def test_global_pools_let_nan_through_in_its_channel_alone(op):
    x = X.copy()
    x[1, 2, 3, 0] = np.nan
    assert np.argwhere(np.isnan(op(x))).tolist() == [[1, 0]]


@pytest.mark.parametrize("gamma_", [GAMMA, None])
@pytest.mark.parametrize("beta", [BETA, None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_norm(gamma_, beta, dtype):
    x, mean, variance = (array.astype(np.float64) for array in (X, MEAN, VARIANCE))
    slope = (1.0 if gamma_ is None else gamma_.astype(np.float64)) / np.sqrt(variance + 1e-3)
    offset = 0.0 if beta is None else beta.astype(np.float64)
    magnitude = (np.abs(x) + np.abs(mean)) * np.abs(slope) + np.abs(offset)
    actual = convlab.batch_norm(X.astype(dtype), MEAN, VARIANCE, gamma_, beta)
    assert actual.dtype == dtype
    # epsilon, its sum, root, quotient and gamma; difference, product, sum: eight roundings at most
    assert_close(actual, (x - mean) * slope + offset, sum_bound(8, magnitude, dtype), "batch_norm")


def test_batch_norm_of_rows_and_of_an_epsilon():
    rows = convlab.batch_norm(X[:, 2, 3], MEAN, VARIANCE)
    assert np.array_equal(rows, convlab.batch_norm(X, MEAN, VARIANCE)[:, 2, 3])
    assert convlab.batch_norm([[3.0]], [1.0], [0.0], epsilon=0.25).tolist() == [[4.0]]


@pytest.mark.parametrize("name", ["mean", "variance", "gamma", "beta"])
@pytest.mark.parametrize("shape", [(1,), (3,), (4, 1), ()])
def test_batch_norm_says_which_parameter_does_not_fit(name, shape):
    parameters = {"mean": MEAN, "variance": VARIANCE, "gamma": GAMMA, "beta": BETA, name: np.ones(shape)}
    message = rf"^batch_norm: {name} has shape .*, expected \(4,\), the channels of x$"
    with pytest.raises(ShapeError, match=message):
        convlab.batch_norm(X, **parameters)


@pytest.mark.parametrize(
    ("padding", "sides"),
    [(2, ((2, 2), (2, 2))), ((1, 2), ((1, 1), (2, 2))), (((1, 0), (2, 3)), ((1, 0), (2, 3))), (0, ((0, 0), (0, 0)))],
)
def test_zero_pad2d(padding, sides):
    (top, bottom), (left, right) = sides
    actual = convlab.zero_pad2d(X, padding)
    assert actual.shape == (3, top + 5 + bottom, left + 7 + right, 4)
    assert np.array_equal(actual[:, top : top + 5, left : left + 7], X)
    assert np.count_nonzero(actual) == np.count_nonzero(X)


@pytest.mark.parametrize("op", ["global max", "global mean", "pad", "max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize("shape", [(5, 7, 4), (1, 2, 3, 5, 4), (3, 0, 7, 4), (3, 5, 7, 0), ()])
def test_operations_on_images_refuse_other_shapes(op, shape):
    with pytest.raises(ShapeError, match=r"input has shape .*, expected four dimensions \(N, H, W, C\)"):
        IMAGES[op](np.ones(shape, np.float32))


def keras_operations():
    """Return what Keras' small operations make of X, by name."""
    import keras

    layers, options = keras.layers, {"data_format": "channels_last"}
    normalise = layers.BatchNormalization()
    normalise.build(X.shape)
    normalise.set_weights([GAMMA, BETA, MEAN, VARIANCE])
    theirs = {
        "relu": keras.ops.relu,
        "tanh": keras.ops.tanh,
        "sigmoid": keras.ops.sigmoid,
        "softmax": keras.ops.softmax,
        "flatten": layers.Flatten(**options),
        "pad": layers.ZeroPadding2D(((1, 2), (0, 3)), **options),
        "global max": layers.GlobalMaxPooling2D(**options),
        "global mean": layers.GlobalAveragePooling2D(**options),
        "batch_norm": normalise,
    }
    return {name: keras.ops.convert_to_numpy(op(X)) for name, op in theirs.items()}


def torch_operations():
    """Return what PyTorch's small operations make of X, by name."""
    import torch

    x = torch.from_numpy(X).double()
    mean, variance, weight, bias = (torch.from_numpy(p).double() for p in (MEAN, VARIANCE, GAMMA, BETA))
    first = x.permute(0, 3, 1, 2)
    norm = torch.nn.functional.batch_norm(first, mean, variance, weight, bias, eps=1e-3)
    theirs = {
        "relu": torch.relu(x),
        "tanh": torch.tanh(x),
        "sigmoid": torch.sigmoid(x),
        "softmax": torch.softmax(x, dim=-1),
        "global max": first.amax(dim=(2, 3)),
        "batch_norm": norm.permute(0, 2, 3, 1),
    }
    return {name: tensor.numpy() for name, tensor in theirs.items()}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(("library", "operations"), [("keras", keras_operations), ("torch", torch_operations)])
def test_the_small_operations_are_those_of_a_framework(library, operations):
    theirs = answers(library, (library, MEAN, VARIANCE, GAMMA, BETA, X), operations)
    assert len(theirs) == {"keras": 9, "torch": 6}[library]
    for name, expected in theirs.items():
        assert_close(IMAGES[name](X), expected, 30 * gamma(1, np.float32) * (1 + np.abs(expected)), name)


def test_softmax_of_infinities_and_overflowing_differences_warns_of_nothing():
    actual = convlab.softmax(np.array([[np.inf, 0, 1], [3e38, -3e38, 3e38]], np.float32))
    assert np.isnan(actual[0]).all()
    assert np.allclose(actual[1], [0.5, 0, 0.5])


def test_output_size_of_one_number_needs_a_square_window():
    assert convlab.output_size(7, (3, 3), (2, 2)) == 3
    assert convlab.output_size((7, 8), (2, 3)) == (6, 6)
    with pytest.raises(ShapeError, match=r"output is 6 x 5: the window is not square, so give the size as \(H, W\)"):
        convlab.output_size(7, (2, 3))


def test_zero_padding_needs_numbers():
    with pytest.raises(ShapeError, match="padding 'same' means nothing without a window"):
        convlab.zero_pad2d(X, "same")


def test_what_is_no_array_is_refused():
    with pytest.raises(ShapeError, match="these numbers make no array"):
        convlab.relu([[1, 2], [3]])


def test_tensors_of_another_library_are_read_with_their_type():
    torch = live("torch", instead="ops/test_ops.py")
    assert convlab.relu(torch.tensor([-1.0, 2.0], dtype=torch.float64)).dtype == np.float64
    assert convlab.relu(torch.tensor([-1.0, 2.0])).tolist() == [0, 2]


def test_a_mean_over_a_large_area_keeps_its_digits():
    assert convlab.global_avg_pool2d(np.ones((1, 4200, 4200, 1), np.float32)).tolist() == [[1.0]]


@pytest.mark.parametrize("size", [7.5, (5, 5, 5), (5,), -3, 0, "5"])
def test_output_size_of_what_is_no_size(size):
    with pytest.raises(ShapeError, match=r"size .* (is neither an int nor|is out of range)"):
        convlab.output_size(size, 1, padding=5)


def test_a_tensor_that_records_its_gradient_is_refused_in_one_line():
    torch = live("torch", instead="ops/test_ops.py")
    with pytest.raises(ShapeError, match=r"make no array: .*detach"):
        convlab.relu(torch.ones(3, requires_grad=True))


@pytest.mark.parametrize("arrays", [(None,), (None, X), (X, None)])
def test_nothing_is_no_array(arrays):
    call = convlab.relu if len(arrays) == 1 else convlab.conv2d
    with pytest.raises(UnsupportedError, match="an array of object cannot be computed with"):
        call(*arrays)


def test_softmax_needs_a_class():
    with pytest.raises(ShapeError, match=r"shape \(3, 0\), expected \(\.\.\., classes\)"):
        convlab.softmax(np.zeros((3, 0)))
