"""The page of one window: its numbers are those of convlab's own convolution, and its address opens it again."""

import re
from dataclasses import dataclass

import numpy as np
import pytest

import convlab
from convlab.explorer.conv import ConvPage

RANDOM = np.random.default_rng(16)


@dataclass
class Setting:
    """What one sets on the page: a picture, a kernel, and how the window moves."""

    cells: np.ndarray
    weights: np.ndarray
    stride: int = 1
    padding: str | int = "valid"
    dilation: int = 1

    @property
    def address(self):
        """Return the same as the page's address has it."""
        tables = (
            ";".join(",".join(f"{value:g}" for value in row) for row in table) for table in (self.cells, self.weights)
        )
        cells, weights = tables
        window = f"stride={self.stride}&padding={self.padding}&dilation={self.dilation}"
        return f"#picture=own&kernel=own&{window}&at=0,0&cells={cells}&weights={weights}"

    @property
    def result(self):
        """Return what convlab computes."""
        x, w = self.cells[None, :, :, None], self.weights[:, :, None, None]
        window = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        return convlab.conv2d(x, w, **window)[0, :, :, 0]


def setting(height, width, rows, columns, **window):
    return Setting(
        RANDOM.integers(0, 11, (height, width)) / 10, RANDOM.integers(-8, 9, (rows, columns)) / 4, **window
    )


SETTINGS = [
    setting(5, 6, 3, 3, padding=1),
    setting(7, 5, 2, 3, padding="same", stride=2),
    setting(6, 8, 3, 2, dilation=2),
    setting(4, 4, 4, 1, padding=3, stride=3),
]
IMPOSSIBLE = setting(5, 6, 3, 3, dilation=4)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    page = tmp_path_factory.mktemp("window") / "conv.html"
    page.write_text(ConvPage(live=False).html(), encoding="utf-8")
    return page.as_uri()


@pytest.fixture
def page(visit, url):
    return visit(url).page


def show(page, chosen):
    """Show a setting, by its address alone."""
    page.evaluate("address => (location.hash = address)", chosen.address)
    page.wait_for_selector("[data-view=conv]")


def number(text):
    return float(text.replace("\N{MINUS SIGN}", "-"))


def result(page):
    return number(page.inner_text(".sumline .result b"))


def table(page, name):
    rows = page.eval_on_selector_all(
        f".{name} tr", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    )
    return np.array([[number(cell) for cell in row] for row in rows])


def numbers(page, shape):
    """Step through all windows, from where the page stands to there again; return the sums."""
    found = []
    for _ in range(np.prod(shape)):
        found.append(result(page))
        page.keyboard.press(".")
    return np.array(found).reshape(shape)


@pytest.mark.parametrize("chosen", SETTINGS, ids=lambda one: one.address.split("&")[2] + f" {one.weights.shape}")
def test_every_number_is_that_of_the_convolution(page, chosen):
    show(page, chosen)
    np.testing.assert_allclose(numbers(page, chosen.result.shape), chosen.result, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("chosen", SETTINGS, ids=lambda one: str(one.result.shape))
def test_size_is_worked_out_to_what_it_is(page, chosen):
    show(page, chosen)
    found = [int(text) for text in page.locator(".sizes b").all_inner_texts()]
    rows, columns = chosen.result.shape
    assert found == [rows, columns] or (rows == columns and found == [rows])
    assert page.inner_text(".to figcaption") == f"result, {rows} \N{MULTIPLICATION SIGN} {columns}"


def test_window_that_fits_nowhere_is_answered_by_its_arithmetic(page):
    show(page, IMPOSSIBLE)
    told = page.inner_text("[role=alert]")
    assert "it is 9 cells long" in told
    assert "(5 + 0 + 0 \N{MINUS SIGN} 4\N{MIDDLE DOT}(3 \N{MINUS SIGN} 1) \N{MINUS SIGN} 1) / 1" in told
    assert told.rstrip().endswith(
        "It takes 4 more cells of padding or picture, or a kernel of fewer rows, or a dilation of at most 2."
    )
    page.fill("[name=dilation]", "2")
    page.keyboard.press("Tab")
    IMPOSSIBLE.dilation = 2
    np.testing.assert_allclose(numbers(page, (1, 2)), IMPOSSIBLE.result, rtol=1e-5, atol=1e-6)


def test_products_are_added_one_after_the_other(page):
    show(page, SETTINGS[0])
    page.get_by_label("speed").evaluate("slider => { slider.value = 0; slider.dispatchEvent(new Event('input')); }")
    page.keyboard.press(".")  # from the first window to the first product of the second
    window = np.pad(SETTINGS[0].cells, 1)[0:3, 1:4]
    for count, total in enumerate(np.cumsum(window * SETTINGS[0].weights)[:-1], start=1):
        assert page.inner_text(".sumline .result small") == f"{count} of 9 products"
        assert result(page) == pytest.approx(total, rel=1e-5, abs=1e-9)
        page.keyboard.press(".")
    assert result(page) == pytest.approx(SETTINGS[0].result[0, 1], rel=1e-5)


def test_what_is_edited_by_keyboard_is_in_the_address(page):
    show(page, SETTINGS[0])
    page.get_by_label("the picture").focus()
    for key in ("ArrowRight", "ArrowDown", "7"):
        page.keyboard.press(key)
    page.get_by_label("weight in row 1, column 1").fill("-1/8")
    edited = Setting(SETTINGS[0].cells.copy(), SETTINGS[0].weights.copy(), padding=1)
    edited.cells[1, 1], edited.weights[1, 1] = 0.7, -1 / 8
    page.reload()
    page.wait_for_selector("[data-view=conv]")
    page.evaluate("document.activeElement.blur()")
    np.testing.assert_allclose(numbers(page, edited.result.shape), edited.result, rtol=1e-5, atol=1e-6)


def test_hover_is_lit_both_ways(page):
    chosen = SETTINGS[2]
    show(page, chosen)
    box = page.locator(".from canvas").bounding_box()
    side = box["width"] / chosen.cells.shape[1]
    page.mouse.move(box["x"] + 2.5 * side, box["y"] + 2.5 * side)
    reached = [(y, x) for y in range(2) for x in range(6) if (2 - y) in (0, 2, 4) and (2 - x) in (0, 2)]
    assert page.locator(".to .lit rect").count() == len(reached)
    assert (
        page.inner_text(".from .note") == f"row 2, column 2: {chosen.cells[2, 2]:g}, reaches {len(reached)} outputs"
    )
    box = page.locator(".to canvas").bounding_box()
    side = box["width"] / chosen.result.shape[1]
    page.mouse.move(box["x"] + 3.5 * side, box["y"] + 1.5 * side)
    assert result(page) == pytest.approx(chosen.result[1, 3], rel=1e-5)
    np.testing.assert_allclose(table(page, "patch"), chosen.cells[1:6:2, 3:6:2])


def test_nothing_plays_where_motion_is_not_wanted(page, chromium, url):
    assert page.get_by_role("button", name="play").count() == 0
    with chromium.new_context(reduced_motion="no-preference") as context:
        moved = context.new_page()
        moved.goto(url)
        moved.keyboard.press("Space")
        moved.locator(".to .note", has_text=re.compile("row [1-9]")).wait_for()
        moved.get_by_role("button", name="pause").click()
        assert moved.get_by_role("button", name="play").is_visible()
