"""What shows itself in a notebook: tables that say what the text says, whatever the names are."""

import numpy as np
import pytest

import convlab
from convlab.layers import BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D
from convlab.markup.html import Html, html_lines, html_numbers, html_table
from convlab.model.initialise import randomise
from support.html import Cells

LAYER = "<script>alert('&')</script>"
NASTY = f"{LAYER}\x1b\u202e"  # of a file; a layer cannot be called so


def test_a_table_has_its_headings_cells_and_lines():
    html = html_table([("a", "b"), ("1", "<2>")], "<>", title="over & above", notes=["one", "two\nlines"])
    page = Cells(html)
    assert page.cells == ["a", "b", "1", "<2>"]
    assert page.tags == ["p", "table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td", "p", "p", "br"]
    assert "over &amp; above" in html
    assert html.index("over") < html.index("<table>") < html.index("one")
    assert [html.count(f"text-align:{side}") for side in ("left", "right")] == [2, 2]


def test_what_is_html_already_is_left_alone():
    assert Cells(html_table([("a",), (Html("<b>x</b>"),), ("<b>y</b>",)], "<")).tags.count("b") == 1


def test_lines_and_cells_are_printable():
    assert "\\x1b" in html_lines(["\x1b"]) and "\x1b" not in html_lines(["\x1b"])


def test_numbers_stand_on_the_colour_of_their_sign():
    html = html_numbers([["1", "-2", "nan"]], np.array([[1.0, -2.0, np.nan]]))
    assert Cells(html).cells == ["1", "-2", "nan"]
    assert [part.split(")")[0] for part in html.split("rgba(")[1:]] == [
        "178,24,43,0.30",
        "33,102,172,0.60",
        "33,102,172,0.00",
    ]


@pytest.fixture(scope="module")
def things(tmp_path_factory):
    """Return all that shows itself, of a network with a name that is code."""
    layers = [
        Conv2D(LAYER, 5, 3, padding="same"),
        BatchNormalization("norm"),
        MaxPooling2D("pool", 2),
        Flatten("flat"),
        Dense("dense", 3),
    ]
    model = convlab.Model.sequential(f"net{LAYER}", (6, 8, 2), layers)
    randomise(model, 0)
    acts = model.run(np.random.default_rng(0).normal(size=(1, 6, 8, 2)).astype(np.float32))
    other = convlab.Model.sequential("other", (6, 8, 2), layers)
    row = convlab.model.receipt.ReceiptRow(NASTY, "kernel", (3, 3, 2, 5), f"at/{NASTY}", "as stored")
    return {
        "Model": model,
        "Layer": model[LAYER],
        "layer without weights": model["pool"],
        "Summary": model.summary(),
        "Activations": acts,
        "Statistics": acts.statistics("norm"),
        "Explanation": convlab.explain(model, acts, LAYER, 0, 3, 2),
        "of a dense layer": convlab.explain(model, acts, "dense", channel=1),
        "of a pooling": convlab.explain(model, acts, "pool", 1, 1, 1),
        "Report": convlab.compare(acts, other.run(acts.input * 2)),
        "Receipt": convlab.model.receipt.Receipt(f"{NASTY}.h5", "Keras", (row,), missing=(NASTY,)),
    }


NAMES = [
    *("Model", "Layer", "layer without weights", "Summary", "Activations", "Statistics", "Explanation"),
    *("of a dense layer", "of a pooling", "Report", "Receipt"),
]


@pytest.mark.parametrize("name", NAMES)
def test_everything_shows_itself_and_needs_nothing_from_outside(things, name):
    html = things[name]._repr_html_()
    page = Cells(html)
    assert ("table" in page.tags) == (name != "layer without weights")
    assert "script" not in page.tags
    assert html.count("src=") == html.count("src='data:image/png;base64,")
    assert "\x1b" not in html and "\u202e" not in html


@pytest.mark.parametrize("name", ["Summary", "Report", "Receipt"])
def test_the_table_says_what_the_text_says(things, name):
    text = str(things[name])
    cells = [cell for cell in Cells(things[name]._repr_html_()).cells if cell]
    assert len(cells) > 8
    at = 0
    for cell in cells:  # in the order of the text
        at = text.index(cell, at)


def test_a_model_shows_its_summary(things):
    html = things["Model"]._repr_html_()
    assert Cells(html).cells == Cells(things["Summary"]._repr_html_()).cells
    assert "Model net&lt;script&gt;" in html


def test_a_layer_shows_its_weights(things):
    page = Cells(things["Layer"]._repr_html_())
    kernel, bias = page.cells[7:14], page.cells[14:]
    weight = things["Layer"].weights["kernel"]
    assert kernel[:4] == ["kernel", "3 × 3 × 2 × 5", f"{weight.min():.4g}", f"{weight.mean(dtype=float):.4g}"]
    assert bias[:2] == ["bias", "5"]
    assert page.tags.count("img") == 2
    assert "filters=5" in things["Layer"]._repr_html_()


def test_statistics_are_shown_channel_by_channel(things):
    statistics = things["Statistics"]
    page = Cells(statistics._repr_html_())
    rows = [page.cells[i : i + 6] for i in range(0, len(page.cells), 6)]
    assert rows[1][:2] == ["all", f"{statistics.min:.4g}"]
    assert [row[0] for row in rows[2:]] == ["0", "1", "2", "3", "4"]
    assert rows[4][1:3] == [f"{statistics.minima[2]:.4g}", f"{statistics.means[2]:.4g}"]


def test_of_many_channels_the_first_are_shown():
    statistics = convlab.Activations(
        {"a": np.ones((1, 2, 2, 700))}, {"a": "Conv2D"}, {"x": np.ones((1, 1))}, {}, "net"
    ).statistics("a")
    html = statistics._repr_html_()
    assert "and 668 more channels" in html
    assert Cells(html).tags.count("tr") == 2 + 32


def test_an_explanation_shows_its_arithmetic(things):
    e = things["Explanation"]
    page = Cells(e._repr_html_())
    assert page.cells[:5] == ["input", "patch", "× kernel", "= products", "adds"]
    assert page.cells.count("pad") == 2 * 3  # the row above the image, of two input channels
    for i in range(2):
        assert f"{e.channel_sums[i]:+.6g}" in page.cells
    assert f"recorded {e.recorded:.6g}" in e._repr_html_()
    dense = Cells(things["of a dense layer"]._repr_html_()).cells
    assert dense[:2] == ["input", "adds"]
    assert dense[-2] == f"{60 - 12} others"
    assert len(dense) == 2 + 2 * 13


def test_a_report_names_the_first_difference(things):
    assert things["Report"].first == "input"
    assert "first layer that differs: input" in things["Report"]._repr_html_()
