"""Functions of lengths: the shortest that counts, which Keras and TensorFlow say in two ways, and which length."""

import numpy as np
import pytest

from convlab.errors import UnsupportedError
from convlab.files.keras.config.architecture import read_architecture
from support.closeness import assert_close, gamma
from support.files.keras_configs import call, entry, functional, image, refused, tensor

SHORT = np.random.default_rng(3).standard_normal((2, 8, 9, 3)).astype(np.float32) * np.float32(0.01)
EXACT = SHORT.astype(np.float64)
LENGTHS = np.sqrt((EXACT * EXACT).sum(-1, keepdims=True))


def of_keras(operation, **options):
    layer = entry(operation, "op", call(tensor("image")), **options)
    layer |= {"module": "keras.src.ops.nn", "registered_name": operation}
    return functional([image(), layer], [["image", 0, 0]], [["op", 0, 0]], "Functional")


def of_tensorflow(**options):
    layer = entry("TFOpLambda", "op", ["image", 0, 0, options], function="math.l2_normalize")
    return functional([image(), layer], [["image", 0, 0]], [["op", 0, 0]])


@pytest.mark.parametrize(
    ("config", "shortest"),
    [
        (of_keras("Normalize", axis=-1, order=2, epsilon=0.02), 0.02),
        (of_keras("Normalize", axis=-1, order=2, epsilon=1e-12), 1e-12),
        (of_tensorflow(axis=-1, epsilon=0.0004), 0.02),
        (of_tensorflow(axis=-1), 1e-6),
    ],
    ids=["Keras", "Keras' own", "TensorFlow", "TensorFlow's own"],
)
@pytest.mark.parametrize("scale", [1, 2.0**-17])
def test_what_is_shorter_than_epsilon_is_divided_by_it(config, shortest, scale):
    """Keras compares lengths (keras.ops.normalize), TensorFlow their squares (tf.math.l2_normalize)."""
    exact = EXACT * scale / np.maximum(LENGTHS * scale, shortest)
    ours = read_architecture(config, "net.keras").model.predict(SHORT * np.float32(scale))
    assert_close(ours, exact, gamma(8, np.float32) * np.abs(exact))


@pytest.mark.parametrize(("version", "shortest"), [("2.15.0", 1e-6), ("3.15.1", 1e-12)])
def test_the_layer_divides_by_the_shortest_of_its_time(version, shortest):
    """Keras 2 leaves it to tf.linalg.l2_normalize, Keras 3 to keras.ops.normalize."""
    layer = entry("UnitNormalization", "unit", ["image", 0, 0, {}])
    config = functional([image(), layer], [["image", 0, 0]], [["unit", 0, 0]])
    exact = EXACT * 2.0**-17 / np.maximum(LENGTHS * 2.0**-17, shortest)
    ours = read_architecture(config, "net.h5", version).model.predict(SHORT * np.float32(2.0**-17))
    assert_close(ours, exact, gamma(8, np.float32) * np.abs(exact))


def test_order_2_is_the_length_of_a_vector():
    ours = read_architecture(of_keras("Norm", axis=-1, ord=2, keepdims=True), "net.keras").model.predict(SHORT)
    assert_close(ours, LENGTHS, gamma(8, np.float32) * LENGTHS)


@pytest.mark.parametrize("options", [{"axis": -1, "ord": 1}, {"axis": [1, 2], "ord": 2}], ids=["1", "a matrix"])
def test_other_orders_are_something_else(options):
    assert f"ord={options['ord']}" in refused(of_keras("Norm", **options), UnsupportedError)


def test_a_single_number_of_each_picture_is_refused_by_what_it_is():
    parts = [
        entry(
            "SlicingOpLambda",
            f"part{i}",
            [x, 0, 0, {"slice_spec": [{"start": None}, 0]}],
            function="__operators__.getitem",
        )
        for i, x in enumerate(["image", "part0", "part1"])
    ]
    last = entry("ReLU", "relu", [["part2", 0, 0, {}]])
    config = functional([image(), *parts, last], [["image", 0, 0]], [["relu", 0, 0]])
    assert "layer 'relu' is called on a single number of each picture" in refused(config, UnsupportedError)
