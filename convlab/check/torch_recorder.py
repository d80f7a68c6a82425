"""The old name of `convlab.comparison.torch_recorder`."""

from convlab.comparison.torch_recorder import record_torch

__all__ = ["record_torch"]
