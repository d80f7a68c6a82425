"""From a class to a pixel, by mouse and by keyboard alone: each step is into what adds most to the number before."""

import numpy as np
import pytest

from convlab.explorer.explanations import explanation_at
from convlab.explorer.values import recorded

STATE = """() => {
  const {state: {layer, channel, at}, document: {layers}} = document.querySelector("#convlab").app;
  return [layer === null ? null : layers[layer].name, channel, at];
}"""
MOVED = """(before) => {
  const {app: {state}, dataset} = document.querySelector("#convlab");
  return dataset.view === "number" && JSON.stringify(state) !== before;
}"""


def step(visitor, act):
    """Do what leads to another number, and wait until it is drawn."""
    before = visitor.page.evaluate("() => JSON.stringify(document.querySelector('#convlab').app.state)")
    act()
    visitor.page.wait_for_function(MOVED, arg=before)


def click_back(visitor):
    """Click a cell of the patch, or the term that adds most."""
    cells = visitor.page.locator(".patch table.grid td:not(.pad) button")
    if cells.count():
        cells.nth(cells.count() // 2).click()
    else:
        visitor.page.locator(".beside button.term").first.click()


def check_walk(visitor, model, acts, back):
    """Go back until there is nothing behind; each number must be a cell of the patch of the one before."""
    walked = []
    while True:
        name, channel, at = visitor.page.evaluate(STATE)
        walked.append(name)
        values = recorded(acts, name)
        place = at[2 - (values.ndim - 1) :]
        worth = visitor.page.locator(".worth").inner_text().replace("−", "-")
        assert np.float32(worth) == values[(*place, channel)]
        assert visitor.line.endswith(f": {worth}")
        if name in model.inputs:
            return walked
        e = explanation_at(model, acts, name, (None, *at, channel))
        step(visitor, lambda: back(visitor))
        behind, channel, (row, column) = visitor.page.evaluate(STATE)
        assert (behind,) == e.sources and row in e.place.rows and column in e.place.columns
        assert channel == e.place.channels[np.argmax(np.abs(e.channel_sums))]


@pytest.mark.parametrize("delivery", ["file", "server"])
def test_by_mouse(visit, urls, explored, delivery):
    model, acts = explored("lenet")
    visitor = visit(urls(delivery, "lenet"))
    visitor.page.get_by_role("button", name="Shirt").first.click()
    visitor.await_state("number", "softmax", 6, (0, 0))
    walked = check_walk(visitor, model, acts, click_back)
    assert walked == list(model.shapes)[::-1]
    for _ in range(2):
        visitor.page.keyboard.press("Escape")
    visitor.await_state("network")


def test_from_a_class_by_keyboard(visit, urls):
    """A class that was opened keeps no key to itself: Enter walks on."""
    visitor = visit(urls("file", "lenet"))
    visitor.page.get_by_role("button", name="Shirt").first.press("Enter")
    visitor.await_state("number", "softmax", 6, (0, 0))
    visitor.page.keyboard.press("Enter")
    visitor.await_state("number", "fc3", 6, (0, 0))


@pytest.mark.parametrize("delivery", ["file", "server"])
def test_by_keyboard_alone(visit, urls, explored, delivery):
    model, acts = explored("lenet")
    visitor = visit(urls(delivery, "lenet"))
    press = visitor.page.keyboard.press
    press("End")
    press("Enter")
    visitor.await_state("layer", "softmax")
    assert visitor.line == "softmax, unit 6 (Shirt): 0.9043951"
    step(visitor, lambda: press("Enter"))
    walked = check_walk(visitor, model, acts, lambda _: press("Enter"))
    assert walked == list(model.shapes)[::-1]
