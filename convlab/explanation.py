"""How one number of a recording came about: what was added up, the function applied, the part of the image seen."""

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from convlab.activations import Activations
from convlab.arrays import Array
from convlab.errors import LayerNameError, ShapeError, UnsupportedError
from convlab.geometry import Field
from convlab.layers import ACTIVATIONS, Concatenate, Identity, Shape, Stack
from convlab.layers.merging import Merge
from convlab.model import Model, Node
from convlab.names import unknown
from convlab.sums import WeightedSum, weighted_sum
from convlab_kernels.window import Pair

Box = tuple[Pair, Pair]
Seen = Box | Literal["varies"] | None
ALONG_CHANNELS = ("softmax", "log_softmax", "sparsemax")
SUBTRACTING = ("hard_sigmoid_keras2", "log_softmax", "sparsemax", "tanh_shrink")  # what may be nearly the same


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Explanation(WeightedSum):
    """How one recorded number came about. `str()` of it is for reading, `as_dict()` for programs.

    To what `WeightedSum` holds (place, patch, kernel, products, bias, ...) it adds:

    Attributes
    ----------
    model, layer, kind : str
        The network, the layer (node), and its class.
    sources : tuple of str
        What feeds it: one, or all that a merging layer takes; then the patch's channels are theirs.
    shape : tuple of int
        The layer's output shape, without the batch.
    image, y, x, channel : int
        Which number.
    activation, function : str
        The function applied last, and the same with its numbers where it has any.
    after, recorded : float
        The value computed here, in float64, and the recorded one.
    tolerance : float
        How far rounding alone may have taken them apart.
    field : ((first row, last row), (first column, last column)), "varies" or None
        The receptive field in the image, padding included. "varies": there is no one rule for all units; None: all
        of the image, or of several.
    input : str or None
        The network's input behind the number; None where there are several.
    image_shape : tuple of int
        Its shape; () where there are several.
    """

    model: str
    layer: str
    kind: str
    sources: tuple[str, ...]
    shape: Shape
    image: int
    y: int
    x: int
    channel: int
    activation: str
    function: str
    after: float
    recorded: float
    tolerance: float
    field: Seen
    input: str | None
    image_shape: Shape

    @property
    def source(self) -> str:
        """The (first) source."""
        return self.sources[0]

    @property
    def field_in_image(self) -> Box | None:
        """The receptive field without its padding; a last row or column before the first: nothing is left."""
        if self.field is None or self.field == "varies":
            return None
        size = (1, *self.image_shape)[-3:-1]  # a sequence (W, C) is one row
        rows, columns = ((max(a, 0), min(b, n - 1)) for (a, b), n in zip(self.field, size, strict=True))
        return rows, columns

    @property
    def agrees(self) -> bool:
        """Whether the recorded value is the one computed here, but for rounding."""
        return bool(
            np.array_equal(self.recorded, self.after, equal_nan=True)
            or abs(self.recorded - self.after) <= self.tolerance
        )

    def strongest(self, count: int) -> list[int]:
        """Return the places in the patch of the input channels that add most, of either sign."""
        return [int(i) for i in np.argsort(-np.abs(self.channel_sums), kind="stable")[:count]]

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "place"}
        place = {side: list(getattr(self.place, side)) for side in ("rows", "columns", "channels")}
        derived = ("source", "channel_sums", "before", "field_in_image", "agrees")
        found = place | {"padding": self.place.padding} | values | {name: getattr(self, name) for name in derived}
        return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in found.items()}

    def __repr__(self) -> str:
        at = (self.image, self.y, self.x, self.channel)
        return f"<Explanation of {self.model}'s {self.layer} at {at}: {self.recorded:.6g}>"

    def __str__(self) -> str:
        from convlab.view.explain_text import explanation_text

        return explanation_text(self)


def explain(
    model: Model, acts: Activations, layer: str, y: int = 0, x: int = 0, channel: int = 0, *, image: int = 0
) -> Explanation:
    """Explain one number of a recording: which cells it was computed from, with which weights, step by step.

    Parameters
    ----------
    model, acts
        The network, and a recording it made that holds the layer and what feeds it.
    layer : str
        Name of the layer, `name/2` for its second call.
    y, x, channel : int
        Which number of the layer's output (H, W, C); of an output (features,), `channel` alone.
    image : int
        Which image of the batch.

    Raises
    ------
    LayerNameError
        Where the network has no such layer, or the recording lacks it or its input.
    ShapeError
        Where there is no such number, or the recording is another network's.
    UnsupportedError
        For a layer that is no weighted sum.
    """
    node = _node(model, layer)
    *inputs, output = _recorded(model, acts, node)
    image, y, x, channel = (
        _within(layer, name, index, size)
        for name, index, size in zip(
            ("image", "y", "x", "channel"), (image, y, x, channel), output.shape, strict=True
        )
    )
    recorded = output[image, y, x, channel]
    sources, sums, this = _sums(node, [maps[image] for maps in inputs], output.shape[1:], (y, x, channel))
    after, function, tolerance = _apply(node.layer.activation, sums, this, recorded.dtype)
    if channel in node.silenced:
        after, function = 0.0, "silenced"
    image_input = _input_behind(model, node)
    fields, place = model.receptive_fields(), sums[this].place
    if len(sources) == 1:
        field = _seen(fields[sources[0]], place.rows, place.columns)
    else:
        field = _seen(fields[node.name], range(y, y + 1), range(x, x + 1))
    return Explanation(
        **vars(sums[this]),
        model=model.name,
        layer=layer,
        kind=node.layer.kind,
        sources=sources,
        shape=model.shapes[layer],
        image=image,
        y=y,
        x=x,
        channel=channel,
        activation=node.layer.activation,
        function=function,
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
    """Return what the node was given and what it made as images (N, H, W, C)."""
    names = [*node.inputs, node.name]
    if missing := [name for name in names if name not in acts and name not in acts.inputs]:
        needed = [name for name in names if name not in model.inputs]
        raise LayerNameError(
            f"layer {node.name!r} cannot be explained from this recording, which lacks {', '.join(missing)}:"
            f" run the network with record={needed}"
        )
    arrays = [acts.inputs[name] if name in acts.inputs else acts[name] for name in names]
    if volumes := [array.shape[1:] for array in arrays if array.ndim > 4]:
        raise UnsupportedError(
            f"layer {node.name!r} ({node.layer.kind}) cannot be explained: its numbers lie in"
            f" {volumes[0]}, a volume or more; images (H, W, C), sequences and features can be"
        )
    for name, array in zip(names, arrays, strict=True):
        if array.shape[1:] != model.shapes[name]:
            raise ShapeError(
                f"the recording is of another network ({acts.model!r}): in it {name!r} has shape {array.shape},"
                f" in {model.name!r} (N, {str(model.shapes[name])[1:]}"
            )
    return [array.reshape(len(array), *(1,) * (4 - array.ndim), *array.shape[1:]) for array in arrays]


def _sums(
    node: Node, inputs: list[Array], output: Shape, at: tuple[int, int, int]
) -> tuple[tuple[str, ...], list[WeightedSum], int]:
    """Return what feeds the number, the sums its activation function takes together, and which of them is its own."""
    y, x, channel = at
    layer = node.layer
    if isinstance(layer, Concatenate | Stack):
        source, place = _part(layer, inputs, at)
        return (node.inputs[source],), [weighted_sum(Identity(layer.name), inputs[source], *place)], 0
    if isinstance(layer, Merge):
        maps = np.stack([np.broadcast_to(one, output)[:, :, channel] for one in inputs], axis=-1)
        return node.inputs, [weighted_sum(layer, maps, y, x, channel)], 0
    together = range(output[2]) if layer.activation in ALONG_CHANNELS else [channel]
    return node.inputs, [weighted_sum(layer, inputs[0], y, x, k) for k in together], together.index(channel)


def _part(layer: Merge, inputs: list[Array], at: tuple[int, int, int]) -> tuple[int, tuple[int, ...]]:
    """Return which input a number comes from, and its place there: the layer is asked where it puts each place."""
    ends = np.cumsum([maps.size for maps in inputs])
    places = [
        np.arange(end - maps.size, end, dtype=np.float64).reshape(1, *maps.shape[3 - len(shape) :])
        for end, maps, shape in zip(ends, inputs, layer.input_shapes, strict=True)
    ]
    moved = layer(*places)[0]
    place = int(moved.reshape(*(1,) * (3 - moved.ndim), *moved.shape)[at])
    source = int(np.searchsorted(ends, place, side="right"))
    inside = np.unravel_index(place - int(ends[source]) + inputs[source].size, inputs[source].shape)
    return source, tuple(int(i) for i in inside)


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
    apply, info = ACTIVATIONS[activation], np.finfo(dtype)
    unit, after = float(info.eps) / 2, float(apply(row)[i])
    before = sums[i].rounding(dtype)
    if activation in ("linear", "relu"):
        return _in_range(after, dtype), activation, before
    with np.errstate(invalid="ignore", over="ignore"):
        if activation in ALONG_CHANNELS:
            before = max(total.rounding(dtype) for total in sums) + 2 * unit * float(np.abs(row).max())
            behind = after * np.expm1(2 * before) if activation == "softmax" else 2 * before + unit * len(row)
        else:
            behind = np.abs(apply(row[i] + np.array([-before, before])) - after).max()
    x = 0.0 if activation in ALONG_CHANNELS else min(abs(row[i]), 1e3)
    subtracted = float(np.abs(row).max()) if activation in SUBTRACTING else 0.0
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


def _input_behind(model: Model, node: Node) -> str | None:
    """Return the input of the network that leads to a node, None where there are several."""
    behind = {name: {name} for name in model.inputs}
    for one in model.nodes:
        behind[one.name] = set().union(*(behind[source] for source in one.inputs))
    first, *others = behind[node.name]
    return None if others else first


def _seen(field: Field | Literal["varies"] | None, rows: range, columns: range) -> Seen:
    """Return the box of the image behind cells of a layer that has the field, the first to the last."""
    if not isinstance(field, Field):
        return field
    first, last = field.box(rows[0], columns[0]), field.box(rows[-1], columns[-1])
    return (first[0][0], last[0][1]), (first[1][0], last[1][1])
