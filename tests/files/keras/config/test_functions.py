"""Functions on tensors and operations, as every Keras writes them: they load, compute the same, and are explained."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.errors import UnsupportedError
from convlab.files.keras.config.architecture import read_architecture
from convlab.files.keras.config.functions import KERAS, TENSORFLOW
from convlab.files.keras.config.operations import OPERATIONS
from convlab.layers import ACTIVATIONS
from references.keras_functions import cases
from references.keras_functions.inputs import given, picture, weights
from support.closeness import assert_close, gamma
from support.files.keras_configs import entry

FOLDER = Path(cases.__file__).parent
ROUNDINGS = 30
"""Of one number, in a sum of at most 60 or a function."""
UNLIKE = {"Sparsemax"}  # Keras computes something else (see convlab.ops.distributions), as for the layer's activation
NO_SUM = ("log_sum_exp", "norm", "prod", "standard_deviation", "variance")
INPUTS = {side: given(side) for side in "tu"}


def recorded(version):
    with np.load(FOLDER / f"keras-{version}.npz") as file:
        answers = {name: file[name] for name in file.files if name != "configs"}
        return {
            (version, name, end): (config, answers[name])
            for name, written in json.loads(file["configs"].tobytes()).items()
            for end, config in written.items()
        }


KERAS_2, KERAS_3 = recorded("2.15.0"), recorded("3.15.1")
ALL = KERAS_2 | KERAS_3
NETWORKS = [case for case in ALL if case[1].startswith(("tutorial", "MobileNet"))]
RECORDED = [case for case in ALL if case not in NETWORKS]


def read(case):
    architecture, answer = architecture_of(case)
    return architecture.model, answer


def architecture_of(case):
    config, answer = ALL[case]
    version, name, end = case
    return read_architecture(config, f"{name}.{end}", version), answer


def layers_in(tree):
    """Yield the layers that became convlab's, in the order in which Keras lists their weights."""
    for layer in tree:
        yield from layers_in(layer.layers)
        if layer.layer is not None:
            yield layer.layer


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", RECORDED, ids=" ".join)
def test_what_it_writes_computes_what_it_answers(case, dtype):
    model, answer = read(case)
    inputs = {name: INPUTS[name].astype(dtype) for name in model.inputs}
    ours = model.predict(inputs)
    assert ours.dtype == dtype
    assert_as_recorded(ours, answer, case)


def assert_as_recorded(ours, answer, case):
    assert ours.shape == answer.shape
    # what is near a pole, or a difference of near numbers, is as good as its terms
    bound = gamma(ROUNDINGS, np.float32) * (np.abs(answer[np.isfinite(answer)]).max(initial=0) + 2)
    assert np.array_equal(np.isfinite(ours), np.isfinite(answer))
    assert np.array_equal(ours[~np.isfinite(answer)], answer[~np.isfinite(answer)], equal_nan=True)
    finite = np.isfinite(answer)
    assert_close(ours[finite], answer[finite].astype(np.float64), bound, case)


def behind_channels_first(config):
    """Return a config with a layer behind each input that changes nothing, and whose channels are first."""
    config = json.loads(json.dumps(config))
    inside = config["config"]
    for layer in [layer for layer in inside["layers"] if layer["class_name"] == "InputLayer"]:
        name = layer["name"]
        layer["name"] = layer["config"]["name"] = f"{name}_given"
        frame = entry("ZeroPadding2D", name, [[layer["name"], 0, 0, {}]], padding=0, data_format="channels_first")
        inside["layers"].append(frame)
    inside["input_layers"] = [[f"{name}_given", *call] for name, *call in inside["input_layers"]]
    return config


@pytest.mark.parametrize("case", RECORDED, ids=" ".join)
def test_behind_a_layer_with_channels_first_it_computes_the_same(case):
    config, answer = ALL[case]
    version, name, end = case
    model = read_architecture(behind_channels_first(config), f"{name}.{end}", version).model
    ours = model.predict({name: np.moveaxis(INPUTS[name[0]], 1, -1).astype(np.float32) for name in model.inputs})
    assert_as_recorded(ours if ours.shape == answer.shape else np.moveaxis(ours, -1, 1), answer, case)
    turned = [layer for layer in model.layers if layer.name.endswith(("/channels_first", "/channels_last"))]
    own = [layer for layer in model.layers if layer not in turned and layer.name not in INPUTS]
    assert not turned or not all(map(sees_one_number, own))


def sees_one_number(layer):
    """Whether a layer does the same to every number, in whichever order the axes are."""
    constants = [getattr(layer, "scale", None), getattr(layer, "offset", None), *getattr(layer, "operands", ())]
    single = all(one is None or np.ndim(one) == 0 for one in constants)
    return layer.layout == "any" and single and not ACTIVATIONS[layer.activation].along_channels


@pytest.mark.parametrize("case", NETWORKS, ids=" ".join)
def test_networks_that_are_made_with_functions(case):
    architecture, answer = architecture_of(case)
    layers = [architecture.model[name] for name in layers_in(architecture.layers) if name in architecture.model]
    new = iter(weights([shape for layer in layers for shape in layer.shapes.values()]))
    for layer in layers:
        if layer.shapes:
            layer.set_weights(**{role: next(new) for role in layer.shapes})
    ours = architecture.model.predict(picture(architecture.model.input_shape))
    assert_close(ours, answer.astype(np.float64), gamma(300, np.float32) * np.abs(answer).max(), case)


def explained(model, acts, node):
    """Compare the explanations of some numbers with the record; return why there is none, or nothing."""
    sides = (1, 1, 1, *acts[node.name].shape[1:])[-3:]
    for at in product(*(sorted({0, size // 2, size - 1}) for size in sides)):
        try:
            why = convlab.explain(model, acts, node.name, *at)
        except UnsupportedError as error:
            return str(error)
        assert why.agrees, (node.name, at, why.recorded, why.after, why.tolerance)
    return ""


@pytest.mark.parametrize("case", RECORDED, ids=" ".join)
def test_every_number_is_explained(case):
    """But for reductions that are no weighted sums, what is interpolated or normalised, and more axes than images."""
    model, _ = read(case)
    acts = model.run({name: INPUTS[name][:1] for name in model.inputs})
    for node in model.nodes:
        if refusal := explained(model, acts, node):
            kind, volume = type(node.layer).__name__, max(acts[name].ndim for name in (node.name,)) > 4
            no_sum = getattr(node.layer, "function", None) in NO_SUM or volume
            assert no_sum or kind in ("Resizing", "UnitNormalization", "Softmax"), refusal
            assert f"layer {node.name!r}" in refusal


def functions_in(config):
    """Return the functions that a config calls, as the table has them."""
    if isinstance(config, list):
        return {name for item in config for name in functions_in(item)}
    if not isinstance(config, dict):
        return set()
    inner = config.get("config")
    if config.get("class_name") in ("TFOpLambda", "SlicingOpLambda"):
        return {inner["function"]}
    own = {config["class_name"]} if "keras.src.ops." in str(config.get("module")) else set()
    return own | {name for item in config.values() for name in functions_in(item)}


@pytest.mark.parametrize(("records", "table"), [(KERAS_2, TENSORFLOW), (KERAS_3, KERAS)], ids=["2", "3"])
def test_every_function_of_the_table_is_recorded(records, table):
    written = {name for config, _ in records.values() for name in functions_in(config)}
    assert sorted(set(table) - written - UNLIKE) == []


def test_every_operation_has_a_function():
    kinds = {function.kind for function in (*TENSORFLOW.values(), *KERAS.values())}
    assert sorted(set(OPERATIONS) - kinds) == []


def test_layers_have_the_names_that_keras_shows():
    model, _ = read(("2.15.0", "gate that is repeated", "h5"))
    kinds = {name: type(model[name]).__name__ for name in model.shapes if name not in model.inputs}
    assert kinds == {"tf.math.reduce_mean": "GlobalAveragePooling2D", "tf.math.multiply": "Multiply"}
