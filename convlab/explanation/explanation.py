"""The explanation of one number of a recording: its sum, the function applied, the part of the image seen."""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np

from convlab.errors import LayerNameError, ShapeError, UnsupportedError
from convlab.explanation.contributions import Position, WeightedSum, sums_of
from convlab.explanation.explained import Explained, Seen
from convlab.explanation.html import explanation_table
from convlab.explanation.labels import labels_of
from convlab.explanation.text import explanation_text
from convlab.layers import ACTIVATIONS
from convlab.model.model import Model, Node
from convlab.model.receptive_field import Field
from convlab.recording.activations import Activations
from convlab.recording.prediction import number_of_class
from convlab.recording.recorded import check_recording
from convlab.runtime.arrays import Array, Shape
from convlab.wording import listed, unknown

SIDES = {"z": "slice", "y": "row", "x": "column", "channel": "channel"}


class Explanation(Explained):
    """How one recorded number came about. `str()` of it is for reading, `as_dict()` for programs.

    What it holds is told at `Explained`.
    """

    def __str__(self) -> str:
        return explanation_text(self)

    def _repr_html_(self) -> str:
        return explanation_table(self)


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
) -> Explanation:
    """Explain one number of a recording: which cells it was computed from, with which weights, step by step.

    Parameters
    ----------
    model, acts
        The network, and a recording it made that holds the layer and what feeds it.
    layer : str
        Name of the layer, `name/2` for its second call.
    y, x, channel : int (channel: or str), optional
        Which number of the layer's output (H, W, C); of an output (features,), `channel` alone. What is left out is
        where the largest number lies, of all that are left. In the output, or what it was before its softmax, a
        channel may be given by the label of its class.
    z : int, optional
        Its slice, where the output is a volume (D, H, W, C).
    image : int
        Which image of the batch.

    Raises
    ------
    LayerNameError
        Where the network has no such layer or label, or the recording lacks it or its input.
    ShapeError
        Where there is no such number, or the recording is another network's.
    UnsupportedError
        For a layer that is no weighted sum, or what is no recording.
    """
    check_recording(acts)
    node = _node(model, layer)
    labels = labels_of(model, node.name)
    if isinstance(channel, str):
        channel = number_of_class(channel, labels, f"layer {layer!r}")
    asked = {"z": z, "y": y, "x": x, "channel": channel}
    *inputs, output = _recorded(model, acts, node)
    image, *place, channel = _indices(layer, output, image, asked)
    recorded = output[(image, *place, channel)]
    sources, sums, this = sums_of(node, [maps[image] for maps in inputs], output.shape[1:], (*place, channel))
    after, function, tolerance = _apply(node.layer.activation, sums, this, recorded.dtype)
    if channel in node.silenced:
        after, function = 0.0, "silenced"
    image_input = model.graph.inputs_behind[node.name]
    fields = model.receptive_fields()
    if len(sources) == 1:
        field = _seen(fields[sources[0]], sums[this].place)
    else:
        field = _seen(fields[node.name], sums[this].place)
    return Explanation(
        **vars(sums[this]),
        model=model.title,
        layer=layer,
        kind=node.layer.kind,
        weighted=bool(node.layer.shapes),
        sources=sources,
        shape=model.shapes[layer],
        image=image,
        z=place[0] if len(place) == 3 else None,
        y=place[-2],
        x=place[-1],
        channel=channel,
        activation=node.layer.activation,
        function=function,
        label=labels[channel] if labels else "",
        choice=_choice(asked, model.shapes[layer], _part(output, image, list(asked.values())[1 - output.ndim :])),
        after=after,
        recorded=float(recorded),
        tolerance=tolerance,
        field=field if image_input else None,
        input=image_input,
        image_shape=model.inputs[image_input] if image_input else (),
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
    if volumes := [array.shape[1:] for array in arrays if array.ndim > 5]:
        raise UnsupportedError(
            f"layer {node.name!r} ({node.layer.kind}) cannot be explained: its numbers lie in"
            f" {volumes[0]}; volumes (D, H, W, C), images, sequences and features can be"
        )
    for name, array in zip(names, arrays, strict=True):
        if array.shape[1:] != model.shapes[name]:
            raise ShapeError(
                f"the recording is of another network ({acts.model!r}): in it {name!r} has shape {array.shape},"
                f" in {model.name!r} (N, {str(model.shapes[name])[1:]}"
            )
    return [array.reshape(len(array), *(1,) * (4 - array.ndim), *array.shape[1:]) for array in arrays]


def _indices(layer: str, output: Array, image: int, asked: Mapping[str, int | None]) -> tuple[int, ...]:
    """Return the image and the place in an output of the number asked for; the largest where some sides are left."""
    sides = dict(asked)
    if output.ndim == 4 and sides.pop("z"):
        raise ShapeError(f"explain: z is {asked['z']!r}, but the output of layer {layer!r} has no slices")
    image = _within(layer, "image", image, len(output))
    sizes = dict(zip(sides, output.shape[1:], strict=True))
    place = {name: None if at is None else _within(layer, name, at, sizes[name]) for name, at in sides.items()}
    left = _part(output, image, place.values())
    if not left.size:
        raise ShapeError(f"explain: layer {layer!r} has no numbers: {output.shape[1:]}")
    largest = np.unravel_index(np.where(np.isnan(left), -np.inf, left).argmax(), left.shape)
    return image, *(int(found) if at is None else at for found, at in zip(largest, place.values(), strict=True))


def _part(output: Array, image: int, place: Iterable[int | None]) -> Array:
    """Return the numbers of one image of an output that are left when some sides of a place are asked for."""
    return output[(image, *(slice(None) if at is None else slice(at, at + 1) for at in place))]


def _choice(asked: Mapping[str, int | None], shape: Shape, left: Array) -> str:
    """Return how the number was chosen, of those left, where its place was not, or not all of it, asked for."""
    sizes = zip(SIDES, (*(1,) * (4 - len(shape)), *shape), strict=True)
    sides = {name: asked[name] for name, size in sizes if size > 1}  # where there is one place, there is no choice
    given = [f"{SIDES[name]} {at}" for name, at in sides.items() if at is not None]
    if len(given) == len(sides):
        return ""
    part = ", ".join(given) or "the layer"
    return f"the largest number of {part}" if left.any() else f"the first number of {part}, which is zero everywhere"


def _within(layer: str, name: str, index: object, size: int) -> int:
    if not size:
        raise ShapeError(f"explain: the recording holds no {name} of layer {layer!r}: it is of an empty batch")
    if isinstance(index, bool) or not isinstance(index, int | np.integer) or not 0 <= index < size:
        raise ShapeError(f"explain: {name} is {index!r}, but layer {layer!r} has {name} 0 to {size - 1}")
    return int(index)


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
    return f"softmax: exp({row[i]:.6g} - {row.max():.6g}) / {whole:.6g}"


def _seen(field: Field | Literal["varies"] | None, place: Position) -> Seen:
    """Return the box of the image behind a place in a layer that has the field, from its first cell to its last."""
    if not isinstance(field, Field):
        return field
    sides = (place.rows, place.columns) if place.slices is None else (place.slices, place.rows, place.columns)
    firsts, lasts = field.box(*(side[0] for side in sides)), field.box(*(side[-1] for side in sides))
    return tuple((first[0], last[1]) for first, last in zip(firsts, lasts, strict=True))
