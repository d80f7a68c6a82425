"""The cone of a number: what it sees is what `explain` says; what it reaches is what changes when it is changed."""

import re

import numpy as np
import pytest

import convlab

CASES = [
    ("lenet", "conv1", 4, [9, 12]),
    ("lenet", "relu2", 7, [3, 4]),
    ("inception", "stem", 1, [2, 3]),
    ("inception", "pool", 2, [0, 5]),
    ("nested", "encoder/conv", 0, [5, 9]),
]


def boxes(visitor, verb):
    """Return by layer the rows and columns that the ribbon tells: the first and the last of each."""
    labels = visitor.page.eval_on_selector_all(
        "nav.cone button", "all => all.map(one => one.getAttribute('aria-label'))"
    )
    told = dict(re.split(rf": {verb} ", label) for label in labels if f": {verb} " in label)
    return {name: box for name, text in told.items() if (box := span(text))}


def span(text):
    """Return ((first row, last row), (first column, last column)); None of what has no rows."""
    found = re.fullmatch(r"rows? (\d+)(?: to (\d+))?, columns? (\d+)(?: to (\d+))?", text)
    if not found:
        return None
    top, bottom, left, right = found.groups()
    return (int(top), int(bottom or top)), (int(left), int(right or left))


def changed(model, acts, layer, channel, at):
    """Return by layer the box of what is another number where this one is another."""
    other = acts[layer].copy()
    other[0, *at, channel] += 1e4
    found = {}
    for name, values in model.rerun(acts, {layer: other}).items():
        if name != layer and values.ndim == 4 and (values != acts[name]).any():
            _, rows, columns, _ = np.nonzero(values != acts[name])
            found[name] = (rows.min(), rows.max()), (columns.min(), columns.max())
    return found


@pytest.mark.parametrize(("name", "layer", "channel", "at"), CASES)
def test_ribbon_tells_what_is_seen_and_reached(visit, urls, explored, name, layer, channel, at):
    model, acts = explored(name)
    visitor = visit(urls("server", name))
    visitor.go(layer, channel, at)
    seen = convlab.explain(model, acts, layer, *at, channel).field_in_image
    assert boxes(visitor, "it sees")[model.nodes[0].inputs[0]] == seen
    reached = boxes(visitor, "it reaches")
    followed = changed(model, acts, layer, channel, at)
    assert followed
    for later, ((top, bottom), (left, right)) in followed.items():
        (first, last), (start, end) = reached[later]
        assert first <= top <= bottom <= last and start <= left <= right <= end, later
    nearest = next(iter(followed))
    assert reached[nearest] == followed[nearest]
