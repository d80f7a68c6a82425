"""Mistakes made in PyTorch, and whether a comparison finds them."""

import numpy as np

from convlab.comparison.comparison import compare
from support.comparison.torch_spelling import images, spelled


def found(model, bugs, only=None, x=None, **options):
    """Compare a run with PyTorch's, whose layers have bugs, and of which `only` some were recorded."""
    x = images(model) if x is None else x
    theirs = spelled(model, x, bugs)
    before = {layer.name: {k: w.copy() for k, w in layer.weights.items()} for layer in model.layers}
    report = compare(model.run(x), {n: theirs[n] for n in only} if only else theirs, **options)
    for layer in model.layers:  # no guess changed the network
        assert all(np.array_equal(w, before[layer.name][k]) for k, w in layer.weights.items())
    return report


def assert_found(report, layer, guess, words=""):
    assert not report.agrees
    assert report.first == layer
    assert report.guesses, str(report)
    assert report.guesses[0].name == guess, str(report)
    assert words in report.guesses[0].sentence
    assert report.guesses[0].relative_error < 1e-5
    assert str(report).startswith(f"first layer that differs: {layer} (")
    assert report.guesses[0].sentence in str(report).splitlines()[0]
