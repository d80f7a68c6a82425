"""The preprocessing of pixels into a network's input, and back: a value that models carry and figures print."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from convlab.errors import ImageError, ShapeError
from convlab.wording import say, unknown
from convlab_kernels.caller import warn_caller

__all__ = ["MODES", "UNIT_GREY", "VGG", "Preprocessing", "assumed", "standard"]

SLACK = 1e-3  # share of the possible range by which rounding may pass it


@dataclass(frozen=True)
class Preprocessing:
    """Channel order, then minus the mean, then times the scale: x = (ordered pixels - mean) * scale.

    Parameters
    ----------
    name
        What figures and recordings call it.
    channels
        The network's channel order: "RGB", "BGR" or "L" (one grey channel). Pixels are always RGB or grey.
    mean
        One number per channel, in the network's order, on the 0..255 scale; () subtracts nothing.
    scale
        Factor applied last, or one per channel.
    float_range
        Black and white in a float array that a user gives as a picture; says nothing about the network.
    assumed
        Nobody said that this is what the network was trained with: `apply` warns, and `check` finds nothing wrong.

    Raises
    ------
    ImageError
        Unknown channels, a mean of another length, or a scale that nothing could invert.
    """

    name: str
    channels: Literal["RGB", "BGR", "L"]
    mean: tuple[float, ...] = ()
    scale: float | tuple[float, ...] = 1.0
    float_range: tuple[float, float] = (0.0, 255.0)
    assumed: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be applied."""
        if self.channels not in ("RGB", "BGR", "L"):
            raise ImageError(f"preprocessing {self.name}: channels {self.channels!r}; use 'RGB', 'BGR' or 'L'")
        if len(self.mean) not in (0, len(self.channels)):
            raise ImageError(
                f"preprocessing {self.name}: {len(self.mean)} means for channels {self.channels!r}; "
                f"give {len(self.channels)} or none"
            )
        if isinstance(self.scale, tuple) and len(self.scale) != len(self.channels):
            raise ImageError(
                f"preprocessing {self.name}: {len(self.scale)} scales for channels {self.channels!r}; "
                f"give {len(self.channels)} or one number"
            )
        if not (np.isfinite(self.scale).all() and np.all(self.scale)):
            raise ImageError(f"preprocessing {self.name}: scale {self.scale}; it must be finite and not 0")

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Return the network's input for `pixels`, which are left as they are.

        Parameters
        ----------
        pixels
            (N, H, W, C), RGB or grey, on the 0..255 scale, any real dtype.

        Returns
        -------
        float32 array (N, H, W, C), contiguous.

        Raises
        ------
        ShapeError
            When C is not the number of channels this preprocessing makes.
        """
        self._require_channels(pixels)
        if self.assumed:
            warn_caller(
                f"how pictures are prepared is not in the file; assumed {self}"
                f" (to choose: {say('preprocessing=', '--preprocessing')})"
            )
        x = self._swapped(pixels).astype(np.float32, order="C")
        if self.mean:
            x -= np.asarray(self.mean, np.float32)
        if self.scale != 1:
            # The product in float64, so that a scale of 1/255 gives exactly what a division by 255 gives.
            x = np.multiply(x, self.scale, dtype=np.float64).astype(np.float32)
        return x

    def restore(self, x: np.ndarray) -> np.ndarray:
        """Return the picture that `x` came from: uint8 (N, H, W, C), RGB or grey.

        Values are rounded, then clipped to 0..255; NaN becomes 0.

        Raises
        ------
        ShapeError
            When C is not the number of channels this preprocessing makes.
        """
        self._require_channels(x)
        pixels = np.asarray(x, np.float64) / np.asarray(self.scale) + np.asarray(self.mean or 0.0)
        pixels = np.nan_to_num(pixels, nan=0.0, posinf=255.0, neginf=0.0)
        return np.ascontiguousarray(self._swapped(pixels).round().clip(0, 255).astype(np.uint8))

    def check(self, x: Any) -> None:
        """Warn when the network's input `x` (N, H, W, C) cannot, or can hardly, have come out of `apply`.

        Two rules, both from this object's own fields; the second looks for the common mistake only:

        - A channel holds values outside (0 - mean) * scale .. (255 - mean) * scale, the only ones pixels give
          (with a thousandth of that range for rounding).
        - All values lie in -1..1 although that is under 5 % of the possible range, and some channel varies by
          more than a grey level of a 0-1 picture (1/255). So zeros or one flat colour raise no alarm.

        It costs one minimum and one maximum per channel. Other shapes are the model's to refuse; an empty
        batch and NaN pass.
        """
        if self.assumed or x.size == 0 or x.ndim != 4 or x.shape[-1] != len(self.channels):
            return
        low = high = x.reshape(-1, 1) if x.shape[-1] == 1 else x
        while low.ndim > 1:  # axis by axis: far faster than axis=(0, 1, 2), whose inner loop has C steps
            low, high = low.min(axis=0), high.max(axis=0)
        bounds = self._bounds
        cause = _usual_cause(low.tolist(), high.tolist(), bounds)
        if cause:
            bottom, top = min(b[0] for b in bounds), max(b[1] for b in bounds)
            warn_caller(
                f"input spans {min(low.tolist()):.4g}..{max(high.tolist()):.4g}, but {self.name} makes "
                f"{bottom:.4g}..{top:.4g}: {cause}; use model.prepare"
            )

    def __str__(self) -> str:
        """Return one line: name, channel order, range, mean, scale."""
        order = {"L": "grey", "RGB": "RGB", "BGR": "RGB -> BGR"}[self.channels]
        if not isinstance(self.scale, tuple) and self.scale != 1 and not self.mean:
            return f"{self.name}: {order}, 0-255 -> 0-{255 * self.scale:g}"
        mean = f", minus ({', '.join(f'{m:g}' for m in self.mean)})" if self.mean else ""
        factor = (
            f"({', '.join(f'{s:g}' for s in self.scale)})" if isinstance(self.scale, tuple) else f"{self.scale:g}"
        )
        scale = f", times {factor}" if self.scale != 1 else ""
        return f"{self.name}: {order}, 0-255{mean}{scale}"

    def _require_channels(self, x: np.ndarray) -> None:
        if x.ndim != 4 or x.shape[-1] != len(self.channels):
            raise ShapeError(f"preprocessing {self.name}: shape {x.shape}; expected (N, H, W, {len(self.channels)})")

    def _swapped(self, x: np.ndarray) -> np.ndarray:
        """Turn RGB into the network's order; the same step turns it back."""
        return x[..., ::-1] if self.channels == "BGR" else x

    @cached_property
    def _bounds(self) -> list[tuple[float, float]]:
        """Return, per channel, what black and white pixels become, the lower first."""
        means = self.mean or (0.0,) * len(self.channels)
        scales = self.scale if isinstance(self.scale, tuple) else (self.scale,) * len(means)
        ends = [((0 - m) * s, (255 - m) * s) for m, s in zip(means, scales, strict=True)]
        return [(min(pair), max(pair)) for pair in ends]


def _usual_cause(low: list[float], high: list[float], bounds: list[tuple[float, float]]) -> str:
    """Return what the range found in each channel most likely means, or "" where nothing is wrong."""
    channels = [(lo, hi, b[0], b[1], b[1] - b[0]) for lo, hi, b in zip(low, high, bounds, strict=True)]
    if any(lo < black - SLACK * span or hi > white + SLACK * span for lo, hi, black, white, span in channels):
        raw = min(low) >= 0 and 1 < max(high) <= 255
        return "looks like raw 0-255 pixels" if raw else "no picture gives that"
    narrow = all(lo >= -1 and hi <= 1 and 0.05 * span > 2 for lo, hi, _, _, span in channels)
    if narrow and any(hi - lo > 1 / 255 for lo, hi, *_ in channels):
        return f"looks like pixels from {0 if min(low) >= 0 else -1} to 1"
    return ""


VGG = Preprocessing("vgg-caffe", "BGR", mean=(103.939, 116.779, 123.68))
UNIT = Preprocessing("unit", "RGB", scale=1 / 255, float_range=(0.0, 1.0))
UNIT_GREY = replace(UNIT, channels="L")
RAW = Preprocessing("raw", "RGB")
SIGNED = Preprocessing("tf", "RGB", mean=(127.5,) * 3, scale=1 / 127.5)
TORCH_MEAN, TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TORCH = Preprocessing(
    "torch", "RGB", mean=tuple(255 * m for m in TORCH_MEAN), scale=tuple(1 / (255 * s) for s in TORCH_STD)
)

MODES = {"raw": RAW, "unit": UNIT, "caffe": VGG, "tf": SIGNED, "torch": TORCH}
"""0-255 as they are; 0-1; and the three modes of Keras' `imagenet_utils.preprocess_input` under its names."""


def standard(mode: str, channels: int) -> Preprocessing:
    """Return the preprocessing of that name for images of 1 (grey) or 3 channels.

    Raises
    ------
    ImageError
        For a name that is none of MODES, or a number of channels it does not make.
    """
    if mode not in MODES:
        raise ImageError(unknown("preprocessing", mode, MODES))
    found = MODES[mode]
    if channels == 1 and mode in ("raw", "unit", "tf"):
        return replace(found, channels="L", mean=found.mean[:1])
    if channels != len(found.channels):
        raise ImageError(f"preprocessing {mode} makes {len(found.channels)} channels, the network takes {channels}")
    return found


def assumed(rescales: bool, channels: int) -> Preprocessing:
    """Return what to do with pictures for a network that does not say: nothing if it rescales by itself, else 0-1."""
    return replace(standard("raw" if rescales else "unit", channels), assumed=True)
