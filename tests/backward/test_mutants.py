"""A test of the tests: backward passes with one mistake each, of which none may pass what the others check."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from convlab import ops
from convlab.backward import engine
from convlab.layers import MaxPooling2D
from convlab.layers.convolving import Convolving
from convlab.ops import pooling
from support.adjoint import check_class, check_convolution, check_first_maximum
from support.kernels.sweep import CORNERS, CROSSED

RIGHT, PULL_BACK, WALKS = ops.turned, Convolving.pull_back_through, pooling._walks


def kernel_not_turned(w, groups=1):
    return RIGHT(w[::-1, ::-1], groups)


def kernel_turned_along_one_axis(w, groups=1):
    return RIGHT(w[:, ::-1], groups)


def inputs_and_outputs_not_exchanged(w, groups=1):
    return w[::-1, ::-1].reshape(RIGHT(w, groups).shape)


def groups_exchanged_as_one(w, groups=1):
    return RIGHT(w).reshape(RIGHT(w, groups).shape)


@pytest.mark.parametrize(
    "mutant",
    [kernel_not_turned, kernel_turned_along_one_axis, inputs_and_outputs_not_exchanged, groups_exchanged_as_one],
)
def test_the_sweep_kills_another_kernel(mutant, monkeypatch):
    monkeypatch.setattr(ops, "turned", mutant)
    assert_killed_by_the_sweep()


def stride_forgotten(window):
    return replace(window, stride=(1, 1))


def strides_swapped(window):
    return replace(window, stride=window.stride[::-1])


def dilation_forgotten(window):
    return replace(window, dilation=(1, 1))


def dilations_swapped(window):
    return replace(window, dilation=window.dilation[::-1])


@pytest.mark.parametrize("mutant", [stride_forgotten, strides_swapped, dilation_forgotten, dilations_swapped])
def test_the_sweep_kills_another_window(mutant, monkeypatch):
    """The gradient has places to more, or fewer, windows then: the first of them are taken, or come from nowhere."""

    def through(layer, gradient, shape, weight, window, groups=1):
        other = replace(mutant(window), padding=window.pads(shape[1:3]))
        size = [max(n, 0) for n in other.output_size(shape[1:3])]
        places = np.zeros((len(gradient), *size, gradient.shape[3]), gradient.dtype)
        rows, columns = map(min, size, gradient.shape[1:3])
        places[:, :rows, :columns] = gradient[:, :rows, :columns]
        return PULL_BACK(layer, places, shape, weight, other, groups)

    monkeypatch.setattr(Convolving, "pull_back_through", through)
    assert_killed_by_the_sweep()


def assert_killed_by_the_sweep():
    with pytest.raises(AssertionError, match=r"^Case\("):
        for case in (*CROSSED, *CORNERS):
            if case.kernel != (1, 1) and min(case.image) > 1:
                check_convolution(case)


@pytest.mark.parametrize(
    "pool", [MaxPooling2D("p", 2), MaxPooling2D("p", (1, 3), (1, 3)), MaxPooling2D("p", 2, (2, 3))]
)
def test_ties_kill_the_last_maximum(pool, monkeypatch):
    check_first_maximum(pool)
    monkeypatch.setattr(pooling, "_walks", lambda *where: reversed([*WALKS(*where)]))
    with pytest.raises(AssertionError):
        check_first_maximum(pool)


@pytest.mark.parametrize("instead", ["part", "gradients.get(source, part)"])
def test_two_readers_kill_a_dropped_sum(instead, monkeypatch):
    check_class(2)
    source, line = inspect.getsource(engine.pull_back), "gradients[source] + part if source in gradients else part"
    assert source.count(line) == 1
    space = dict(vars(engine))
    exec(source.replace(line, instead), space)
    monkeypatch.setattr("convlab.backward.gradients.pull_back", space["pull_back"])
    with pytest.raises(AssertionError):
        check_class(2)
