"""Memoised preparation: what is made from weights is made once, whoever asks for it first."""

import os
from collections.abc import Callable
from threading import RLock
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

_lock = RLock()  # one for all: what is made under it is made on all cores


def _forget_lock() -> None:
    """Start afresh in a forked child: the thread that held the lock is not there to let go of it."""
    global _lock  # noqa: PLW0603
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


def preparing() -> "RLock":
    """Return the lock under which things are prepared."""
    return _lock


def once(made: dict[K, V], key: K, make: Callable[[], V]) -> V:
    """Return made[key], which the first thread to ask for it makes while the others wait."""
    if key not in made:
        with preparing():
            if key not in made:
                made[key] = make()
    return made[key]
