"""Large libraries, imported when they are first needed; an interrupt (Ctrl-C) waits until one is there.

Numba and Matplotlib, interrupted halfway through their import, cannot be imported again in the same process.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import current_thread, main_thread
from types import ModuleType
from typing import Any


def load_module(module: str) -> ModuleType:
    """Return a module, imported as a whole or not at all; KeyboardInterrupt may come when it is."""
    if module in sys.modules:
        return import_module(module)
    with _interrupts_wait():
        return import_module(module)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(handler):  # nothing is raised here
        yield
        return
    came: list[Any] = []
    signal.signal(signal.SIGINT, lambda *interrupt: came.append(interrupt))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[0])
