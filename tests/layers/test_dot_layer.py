"""Sums of products of two inputs, over ranks and axes, against loops in float64 and against Keras."""

import numpy as np
import pytest

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import Dense, Dot
from convlab.model.model import Model, Node
from support.closeness import assert_close, gamma, sum_bound
from support.layers.absolute import magnitudes
from support.layers.beside_keras import DTYPES, built, keras_output, random, run

CASES = [  # axes, the shapes without the batch, the axes that are meant
    (-1, (6,), (6,), (1, 1), (1,)),
    (1, (6,), (6, 5), (1, 1), (5,)),
    ((2, 1), (5, 6), (6,), (2, 1), (5,)),
    (-1, (5, 6), (3, 6), (2, 2), (5, 3)),
    ((1, 2), (6, 5), (3, 6), (1, 2), (5, 3)),
    (2, (3, 6, 5), (4, 6), (2, 2), (3, 5, 4)),
    ((-1, -3), (3, 5, 6), (6, 2, 4), (3, 1), (3, 5, 2, 4)),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("axes", "first", "second", "meant", "output"), CASES, ids=str)
def test_dot(axes, first, second, meant, output, dtype):
    layer = built(Dot("dot", axes), first, second)
    inputs = [random([41, i], (3, *shape)).astype(dtype) for i, shape in enumerate((first, second))]
    seen = None if len(first) == len(second) == 1 else "varies"
    assert (layer.infer_shape(first, second), layer.window_on(first, second)) == (output, seen)
    assert layer.multiply_adds(first, second) == np.prod(output) * 6
    exact = np.stack(
        [np.tensordot(*(x[n].astype(np.float64) for x in inputs), [[a - 1] for a in meant]) for n in range(3)]
    ).reshape(3, *output)
    actual, bound = run(layer, *inputs), sum_bound(6, magnitudes(layer, *inputs), dtype)
    assert_close(actual, exact, bound)
    single = sum_bound(8, magnitudes(layer, *inputs), np.float32)  # in which Keras on PyTorch multiplies any
    assert_close(actual, keras_output(layer, *inputs, axes=axes), bound + single)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("axes", "first", "second", "meant", "output"), CASES, ids=str)
def test_cosine(axes, first, second, meant, output, dtype):
    layer = built(Dot("dot", axes, normalize=True), first, second)
    inputs = [random([42, i], (3, *shape)).astype(dtype) for i, shape in enumerate((first, second))]
    unit = [
        x / np.linalg.norm(x.astype(np.float64), axis=a, keepdims=True) for x, a in zip(inputs, meant, strict=True)
    ]
    plain = built(Dot("dot", axes), first, second)
    bound = gamma(20, dtype) + gamma(20, np.float64)  # the magnitudes of unit vectors' products add up to at most 1
    actual = run(layer, *inputs)
    assert_close(actual, plain(*unit), bound)
    assert_close(actual, keras_output(layer, *inputs, axes=axes, normalize=True), 2 * gamma(20, np.float32))


def test_a_dead_vector_has_no_direction():
    assert built(Dot("dot", 1, normalize=True), (3,), (3,))(np.zeros((1, 3)), np.ones((1, 3))).tolist() == [[0.0]]


def test_in_a_network():
    nodes = [
        Node("a", Dense("a", 4), ("input",)),
        Node("b", Dense("b", 4), ("input",)),
        Node("dot", Dot("dot"), ("a", "b")),
    ]
    model = Model("net", (6,), nodes)
    for layer in model.layers[:2]:
        layer.set_weights(**{name: random(7, shape) for name, shape in layer.shapes.items()})
    x = random(8, (3, 6))
    acts = model.run(x)
    assert np.array_equal(acts["dot"][:, 0], (acts["a"][:, None] @ acts["b"][:, :, None])[:, 0, 0])
    assert np.array_equal(model.predict(x), acts["dot"])
    assert "dot" in str(model.summary())


@pytest.mark.parametrize("axes", [None, 1.0, "1", True, (1,), (1, 2, 3), (1, 2.0), [[1], [2]]])
def test_what_is_no_pair_of_axes_is_refused(axes):
    with pytest.raises(UnsupportedError, match=r"^layer 'd': axes is .*, expected a whole number, or two$"):
        Dot("d", axes)


@pytest.mark.parametrize(
    ("axes", "shapes", "message"),
    [
        (1, [(3,), (4,)], r"axis 1 has 3 numbers, and axis 1 of the second 4$"),
        ((2, 1), [(3, 4), (3,)], r"axis 2 has 4 numbers, and axis 1 of the second 3$"),
        (2, [(3,), (3,)], r"axis 2 of 2 dimensions, the batch \(0\) among them: expected 1 to 1, once$"),
        (0, [(3,), (3,)], r"axis 0 of 2 dimensions"),
        (1, [(3,)], r"1 inputs, expected 2$"),
    ],
)
def test_what_does_not_fit_is_refused(axes, shapes, message):
    with pytest.raises(ShapeError, match=rf"^layer 'd' on an input of .*: {message}"):
        Dot("d", axes).build(*shapes)
