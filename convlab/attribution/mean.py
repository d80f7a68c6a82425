"""The mean of attributions over many pictures, in memory that does not grow with them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convlab.attribution.result import Attribution
from convlab.errors import ShapeError
from convlab.recording.running_statistics import Moments
from convlab.runtime.arrays import Array
from convlab.wording import counted, listed

TARGETS = 2  # that are named, of several


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MeanAttribution(Attribution):
    """The mean of the attributions of many pictures: values (1, ...) in float64, as computed, nothing normalised.

    It is drawn as any attribution is: its recording has no layers, and as input and output the pictures' means.

    Attributes
    ----------
    count : int
        How many pictures.
    deviations : array like values
        By how much the pictures differ: the standard deviation of each value.
    targets : dict of str to int
        Of what number how many of the attributions were; `target` names the most frequent.
    """

    count: int
    deviations: Array
    targets: dict[str, int]

    @classmethod
    def of(cls, found: Attribution) -> "MeanAttribution":
        """Return the mean of an attribution of a batch."""
        count, acts = len(found.values), found.acts
        return cls(
            values=_mean(found.values),
            method=found.method,
            target=found.target,
            layer=found.layer,
            note=found.note,
            acts=replace(acts, arrays={}, kinds={}, inputs=_means(acts.inputs), outputs=_means(acts.outputs)),
            network=found.network,
            count=count,
            deviations=found.values.std(axis=0, dtype=np.float64, keepdims=True),
            targets={found.target: count},
        )

    def merged(self, later: "MeanAttribution") -> "MeanAttribution":
        """Return the mean over the pictures of both, by one method and in the cells of one layer.

        Merging is exact but for rounding in float64: the last bits depend on the order, and on what is in each part.

        Raises
        ------
        ShapeError
            For means by different methods, or of different layers.
        """
        kinds = [(one.method, one.layer, one.values.shape[1:]) for one in (self, later)]
        if kinds[0] != kinds[1]:
            raise ShapeError(f"means of {kinds[0]} and of {kinds[1]}: expected the same method, layer and shape")
        both = Moments(self.count, self.values, self.deviations).merged(
            Moments(later.count, later.values, later.deviations)
        )
        shares = self.count / both.count, later.count / both.count
        inputs, outputs = (
            {name: shares[0] * array + shares[1] * others[name] for name, array in arrays.items()}
            for arrays, others in zip(_ends(self), _ends(later), strict=True)
        )
        targets = Counter(self.targets) + Counter(later.targets)
        return replace(
            self,
            values=both.means,
            deviations=both.deviations,
            count=both.count,
            targets=dict(targets),
            target=_named(targets),
            acts=replace(self.acts, inputs=inputs, outputs=outputs),
        )

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, the mean over {counted(self.count, 'picture')}>"

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        own = {"images": self.count, "targets": self.targets, "deviations": self.deviations.tolist()}
        return super().as_dict() | own


def _mean(array: Array) -> Array:
    mean: Array = array.mean(axis=0, dtype=np.float64, keepdims=True)
    return mean


def _ends(mean: MeanAttribution) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
    return mean.acts.inputs, mean.acts.outputs


def _means(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name: _mean(array) for name, array in arrays.items()}


def _named(targets: Counter[str]) -> str:
    if len(targets) == 1:
        return next(iter(targets))
    return listed([f"{name} of {count}" for name, count in targets.most_common()], TARGETS)
