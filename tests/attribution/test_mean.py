"""The mean of attributions: parts of any size merge to the same."""

from dataclasses import replace

import numpy as np
import pytest

import convlab
from convlab import attribution, plot
from convlab.attribution import MeanAttribution
from convlab.errors import ShapeError
from support.closeness import assert_close, gamma
from support.figures import heading


@pytest.fixture(scope="module")
def found():
    """Return the attribution of a batch of 13 pictures, and the model's recording of them."""
    model = convlab.load("lenet5", weights=3)
    acts = model.run(np.random.default_rng(0).uniform(0, 1, (13, 28, 28, 1)))
    return attribution.grad_cam(model, acts, 6, signed=True)


def part(found, rows):
    ends = {what: {name: a[rows] for name, a in getattr(found.acts, what).items()} for what in ("inputs", "outputs")}
    return MeanAttribution.of(replace(found, values=found.values[rows], acts=replace(found.acts, **ends)))


def merged(found, sizes):
    ends = np.cumsum(sizes)
    first, *others = (part(found, slice(end - size, end)) for size, end in zip(sizes, ends, strict=True))
    for other in others:
        first = first.merged(other)
    return first


@pytest.mark.parametrize("sizes", [[13], [1] * 13, [6, 7], [4, 4, 5], [12, 1]])
def test_parts_of_any_size_merge_to_the_same(found, sizes):
    mean, exact = merged(found, sizes), found.values.astype(np.float64)
    rounding = 2 * gamma(33, np.float64) * np.abs(exact).max(axis=0, keepdims=True)
    assert_close(mean.values, exact.mean(axis=0, keepdims=True), rounding, str(sizes))
    assert_close(mean.deviations, exact.std(axis=0, keepdims=True), 4 * rounding, str(sizes))
    assert mean.values.dtype == mean.deviations.dtype == np.float64
    assert (mean.count, mean.targets, mean.target) == (13, {found.target: 13}, found.target)
    for name in ("input", "output"):
        array = getattr(found.acts, name).astype(np.float64)
        assert_close(
            getattr(mean.acts, name), array.mean(axis=0, keepdims=True), gamma(33, np.float64) * np.ones(1), name
        )


def test_halves_of_halves_merge_to_the_same(found):
    """As the shards of a folder do, two by two."""
    quarters = [part(found, slice(at, at + 3)) for at in (0, 3, 6, 9)]
    pairs = quarters[0].merged(quarters[1]).merged(quarters[2].merged(quarters[3]))
    in_turn = merged(found, [3, 3, 3, 3])
    np.testing.assert_allclose(pairs.values, in_turn.values, rtol=0, atol=1e-15 * np.abs(found.values).max() * 8)
    np.testing.assert_allclose(pairs.deviations, in_turn.deviations, rtol=1e-12)
    assert pairs.count == in_turn.count == 12


def test_merging_leaves_the_parts_as_they_were(found):
    first, second = part(found, slice(0, 5)), part(found, slice(5, 13))
    kept = first.values.copy(), second.deviations.copy(), first.acts.input.copy()
    first.merged(second)
    for array, now in zip(kept, (first.values, second.deviations, first.acts.input), strict=True):
        np.testing.assert_array_equal(array, now)


def test_a_large_mean_does_not_swallow_the_spread(found):
    far = replace(found, values=found.values.astype(np.float64) * 1e-3 + 1e4)
    mean = merged(far, [1] * 13)
    np.testing.assert_allclose(mean.deviations[0], far.values.std(axis=0), rtol=1e-4)


def test_what_is_of_another_kind_is_refused(found):
    mean = part(found, slice(0, 5))
    for other in (replace(mean, method="layer_cam"), replace(mean, layer="conv2")):
        with pytest.raises(ShapeError, match="expected the same method, layer and shape"):
            mean.merged(other)


def test_it_is_drawn_and_told_as_any_attribution(found):
    mean = merged(found, [6, 7])
    title, note = heading(plot.attribution(mean))
    assert title == "lenet5 (random weights) · class 6 (Shirt), the mean over 13 pictures"
    assert note.replace("\n", " ").startswith("by relu2: each map")
    told = mean.as_dict()
    assert (told["images"], told["targets"]) == (13, {"class 6 (Shirt)": 13})
    assert np.shape(told["deviations"]) == np.shape(told["values"]) == (1, 10, 10)
