"""Weights that are replaced while another thread predicts: what is left afterwards is of the new ones alone."""

import sys
import threading

import numpy as np
import pytest

from convlab.layers import (
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    OneRow,
    PReLU,
    ReLU,
    SeparableConv1D,
    SeparableConv2D,
    base,
    wrapping,
)
from convlab.model.model import Model
from convlab.runtime.once import once
from convlab.runtime.policy import using_policy

LAYERS = {
    "Conv1D": lambda: Conv1D("layer", 5, 3),
    "Conv2D": lambda: Conv2D("layer", 5, 3),
    "Conv2DTranspose": lambda: Conv2DTranspose("layer", 5, 3),
    "Dense": lambda: Dense("layer", 5),
    "DepthwiseConv2D": lambda: DepthwiseConv2D("layer", 3),
    "PReLU": lambda: PReLU("layer"),
    "SeparableConv1D": lambda: SeparableConv1D("layer", 5, 3),
    "SeparableConv2D": lambda: SeparableConv2D("layer", 5, 3),
}


def before_each_statement(function, meanwhile):
    """Return a method that calls `meanwhile` before each of its statements: there another thread may take over."""
    code = function.__func__.__code__

    def trace(frame, event, argument):
        if frame.f_code is not code:
            return None
        if event == "line":
            sys.settrace(None)
            meanwhile()
            sys.settrace(trace)
        return trace

    def called(**arguments):
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            function(**arguments)
        finally:
            sys.settrace(before)

    return called


@pytest.mark.parametrize("kind", [kind for kind in LAYERS if kind != "PReLU"])
def test_a_copy_keeps_the_old_weights_though_they_change_while_its_kernel_is_prepared(kind, monkeypatch):
    layer = LAYERS[kind]()
    shape = (7, 3) if isinstance(layer, OneRow) else (6, 7, 3)
    layer.build(shape)
    old, new = ({name: np.full(side, n, np.float32) for name, side in layer.shapes.items()} for n in (1, 2))
    layer.set_weights(**old)
    x = -np.random.default_rng(0).random((1, *shape), np.float32)
    with using_policy(compiled=True):
        before, asked = layer(x), []
        layer.drop_prepared()
        other = layer.altered()  # which shares what is prepared

        def once_with_another_thread(*arguments):
            asked.append(arguments)
            if len(asked) == 1:
                layer.set_weights(**new)
            return once(*arguments)

        for module in (base, wrapping):
            monkeypatch.setattr(module, "once", once_with_another_thread)
        layer(x)
        monkeypatch.undo()
        assert np.array_equal(other(x), before)
        assert not np.array_equal(layer(x), before)


@pytest.mark.parametrize("kind", LAYERS)
def test_nothing_is_left_of_the_old_weights(kind):
    layer = LAYERS[kind]()
    shape = (7, 3) if isinstance(layer, OneRow) else (6, 7, 3)
    model = Model.sequential("net", shape, [layer, ReLU("relu")])
    x = np.random.default_rng(0).random((1, *shape), np.float32)
    old, new = ({name: np.full(side, n, np.float32) for name, side in layer.shapes.items()} for n in (1, 2))
    layer.set_weights(**new)
    after = model.predict(x)
    layer.set_weights(**old)
    before, copies = model.predict(x), []

    def another_thread():
        model.predict(x)
        model.run(x)
        copies.append(model.ablate({"layer": [0]}))
        copies[-1].predict(x)

    before_each_statement(layer.set_weights, another_thread)(**new)
    assert np.array_equal(model.predict(x), after) and np.array_equal(model.run(x).output, after)
    assert len(copies) > 5
    for one in copies:
        name = next(iter(layer.shapes))
        expected = after if one["layer"].weights[name].max() == 2 else before
        for output in (one.predict(x), one.run(x).output):
            assert np.array_equal(output[..., 1:], expected[..., 1:]) and not output[..., 0].any()


def test_who_asks_while_another_thread_makes_it_waits_and_makes_nothing():
    made, asked = [], threading.Event()

    class Asked(dict):
        """Says when it is asked for the second time: before a lock is taken, or while another thread has it."""

        def __contains__(self, key):
            if threading.current_thread() is second:
                asked.set()
            return super().__contains__(key)

    def make():
        made.append(threading.current_thread())
        if len(made) == 1:
            second.start()
            assert asked.wait(60)
        return len(made)

    things = Asked()
    second = threading.Thread(target=once, args=(things, "key", make))
    assert once(things, "key", make) == 1
    second.join()
    assert (len(made), things) == (1, {"key": 1})
    assert once(things, "key", make) == 1
