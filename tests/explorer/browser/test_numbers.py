"""One number on a page: what is shown of it is what `convlab.explain` says, and adds up to what was recorded."""

import re

import numpy as np
import pytest

import convlab
from convlab.explanation.text import place_lines, sum_line, verdict
from convlab.explorer.explanations import explanation_at
from convlab.explorer.packing import STRONGEST
from convlab.explorer.values import recorded
from support.explored import NETWORKS

LAYERS = 7  # of a network
SHOWN = """() => {
  const SIDES = ["top", "left", "width", "height"];
  const texts = (selector) => [...document.querySelectorAll(selector)].map((one) => one.textContent);
  const table = (name) => [...document.querySelectorAll(`.${name} table.grid tr`)].map(
    (row) => [...row.cells].map((cell) => cell.classList.contains("pad") ? null : cell.textContent));
  const frame = document.querySelector(".picture .box");
  return {
    worth: texts(".worth")[0],
    told: texts(".headline")[0],
    result: texts(".ledger .result b")[0],
    terms: texts(".beside .terms:not([hidden]) button.term .value"),
    tables: ["patch", "kernel", "products"].map(table),
    frame: !frame || frame.hidden ? null : SIDES.map((side) => parseFloat(frame.style.getPropertyValue(`--${side}`))),
  };
}"""


def some_layers(model):
    """Return the names of some layers that compute something, the first and the last among them."""
    names = [node.name for node in model.nodes]
    return [names[i] for i in sorted({round(i) for i in np.linspace(0, len(names) - 1, LAYERS)})]


def largest(values):
    """Return where the largest number of a layer is, as an address has it and as `explain` does; pages hold it."""
    at = np.unravel_index(np.where(np.isnan(values), -np.inf, values).argmax(), values.shape)
    *place, channel = map(int, at)
    place = [0] * (2 - len(place)) + place
    z, y, x = place if len(place) == 3 else (None, *place)
    return channel, place, (z, y, x, channel)


def number(text):
    """Return a number as pages write it, and half a unit of its last digit."""
    text = text.replace("−", "-").lstrip("+").lower()
    mantissa, _, exponent = text.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(text), 0.5001 * 10.0 ** (int(exponent or 0) - decimals)


def check_close(text, value):
    shown, half = number(text)
    assert shown == pytest.approx(value, abs=half, rel=1e-6, nan_ok=True)


def check_table(shown, values, padding):
    assert len(shown) == len(values)
    for row, wanted, outside in zip(shown, values, padding, strict=True):
        for text, value, out in zip(row, wanted, outside, strict=True):
            if text is None or out:
                assert text is None or not out or number(text)[0] == 0
            else:
                check_close(text, value)


def check_number(shown, e):
    recorded_text = shown["worth"].replace("−", "-")
    np.testing.assert_equal(np.float32(recorded_text), e.recorded)
    for line in (*place_lines(e), sum_line(e), verdict(e)):
        assert line.casefold() in shown["told"].replace("−", "-").casefold()
    assert not re.search(r"[ (]-\d", shown["told"])  # one kind of minus sign
    result, half = number(shown["result"])
    assert result == pytest.approx(e.recorded, abs=e.tolerance + half, rel=1e-6, nan_ok=True)
    order = np.argsort(-np.abs(np.nan_to_num(e.channel_sums, nan=np.inf)), kind="stable")
    assert len(order) < 2 or len(shown["terms"]) >= min(len(order), STRONGEST)
    for text, channel in zip(shown["terms"], order, strict=False):
        check_close(text, e.channel_sums[channel])
    patch, kernel, products = shown["tables"]
    chosen = order[0]
    if patch:
        check_table(patch, e.patch[..., chosen], e.place.padding)
    if kernel:
        check_table(kernel, e.kernel[..., chosen], np.zeros_like(e.place.padding))
        check_table(products, e.products[..., chosen], np.zeros_like(e.place.padding))
    return len(patch) > 0


def check_frame(frame, e, image):
    """Compare the box on the picture with what the number sees of it."""
    if not isinstance(e.field_in_image, tuple) or len(e.field_in_image) != 2 or len(image) != 3:
        return
    (top, bottom), (left, right) = e.field_in_image
    height, width, _ = image
    wanted = [top / height, left / width, (right - left + 1) / width, (bottom - top + 1) / height]
    assert frame == pytest.approx([100 * side for side in wanted], abs=0.01)


@pytest.mark.parametrize("delivery", ["file", "server"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_number_is_shown_as_it_was_made(visit, urls, explored, network, delivery):
    model, acts = explored(network)
    visitor, tables = visit(urls(delivery, network)), 0
    for name in some_layers(model):
        values = recorded(acts, name)
        channel, place, at = largest(values)
        e = explanation_at(model, acts, name, at)
        visitor.go(name, channel, place)
        shown = visitor.page.evaluate(SHOWN)
        tables += check_number(shown, e)
        check_frame(shown["frame"], e, e.image_shape)
        assert re.fullmatch(
            rf"{re.escape(name)}, .*: {re.escape(shown['worth'].replace('−', '-'))}", visitor.line, re.DOTALL
        )
    assert tables > 0


@pytest.mark.parametrize("network", ["lenet", "inception"])
def test_backwards_a_number_is_shown_as_its_gradient_was_made(visit, urls, explored, network):
    model, acts = explored(network)
    visitor, tables = visit(urls("server", network)), 0
    number = visitor.page.evaluate("() => document.querySelector('#convlab').app.document.top[0].channel")
    grads = convlab.gradients(model, acts, number)
    *layers, _scores, _softmax = some_layers(model)
    for name in [*model.inputs, *layers]:
        channel, place, (_, y, x, _) = largest(recorded(acts, name))
        visitor.go(name, channel, place)
        if name in model.inputs:
            visitor.page.keyboard.press("b")
            visitor.page.get_by_text("gradient of class").wait_for()
        e = convlab.explain(model, grads, name, y, x, channel, backward=True)
        visitor.await_state("number", name, channel, place)
        tables += check_number(visitor.page.evaluate(SHOWN), e)
    assert tables > 0
    visitor.page.get_by_role("button", name="explained backwards").click()
    visitor.page.get_by_text("looks at").wait_for()


def test_a_file_names_the_command_that_explains_backwards(visit, urls, explored):
    _model, acts = explored("lenet")
    visitor = visit(urls("file", "lenet"))
    visitor.go("conv2", 3, [2, 4])
    visitor.page.get_by_role("button", name="explained forwards").click()
    command = visitor.page.locator(".headline code").inner_text()
    assert not visitor.page.locator(".arithmetic, .ledger .result").count()  # of the activation
    label = acts.labels[int(np.argmax(acts["softmax"][0]))]
    assert command == f"convlab explain conv2 --at 2,4 --channel 3 --backward --class {label}"
