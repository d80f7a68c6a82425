"""A figure keeps its shape whatever size it gets: nothing written is cut, nothing overprints."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

import convlab
from convlab.view.breaking import broken
from support.figures import heading, texts

LONG = "block7_expanded_depthwise_convolution/batch_normalization_of_the_second_branch"
SIZES = [(3, 2), (4, 9), (8, 4.5), (20, 12)]


@pytest.fixture(scope="module")
def acts():
    rng = np.random.default_rng(0)
    maps = {LONG: rng.normal(size=(2, 6, 9, 5)), "line": rng.normal(size=(2, 40, 512)), "fc": rng.normal(size=(2, 9))}
    kinds = {LONG: "Conv2D", "line": "Conv1D", "fc": "Dense"}
    return convlab.Activations(maps, kinds, {"x": rng.normal(size=(2, 8, 9, 1))}, {"fc": maps["fc"]}, "a_long_name")


@pytest.fixture(scope="module")
def figures(acts):
    """Return how each kind of figure is drawn."""
    conv = convlab.layers.Conv2D(LONG, 7, 3)
    model = convlab.Model.sequential("a_long_name", (8, 9, 3), [conv])
    conv.set_weights(kernel=np.random.default_rng(0).normal(size=(3, 3, 3, 7)), bias=np.zeros(7))
    run = model.run(np.ones((1, 8, 9, 3)))
    why = convlab.explain(model, run, LONG, 2, 3, 1)
    plot = convlab.plot
    return {
        "feature_maps": lambda **look: plot.feature_maps(acts, LONG, **look),
        "sequence": lambda **look: plot.feature_maps(acts, "line", **look),
        "dense": lambda **look: plot.dense(acts, "fc", **look),
        "network": lambda **look: plot.network(acts, **look),
        "filters": lambda **look: plot.filters(model, LONG, **look),
        "table": lambda **look: plot.filters(model, LONG, inputs=slice(3), **look),
        "overlay": lambda **look: plot.overlay(run, LONG, 3, **look),
        "explanation": lambda **look: plot.explanation(why, run, **look),
        "window": lambda **look: plot.window(convlab.Window.parse(3, 2, 1), 224, **look),
    }


KINDS = ["feature_maps", "sequence", "dense", "network", "filters", "table", "overlay", "explanation", "window"]


def inside(figure):
    """Whether the heading and all axes lie on the page, the axes below the heading."""
    figure.draw_without_rendering()
    lies, page = figure.get_layout_engine(), figure.bbox
    boxes = [text.get_window_extent() for text in (lies.title, lies.note) if text.get_text()]
    lowest = min(box.y0 for box in boxes)
    boxes += [ax.get_window_extent() for ax in figure.axes]
    assert all(box.width > 0 and box.height > 0 for box in boxes)
    assert max(ax.get_window_extent().y1 for ax in figure.axes) <= lowest + 1
    return all(box.x0 >= 0 and box.x1 <= page.x1 + 1 and box.y0 >= 0 and box.y1 <= page.y1 for box in boxes)


@pytest.mark.parametrize("kind", KINDS)
def test_the_title_is_whole_at_every_size(figures, kind):
    figure = figures[kind]()
    whole = heading(figure)[0].replace(" ", "")
    assert inside(figure)
    for size in SIZES:
        figure.set_size_inches(size)  # as a user does, after it was drawn
        assert inside(figure), size
        assert heading(figure)[0].replace(" ", "") == whole
        asked = figures[kind](size=size)
        assert asked.get_size_inches().tolist() == list(size)
        places = [[ax.get_position().bounds for ax in each.axes] for each in (figure, asked)]
        assert np.allclose(*places)


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_takes_a_title_and_dots(figures, kind, tmp_path):
    path = tmp_path / "a.png"
    figure = figures[kind](title="What I want to say", dpi=60, path=path)
    assert heading(figure)[0] == "What I want to say"
    assert figure.dpi == 60
    assert path.exists()
    bare = figures[kind](title="")
    assert heading(bare)[0] == ""
    assert bare.get_figheight() < figure.get_figheight()


def test_letters_become_smaller_with_the_page_and_large_again(figures):
    figure = figures["network"]()
    figure.draw_without_rendering()
    letters = [text.get_fontsize() for text in figure.axes[1].texts]
    for size, share in (((0.7 * figure.get_figwidth(), 30), 0.7), ((0.1, 30), 0.5), ((90, 30), 1)):
        figure.set_size_inches(size)
        figure.draw_without_rendering()
        assert [text.get_fontsize() for text in figure.axes[1].texts] == pytest.approx(
            [share * letter for letter in letters]
        )


def test_numbers_of_rows_do_not_overprint():
    maps = np.random.default_rng(0).normal(size=(1, 14, 14, 512))
    net = convlab.Activations({"a": maps}, {"a": "Conv2D"}, {"x": maps}, {"y": maps}, "net")
    for size in (None, (3, 2), (9, 3)):
        figure = convlab.plot.feature_maps(net, "a", size=size)
        figure.draw_without_rendering()
        boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
        assert len(boxes) > 3
        assert all(below.y1 <= above.y0 + 1 for above, below in pairwise(boxes))
    ax = Figure((4, 0.8)).add_subplot()
    maps = np.ones((1, 2, 3, 500))
    net = convlab.Activations({"a": maps}, {"a": "Conv2D"}, {"x": maps}, {"y": maps}, "net")
    convlab.plot.feature_maps(net, "a", columns=2, ax=ax)
    numbers = [int(label.get_text()) for label in ax.get_yticklabels()]
    assert numbers == list(range(0, 500, numbers[1]))
    assert len(numbers) < 10


def test_captions_that_would_take_more_room_than_the_maps_are_left_out():
    line = np.ones((1, 40, 20))
    net = convlab.Activations({"a": line}, {"a": "Conv1D"}, {"x": line}, {"y": line}, "net")
    for height, captions in ((0.8, []), (9, [str(i) for i in range(20)])):
        ax = Figure((4, height)).add_subplot()
        convlab.plot.feature_maps(net, "a", columns=1, scale="shared", ax=ax)
        assert [text.get_text() for text in ax.texts][:-2] == captions


@pytest.mark.parametrize("name", ["size", "dpi"])
def test_the_callers_axes_have_their_own_size(acts, name):
    with pytest.raises(convlab.ShapeError, match=rf"{name}=.* is for a figure of its own; found ax="):
        convlab.plot.dense(acts, "fc", ax=Figure().add_subplot(), **{name: (1, 2) if name == "size" else 90})


@pytest.mark.parametrize("wrong", [{"size": (3,)}, {"size": (3, 0)}, {"size": (3, -1), "dpi": 90}, {"dpi": 0}])
def test_sizes_that_no_page_has_are_refused(acts, wrong):
    with pytest.raises(convlab.ShapeError, match=r"expected size=\(width, height\) in inches and dpi="):
        convlab.plot.dense(acts, "fc", **wrong)


@pytest.mark.parametrize(
    ("draw", "asked", "message"),
    [
        (convlab.plot.feature_maps, {"layer": LONG, "figsize": (3, 3)}, "feature_maps: .*; did you mean 'size'"),
        (convlab.plot.filters, {"cmap": "gray"}, "filters: no parameter 'cmap'.*available: outputs, inputs, scale,"),
        (convlab.plot.dense, {}, "dense: missing a required argument: 'layer'"),
    ],
)  # fmt: skip
def test_a_figure_says_in_its_name_what_it_takes(acts, draw, asked, message):
    with pytest.raises(TypeError, match=rf"plot\.{message}"):
        draw(acts, **asked)


def test_a_title_goes_over_the_callers_axes_too(acts):
    figure = Figure((3, 3))
    first, second = figure.subplots(1, 2)
    convlab.plot.feature_maps(acts, LONG, ax=first, title="mine")
    convlab.plot.feature_maps(acts, LONG, ax=second)
    assert "mine" in texts(figure)
    assert [LONG in "".join(text.get_text() for text in ax.texts).replace("\n", "") for ax in figure.axes[:2]] == [
        False,
        True,
    ]


def test_over_the_callers_axes_the_heading_is_whole_too(acts):
    figure = Figure((9, 3))
    for ax in figure.subplots(1, 3):
        convlab.plot.feature_maps(acts, LONG, ax=ax)
        figure.draw_without_rendering()
        *_, note, title = ax.texts
        assert LONG in title.get_text().replace("\n", "")
        boxes = [text.get_window_extent() for text in (note, title)]
        assert boxes[1].y1 <= figure.bbox.y1
        assert boxes[1].y0 >= boxes[0].y1 - 1
        assert max(box.x1 for box in boxes) <= ax.get_window_extent().x1


@pytest.mark.parametrize(
    ("line", "inches", "lines"),
    [
        ("conv2d_1", 1, ["conv2d_1"]),
        ("block5_conv3_expand", 1, ["block5_conv3_", "expand"]),
        ("a title of some words", 0.5, ["a title of", "some", "words"]),
        ("stage/unit.1-relu", 0.5, ["stage/", "unit.1-", "relu"]),
        ("Wwwwwwwwwwwww", 0.5, None),
        ("", 1, [""]),
    ],
)
def test_names_are_broken_only_where_they_are_too_long(line, inches, lines):
    found = broken(line, inches, FontProperties(size=8))
    assert "".join(found).replace(" ", "") == line.replace(" ", "")
    if lines is None:
        assert len(found) > 2
    else:
        assert [one.strip() for one in found] == [one.strip() for one in lines]
