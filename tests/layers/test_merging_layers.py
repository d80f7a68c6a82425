"""The layers that merge several inputs, over their shapes, against loops in float64 and against Keras."""

import numpy as np
import pytest

from convlab.errors import ShapeError
from convlab.layers import Add, Average, Concatenate, Conv2D, Maximum, Minimum, Multiply, Subtract
from convlab.layers.base import ONE_CELL
from convlab.model.model import Model, Node
from support.closeness import assert_close, gamma
from support.layers.beside_keras import DTYPES, built, keras_output, random, run

pytestmark = pytest.mark.usefixtures("both_ways")

SAME = (5, 7, 4)
SHAPES = [  # of the inputs, what comes out, and whether every unit sees its own place only
    ([SAME, SAME], SAME, True),
    ([SAME, SAME, SAME], SAME, True),
    ([SAME, (1, 1, 4)], SAME, False),
    ([(1, 1, 4), SAME], SAME, False),
    ([SAME, (5, 7, 1)], SAME, True),
    ([(5, 1, 4), (1, 7, 1)], SAME, False),
    ([SAME, (4,)], SAME, False),
    ([(7, 4), SAME], SAME, False),
    ([(6,), (6,)], (6,), True),
]
FOLDS = {
    Add: sum,
    Subtract: lambda values: values[0] - values[1],
    Multiply: np.prod,
    Average: lambda values: sum(values) / len(values),
    Maximum: max,
    Minimum: min,
}


def inputs_of(shapes, dtype=np.float64):
    return [random([21, i], (3, *shape)).astype(dtype) for i, shape in enumerate(shapes)]


def cell(x, index, rank):
    """Return what an input has for the output's cell: axes are aligned at the last, sizes of 1 repeated."""
    own = (index[0], *index[1 + rank - (x.ndim - 1) :])
    return float(x[tuple(0 if size == 1 else i for i, size in zip(own, x.shape, strict=True))])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("kind", "shapes", "output", "even"),
    [(kind, *case) for kind in FOLDS for case in SHAPES if kind is not Subtract or len(case[0]) == 2],
    ids=str,
)
def test_merge(kind, shapes, output, even, dtype):
    layer, inputs = built(kind("merge"), *shapes), inputs_of(shapes, dtype)
    assert (layer.infer_shape(*shapes), layer.window_on(*shapes)) == (output, ONE_CELL if even else "varies")
    exact, size = np.empty((3, *output)), np.empty((3, *output))
    for index in np.ndindex(exact.shape):
        values = [cell(x, index, len(output)) for x in inputs]
        exact[index], size[index] = FOLDS[kind](values), sum(map(abs, values))
    actual = run(layer, *inputs)
    bound = gamma(3, dtype) * size  # two additions or products of numbers up to 1, one division
    assert_close(actual, exact, bound)
    assert_close(actual, keras_output(layer, *inputs), 2 * bound)
    assert layer.multiply_adds(*shapes) == 0 and layer.parameters == 0


@pytest.mark.parametrize("kind", [Maximum, Minimum])
def test_nan_wins(kind):
    x = np.array([[np.nan, 1.0, np.nan]])
    assert np.isnan(built(kind("m"), (3,), (3,))(x, x[:, ::-1] * [1, 1, 2])).tolist() == [[True, False, True]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("axis", "shapes", "window"),
    [
        (-1, [SAME, (5, 7, 2), (5, 7, 3)], ONE_CELL),
        (3, [(5, 7, 2), SAME], ONE_CELL),
        (1, [SAME, (2, 7, 4)], "varies"),
        (-3, [SAME, (2, 7, 4)], "varies"),
        (2, [SAME, (5, 1, 4)], "varies"),
        (-1, [(6,), (1,), (3,)], ONE_CELL),
        (1, [(6, 2), (5, 2)], "varies"),
    ],
    ids=str,
)
def test_concatenate(axis, shapes, window, dtype):
    layer, inputs = built(Concatenate("concat", axis), *shapes), inputs_of(shapes, dtype)
    actual, number = run(layer, *inputs), axis % (len(shapes[0]) + 1)
    start = 0
    for x in inputs:
        place = [slice(None)] * x.ndim
        place[number] = slice(start, start + x.shape[number])
        assert np.array_equal(actual[tuple(place)], x)
        start += x.shape[number]
    assert actual.shape[number] == start and layer.window_on(*shapes) == window
    assert np.array_equal(actual, keras_output(layer, *inputs, axis=axis))


def test_a_merge_of_one_is_a_copy_for_the_recording():
    model = Model(
        "m", (5, 7, 4), [Node("conv", Conv2D("conv", 2, 1), ("input",)), Node("add", Add("add"), ("conv",))]
    )
    model["conv"].set_weights(kernel=random(1, (1, 1, 4, 2)), bias=[0, 0])
    acts = model.run(inputs_of([SAME])[0])
    assert np.array_equal(acts["add"], acts["conv"]) and not np.shares_memory(acts["add"], acts["conv"])


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (Add("m"), [SAME, (5, 6, 4)], r"\(5, 7, 4\) and \(5, 6, 4\): sizes differ, and none of them is 1$"),
        (Multiply("m"), [SAME, (5,)], r"\(5, 7, 4\) and \(5,\): sizes differ"),
        (Subtract("m"), [SAME] * 3, r".*: 3 inputs, expected 2$"),
        (Subtract("m"), [SAME], r".*: 1 inputs, expected 2$"),
        (Maximum("m"), [], r".*: no inputs, expected at least 1$"),
        (Concatenate("m"), [], r".*: no inputs, expected at least 1$"),
        (Concatenate("m"), [SAME, (7, 4)], r".*: to be put side by side, inputs need equally many axes$"),
        (
            Concatenate("m"),
            [SAME, (1, 7, 4)],
            r".*: to be put side by side along axis 3, inputs may differ in no other size$",
        ),
        (Concatenate("m", 0), [SAME, SAME], r".*: axis 0 of 4 dimensions, the batch \(0\) among them"),
        (Concatenate("m", [1, 2]), [SAME, SAME], r".*: axis \[1, 2\] names 2 axes, expected 1$"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(layer, shapes, message):
    with pytest.raises(ShapeError, match=f"^layer 'm' on an input of {message}"):
        layer.build(*shapes)
