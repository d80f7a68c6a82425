"""The old name of `convlab.comparison.comparison`."""

from convlab.comparison.comparison import compare

__all__ = ["compare"]
