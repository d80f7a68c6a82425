"""Large libraries, imported when they are first needed; an interrupt (Ctrl-C) waits until one is there.

Numba and Matplotlib, interrupted halfway through their import, cannot be imported again in the same process.
"""

import sys
from importlib import import_module
from types import ModuleType

from convlab_kernels.interrupts import interrupts_wait


def load_module(module: str) -> ModuleType:
    """Return a module, imported as a whole or not at all; KeyboardInterrupt may come when it is."""
    if module in sys.modules:
        return import_module(module)
    with interrupts_wait():
        return import_module(module)
