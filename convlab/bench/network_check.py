"""Every timed call of a network on images of its own, and its answer checked: one image of the batch, by float64.

A network is not linear: there is no sum that must hold as for a convolution (`freivalds`). So one image of the batch,
drawn after the call, is computed again once all is timed: in float64, by another model of the same layers, and in
batches of another size, so that what was kept by shape is of no use there either.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from convlab.bench.trial import secret
from convlab.comparison.distance import distance
from convlab.model.model import Model
from convlab.runtime.arrays import Array, on_host
from convlab.runtime.device import placed

Named = Mapping[str, Array]


def noise(model: Model, batch: int, seed: int) -> dict[str, Array]:
    """Return a batch of noise for each input: pictures of it, prepared, where the network takes pictures."""
    random, form = np.random.default_rng(seed), model.preprocessing
    if form is not None:
        pixels = random.integers(0, 256, (batch, *model.input_shape), np.uint8)
        return dict.fromkeys(model.inputs, replace(form, assumed=False).apply(pixels))
    return {name: random.standard_normal((batch, *shape), np.float32) for name, shape in model.inputs.items()}


def exact(model: Model, x: Named) -> Named:
    """Return the outputs in float64, by name, of a model that keeps nothing of what this one has computed."""
    double = {name: placed(array.astype(np.float64), model.device) for name, array in x.items()}
    return {name: on_host(array) for name, array in by_name(model, model.part(model.graph).predict(double)).items()}


def by_name(model: Model, answer: Any) -> Named:
    """Return the outputs by name, of what `predict` returned, or of all that was computed."""
    named = answer if isinstance(answer, Mapping) else {model.outputs[0]: answer}
    return {name: named[name] for name in model.outputs}


SIZES = 3, 4
"""Images at a time that are computed again: `compare`, which comes before, takes one, and two."""


class NetworkCheck:
    """The checks of a network on inputs x, which are the same arrays at every call.

    `renew` and `keep` are to be called before and after each call that is timed, `verdict` when all are.
    """

    def __init__(self, model: Model, x: Named, allowed: Mapping[str, float]) -> None:
        self._model, self._x, self._allowed = model, x, allowed
        self._batch = len(next(iter(x.values())))
        self._random = np.random.default_rng(secret())
        self._given: Named = {}
        self._images: list[Named] = []
        self._answers: list[Named] = []
        self._written = False

    def renew(self) -> None:
        """Write new images into the inputs."""
        self._given = noise(self._model, self._batch, secret())
        for name, array in self._x.items():
            array[...] = placed(self._given[name], self._model.device)

    def keep(self, answer: Any) -> None:
        """Keep one image and its answer; make the array of the answer useless to who would return it again."""
        n = slice(place := int(self._random.integers(self._batch)), place + 1)
        outputs = by_name(self._model, answer)
        image = {name: array[n].copy() for name, array in self._given.items()}
        self._images.append(image)
        self._answers.append({name: on_host(output[n]).copy() for name, output in outputs.items()})
        self._written |= any(not np.array_equal(on_host(self._x[name][n]), image[name]) for name in image)
        for output in outputs.values():
            output[...] = np.nan

    def verdict(self) -> tuple[str, float]:
        """Return what is wrong where the second is above 1: the largest error as a share of the one allowed."""
        if self._written:
            return "it wrote into its inputs, which are not its own", np.inf
        several = next(size for size in SIZES if size != self._batch)
        starts = range(0, len(self._images), several)
        share = max(self._share(several, slice(start, start + several)) for start in starts)
        return "right at the first call, wrong in calls that were timed", share

    def _share(self, several: int, part: slice) -> float:
        images, answers = (several * self._images[part])[:several], self._answers[part]
        expected = exact(self._model, {name: np.concatenate([image[name] for image in images]) for name in self._x})
        return max(
            distance(answer[name], expected[name][i : i + 1]).relative / self._allowed[name]
            for i, answer in enumerate(answers)
            for name in answer
        )
