"""What the channels of a layer stand for."""

from collections.abc import Sequence

from convlab.model.logits import final_activation, logits
from convlab.model.model import Model
from convlab.recording.prediction import class_names


def labels_of(model: Model, name: str) -> Sequence[str]:
    """Return what the channels of an output stand for, or of what it was before its softmax; () for other layers."""
    if model.labels is None or model.shapes[name][-1] not in (1, len(model.labels)):
        return ()
    ends = {output: output for output in model.graph.outputs}
    if len(ends) == 1:
        ends[logits(model.graph).removesuffix("/pre")] = model.graph.outputs[0]
    if name not in ends:
        return ()
    names = class_names(model.shapes[name][-1], final_activation(model.graph, ends[name]), model.labels)
    return names if set(names) <= set(model.labels) else ()
