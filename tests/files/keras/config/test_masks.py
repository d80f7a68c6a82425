"""Masks in a network of Keras 2: dropped, or followed to a layer that would heed them, which is refused."""

import pytest

from convlab.errors import ConvlabError, UnsupportedError
from convlab.files.keras.config.architecture import read_architecture
from support.files.keras_configs import entry, functional, refused

EMBEDDING = ("Embedding", {"input_dim": 7, "output_dim": 4, "mask_zero": True})
MASKING = ("Masking", {"mask_value": 0.0})
MEAN = ("GlobalAveragePooling1D", {})
CONV = ("Conv1D", {"filters": 3, "kernel_size": [2]})
DENSE = ("Dense", {"units": 3})
EACH = ("TimeDistributed", {"layer": {"class_name": "Dense", "config": {"name": "inner", "units": 3}}})


def chain(shape, *kinds):
    layers = [entry("InputLayer", "x", batch_input_shape=[None, *shape])]
    names = ["x", *(f"l{i}" for i in range(len(kinds)))]
    for i, (kind, options) in enumerate(kinds):
        layers.append(entry(kind, names[i + 1], [[names[i], 0, 0, {}]], **options))
    return functional(layers, [["x", 0, 0]], [[names[-1], 0, 0]])


@pytest.mark.parametrize("after", [[CONV, MEAN], [("GlobalMaxPooling1D", {})], [("Flatten", {}), DENSE], [DENSE]])
def test_a_mask_that_nobody_heeds_changes_nothing(after):
    assert read_architecture(chain((9,), EMBEDDING, *after), "net.h5").model.output_shape


@pytest.mark.parametrize(
    ("kinds", "shape"),
    [
        ([EMBEDDING, MEAN], (9,)),
        ([MASKING, MEAN], (9, 4)),
        ([EMBEDDING, DENSE, ("Dropout", {"rate": 0.5}), ("LayerNormalization", {}), MEAN], (9,)),
        ([EMBEDDING, EACH, MEAN], (9,)),
        ([MASKING, ("Softmax", {"axis": -1})], (9, 4)),
    ],
)
def test_a_mask_that_is_heeded_is_refused(kinds, shape):
    last = len(kinds) - 1
    assert refused(chain(shape, *kinds), UnsupportedError) == (
        f"net.h5: layer 'l{last}' ({kinds[-1][0]}) leaves out the steps that layer 'l0' masks, which convlab does not"
        " load; without a mask, it does"
    )


def test_without_a_mask_the_mean_loads():
    plain = ("Embedding", {"input_dim": 7, "output_dim": 4, "mask_zero": False, "input_length": 9})
    model = read_architecture(chain((9,), plain, DENSE, MEAN), "net.h5").model
    assert model.output_shape == (3,)


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [(2**31, 4, "input_dim is 2147483648, expected a whole number"), (2**30, 2**10, "1,099,511,627,776 weights")],
)
def test_a_table_without_end_is_refused(rows, columns, message):
    huge = ("Embedding", {"input_dim": rows, "output_dim": columns})
    assert message in refused(chain((9,), huge), ConvlabError)


@pytest.mark.parametrize(
    ("n", "message"),
    [(2**31, "n is 2147483648, expected a whole number"), (2**31 - 1, "would make 2,199,023,254,528")],
)
def test_a_vector_repeated_without_end_is_refused(n, message):
    assert message in refused(chain((1024,), ("RepeatVector", {"n": n})), ConvlabError)
