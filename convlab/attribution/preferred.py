"""The inputs that units prefer: pictures changed, step by step, until a unit answers as strongly as it will.

Erhan et al., "Visualizing higher-layer features of a deep network" (University of Montreal, 2009), section 2. The
plain way is that of Chollet, "Deep Learning with Python" (2nd edition), section 9.4.2: from zeros with a little
noise, a fixed number of steps of one length up the gradient of the mean of a channel before its activation function.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.attribution.parametrisation import Fourier, Pixels, Way
from convlab.attribution.result import Progress
from convlab.attribution.saliency import only_input
from convlab.backward.gradients import gradients
from convlab.errors import LayerNameError, ShapeError
from convlab.model.graph import build_graph
from convlab.model.labels import labels_of
from convlab.model.model import Model
from convlab.model.nodes import has_activation, own_layers
from convlab.recording.prediction import number_of_class
from convlab.runtime.arrays import Array
from convlab.wording import counted, unknown
from convlab_kernels.window import Pair, parse_pair

EDGE = 2  # rows and columns at the border of a map that show its padding more than the channel
TOGETHER = 4  # channels that are computed side by side


@dataclass(frozen=True, eq=False, repr=False)
class PreferredInputs:
    """What some channels of a layer prefer.

    Attributes
    ----------
    images : array (N, H, W, C)
        An input for each channel, as the network takes it.
    layer : str
    channels : tuple of int
    start, end : array (N,)
        The channel's mean, but for the border of a large map, before the layer's own activation function (of a dense
        layer the unit's value), of what was begun with and of the image.
    steps : int
    way : str
        "pixels" or "fourier".
    network : Model
    """

    images: Array
    layer: str
    channels: tuple[int, ...]
    start: Array
    end: Array
    steps: int
    way: str
    network: Model

    @property
    def names(self) -> list[str]:
        """What the channels are called: the labels of classes, else their numbers."""
        labels = labels_of(self.network, self.layer)
        return [labels[channel] if labels else str(channel) for channel in self.channels]

    @property
    def fired(self) -> Array:
        """For each channel whether it came to more than it began with, and to more than 0: bool (N,)."""
        found: Array = (self.end > 0) & (self.end > self.start)
        return found

    @property
    def rose(self) -> Array:
        """For each channel whether it did not fire but came nearer to it, so that more steps may help: bool (N,)."""
        found: Array = (self.end > self.start) & ~self.fired
        return found

    @property
    def pictures(self) -> Array:
        """The images as pictures, uint8 (N, H, W, C): grey for what they have on the average, RGB."""
        middle = self.images.mean(axis=(1, 2, 3), keepdims=True)
        spread = self.images.std(axis=(1, 2, 3), keepdims=True)
        shown = (self.images - middle) / np.where(spread > 0, spread, 1) * 0.15 + 0.5
        form = self.network.preprocessing
        if form is not None and form.channels == "BGR":
            shown = shown[..., ::-1]
        return (shown.clip(0, 1) * 255).round().astype(np.uint8)

    def __repr__(self) -> str:
        lines = [f"<inputs that {self.layer} of {self.network.title} prefers, {counted(self.steps, 'step')}>"]
        for i, (channel, name) in enumerate(zip(self.channels, self.names, strict=True)):
            called = f"channel {channel}" if name == str(channel) else f"class {channel} ({name})"
            quiet = "" if self.fired[i] else ", did not fire: more steps may" if self.rose[i] else ", did not fire"
            lines.append(f"  {called}: {self.start[i]:.4g} -> {self.end[i]:.4g}{quiet}")
        return "\n".join(lines)


def preferred_input(
    model: Model,
    layer: str,
    channel: int | str | Iterable[int | str],
    *,
    size: int | Pair | None = None,
    steps: int | None = None,
    fourier: bool = False,
    rate: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> PreferredInputs:
    """Return the input that a channel of a layer prefers, or an input for each of several.

    Parameters
    ----------
    model, layer
        A network on images, and a layer (node) of maps, or of units.
    channel : int or str, or several of them
        Which channels, or units; of the output, or what it was before its softmax, also the label of a class.
    size : int or (H, W), optional
        Of the images, in pixels; by default the network's own, and no other for layers behind a Flatten.
    steps : int, optional
        By default 30, or 128 with `fourier`.
    fourier : bool
        Whether the image is changed by its frequencies and uncorrelated colours, and shifted a little at every step,
        so that smooth pictures are as near as noise: Olah et al., "Feature visualization" (Distill 2017).
    rate : float, optional
        The length of a step, in levels of 0 to 255; by default 10. With `fourier` Adam's rate; by default 0.05.
    seed : int
        Of the noise to begin with, and of the shifts; each channel has its own, whichever others are asked for.
    progress : function, optional
        Called after each step with how many are done, and of how many.

    Returns
    -------
    PreferredInputs

    Raises
    ------
    LayerNameError
        For a layer, or a label, that is not there.
    ShapeError
        For a channel that is not there, no steps, a network on no image, or a size that it cannot take.
    """
    steps = (128 if fourier else 30) if steps is None else steps
    network, target = _leading_to(model, layer, size)
    several = [channel] if isinstance(channel, str) or not np.iterable(channel) else channel
    channels = tuple(_number(model, layer, one) for one in several)
    if steps < 1 or not channels:
        raise ShapeError(f"preferred_input: {steps} steps for {len(channels)} channels, expected at least 1")
    kind, usual = (Fourier, 0.05) if fourier else (Pixels, 10.0)
    way: Way = kind(model, usual if rate is None else rate)
    parts = [channels[i : i + TOGETHER] for i in range(0, len(channels), TOGETHER)]
    images, ends = [], []
    for number, part in enumerate(parts):
        state = way.begin(network.input_shape, [np.random.default_rng([seed, one]) for one in part])
        found = [_value(network, target, way.image(state), part)]
        for step in range(steps):
            x, moved = way.moved(state)
            state = way.step(state, moved(_gradient(network, target, x, part)))
            if progress is not None:
                progress(number * steps + step + 1, len(parts) * steps)
        image = way.image(state)
        found.append(_value(network, target, image, part))
        images.append(image)
        ends.append(found)
    start, end = np.concatenate([np.array(pair) for pair in ends], axis=1)
    return PreferredInputs(
        np.concatenate(images), layer, channels, start, end, steps, "fourier" if fourier else "pixels", model
    )


def _leading_to(model: Model, layer: str, size: int | Pair | None) -> tuple[Model, str]:
    """Return the part of the network that leads to a layer, for images of that size, and the name of its numbers."""
    names = [node.name for node in model.nodes]
    if layer not in names:
        raise LayerNameError(unknown("layer", layer, names))
    source = model.graph.inputs_behind[layer]
    if source is None:
        raise ShapeError(f"preferred_input: layer {layer!r} sees several inputs, {', '.join(model.inputs)}")
    shape = model.inputs[source]
    if len(shape) != 3:
        raise ShapeError(f"preferred_input: model {model.name!r} takes {shape}, no image (H, W, C)")
    sized = shape if size is None else (*parse_pair("size", size, least=1), shape[2])
    nodes = own_layers(model.graph.leading_to(layer))
    part = model.part(build_graph(model.name, {source: sized}, nodes, [layer]))
    return part, f"{layer}/pre" if has_activation(nodes[-1].layer) else layer


def _number(model: Model, layer: str, channel: Any) -> int:
    """Return the number of a channel that is given by it, or by the label of its class."""
    if isinstance(channel, str):
        return number_of_class(channel, labels_of(model, layer), f"layer {layer!r}")
    count = model.shapes[layer][-1]
    if isinstance(channel, bool) or not isinstance(channel, int | np.integer) or not 0 <= channel < count:
        raise ShapeError(f"preferred_input: layer {layer!r} has channels 0 to {count - 1}, found {channel!r}")
    return int(channel)


def _seed(part: Model, target: str, channels: Sequence[int], dtype: np.dtype[np.floating]) -> Array:
    """Return the gradient of each channel's mean, without the border of its map: (N, ..., C)."""
    shape = part.shapes[target.removesuffix("/pre")]
    seed = np.zeros((len(channels), *shape), dtype)
    inside = [slice(EDGE, n - EDGE) if n > 4 * EDGE else slice(None) for n in shape[:-1]]
    for row, channel in zip(seed, channels, strict=True):
        row[(*inside, channel)] = 1
    return seed / seed.reshape(len(seed), -1).sum(axis=1).reshape(-1, *(1,) * len(shape))


def _gradient(part: Model, target: str, x: Array, channels: Sequence[int]) -> Array:
    name, acts = only_input(part), part.run(x)
    return gradients(part, acts, {target: _seed(part, target, channels, x.dtype)}, to=name)[name]


def _value(part: Model, target: str, x: Array, channels: Sequence[int]) -> Array:
    made = part.run(x, record=[target])[target]
    seed = _seed(part, target, channels, x.dtype)
    values: Array = (made * seed).reshape(len(x), -1).sum(axis=1)
    return values
