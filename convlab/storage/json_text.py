"""JSON that nobody vouches for: what Python's reader lets pass, and JSON does not have, is an error here."""

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["parse_json"]

DIGITS = 40  # of a whole number: 128 bits, and a sign; products of thousands of digits take minutes
Pairs = list[tuple[str, Any]]


def parse_json(text: str | bytes, unite: Callable[[Pairs], dict[str, Any]] = dict) -> Any:
    """Return what a JSON text says.

    Parameters
    ----------
    text
        The text; how long it may be is the caller's to say. As data it takes up to 40 times its size.
    unite
        What makes an object of its names and values.

    Raises
    ------
    ValueError
        One line. For NaN and infinity, too, and for whole numbers of more than 40 digits.
    """
    try:
        return json.loads(
            text, parse_constant=_constant, parse_float=_finite, parse_int=_whole, object_pairs_hook=unite
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large")
    return number


def _whole(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"a whole number of {len(text):,} digits, expected at most {DIGITS}")
    return int(text)
