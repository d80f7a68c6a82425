"""What is written of layers and groups: counts, times, shapes, and what is not finite, as people read them."""

import pytest

from convlab.explorer.cards import add_cards, group_cards
from convlab.explorer.document import Shown, document
from convlab.explorer.groups import folded_at_first
from convlab.explorer.wording import short_shape, typeset, written, written_count, written_time
from support.explored import NETWORKS


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.90439, "0.9044"), (-1.5e-7, "−1.5e−07"), ("nan", "NaN"), ("-inf", "−inf"), (float("inf"), "inf"), (0, "0")],
)
def test_a_number_is_written_with_the_page_s_minus_and_nan(value, text):
    assert written(value) == text


def test_a_line_for_the_terminal_keeps_its_names():
    assert typeset("layer-1: rows -2 to 3") == "layer-1: rows −2 to 3"
    assert typeset("nan: unit 1; recorded nan, 6e-08 off") == "nan: unit 1; recorded NaN, 6e−08 off"


def test_counts_times_and_shapes_are_short():
    assert [written_count(count) for count in (61_706, 3_211_264, 15_346_630_656)] == [
        "61,706", "3.2 million", "15.3 billion",
    ]  # fmt: skip
    assert [written_time(one) for one in (None, 4e-5, 1.3e-3, 0.043, 2.04)] == [
        "",
        "40 µs",
        "1.3 ms",
        "43 ms",
        "2.0 s",
    ]
    assert [short_shape(shape) for shape in ((112, 112, 64), (28, 20, 3), (10,))] == ["112²×64", "28×20×3", "10"]


def test_a_name_is_written_without_what_its_group_says():
    layers = document(Shown(*NETWORKS["vgg_like"](), "", generation=1))["layers"]
    assert [layer["card"]["short"] for layer in layers[:4]] == ["input", "conv1", "conv2", "pool"]
    assert layers[1]["card"]["shape"] == "208²×8"


def test_a_layer_that_is_not_finite_says_so_on_its_card():
    layers = document(Shown(*NETWORKS["oddly_named"](), "", generation=1))["layers"]
    assert layers[1]["card"]["shape"] == "20 NaN/inf" and layers[1]["card"]["spoken"].endswith(", 20 NaN/inf")


def test_a_group_sums_up_its_layers():
    model, acts = NETWORKS["vgg_like"]()
    told = document(Shown(model, acts, "", generation=1))
    members = [layer for layer in told["layers"] if "block1" in layer["group"]]
    card = told["groups"]["block1"]
    assert card["says"] == ", ".join(layer["name"] for layer in members)
    assert card["figures"] == f"{sum(layer['weights'] for layer in members)} weights; click to unfold"
    assert (card["kind"], card["spoken"]) == ("3 layers, folded", "block1, 3 layers, unfold")


def test_innermost_groups_are_folded_until_few_strips_are_left():
    deep = [["net", f"net/block{i // 10}"] for i in range(60)]
    assert folded_at_first(deep) == [f"net/net∕block{i}" for i in range(6)]
    assert folded_at_first(deep[:40]) == []


def test_cards_need_no_numbers():
    layers = [{"name": "a", "kind": "Conv2D", "group": [], "shape": (2, 2, 1), "says": "", "formula": None}]
    layers[0] |= {"weights": 0, "multiply_adds": 0}
    add_cards(layers)
    assert layers[0]["card"]["lines"] == [] == layers[0]["statistics"] and group_cards(layers) == {}
