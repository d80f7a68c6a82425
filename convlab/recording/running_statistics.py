"""Statistics of a layer that grow with every batch of pictures, and the pictures that excite each channel most."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.recording.statistics import Statistics, statistics
from convlab.runtime.arrays import Array
from convlab.runtime.policy import kernels

STEPS = 5
"""What a number takes, in multiply-adds: its sum, the square, the extremes, whether it is zero or NaN."""

PICTURES = 3  # how many of those that excite a channel most are kept


@dataclass(frozen=True)
class Moments:
    """Means and standard deviations, float64, of so many values each."""

    count: int
    means: Array
    deviations: Array

    def merged(self, later: "Moments") -> "Moments":
        """Return those of both together.

        Chan, Golub and LeVeque, "Algorithms for computing the sample variance: analysis and recommendations" (The
        American Statistician 37, 1983), their formula for two samples.
        """
        count = self.count + later.count
        with np.errstate(invalid="ignore"):  # infinities have no variance
            between = (later.means - self.means) ** 2 * (self.count * later.count / count)
            squares = self.count * self.deviations**2 + later.count * later.deviations**2 + between
            means = (self.count * self.means + later.count * later.means) / count
        return Moments(count, means, np.sqrt(squares / count))


@dataclass(frozen=True, repr=False)
class ChannelStatistics(Statistics):
    """Statistics of one layer over many pictures, channel by channel.

    Attributes
    ----------
    count : int
        How many values a channel has had: pictures x H x W.
    peaks : array (3, C), float64
        Each channel's largest values, one a picture, largest first; NaN does not count, and fills empty places.
    pictures : array (3, C) of str
        Names of the pictures that they are from; of equal values, the first in the folder.
    """

    count: int
    peaks: Array
    pictures: Array

    @classmethod
    def of(cls, activation: Array, names: Sequence[str] | Sequence[int]) -> "ChannelStatistics":
        """Return the statistics of an activation (N, ..., C) of N named pictures."""
        maps = activation.reshape(len(names), -1, activation.shape[-1])  # (N, H*W, C)
        compiled = kernels("elementwise", maps, STEPS * maps.size) if maps.dtype.char in "fd" else None
        if compiled is None or not maps.size:
            peaks, found = np.fmax.reduce(maps, axis=1).astype(np.float64), statistics(activation)
        else:
            peaks, found = _of_pictures(compiled.summarise(maps))
        pictures = np.broadcast_to(np.array(names, object)[:, None], peaks.shape)
        count, best = maps.shape[0] * maps.shape[1], _largest(peaks, pictures)
        return cls(**vars(found), count=count, peaks=best[0], pictures=best[1])

    def merged(self, later: "ChannelStatistics") -> "ChannelStatistics":
        """Return the statistics of both together; `later` is of pictures that come later in the folder."""
        both = self._moments.merged(later._moments)
        peaks = np.concatenate([self.peaks, later.peaks])
        pictures = np.concatenate([self.pictures, later.pictures])
        return ChannelStatistics(
            np.minimum(self.minima, later.minima),
            np.maximum(self.maxima, later.maxima),
            both.means,
            both.deviations,
            (np.rint(self.zeros * self.count) + np.rint(later.zeros * later.count))
            / both.count,  # whole: nothing is lost
            both.count,
            *_largest(peaks, pictures),
        )

    @property
    def _moments(self) -> Moments:
        return Moments(self.count, self.means, self.deviations)

    def strongest(self, channel: int) -> list[tuple[str, float]]:
        """Return the pictures that excite a channel most, [(name, largest value), ...], at most three."""
        found = zip(self.pictures[:, channel], self.peaks[:, channel].tolist(), strict=True)
        return [(name, peak) for name, peak in found if not np.isnan(peak)]


def _of_pictures(found: Any) -> tuple[Array, Statistics]:
    """Return each picture's peaks (N, C), and the statistics of all, of what the kernel has found of each."""
    parts = found.nans.shape[1]
    nans = found.nans.sum(axis=1)
    peaks = np.where(nans == parts * found.count, np.nan, found.peaks.max(axis=1).astype(np.float64))
    spoilt, over = nans.any(axis=0), (0, 1)
    with np.errstate(invalid="ignore"):  # infinities have no variance
        return peaks, Statistics(
            minima=np.where(spoilt, np.nan, found.minima.min(axis=over).astype(np.float64)),
            maxima=np.where(spoilt, np.nan, found.peaks.max(axis=over).astype(np.float64)),
            means=found.means.mean(axis=over),
            deviations=np.sqrt(found.variances.mean(axis=over) + found.means.var(axis=over)),
            zeros=found.zeros.sum(axis=over) / (len(nans) * parts * found.count),
        )


def _largest(peaks: Array, pictures: Array) -> tuple[Array, Array]:
    """Return the largest peaks of each channel (n, C) and their pictures, largest first; NaN comes last."""
    order = np.argsort(-peaks, axis=0, kind="stable")[:PICTURES]
    return np.take_along_axis(peaks, order, axis=0), np.take_along_axis(pictures, order, axis=0)
