"""What stands where a framework would: all may be asked of it, and nothing comes of it.

A test that builds a network in Keras or PyTorch, and asks about it through `recorded`, builds it of this where they
are not installed. Nothing can be compared with it, counted or computed: whatever would, fails.
"""

import warnings
from importlib import import_module

from support.recorded import installed


def library(name):
    """Return a library or a module of it; something that stands for it where it is not installed."""
    if not installed(name.partition(".")[0]):
        return StandIn()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a framework warns of at import is not ours
        return import_module(name)


class StandIn:
    """An attribute, a call, an entry, a sum of it are the like."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn()

    def __call__(self, *inputs, **options):
        return StandIn()

    def __getitem__(self, key):
        return StandIn()

    def _combined(self, other):
        return StandIn()

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _combined
    __pow__ = __matmul__ = _combined

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def _fails(self, *others):
        raise AssertionError("a framework that is not installed was asked for a value: ask through `recorded`")

    __bool__ = __len__ = __iter__ = __eq__ = __lt__ = __le__ = __float__ = __int__ = __index__ = __array__ = _fails
    __hash__ = object.__hash__
