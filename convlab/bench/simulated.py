"""The rungs of the ladder in the simulator, which shows without a GPU whether they are right, but not how fast."""

from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np

from convlab.bench.case import Case
from convlab.bench.error_classes import Distance
from convlab.bench.exact import Exact, exact
from convlab.simulator.machine import simulate
from convlab_kernels.cuda import METHODS
from convlab_kernels.cuda.compiler.language import Kernel

CHANNELS, GROUPS, FILTERS = 4, 2, 3
"""The most of a small case, the first and the last in a group."""


class Simulator:
    """Computes with rungs, in a process of its own: for the while their launches are the simulator's."""

    def distance(self, method: str, case: Case) -> Distance:
        """Return how far a rung's result is from the exact one."""
        x, w, b = case.arrays()
        out = np.full(case.output, np.nan, case.dtype)
        with patch.object(Kernel, "__call__", simulate):
            kernel: Any = METHODS[method](w, case.window, case.groups)
            kernel(x, out, b)
        return _truth(case).distance(out)


@cache
def _truth(case: Case) -> Exact:
    return exact(case)


def small(case: Case) -> Case:
    """Return a case with the same window that a simulator can compute in a second."""
    h, w = (
        min(extent + more, side) for extent, more, side in zip(case.window.extent, (1, 2), case.image, strict=False)
    )
    groups = min(case.groups, GROUPS)
    channels = groups * min(case.image[2] // case.groups, CHANNELS)
    filters = groups * min(case.filters // case.groups, FILTERS)
    return replace(case, image=(h, w, channels), filters=filters, groups=groups, batch=1, layers=())
