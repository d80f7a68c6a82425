"""The time that each layer takes, measured in one more run of what is recorded."""

from time import perf_counter

from convlab.model.execution import execute
from convlab.model.model import Model
from convlab.recording.activations import Activations


def seconds_of(model: Model, acts: Activations) -> dict[str, float]:
    """Return the seconds of each node; none for a network on a GPU, which is not waited for node by node."""
    if model.device != "cpu":
        return {}
    seconds = {}
    with model.computing(1):
        before = perf_counter()
        for node, _, _ in execute(model.graph, {name: array[:1] for name, array in acts.inputs.items()}):
            after = perf_counter()
            seconds[node.name], before = after - before, after
    return seconds
