"""What the layers of a recorded network had before their activation functions."""

from collections.abc import Iterator, Mapping

import numpy as np

from convlab.comparison.execution import nodes_between, run_nodes
from convlab.layers import ACTIVATIONS, Activated, Layer
from convlab.model.model import Node
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array

PRE = "/pre"
FAR = np.array([[-1e4, *np.linspace(-20, 20, 4001), 1e4]], np.float32)
"""Numbers that show where a function's values lie."""
SLACK = 1e-4


class Before(Mapping[str, Array]):
    """`name/pre` -> array of each layer with an activation function of its own, computed when it is asked for.

    From what the recording has of the layers before it, else from the network's inputs.
    """

    def __init__(self, recording: Activations) -> None:
        self._recording = recording
        nodes = recording.network.nodes if recording.network else ()
        self._nodes: dict[str, Node] = {
            f"{n.name}{PRE}": n for n in nodes if n.name in recording and _function(n.layer)
        }

    def __getitem__(self, name: str) -> Array:
        recording, node = self._recording, self._nodes[name]
        known = {**recording.inputs, **{other: recording for other in recording if other != node.name}}
        *before, last = nodes_between(recording.network, known, node.name)
        needed = {source for each in (*before, last) for source in each.inputs} & known.keys()
        values = run_nodes(before, {source: _read(recording, source) for source in needed})
        layer = last.layer
        assert isinstance(layer, Activated)
        return layer.linear(*(values[source] for source in last.inputs))

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, name: object) -> bool:
        return name in self._nodes  # Mapping's own would compute the array


def _read(recording: Activations, name: str) -> Array:
    return np.asarray(recording.inputs[name] if name in recording.inputs else recording[name])


def _function(layer: Layer) -> bool:
    return isinstance(layer, Activated) and layer.activation != "linear"


def could_be_made_by(layer: Layer, array: Array) -> bool:
    """Whether all of an array lies where a layer's activation function, or a layer that is one, puts its values."""
    if layer.shapes and not isinstance(layer, Activated):
        return True  # it depends on weights
    with np.errstate(all="ignore"):
        made = layer(FAR) if layer.activation == "linear" else ACTIVATIONS[layer.activation](FAR)
    low, high = np.nanmin(made), np.nanmax(made)
    below = low > -1e3 and array.min(initial=0) < low - SLACK  # NaN is neither
    above = high < 1e3 and array.max(initial=0) > high + SLACK
    return not (below or above)
