"""A layer on a page: what is pointed at is told to its digits, and has the colour that the rule gives it."""

import re

import numpy as np
import pytest

import convlab
from convlab.explorer.values import recorded
from support.explored import NETWORKS

LINE = re.compile(
    r"(?P<layer>.*), (?:unit (?P<unit>\d+)|channel (?P<channel>\d+))(?: \(.*\))?"
    r"(?:, slice (?P<z>\d+))?(?:, row (?P<y>\d+))?(?:, column (?P<x>\d+))?: (?P<value>.*)",
    re.DOTALL,
)
LAYERS, POINTS = 6, 12  # of a network; of a layer
NEUTRAL, NOT_FINITE = 128, (128, 128, 128, 255)

MOSAIC = """() => {
  const {say, view: {mosaic: {values, element}}} = document.querySelector("#convlab").app;
  const [first, ...others] = [...element.children].map((tile) => tile.getBoundingClientRect());
  const {left, top} = first, last = others.at(-1) ?? first, {bottom} = element.getBoundingClientRect();
  const right = Math.max(first.right, ...others.map((one) => one.right));
  say("");
  return [values.exact, {x: left, y: top, width: right - left, height: Math.min(bottom, last.bottom) - top}];
}"""

VEIL = """() => {
  const veil = document.querySelector("#convlab").app.view.laid;
  return [...veil.getContext("2d").getImageData(0, 0, veil.width, veil.height).data].filter((_, i) => i % 4 === 3);
}"""
TABLES = """async () => {
  const {SEQUENTIAL, DIVERGING} = await import("/page/colours.js");
  return [[...SEQUENTIAL], [...DIVERGING]];
}"""


@pytest.fixture(scope="module")
def tables(chromium, urls):
    """Return the two tables of colours, of numbers without and with a sign, as the page has them."""
    page = chromium.new_page()
    page.goto(urls("server", "sequence"))
    found = page.evaluate(TABLES)
    page.close()
    return [np.array(table, np.uint32).view(np.uint8).reshape(256, 4) for table in found]


def test_colours_keep_their_order_of_lightness(tables):
    unsigned, signed = (table[:, :3] @ np.array([0.2126, 0.7152, 0.0722]) for table in tables)
    rounding = 0.5
    assert (np.diff(unsigned) > -rounding).all() and np.ptp(unsigned) > 190
    assert (np.diff(signed[1 : NEUTRAL + 1]) > -rounding).all() and (np.diff(signed[NEUTRAL:]) < rounding).all()
    np.testing.assert_allclose(signed[NEUTRAL + 1 :], signed[1:NEUTRAL][::-1], atol=25)
    assert np.ptp(tables[1][NEUTRAL, :3].astype(int)) < 12  # zero has no hue


def chosen(model):
    """Return the names of some layers, the first and the last among them."""
    names = list(model.shapes)
    return [names[i] for i in sorted({round(i) for i in np.linspace(0, len(names) - 1, LAYERS)})]


def place_of(found, shape):
    """Return the index in a layer's array that a line speaks of."""
    named = [found[name] for name in ("z", "y", "x")[4 - len(shape) :]] if len(shape) > 1 else []
    assert [name for name in "zyx" if found[name]] == ["z", "y", "x"][4 - len(shape) :][: len(named)]
    return (*map(int, named), int(found["channel"] or found["unit"]))


def as_drawn(values, exact):
    """Return the numbers that a page has of a layer: rounded, in steps of its channel's largest, where not exact."""
    if exact or not np.isfinite(values).all():
        return values.astype(np.float64)
    scale = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0).astype(np.float64)
    steps = 127 if (values < 0).any() else 255
    return np.rint(values / np.where(scale > 0, scale, 1) * steps) * scale / steps


def index_of(value, values, channel, scale):
    """Return the place of a number in the table, by the rule that the page states."""
    finite = np.where(np.isfinite(values), values, 0)
    top = np.abs(finite if scale == "layer" else finite[..., channel]).max()
    t = value / top if top > 0 else 0
    return NEUTRAL + round_half_up(127 * t) if (finite < 0).any() else max(0, round_half_up(255 * t))


def round_half_up(number):
    return int(np.floor(number + 0.5))


def digits(text):
    return text.lower().partition("e")[0].lstrip("-").replace(".", "").strip("0")


def check_told(text, value, exact):
    if not np.isfinite(value):
        assert text.lower().replace("infinity", "inf") == str(float(value))
    elif exact:
        assert np.float32(text) == value and digits(text) == digits(str(np.float32(value)))
    else:
        assert text.startswith("≈ ") and float(text[2:]) == pytest.approx(value, rel=6e-4, abs=1e-30)


def check_layer(visitor, name, values, tables, scale="layer"):
    """Point at places all over a layer's mosaic; return how many of them were cells."""
    exact, box = visitor.page.evaluate(MOSAIC)
    drawn, told = as_drawn(values, exact), 0
    random = np.random.default_rng(len(name))
    for across, down in random.random((POINTS, 2)):
        x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
        said, pixel = visitor.read(round(x), round(y))
        if not said:
            continue
        found = LINE.fullmatch(said)
        assert found and found["layer"] == name, said
        at = place_of(found, values.shape)
        check_told(found["value"], drawn[at], exact)
        wanted = NOT_FINITE
        if np.isfinite(drawn[at]):
            table = tables[int((drawn < 0).any())]
            wanted = tuple(table[index_of(drawn[at], drawn, at[-1], scale)].tolist())
        assert pixel == wanted, said
        told += 1
    return told


def test_maps_lie_in_their_tiles_though_the_view_glided_in(visit, urls):
    visitor = visit(urls("file", "lenet"), reduced_motion="no-preference")
    visitor.go("conv1")
    visitor.page.evaluate("() => Promise.all(document.getAnimations().map(({finished}) => finished))")
    maps = [tile.bounding_box() for tile in visitor.page.locator(".mosaic .map").all()]
    for box in maps:
        left, top, right, bottom = box["x"], box["y"], box["x"] + box["width"] - 1, box["y"] + box["height"] - 1
        inside = [visitor.read(x, y)[1][3] for x, y in [(left, top), (right, bottom)]]
        outside = [visitor.read(x, y)[1][3] for x, y in [(left - 1, top), (left, top - 1), (right + 1, bottom)]]
        assert (inside, outside) == ([255, 255], [0, 0, 0])


@pytest.mark.parametrize("delivery", ["file", "server"])
@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_pointed_at_is_told_and_has_its_colour(visit, urls, explored, tables, network, delivery):
    model, acts = explored(network)
    visitor, told = visit(urls(delivery, network)), 0
    for name in chosen(model):
        visitor.go(name)
        told += check_layer(visitor, name, recorded(acts, name), tables)
    assert told > len(chosen(model)) * POINTS / 3


def test_a_scale_of_each_channels_own(visit, urls, explored, tables):
    _, acts = explored("lenet")
    visitor = visit(urls("server", "lenet"))
    visitor.go("conv2")
    visitor.page.keyboard.press("s")
    assert check_layer(visitor, "conv2", recorded(acts, "conv2"), tables, "channel") > POINTS / 3
    visitor.go("relu2")
    assert check_layer(visitor, "relu2", recorded(acts, "relu2"), tables, "channel") > POINTS / 3


def test_the_window_of_the_cell_that_is_looked_at_is_outlined_in_the_layer_before(visit, urls):
    visitor = visit(urls("server", "lenet"))
    visitor.go("conv2")
    window = visitor.page.locator(".neighbour .window rect")
    assert [window.get_attribute(side) for side in ("width", "height")] == ["5", "5"]


def test_a_cell_of_the_layer_before_tells_which_numbers_see_it(visit, urls):
    """conv2 is 5 x 5 without padding: cell y is seen by rows y - 4 to y, as far as there are any."""
    visitor = visit(urls("server", "lenet"))
    visitor.go("conv2")
    box = visitor.page.locator(".neighbour canvas").bounding_box()
    told = 0
    for across, down in np.random.default_rng(1).random((POINTS, 2)):
        visitor.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        found = re.fullmatch(
            r"pool1, channel \d, row (\d+), column (\d+): .*; reaches rows? (.*), columns? (.*) of conv2",
            visitor.line,
        )
        if found:
            told += 1
            for cell, seen in zip(map(int, found.groups()[:2]), found.groups()[2:], strict=True):
                first, last = max(0, cell - 4), min(9, cell)
                assert seen == (f"{first} to {last}" if first < last else str(first))
    assert told > POINTS / 3


@pytest.mark.parametrize("delivery", ["file", "server"])
def test_where_a_class_comes_from_is_laid_over_the_maps(visit, urls, explored, delivery):
    model, acts = explored("lenet")
    (cam,) = convlab.attribution.grad_cam(model, acts, "Shirt").values
    visitor = visit(urls(delivery, "lenet"))
    visitor.go("relu2")
    visitor.page.keyboard.press("a")
    visitor.page.wait_for_function("() => document.querySelector('#convlab').app.view.laid")
    veil = np.reshape(visitor.page.evaluate(VEIL), cam.shape)
    np.testing.assert_allclose(veil, veil.max() * (1 - np.maximum(cam, 0) / cam.max()), atol=1.1)
    assert "Shirt" in visitor.line


def test_keys_and_the_slider_turn_over_the_slices_of_a_volume(visit, urls, explored):
    shapes = explored("volume")[0].shapes
    name = next(name for name, shape in shapes.items() if len(shape) == 4 and shape[0] > 2)
    visitor = visit(urls("server", "volume"))
    visitor.go(name)
    page = visitor.page
    told = page.locator(".slice output")
    first = int(told.inner_text().removeprefix("slice "))
    step = -1 if first else 1
    page.keyboard.press("<" if step < 0 else ">")
    assert told.inner_text() == f"slice {first + step}"
    page.keyboard.press(">" if step < 0 else "<")
    assert told.inner_text() == f"slice {first}"
    page.get_by_label("slice").fill("2")
    assert told.inner_text() == "slice 2"
    assert page.evaluate("() => document.querySelector('#convlab').app.view.mosaic.slice") == 2
