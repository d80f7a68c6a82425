"""No warnings of infinities and NaN: they are results like all others, and a recording shows where they began."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np

from convlab.runtime.policy import current

P = ParamSpec("P")
R = TypeVar("R")


def quiet(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function without NumPy's warnings: beyond the type is infinite, and what has no value NaN.

    Within a network they are off already: setting them takes as long as a small operation. An instance of
    `np.errstate` as the decorator would be shared by all threads, which NumPy 1 does not allow for.
    """

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        if current() is not None:
            return function(*args, **kwargs)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return function(*args, **kwargs)

    return called
