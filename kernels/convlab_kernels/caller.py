"""Warnings that point at the line of the user's program, not at one inside."""

import sys
import warnings

INSIDE = ("convlab", "convlab_kernels")


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning that points at the line outside these packages from which the call came."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def warn_renamed(what: str, new: str) -> None:
    """Say that something has a new name, and that the old one goes."""
    warn_caller(f"{what} is now called {new}; the old name goes with the next release", DeprecationWarning)
