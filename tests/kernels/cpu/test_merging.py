"""The compiled kernel that makes one array of two: numbers beside NumPy's, repeated axes, NaN, threads, layouts."""

import numpy as np
import pytest

from convlab.errors import ShapeError
from convlab.layers import Average, Maximum, Minimum, Multiply, Subtract
from convlab.ops.elementwise import FUNCTIONS as OPERATIONS
from convlab.ops.elementwise import merged
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import elementwise
from convlab_kernels.cpu.merging_simd import FUNCTIONS

SHAPES = [
    ((2, 3, 5, 7), (2, 3, 5, 7)),
    ((2, 1, 1, 7), (2, 3, 5, 7)),  # squeeze and excite
    ((2, 3, 5, 67), (2, 1, 1, 67)),
    ((2, 3, 5, 1), (2, 3, 5, 7)),
    ((7,), (2, 3, 5, 7)),
    ((2, 3, 5, 7), ()),
    ((2, 1, 5, 1), (2, 3, 5, 7)),
    ((2, 3, 1, 7), (2, 1, 5, 7)),
    ((0, 3, 4), (1, 4)),
    ((1, 61, 47, 16), (1, 1, 1, 16)),
    ((1, 9001), (1, 9001)),
]
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, 1e-45, 3e38, -3e38]

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
shapes = pytest.mark.parametrize(("a", "b"), SHAPES, ids=str)


pytestmark = pytest.mark.usefixtures("some_threads")


def numbers(shape, seed, dtype=np.float32):
    """Return random numbers, the first of them special ones."""
    random = np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)
    random.reshape(-1)[: len(SPECIAL)] = SPECIAL[: random.size]
    return random


@dtypes
@shapes
@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_is_numpys_to_the_bit(function, a, b, dtype):
    a, b = numbers(a, 1, dtype), numbers(b, 2, dtype)[..., ::-1].copy() if b else dtype(1.5)
    with np.errstate(all="ignore"):
        expected = OPERATIONS[function](a, b)
    for given, other in ((a, b), (np.asarray(a), np.asarray(b))):
        with using_policy(True):
            actual = merged(function, given, other)
        assert actual.dtype == dtype
        assert np.array_equal(actual, expected, equal_nan=True)


@pytest.mark.parametrize("finish", [{"relu": True}, {"relu": True, "ceiling": 1.5}, {"ceiling": 1.5}], ids=str)
def test_it_clips(finish):
    a, b, out = numbers((3, 5, 37), 3), numbers((1, 1, 37), 4), np.full((3, 5, 37), 9, np.float32)
    elementwise.combine("subtract", a, b, out, **finish)
    with np.errstate(invalid="ignore"):
        exact = a - b
    expected = exact.clip(0, finish.get("ceiling")) if "relu" in finish else exact
    assert np.array_equal(out, expected, equal_nan=True)


@pytest.mark.parametrize(
    ("function", "a", "b", "takes"),
    [
        ("multiply", (2, 3, 4), (2, 1, 4), True),
        ("power", (2, 3, 4), (2, 3, 4), False),
        ("add", (2, 1, 4, 1), (2, 3, 4, 5), False),  # four axes, each repeated otherwise than its neighbours
    ],
)
def test_it_says_what_it_takes(function, a, b, takes):
    assert elementwise.combines(function, a, b) == takes
    with using_policy(True), np.errstate(invalid="ignore"):
        a, b = np.abs(numbers(a, 5)), numbers(b, 6)
        assert np.array_equal(merged(function, a, b), OPERATIONS[function](a, b), equal_nan=True)


def test_memory_layout_makes_no_difference_and_inputs_stay():
    a, b = numbers((3, 5, 7), 7), numbers((3, 1, 7), 8)
    expected = np.empty_like(a)
    elementwise.combine("multiply", a, b, expected)
    for change in (np.asfortranarray, lambda x: x[::-1].copy()[::-1], lambda x: x.repeat(2, axis=2)[..., ::2]):
        left, right, out = change(a), change(b), np.full_like(a, 9)
        left.flags.writeable = right.flags.writeable = False
        elementwise.combine("multiply", left, right, out)
        assert out.tobytes() == expected.tobytes()
        assert np.array_equal(left, a, equal_nan=True) and np.array_equal(right, b, equal_nan=True)
    with pytest.raises(ShapeError, match=r"^multiply: out is not contiguous in C order; give a whole array"):
        elementwise.combine("multiply", a, b, np.empty((3, 5, 14), np.float32)[..., ::2])


@pytest.mark.parametrize("other", [(5, 7), (1, 7), (7,)], ids=str)
@pytest.mark.parametrize("layer", [Average, Maximum, Minimum, Multiply, Subtract], ids=lambda one: one.__name__)
def test_layers_merge_with_it(layer, other, monkeypatch):
    used, kernel = [], elementwise.combine
    monkeypatch.setattr(elementwise, "combine", lambda *args: (used.append(args[0]), kernel(*args)))
    merge = layer("merge")
    count = 2 if layer is Subtract else 3
    merge.build((5, 7), *[other] * (count - 1))
    inputs = [numbers((3, 5, 7), 1), *(numbers((3, *other), seed) for seed in range(2, 1 + count))]
    with np.errstate(invalid="ignore"):
        expected = merge(*inputs)
    assert not used
    with using_policy(True):
        actual = merge(*inputs)
    assert used and np.array_equal(actual, expected, equal_nan=True)
    assert not any(np.may_share_memory(actual, x) for x in inputs)
