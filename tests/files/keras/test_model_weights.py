"""Weights of nested models out of every kind of file that Keras writes: each array where Keras has it."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest

from convlab.errors import WeightsError
from convlab.files.keras.archive import unpack_member
from convlab.files.keras.weights.reading import LayerWeights, read_keras_weights
from support.files.keras_files import (
    CONV,
    DENSE,
    NORM,
    Weights,
    assert_same,
    random_weights,
    write_keras3,
    write_legacy,
)
from support.files.nested_models import FORMS, frozen, save, twice_deep
from support.recorded import live

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras' own


@cache
def built(build: object, trained: bool = True) -> object:
    """Build a model whose weights all differ, with the state of an optimizer that has made a step."""
    keras = live("keras", instead="files/keras/test_writers.py")
    model = build(keras)
    rng = np.random.default_rng(7)
    if trained:
        model.compile("adam", "mse")
        model.train_on_batch(np.zeros((1, *model.input_shape[1:]), "f4"), np.zeros((1, *model.output_shape[1:])))
    for weight in model.weights:
        if weight.name != "count":
            weight.assign(rng.random(size=weight.shape, dtype=np.float32) + 0.5)
    return model


def asked(model: object, above: str = "") -> tuple[LayerWeights, ...]:
    """Describe the layers of a Keras model as an architecture does."""
    return tuple(
        LayerWeights(
            f"{above}{layer.name}",
            type(layer).__name__,
            {} if hasattr(layer, "layers") else {w.name: tuple(w.shape) for w in layer.weights},
            None,
            layer.name,
            asked(layer, f"{above}{layer.name}/") if hasattr(layer, "layers") else (),
        )
        for layer in model.layers
    )


def expected(model: object, above: str = "") -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from expected(layer, f"{above}{layer.name}/")
        elif layer.weights:
            arrays = {w.name: np.asarray(w.numpy(), np.float32) for w in layer.weights}
            yield f"{above}{layer.name}", arrays


def read(path: Path, layers: tuple[LayerWeights, ...]) -> Weights:
    if path.suffix == ".keras":
        with unpack_member(path, "model.weights.h5", 1 << 20) as copy:
            return read_keras_weights(copy, layers)[0]
    return read_keras_weights(path, layers)[0]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("build", [twice_deep, frozen])
def test_every_array_finds_its_layer(tmp_path: Path, build: object, trained: bool, form: str) -> None:
    model = built(build, trained)
    path = save(model, tmp_path / f"network{form}")
    assert_same(read(path, asked(model)), dict(expected(model)))


def test_frozen_layers_come_last_in_the_file(tmp_path: Path) -> None:
    """The file of `frozen` does have the order that only names can tell."""
    with h5py.File(save(built(frozen), tmp_path / "network.h5")) as file:
        names = list(file["model_weights/inner"].attrs["weight_names"])
    assert names[0] == "inner/c/kernel"
    assert names[4] == "inner/a/kernel"


# the same by hand: what no Keras of today writes

INNER = (
    LayerWeights("model/conv1", "Conv2D", CONV.shapes, keras_name="conv1"),
    LayerWeights("model/bn", "BatchNormalization", NORM.shapes, keras_name="bn"),
    LayerWeights("model/conv2", "Conv2D", CONV.shapes, keras_name="conv2"),
)
MODEL = LayerWeights("model", "Functional", {}, layers=INNER)
IN_ORDER = [
    ("model/conv1", "kernel"),
    ("model/conv1", "bias"),
    ("model/bn", "gamma"),
    ("model/bn", "beta"),
    ("model/conv2", "kernel"),
    ("model/conv2", "bias"),
    ("model/bn", "moving_mean"),
    ("model/bn", "moving_variance"),
]


def write_nested(path: Path, weights: Weights, names: Mapping[tuple[str, str], str]) -> Path:
    arrays = {name: weights[layer][role] for (layer, role), name in names.items()}
    return write_legacy(path, {"model": arrays}, pattern="{role}")


@pytest.mark.parametrize(
    "pattern",
    ["{layer}/{role}:0", "{layer}_1/{role}:0", "top_{index}", "model/{layer}/{role}_3:0", "{layer}_{role}:0"],
    ids=["keras-2", "tensorflow-made-names-unique", "no-words", "with-the-models-name", "keras-1"],
)
def test_nested_group_by_names_or_by_order(tmp_path: Path, pattern: str) -> None:
    weights = random_weights(*INNER)
    names = {
        slot: pattern.format(layer=slot[0].removeprefix("model/"), role=slot[1], index=index)
        for index, slot in enumerate(IN_ORDER)
    }
    assert_same(read_keras_weights(write_nested(tmp_path / "w.h5", weights, names), [MODEL])[0], weights)


def test_nested_group_in_any_order_where_names_tell(tmp_path: Path) -> None:
    weights = random_weights(*INNER)
    names = {slot: f"{slot[0]}/{slot[1]}:0" for slot in reversed(IN_ORDER)}
    assert_same(read_keras_weights(write_nested(tmp_path / "w.h5", weights, names), [MODEL])[0], weights)


@pytest.mark.parametrize(
    ("order", "pattern"),
    [(IN_ORDER[:-1], "top_{index}"), (IN_ORDER[2:] + IN_ORDER[:2], "{layer}_1/{role}:0")],
    ids=["one-too-few", "words-contradict-the-order"],
)
def test_nested_group_that_does_not_fit(tmp_path: Path, order: list[tuple[str, str]], pattern: str) -> None:
    names = {
        slot: pattern.format(layer=slot[0].removeprefix("model/"), role=slot[1], index=index)
        for index, slot in enumerate(order)
    }
    path = write_nested(tmp_path / "w.h5", random_weights(*INNER), names)
    with pytest.raises(
        WeightsError, match=f"model is a model that holds {len(order)} arrays, which do not fit its 8"
    ):
        read_keras_weights(path, [MODEL])


def test_array_missing_in_a_nested_group(tmp_path: Path) -> None:
    names = {slot: f"{slot[0]}/{slot[1]}:0" for slot in IN_ORDER[:-1]}
    path = write_nested(tmp_path / "w.h5", random_weights(*INNER), names)
    with pytest.raises(WeightsError, match=r"model/bn holds 3 arrays \(.*\), expected \(gamma, beta, "):
        read_keras_weights(path, [MODEL])


def test_equal_names_in_a_nested_group(tmp_path: Path) -> None:
    """A name that fits two layers is the one's that no longer name has been found for."""
    own = LayerWeights("model/conv1", "Conv2D", CONV.shapes, keras_name="conv1")
    deep = LayerWeights("model/deep/conv1", "Conv2D", CONV.shapes, keras_name="conv1")
    model = LayerWeights(
        "model", "Functional", {}, layers=(LayerWeights("deep", "Sequential", {}, layers=(deep,)), own)
    )
    weights = random_weights(own, deep)
    names = {
        ("model/deep/conv1", "kernel"): "deep/conv1/kernel",
        ("model/deep/conv1", "bias"): "deep/conv1/bias",
        ("model/conv1", "kernel"): "conv1/kernel",
        ("model/conv1", "bias"): "conv1/bias",
    }
    assert_same(read_keras_weights(write_nested(tmp_path / "w.h5", weights, names), [model])[0], weights)


def test_shared_layer_of_two_nested_models_is_read_once(tmp_path: Path) -> None:
    shared = LayerWeights("shared", "Conv2D", CONV.shapes, keras_name="conv")
    models = [LayerWeights(name, "Functional", {}, layers=(shared,)) for name in ("a", "b")]
    weights = random_weights(shared)["shared"]
    path = write_legacy(tmp_path / "w.h5", {"a": weights, "b": weights}, pattern="conv/{role}:0")
    found, receipt = read_keras_weights(path, models)
    assert_same(found, {"shared": weights})
    assert receipt.values == 124


# Keras 2.12 to 2.15 and Windows

OLD = "_layer_checkpoint_dependencies"


@pytest.mark.parametrize("separator", ["/", "\\"])
def test_keras_2_counts_layers_with_weights_twice(tmp_path: Path, separator: str) -> None:
    asked = [
        LayerWeights("first", "Conv2D", CONV.shapes),
        LayerWeights("empty", "Functional", {}),
        LayerWeights("fc", "Dense", DENSE.shapes),
        MODEL,
        LayerWeights("last", "Conv2D", CONV.shapes),
    ]
    weights = random_weights(asked[0], asked[2], asked[4], *INNER)
    keys = {"first": "conv2d", "fc": "dense", "model": "functional_1", "last": "conv2d_2"}
    paths = {name: separator.join((OLD, key)) for name, key in keys.items()}
    inner = {"model/conv1": "conv2d", "model/bn": "batch_normalization", "model/conv2": "conv2d_2"}
    paths |= {name: separator.join((paths["model"], OLD, key)) for name, key in inner.items()}
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        file.create_group(f"{paths['model']}/vars")
        for name, arrays in weights.items():
            group = file.create_group(f"{paths[name]}/vars")
            for index, array in enumerate(arrays.values()):
                group[str(index)] = array
    assert_same(read_keras_weights(tmp_path / "w.weights.h5", asked)[0], weights)


def test_keras3_counters_where_the_names_are_another_sessions(tmp_path: Path) -> None:
    stored = {"dense_7": random_weights(DENSE)["fc"], "conv2d_9": random_weights(CONV)["conv1"]}
    path = write_keras3(tmp_path / "w.h5", stored, {"dense_7": "dense", "conv2d_9": "conv2d"})
    asked = [LayerWeights("dense_2", "Dense", DENSE.shapes), LayerWeights("conv2d_4", "Conv2D", CONV.shapes)]
    found, _ = read_keras_weights(path, asked)
    assert_same(found, {"dense_2": stored["dense_7"], "conv2d_4": stored["conv2d_9"]})


def test_keras3_counters_do_not_outvote_names_in_a_file_with_more_layers(tmp_path: Path) -> None:
    stored = {"b": random_weights(CONV)["conv1"], "c": random_weights(CONV)["conv1"]}
    path = write_keras3(tmp_path / "w.h5", stored, {"b": "conv2d", "c": "conv2d_1"})
    with pytest.raises(WeightsError, match="missing layers: a; unexpected layers: b, c"):
        read_keras_weights(path, [LayerWeights("a", "Conv2D", CONV.shapes)])


# arrays that are not what they are everywhere else


@pytest.mark.parametrize("dtype", ["<i4", ">i4", "<i8", "<f4"])
def test_count_of_a_normalization_is_an_integer(tmp_path: Path, dtype: str) -> None:
    layer = LayerWeights("scale", "Normalization", {"mean": (3,), "variance": (3,), "count": ()})
    weights = random_weights(layer)
    with h5py.File(write_keras3(tmp_path / "w.h5", weights, {"scale": "normalization"}), "r+") as file:
        del file["layers/normalization/vars/2"]
        file["layers/normalization/vars/2"] = np.array(17, dtype)
    weights["scale"]["count"] = np.array(17, np.float32)
    found, _ = read_keras_weights(tmp_path / "w.h5", [layer])
    assert_same(found, weights)
    assert found["scale"]["count"].shape == ()


def test_count_that_nobody_asks_for_is_left(tmp_path: Path) -> None:
    stored = LayerWeights("scale", "Normalization", {"mean": (3,), "variance": (3,), "count": ()})
    weights = random_weights(stored)
    path = write_keras3(tmp_path / "w.h5", weights, {"scale": "normalization"})
    del weights["scale"]["count"]
    asked = LayerWeights("scale", "Normalization", {"mean": (3,), "variance": (3,)})
    assert_same(read_keras_weights(path, [asked])[0], weights)


@pytest.mark.parametrize(("role", "dtype"), [("mean", "<i4"), ("count", "<u4"), ("count", "<i2")])
def test_other_integers_are_refused(tmp_path: Path, role: str, dtype: str) -> None:
    layer = LayerWeights("scale", "Normalization", {role: ()})
    path = write_keras3(tmp_path / "w.h5", {"scale": {role: np.array(17, dtype)}}, {"scale": "normalization"})
    with pytest.raises(WeightsError, match=r"scale .* has dtype u?int\d+, expected float"):
        read_keras_weights(path, [layer])


@pytest.mark.parametrize(
    ("kind", "rotated"), [("Conv2D", True), ("Conv2DTranspose", True), ("SeparableConv2D", False)]
)
def test_theano_turned_these_kernels(tmp_path: Path, kind: str, rotated: bool) -> None:
    layer = LayerWeights("layer", kind, {"kernel": (3, 5, 2, 4)})
    weights = random_weights(layer)
    path = write_legacy(tmp_path / "w.h5", weights, backend="theano")
    kernel = weights["layer"]["kernel"]
    found = read_keras_weights(path, [layer])[0]["layer"]["kernel"]
    np.testing.assert_array_equal(found, kernel[::-1, ::-1] if rotated else kernel)


def test_theano_turned_the_kernels_of_1d_convolutions(tmp_path: Path) -> None:
    layer = LayerWeights("layer", "Conv1D", {"kernel": (3, 2, 4)})
    weights = random_weights(layer)
    path = write_legacy(tmp_path / "w.h5", weights, backend="theano")
    found = read_keras_weights(path, [layer])[0]["layer"]["kernel"]
    np.testing.assert_array_equal(found, weights["layer"]["kernel"][::-1])
