"""Attribution to the input by its gradient: plain, times the input, and averaged over noise."""

from copy import copy
from math import prod

import numpy as np

from convlab.attribution.result import Attribution, Progress
from convlab.backward.gradients import gradients
from convlab.backward.rules import Rule
from convlab.backward.targets import Target, seeds_of
from convlab.errors import ShapeError
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.recording.recorded import check_runs_anew
from convlab.runtime.arrays import Array
from convlab.wording import ALL, say, shortened


def gradient(model: Model, acts: Activations, target: Target) -> Attribution:
    """Return how fast the number changes with each value of the input: Simonyan et al., arXiv 1312.6034."""
    return _of(model, acts, target, "gradient", _pulled(model, acts, target), "the derivative")


def input_times_gradient(model: Model, acts: Activations, target: Target) -> Attribution:
    """Return the gradient times the input: of a linear network, what each value adds to the number.

    Shrikumar et al., arXiv 1605.01713, section 2.2.
    """
    values = _pulled(model, acts, target) * acts.input
    return _of(model, acts, target, "input_times_gradient", values, "the derivative times the input")


def smoothgrad(
    model: Model,
    acts: Activations,
    target: Target,
    *,
    samples: int = 25,
    noise: float = 0.15,
    seed: int = 0,
    progress: Progress | None = None,
) -> Attribution:
    """Return the mean gradient over noisy copies of the input: Smilkov et al., arXiv 1706.03825, section 3.

    Parameters
    ----------
    model, acts, target
        As of `convlab.gradients`.
    samples : int
        How many copies.
    noise : float
        The noise's standard deviation, as a share of what lies between the least and the largest value of the input.
    seed : int
        Of the noise.
    progress : function, optional
        Called after each copy with how many are done, and of how many.

    Raises
    ------
    ShapeError
        For no copies; and as of `convlab.gradients`.
    """
    if samples < 1:
        raise ShapeError(f"smoothgrad: samples is {samples}, expected at least 1")
    check_runs_anew(acts, "smoothgrad")
    x, random, plain = acts.inputs[only_input(model)], np.random.default_rng(seed), unchecked(model)
    spread = noise * np.ptp(x, axis=tuple(range(1, x.ndim)), keepdims=True)
    total = np.zeros(x.shape, np.float64)
    for sample in range(samples):
        noisy = (x + spread * random.standard_normal(x.shape)).astype(x.dtype)
        total += _pulled(plain, plain.run(noisy), target)
        if progress is not None:
            progress(sample + 1, samples)
    note = f"the mean derivative over {samples} copies with noise of {noise:g} of the input's range, seed {seed}"
    return _of(model, acts, target, "smoothgrad", (total / samples).astype(x.dtype), note)


def integrated_gradients(
    model: Model,
    acts: Activations,
    target: Target,
    *,
    baseline: Array | float = 0.0,
    steps: int = 64,
    progress: Progress | None = None,
) -> Attribution:
    """Return what each value of the input adds to the number on the straight way from a baseline.

    Sundararajan et al., arXiv 1703.01365, equation 1, by the midpoint rule. The values add up to the number minus
    what it is at the baseline, but for the steps: `numbers["completeness_error"]` is by how much they do not, the
    largest of all images, as a share of the difference.

    Parameters
    ----------
    model, acts, target
        As of `convlab.gradients`.
    baseline : float or array like an input
        Where the way begins, as the network takes it: by default zeros.
    steps : int
        Into how many the way is cut.
    progress : function, optional
        Called after each step with how many are done, and of how many.

    Raises
    ------
    ShapeError
        For no steps, or a baseline of another shape; and as of `convlab.gradients`.
    """
    if steps < 1:
        raise ShapeError(f"integrated_gradients: steps is {steps}, expected at least 1")
    check_runs_anew(acts, "integrated_gradients")
    x, plain = acts.inputs[only_input(model)], unchecked(model)
    try:
        start = np.broadcast_to(np.asarray(baseline, x.dtype), x.shape)
    except (TypeError, ValueError):
        found = f"has shape {np.shape(baseline)}" if np.ndim(baseline) else f"is {shortened(repr(baseline), ALL)}"
        expected = f"a number, or an array {x.shape[1:]}"
        raise ShapeError(f"integrated_gradients: baseline {found}, expected {expected}") from None
    total = np.zeros(x.shape, np.float64)
    for step in range(steps):
        between = start + (x - start) * x.dtype.type((step + 0.5) / steps)
        total += _pulled(plain, plain.run(between), target)
        if progress is not None:
            progress(step + 1, steps)
    values = (x - start) * total / steps
    ends = [number_of(plain, end, target) for end in (x, start)]
    difference = ends[0] - ends[1]
    missing = np.abs(values.sum(axis=tuple(range(1, x.ndim))) - difference)
    error = float((missing / np.maximum(np.abs(difference), np.finfo(x.dtype).tiny)).max(initial=0))
    note = f"the integral of the derivative from the baseline, {steps} steps"
    numbers = {"completeness_error": error, "difference": float(difference.sum())}
    return _of(model, acts, target, "integrated_gradients", values.astype(x.dtype), note, numbers)


def guided_backprop(model: Model, acts: Activations, target: Target) -> Attribution:
    """Return guided backpropagation, which is a picture of edges: Springenberg et al., arXiv 1412.6806."""
    return _ruled(model, acts, target, "guided", "guided_backprop")


def deconvnet(model: Model, acts: Activations, target: Target) -> Attribution:
    """Return what a deconvolutional network draws, a picture of edges: Zeiler and Fergus, arXiv 1311.2901."""
    return _ruled(model, acts, target, "deconvnet", "deconvnet")


def _ruled(model: Model, acts: Activations, target: Target, rule: Rule, name: str) -> Attribution:
    note = "no derivative: a picture of edges, nearly the same whatever the network has learned"
    return _of(model, acts, target, name, _pulled(model, acts, target, rule), note)


def _pulled(model: Model, acts: Activations, target: Target, rule: Rule = "gradient") -> Array:
    """Return the gradient by the only input, on the host."""
    name = only_input(model)
    return gradients(model, acts, target, rule=rule, to=name)[name]


def only_input(model: Model) -> str:
    """Return the name of the only input; ShapeError where there are several."""
    if len(model.inputs) > 1:
        asked = say("use convlab.gradients", "grad_cam and others of a layer's maps take such a network")
        raise ShapeError(f"model {model.name!r} has several inputs, {', '.join(model.inputs)}: {asked}")
    return next(iter(model.inputs))


def unchecked(model: Model) -> Model:
    """Return the network for inputs that no picture gives, of which nothing is to be said."""
    plain = copy(model)
    plain.preprocessing = None
    return plain


def number_of(model: Model, x: Array, target: Target) -> Array:
    """Return the number itself, for each image: (N,)."""
    seeds, _ = seeds_of(model.graph, target, model.labels, x)
    acts = model.run(x, record=list(seeds))
    shares = [(acts[name] * seed).reshape(len(x), prod(seed.shape[1:])) for name, seed in seeds.items()]
    return np.concatenate(shares, axis=1).sum(axis=1, dtype=np.float64)


def _of(
    model: Model,
    acts: Activations,
    target: Target,
    method: str,
    values: Array,
    note: str,
    numbers: dict[str, float] | None = None,
) -> Attribution:
    _, what = seeds_of(model.graph, target, model.labels, acts.input)
    return Attribution(values, method, what, only_input(model), note, acts, model, numbers or {})
