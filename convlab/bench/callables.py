"""Anybody's convolution as a candidate: a function like `convlab.conv2d`, held to more than convlab's own kernels.

    conv(x, w, bias=None, *, stride, padding, dilation, groups) -> y

with x (N, H, W, C), w (KH, KW, C/groups, O), bias (O,) and y (N, OH, OW, O) of NumPy, pairs for stride and dilation,
for padding a pair, or the four sides where opposite ones differ. x, w and bias are other numbers at every call, in
the same arrays: nothing may be kept from call to call. What comes back must be a plain array in memory of its own.
UnsupportedError refuses.

It runs with all rights of who runs it, in the process that checks it: this finds mistakes, and what fools a benchmark
without meaning to; it is no protection against malice, which may change the clock or the checks themselves.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from convlab.bench.candidates import Candidate, First
from convlab.bench.case import Case
from convlab.bench.recheck import CheatError, Given
from convlab.bench.turns import seconds
from convlab.runtime.arrays import Array
from convlab_kernels.window import Pair, Sides

Conv2D = Callable[..., Array]


def as_given(sides: Sides) -> Pair | Sides:
    """Return padding as a function gets it: a pair; ((top, bottom), (left, right)) where opposite sides differ."""
    (top, bottom), (left, right) = sides
    return (top, left) if (top, left) == (bottom, right) else sides


class CallableConv(Candidate):
    """A function that convolves."""

    def __init__(self, function: Conv2D) -> None:
        self.function = function
        self._last: Array | None = None

    def open(self, case: Case) -> First:
        """Call once; what that takes longer than the next call counts as compiling."""
        x, w, b = case.arrays()
        self._case, self._given = case, Given(x, w, b, fixed=False, result=self._own)
        self._call = self._on(case, x, w, b)
        returned: list[Any] = []
        first = seconds(lambda: returned.append(self._call()))
        try:
            output = self._own(returned[0]).copy()
        except CheatError as error:
            return First(np.empty(0), 0.0, 0.0, None, str(error))
        return First(output, 0.0, max(0.0, first - seconds(self._call)), None)

    def elsewhere(self, case: Case) -> Array:
        """Return what is computed of a case that is not to be timed."""
        return np.asarray(self._on(case, *case.arrays())())

    def _on(self, case: Case, x: Array, w: Array, b: Array) -> Callable[[], Any]:
        window = case.window
        padding = as_given(window.pads(case.image[:2]))
        options = {"stride": window.stride, "padding": padding, "dilation": window.dilation}
        return partial(self.function, x, w, b, groups=case.groups, **options)

    def _own(self, returned: Any) -> Array:
        """Return what came back; CheatError for what is not there yet, or not its own."""
        if type(returned) is not np.ndarray:
            raise CheatError(f"it returned {type(returned).__name__}, expected numpy.ndarray itself")
        if (returned.shape, returned.dtype) != (self._case.output, np.dtype(self._case.dtype)):
            raise CheatError(f"it returned {returned.dtype} {returned.shape}, expected {self._case.output}")
        others = {"x": self._given.x, "w": self._given.w, "bias": self._given.b, "an earlier result": self._last}
        for name, other in others.items():
            if other is not None and np.may_share_memory(returned, other):
                raise CheatError(f"it returned memory of {name}, expected an array of its own")
        self._last = returned
        return returned
