"""From numbers to levels: which value is the darkest, which the brightest, and what to write about it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from convlab.errors import ShapeError
from convlab.runtime.arrays import Array

Rule = Literal["shared", "channel", "standardised"]

RULES: dict[str, str] = {
    "shared": "one scale for all channels",
    "channel": "each channel on its own scale",
    "standardised": "each channel's mean ± 2 standard deviations",
}


@dataclass(frozen=True)
class Scale:
    """The values (C,) that become level 0 and level 1 in each channel.

    `signed` says that zero lies in the middle, so that a picture in two colours shows the sign.
    """

    rule: Rule
    low: Array
    high: Array
    signed: bool

    @classmethod
    def of(cls, maps: Array, rule: Rule) -> "Scale":
        """Return the scale for maps (H, W, C) under a rule; NaN and infinity do not count.

        "shared" and "channel" keep zero in its place: at the bottom of values that have no sign, in the middle of
        those that have one. "standardised" is Chollet's ("Deep Learning with Python", 2nd ed., section 9.4.1).
        """
        if rule not in RULES:
            raise ShapeError(f"scale {rule!r} is unknown: use {', '.join(RULES)}")
        finite = np.isfinite(maps)
        values = np.where(finite, maps, 0).astype(np.float64)
        if rule == "standardised":
            count = np.maximum(finite.sum(axis=(0, 1)), 1)
            middle = values.sum(axis=(0, 1)) / count
            reach = 2 * np.sqrt((np.where(finite, values - middle, 0) ** 2).sum(axis=(0, 1)) / count)
            return cls(rule, middle - reach, middle + reach, signed=False)
        if maps.shape[:2] == (1, 1):
            rule = "shared"  # a single cell on a scale of its own would say nothing
        signed = bool((values < 0).any())
        high = np.abs(values).max(axis=(0, 1), initial=0)
        if rule == "shared":
            high = np.full_like(high, high.max(initial=0))
        return cls(rule, -high if signed else np.zeros_like(high), high, signed)

    def levels(self, maps: Array) -> Array:
        """Return maps (H, W, C) as uint8 levels 0..255, clipped; a constant channel lies in the middle, or at 0."""
        span = self.high - self.low
        flat = 0.5 if self.signed or self.rule == "standardised" else 0.0
        with np.errstate(invalid="ignore"):
            share = np.where(span > 0, (maps - self.low) / np.where(span > 0, span, 1), flat)
            levels: Array = np.nan_to_num(share * 255).clip(0, 255).round().astype(np.uint8)
        return levels

    def ends(self) -> list[str]:
        """Return for each channel (C,) what to write of its scale, nothing where all have one."""
        if self.rule == "shared":
            return [""] * len(self.high)
        if self.rule == "standardised":
            return [f"{low:.3g} to {high:.3g}" for low, high in zip(self.low, self.high, strict=True)]
        return [f"{'±' if self.signed else 'max '}{high:.3g}" for high in self.high]

    def words(self) -> list[str]:
        """Return what the colours mean in every channel, from the first to the last at even distances."""
        if self.rule == "standardised":
            return ["mean − 2 sd", "mean", "mean + 2 sd"]
        return ["−max", "0", "max"] if self.signed else ["0", "max"]

    def __str__(self) -> str:
        if self.rule == "shared" and len(self.high):
            return f"{RULES[self.rule]}: {self.low[0]:.3g} to {self.high[0]:.3g}"
        if self.rule == "channel":
            return f"{RULES[self.rule]}, {'symmetric about 0' if self.signed else 'from 0 to its maximum'}"
        return RULES[self.rule]
