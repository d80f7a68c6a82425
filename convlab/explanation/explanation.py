"""The explanation of one number of a recording: its sum, the function applied, the part of the image seen."""

from typing import Any

import numpy as np

from convlab.backward.result import Gradients
from convlab.errors import LayerNameError, ShapeError, UnsupportedError
from convlab.explanation.asked import about, as_images, indices
from convlab.explanation.backwards import explain_backwards
from convlab.explanation.contributions import WeightedSum, sums_of
from convlab.explanation.result import Explanation
from convlab.explanation.seen import seen
from convlab.layers import ACTIVATIONS
from convlab.model.labels import labels_of
from convlab.model.model import Model, Node
from convlab.recording.activations import Activations
from convlab.recording.prediction import number_of_class
from convlab.recording.recorded import check_recording
from convlab.runtime.arrays import Array
from convlab.wording import listed, say, unknown

__all__ = ["Explanation", "explain"]


def explain(
    model: Model,
    acts: Activations,
    layer: str,
    y: int | None = None,
    x: int | None = None,
    channel: int | str | None = None,
    *,
    z: int | None = None,
    image: int = 0,
    backward: bool = False,
) -> Explanation:
    """Explain one number of a recording: which cells it was computed from, with which weights, step by step.

    Backwards, one number of a gradient: which numbers its cell reaches, and their gradients times the weights that
    link them to it. That is the sum behind it, of a convolution a convolution again.

    Parameters
    ----------
    model, acts
        The network, and a recording it made that holds the layer and what feeds it; backwards, gradients that
        `convlab.gradients` made by the layer and what takes it.
    layer : str
        Name of the layer, `name/2` for its second call; backwards also of an input.
    y, x, channel : int (channel: or str), optional
        Which number of the layer's output (H, W, C); of an output (features,), `channel` alone. What is left out is
        where the largest number lies, of all that are left. In the output, or what it was before its softmax, a
        channel may be given by the label of its class.
    z : int, optional
        Its slice, where the output is a volume (D, H, W, C).
    image : int
        Which image of the batch.
    backward : bool
        Whether to explain a number of gradients.

    Raises
    ------
    LayerNameError
        Where the network has no such layer or label, or the recording lacks it or its input.
    ShapeError
        Where there is no such number, or the recording is another network's.
    UnsupportedError
        For a layer that is no weighted sum, or what is no recording; backwards for what are no gradients.
    """
    check_recording(acts)
    if isinstance(channel, str) and layer in model.shapes:
        channel = number_of_class(channel, labels_of(model, layer), f"layer {layer!r}")
    asked: dict[str, Any] = {"z": z, "y": y, "x": x, "channel": channel}
    if isinstance(acts, Gradients):
        if not backward:
            raise UnsupportedError(
                f"explain: these are gradients: {say('backward=True', '--backward')} tells where each comes from"
            )
        return explain_backwards(model, acts, layer, asked, image)
    if backward:
        raise UnsupportedError(
            f"explain: {say('backward=True', '--backward')} is for gradients, found a recording:"
            " convlab.gradients(model, acts, target) makes some; a file does not keep what they were made of"
        )
    node = _node(model, layer)
    *inputs, output = _recorded(model, acts, node)
    image, *place, channel = indices(layer, output, image, asked)
    recorded = output[(image, *place, channel)]
    sources, sums, this = sums_of(node, [maps[image] for maps in inputs], output.shape[1:], (*place, channel))
    after, function, tolerance = _apply(node.layer.activation, sums, this, recorded.dtype)
    if channel in node.silenced:
        after, function = 0.0, "silenced"
    if layer in acts.replaced:
        after, function = float(recorded), "replaced by a what-if"
    told, fields = about(model, layer, asked, output, (image, *place, channel)), model.receptive_fields()
    field = seen(fields[sources[0] if len(sources) == 1 else layer], sums[this].place)
    return Explanation(
        **vars(sums[this]),
        **told,
        kind=node.layer.kind,
        weighted=bool(node.layer.shapes),
        sources=sources,
        activation=node.layer.activation,
        function=function,
        after=after,
        recorded=float(recorded),
        tolerance=tolerance,
        field=field if told["input"] else None,
    )


def _node(model: Model, name: str) -> Node:
    nodes = {node.name: node for node in model.nodes}
    if name not in nodes:
        raise LayerNameError(unknown("layer", name, nodes))
    return nodes[name]


def _recorded(model: Model, acts: Activations, node: Node) -> list[Array]:
    """Return what the node was given and what it made: volumes (N, D, H, W, C), all else as images (N, H, W, C)."""
    names = [*node.inputs, node.name]
    if missing := [name for name in names if name not in acts and name not in acts.inputs]:
        needed = [name for name in names if name not in model.inputs]
        raise LayerNameError(
            f"layer {node.name!r} cannot be explained from this recording, which lacks {listed(missing)}:"
            f" record {listed(needed)}, too"
        )
    arrays = [acts.inputs[name] if name in acts.inputs else acts[name] for name in names]
    images = [as_images(node.name, node.layer.kind, array) for array in arrays]
    for name, array in zip(names, arrays, strict=True):
        if array.shape[1:] != model.shapes[name]:
            raise ShapeError(
                f"the recording is of another network ({acts.model!r}): in it {name!r} has shape {array.shape},"
                f" in {model.name!r} (N, {str(model.shapes[name])[1:]}"
            )
    return images


def _apply(
    activation: str, sums: list[WeightedSum], i: int, dtype: np.dtype[np.floating]
) -> tuple[float, str, float]:
    """Return the value of the i-th of the sums after the activation function, how to write it, and the tolerance.

    Differences of d before softmax are factors of at most exp(2 d) behind it, and at most 2 d behind the others along
    the channels; what d becomes behind a function of one number is taken from the function itself. All but the first
    two round by themselves: by a few units in the last place each, sums by one for each term; an exponential of x or
    x^2 by as many units more as that is, for its argument is rounded; a subtraction by units of what is subtracted.
    """
    row = np.array([total.before for total in sums])
    function, info = ACTIVATIONS[activation], np.finfo(dtype)
    unit, after = float(info.eps) / 2, float(function(row)[i])
    before = sums[i].rounding(dtype)
    if activation in ("linear", "relu"):
        return _in_range(after, dtype), activation, before
    with np.errstate(invalid="ignore", over="ignore"):
        if function.along_channels:
            before = max(total.rounding(dtype) for total in sums) + 2 * unit * float(np.abs(row).max())
            behind = after * np.expm1(2 * before) if activation == "softmax" else 2 * before + unit * len(row)
        else:
            behind = np.abs(function(row[i] + np.array([-before, before])) - after).max()
    x = 0.0 if function.along_channels else min(abs(row[i]), 1e3)
    subtracted = float(np.abs(row).max()) if function.cancels else 0.0
    own = unit * (len(row) + 16 + x + x * x) * (abs(after) + subtracted) + float(info.smallest_subnormal)
    return _in_range(after, dtype), _function(activation, row, i), float(behind) + own


def _in_range(value: float, dtype: np.dtype[np.floating]) -> float:
    """Return a value, or the infinity it is beyond the range of the type."""
    return value if abs(value) <= float(np.finfo(dtype).max) or np.isnan(value) else float(np.copysign(np.inf, value))


def _function(activation: str, row: Array, i: int) -> str:
    """Return how to write a function, with its numbers where it has any."""
    if activation != "softmax":
        return activation
    with np.errstate(invalid="ignore"):
        whole = np.exp(row - row.max()).sum()
    return f"softmax: exp({row[i]:.6g} - largest {row.max():.6g}) / sum of the {len(row)} exps {whole:.6g}"
