"""Which module of a PyTorch file is which layer: told by names, order and shapes, or refused."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.errors import WeightsError
from convlab.files.torch.weights import LayerWeights, read_torch_weights
from support.files.torch_files import (
    asked,
    convolutions,
    state,
    vgg,
    vgg_arrays,
    whole,
    write_header,
    write_npz,
    write_pt,
    write_safetensors,
)
from support.recorded import text, this_test
from support.stand_in import library


def paired(path: Path, layers: list[LayerWeights], **options) -> list[int]:
    """Return which module each layer got."""
    arrays, receipt = read_torch_weights(path, layers, **options)
    for row in receipt.rows:
        assert row.path.endswith(".weight")
    return [int(weights["kernel"][0, 0, 0, 0]) for weights in arrays.values()]


def test_the_order_of_a_state_dict_is_believed(tmp_path: Path):
    path = write_pt(tmp_path / "w.pt", state("stem", "body", "head"))
    assert paired(path, convolutions("a", "b", "c")) == [0, 1, 2]
    path = write_npz(tmp_path / "w.npz", state("stem", "body", "head"))
    assert paired(path, convolutions("a", "b", "c")) == [0, 1, 2]


@pytest.mark.parametrize("write", [write_safetensors, write_npz, write_pt])
def test_numbers_count_as_numbers_where_names_are_sorted(write, tmp_path: Path):
    names = [f"net.{i}" for i in range(12)]
    arrays = state(*names)
    path = (
        write(tmp_path / "w", {name: arrays[name] for name in sorted(arrays)})
        if write is not write_npz
        else write(tmp_path / "w.npz", {name: arrays[name] for name in sorted(arrays)})
    )
    assert paired(path, convolutions(*"abcdefghijkl")) == list(range(12))


def test_a_name_sorted_first_may_be_executed_last(tmp_path: Path):
    """`classifier` comes before `features`; kinds and shapes put them right."""
    arrays = {"classifier.weight": np.ones((3, 2), "f4"), "features.weight": np.zeros((2, 2, 3, 3), "f4")}
    layers = [*convolutions("conv"), LayerWeights("fc", "Dense", {"kernel": (2, 3)})]
    _, receipt = read_torch_weights(write_safetensors(tmp_path / "w", arrays), layers)
    assert [(row.layer, row.path) for row in receipt.rows] == [
        ("conv", "features.weight"),
        ("fc", "classifier.weight"),
    ]


def test_shapes_further_on_decide_between_equal_ones(tmp_path: Path):
    """Both branches of names begin alike; what follows in each tells them apart."""
    arrays = state("left.0", "right.0") | {"left.1.weight": np.full((2, 2, 1, 5), 2, "f4")}
    layers = [*convolutions("a"), LayerWeights("b", "Conv2D", {"kernel": (1, 5, 2, 2)}), *convolutions("c")]
    assert paired(write_safetensors(tmp_path / "w", arrays), layers) == [0, 2, 1]


def test_a_choice_is_refused(tmp_path: Path):
    path = write_safetensors(tmp_path / "w", state("decoder", "encoder"))
    message = (
        f"{path}: shapes leave a choice: first may be decoder or encoder, second may be encoder or decoder;"
        " say with names={layer: module} which is which"
    )
    with pytest.raises(WeightsError, match=re.escape(message)):
        read_torch_weights(path, convolutions("first", "second"))
    assert paired(path, convolutions("first", "second"), names={"first": "encoder"}) == [1, 0]


def test_a_choice_names_only_what_is_open(tmp_path: Path):
    arrays = state("decoder", "encoder") | {"stem.weight": np.zeros((2, 2, 1, 5), "f4")}
    layers = [*convolutions("first", "second"), LayerWeights("known", "Conv2D", {"kernel": (1, 5, 2, 2)})]
    message = "first may be decoder or encoder, second may be encoder or decoder; say with names"
    with pytest.raises(WeightsError, match=re.escape(message)):
        read_torch_weights(write_safetensors(tmp_path / "w", arrays), layers)


def test_a_number_may_begin_with_zeros(tmp_path: Path):
    path = write_safetensors(tmp_path / "w", state("net.009", "net.10"))
    assert paired(path, convolutions("a", "b")) == [0, 1]


def test_many_choices_are_refused_soon(tmp_path: Path):
    names = [chr(ord("a") + i) for i in range(24)]
    path = write_safetensors(tmp_path / "w", state(*names))
    with pytest.raises(WeightsError, match=r"shapes leave a choice: layer\d+ may be [a-x] or [a-x]"):
        read_torch_weights(path, convolutions(*(f"layer{i}" for i in range(24))))


def test_no_order_is_believed_where_layers_branch(tmp_path: Path):
    path = write_pt(tmp_path / "w.pt", state("main", "branch"))
    assert paired(path, convolutions("a", "b")) == [0, 1]
    with pytest.raises(WeightsError, match="shapes leave a choice: a may be main or branch"):
        read_torch_weights(path, convolutions("a", "b"), chain=False)
    assert paired(path, convolutions("a", "b"), chain=False, names={"b": "main"}) == [1, 0]


@pytest.mark.parametrize("wrapper", ["", "module.", "model."])
def test_equal_names_go_together_in_any_order(wrapper: str, tmp_path: Path):
    path = write_pt(tmp_path / "w.pt", state(f"{wrapper}b", f"{wrapper}c", f"{wrapper}a"))
    assert paired(path, convolutions("a", "b", "c")) == [2, 0, 1]
    assert paired(path, convolutions("a", "b", "c"), names={"a": f"{wrapper}b", "b": "a"}) == [0, 2, 1]


def test_a_registration_that_is_not_the_execution(tmp_path: Path):
    """The order of the file leaves no way, the numbers do."""
    arrays = {"two.weight": np.full((2, 2, 1, 5), 7, "f4")} | state("one.0", "one.1")
    layers = [*convolutions("a", "b"), LayerWeights("c", "Conv2D", {"kernel": (1, 5, 2, 2)})]
    assert paired(write_pt(tmp_path / "w.pt", arrays), layers) == [0, 1, 7]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"conv9": "a"}, "names= speaks of layer conv9, but the model has first, second"),
        ({"first": "z"}, "names= gives first the module z, but the file has a, b"),
        ({"first": "a", "second": "a"}, "names= gives two layers the same module"),
    ],
)
def test_wrong_names(names: dict[str, str], message: str, tmp_path: Path):
    path = write_safetensors(tmp_path / "w", state("a", "b"))
    with pytest.raises(WeightsError, match=re.escape(f"{path}: {message}")):
        read_torch_weights(path, convolutions("first", "second"), names=names)


def test_a_name_whose_shape_does_not_fit(tmp_path: Path):
    path = write_safetensors(tmp_path / "w", state("first", channels=4))
    message = "first needs weight (2, 2, 3, 3), found first (weight (4, 4, 3, 3))"
    with pytest.raises(WeightsError, match=re.escape(f"{path}: {message}")):
        read_torch_weights(path, convolutions("first"))


# what has no partner


def test_missing_and_unexpected(tmp_path: Path):
    arrays = state("conv1") | {"conv_2.weight": np.ones((5, 2, 3, 3), "f4"), "conv_2.bias": np.ones(5, "f4")}
    path = write_safetensors(tmp_path / "w", arrays)
    layers = [*convolutions("conv1"), LayerWeights("conv2", "Conv2D", {"kernel": (3, 3, 2, 4)})]
    message = (
        f"{path}: missing layers: conv2 (the nearest in the file is conv_2) needs weight (4, 2, 3, 3);"
        " unexpected layers: conv_2 (bias (5,), weight (5, 2, 3, 3)) (strict=False reads the rest)"
    )
    with pytest.raises(WeightsError, match="^" + re.escape(message) + "$"):
        read_torch_weights(path, layers)
    arrays, receipt = read_torch_weights(path, layers, strict=False)
    assert (list(arrays), receipt.missing, receipt.unexpected) == (["conv1"], ("conv2",), ("conv_2",))


def test_layers_left_out(tmp_path: Path):
    """Without its top, a network takes the features from a whole file."""
    path = write_safetensors(tmp_path / "w", vgg_arrays())
    features = [layer for layer in asked(vgg()) if layer.kind == "Conv2D"]
    with pytest.raises(
        WeightsError, match=re.escape("unexpected layers: classifier.0 (bias (11,), weight (11, 105)), ")
    ):
        read_torch_weights(path, features)
    arrays, receipt = read_torch_weights(path, features, partial=True)
    assert (len(arrays), receipt.missing, receipt.unexpected) == (6, (), ())
    assert receipt.left_out == ("classifier.0", "classifier.3", "classifier.6")


def test_more_layers_than_modules(tmp_path: Path):
    path = write_safetensors(tmp_path / "w", state("a.0", "a.1"))
    message = "3 layers (x, y, z) and 2 modules (a.0, a.1) remain to be paired"
    with pytest.raises(WeightsError, match=re.escape(f"{path}: {message}; say with names=")):
        read_torch_weights(path, convolutions("x", "y", "z"))


def test_a_layer_that_pytorch_does_not_have(tmp_path: Path):
    shapes = {"depthwise_kernel": (3, 3, 2, 1), "pointwise_kernel": (1, 1, 2, 4)}
    path = write_safetensors(tmp_path / "w", state("a"))
    with pytest.raises(WeightsError, match="missing layers: sep needs weights that no module of PyTorch holds"):
        read_torch_weights(path, [LayerWeights("sep", "SeparableConv2D", shapes)])


def test_a_file_of_very_many_modules_is_refused_soon_and_shortly(tmp_path: Path):
    """Each of them is compared with the layers, not with each other."""
    entries = {f"block{i}_conv.w": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(10_000)}
    path = write_header(tmp_path / "w", json.dumps(entries).encode(), b"")
    begun = time.process_time()
    message = r"missing layers: block0_conv2 \(the nearest in the file is block0_conv\) needs"
    with pytest.raises(WeightsError, match=message) as caught:
        read_torch_weights(path, convolutions(*(f"block{i}_conv2" for i in range(9))))
    assert len(str(caught.value)) < 700
    _, receipt = read_torch_weights(path, convolutions("conv"), strict=False)
    assert len(receipt.unexpected) == 10_000
    assert time.process_time() - begun < 6  # several times what it takes; compared in pairs, 15


def test_every_list_of_names_is_cut(tmp_path: Path):
    path = write_safetensors(tmp_path / "w", state(*(f"m{i}" for i in range(9))))
    for names in ({"x": "m0"}, {"a": "x"}):
        with pytest.raises(
            WeightsError, match=r"but the (model|file) has \w+, \w+, \w+, \w+, \w+, \w+ and [23] more$"
        ):
            read_torch_weights(path, convolutions(*"abcdefgh"), names=names)
    with pytest.raises(
        WeightsError, match=r"8 layers \(a, .*, f and 2 more\) and 9 modules \(m0, .*, m5 and 3 more\)"
    ):
        read_torch_weights(path, convolutions(*"abcdefgh"))


# the whole way through `load`


def test_a_branch_is_not_taken_for_the_trunk(tmp_path: Path):
    """As in ResNet: PyTorch registers the shortcut last, Keras executes it before the convolution of its shape."""
    keras = library("keras")
    image = keras.Input((6, 5, 2))
    shortcut = keras.layers.Conv2D(2, 1, name="shortcut", use_bias=False)(image)
    trunk = keras.layers.Conv2D(2, 1, name="trunk", use_bias=False)(image)
    described = keras.Model(image, keras.layers.Add()([shortcut, trunk]))
    (tmp_path / "net.json").write_text(text("keras", (this_test(),), described.to_json))
    path = write_pt(tmp_path / "w.pt", {f"{name}.weight": whole(2, 2, 1, 1) for name in ("main", "downsample")})
    with pytest.raises(WeightsError, match="shapes leave a choice"):
        convlab.load(path, topology=tmp_path / "net.json")


# names in which "/" is written "."


SQUEEZE = ("fire2/squeeze", "fire2/expand1x1", "fire2/expand3x3", "fire3/expand1x1")


@pytest.mark.parametrize("write", [write_safetensors, write_npz, write_pt])
def test_a_dot_for_a_slash_is_read_where_there_is_one_reading(write, tmp_path: Path):
    """All of one shape, in another order than the network's, in branches: only the names tell."""
    arrays = state(*(name.replace("/", ".") for name in (SQUEEZE[2], SQUEEZE[0], SQUEEZE[3], SQUEEZE[1])))
    path = write(tmp_path / "w.npz", arrays)
    assert paired(path, convolutions(*SQUEEZE), chain=False) == [1, 3, 0, 2]
    assert read_torch_weights(path, convolutions(*SQUEEZE), chain=False)[1].layout.endswith("matched by names")


def test_a_name_as_it_is_goes_before_another_reading(tmp_path: Path):
    path = write_npz(tmp_path / "w.npz", state("a.b", "a/b"))
    assert paired(path, convolutions("a/b", "a.b"), chain=False) == [1, 0]
    assert paired(path, convolutions("a/b", "a.b"), chain=False, names={"a/b": "a.b", "a.b": "a/b"}) == [0, 1]


def test_two_layers_that_read_alike_are_not_guessed(tmp_path: Path):
    path = write_npz(tmp_path / "w.npz", state("a.b.c", "x"))
    with pytest.raises(WeightsError, match=r"shapes leave a choice: a/b\.c may be a\.b\.c or x"):
        paired(path, convolutions("a/b.c", "a.b/c"), chain=False)
    assert paired(path, convolutions("a/b.c", "y/c"), chain=False) == [0, 1]
