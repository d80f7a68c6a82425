"""JSON as browsers read it: it has no NaN and no infinities, and of a float32 no more digits than tell it apart."""

import json
from math import isfinite, isnan
from typing import Any

import numpy as np

from convlab.runtime.arrays import Array


def as_json(value: Any) -> str:
    """Return plain types as JSON, on one line."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)


def number(value: float) -> float | str:
    """Return a number as JSON has it: "nan", "inf" or "-inf" where it has none."""
    if isfinite(value):
        return float(value)
    return "nan" if isnan(value) else "inf" if value > 0 else "-inf"


def shortened(value: float, places: int = 9) -> float | str:
    """Return a number with so many digits: by default as many as tell any two of float32 apart."""
    return number(float(f"{value:.{places}g}"))


class Digits(dict[float, Any]):
    """Numbers as JSON shows them: what is a float32 with its own few digits, 0.1 and not 0.10000000149011612."""

    def __missing__(self, value: float) -> float | str:
        """Find them, and keep them for where the number comes again."""
        if not isfinite(value):
            return number(value)
        if abs(value) <= float(np.finfo(np.float32).max) and float(short := np.float32(value)) == value:
            self[value] = float(str(short))
        else:
            self[value] = value
        return self[value]

    def of(self, array: Array) -> Any:
        """Return an array as lists of them."""
        numbers = np.empty(array.size, object)
        numbers[:] = [self[value] for value in array.reshape(-1).tolist()]
        return numbers.reshape(array.shape).tolist()
