"""The old name of `convlab.comparison.keras_recorder`."""

from convlab.comparison.keras_recorder import record_keras

__all__ = ["record_keras"]
