"""Which number of a layer is to be explained, and how it was chosen where nobody said which."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from convlab.errors import ShapeError, UnsupportedError
from convlab.model.labels import labels_of
from convlab.model.model import Model
from convlab.runtime.arrays import Array, Shape

SIDES = {"z": "slice", "y": "row", "x": "column", "channel": "channel"}


def as_images(name: str, kind: str, array: Array) -> Array:
    """Return what a layer made, volumes (N, D, H, W, C) as they are, and all else as images (N, H, W, C)."""
    if array.ndim > 5:
        raise UnsupportedError(
            f"layer {name!r} ({kind}) cannot be explained: its numbers lie in {array.shape[1:]};"
            " volumes (D, H, W, C), images, sequences and features can be"
        )
    return array.reshape(len(array), *(1,) * (4 - array.ndim), *array.shape[1:])


def about(
    model: Model, layer: str, asked: Mapping[str, int | None], output: Array, at: tuple[int, ...]
) -> dict[str, Any]:
    """Return what `Explained` tells of which number it is, by the place (image, ..., channel) that was found."""
    image, *place = at
    image_input, labels = model.graph.inputs_behind[layer], labels_of(model, layer)
    return {
        "model": model.title,
        "layer": layer,
        "shape": model.shapes[layer],
        "image": image,
        "z": place[0] if len(place) == 4 else None,
        "y": place[-3],
        "x": place[-2],
        "channel": place[-1],
        "label": labels[place[-1]] if labels else "",
        "choice": _choice(asked, model.shapes[layer], _part(output, image, list(asked.values())[1 - output.ndim :])),
        "input": image_input,
        "image_shape": model.inputs[image_input] if image_input else (),
    }


def indices(layer: str, output: Array, image: int, asked: Mapping[str, int | None]) -> tuple[int, ...]:
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
