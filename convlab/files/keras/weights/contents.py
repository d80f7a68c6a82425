"""The contents of a file of weights: what an architecture asks of it, and what it says it holds."""

from dataclasses import dataclass

import h5py

from convlab.files.weight_specs import LayerWeights

__all__ = ["Contents", "LayerWeights", "Stored"]


@dataclass(frozen=True)
class Stored:
    """The arrays of one layer in a file: paths inside a group, in Keras' order."""

    group: h5py.Group
    paths: list[str]


@dataclass(frozen=True)
class Contents:
    """What a file says it holds: its layers with weights, and whether Theano wrote them (None: it does not say)."""

    layout: str
    theano: bool | None
    layers: dict[str, Stored]
