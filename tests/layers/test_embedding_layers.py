"""Layers on words beside Keras: rows of a table, and steps that are nothing; both exact, so compared bit by bit."""

import numpy as np
import pytest

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import Conv1D, Embedding, GlobalMaxPooling1D, Masking
from convlab.layers import embedding as module
from convlab.model.model import Model
from support.layers.beside_keras import DTYPES, built, keras_output, random, run


def words(seed, *shape):
    return np.random.default_rng(seed).integers(0, 7, shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(9,), (4, 9)])
def test_embedding(shape, dtype):
    layer, x = built(Embedding("e", 7, 5), shape), words(1, 3, *shape)
    actual = run(layer, x.astype(dtype))
    assert np.array_equal(actual, layer.weights["embeddings"].astype(dtype)[x])
    assert np.array_equal(actual, keras_output(layer, x.astype(dtype), input_dim=7, output_dim=5))
    assert (layer.infer_shape(shape), layer.parameters) == ((*shape, 5), 35)


def test_a_network_takes_words_as_they_are():
    layers = [Embedding("e", 7, 5), Conv1D("c", 4, 3, activation="relu"), GlobalMaxPooling1D("p")]
    model = Model.sequential("text", (9,), layers)
    for layer in layers[:2]:
        layer.set_weights(**{name: random([4, len(name)], shape) for name, shape in layer.shapes.items()})
    x = words(2, 3, 9)
    acts = model.run(x)
    assert np.array_equal(acts["e"], layers[0].weights["embeddings"][x])
    assert np.array_equal(model.predict(x), acts.output)
    assert "Embedding" in str(model.summary())


@pytest.mark.parametrize(
    ("value", "shown"), [(7, "7"), (-1, "-1"), (2.5, "2.5"), (np.nan, "nan"), (np.inf, "inf"), (1e9, "1e\\+09")]
)
def test_what_is_no_word_is_refused(value, shown):
    x = words(3, 2, 9).astype(float)
    x[1, 4] = value
    with pytest.raises(
        UnsupportedError,
        match=rf"^layer 'e': the input has {shown} at \(1, 4\), expected whole numbers from 0 to 6, the rows",
    ):
        built(Embedding("e", 7, 5), (9,))(x)


def test_float32_does_not_know_all_words(monkeypatch):
    monkeypatch.setattr(module, "EXACT", 6)
    layer, x = built(Embedding("e", 7, 5), (9,)), words(3, 2, 9)
    with pytest.raises(UnsupportedError, match=r"^layer 'e' has 7 rows: give it numbers in float64$"):
        layer(x.astype(np.float32))
    assert layer(x.astype(np.float64)).shape == (2, 9, 5)


def test_the_numbers_that_float32_knows():
    assert np.float32(module.EXACT - 1) + 1 == module.EXACT and np.float32(module.EXACT + 1) == module.EXACT


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0.0, 0.5, -1])
def test_masking(value, dtype):
    x = random(5, (3, 7, 4)).astype(dtype)
    x[0, 2], x[1, 6], x[2, 3, :3], x[2, 5] = value, value, value, 0
    layer = built(Masking("m", value), (7, 4))
    actual = run(layer, x)
    assert not actual[0, 2].any() and not actual[1, 6].any() and np.array_equal(actual[2, 3], x[2, 3])
    assert np.array_equal(actual, keras_output(layer, x, mask_value=value))


@pytest.mark.parametrize(
    ("rows", "columns", "option"), [(0, 3, "input_dim"), (3, 1.5, "output_dim"), (3, 0, "output_dim")]
)
def test_what_is_no_table_is_refused(rows, columns, option):
    with pytest.raises(ShapeError, match=f"^layer 'e': {option} is .*, expected a whole number of at least 1$"):
        Embedding("e", rows, columns)


@pytest.mark.parametrize("value", [None, "0", True])
def test_what_is_no_value_is_refused(value):
    with pytest.raises(UnsupportedError, match=r"^layer 'm': mask_value is .*, expected a number$"):
        Masking("m", value)
