"""The maps (H, W, C) that an activation of any number of axes is shown as."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from convlab.errors import ShapeError
from convlab.runtime.arrays import Array

VOLUMES = 5  # axes of volumes (N, D, H, W, C)
ROW = 1 / 8  # height of a picture of a single row, as a share of its width: drawn to scale it would be a line


def image_maps(activation: Array, image: int = 0) -> Array:
    """Return the maps (H, W, C) of one image of an activation."""
    a = np.asarray(activation)
    if a.ndim == 2:
        a = a[:, None, None, :]
    if a.ndim == 3:
        a = a[None]
    if a.ndim != 4 or 0 in a.shape[1:]:
        raise ShapeError(
            f"mosaic: activation has shape {np.shape(activation)}, expected (N, H, W, C), none of them 0"
        )
    if not -len(a) <= image < len(a):
        raise ShapeError(f"mosaic: image {image} of a batch of {len(a)} does not exist")
    return a[image]


def recorded_maps(array: Array, image: int) -> Array:
    """Return the maps (H, W, C) of one image of a recorded array (N, ...).

    One row for (N, W, C), one cell for (N, features), of a volume its middle slice; further axes are laid out under
    one another.
    """
    if array.ndim == VOLUMES:
        array = array[:, middle(array)]
    elif array.ndim > 2:
        array = array.reshape(len(array), prod(array.shape[1:-2]), *array.shape[-2:])
    return image_maps(array, image)


def tall(maps: Array) -> Array:
    """Return maps (H, W, C) as they are drawn: those of one row so many rows high that they can be seen."""
    height, width, _ = maps.shape
    return maps.repeat(max(1, round(width * ROW)), axis=0) if height == 1 else maps


def middle(array: Array) -> int:
    """Return the number of the middle slice of volumes (N, D, H, W, C)."""
    return array.shape[1] // 2


def slice_note(array: Array) -> str:
    """Return what to say of the one slice that `recorded_maps` takes of a volume; nothing of what is none."""
    return f"slice {middle(array)}" if array.ndim == VOLUMES else ""


def silent_channels(maps: Array) -> NDArray[np.bool_]:
    """Return, for maps (H, W, C), which channels are zero everywhere: (C,)."""
    return (maps == 0).all(axis=(0, 1))


def most_varied(maps: Array, count: int) -> Array:
    """Return the `count` channels of maps (H, W, C) that vary most, in their order.

    The border does not count: it shows the padding more than the image. NaN is most remarkable of all.
    """
    top, left = maps.shape[0] // 8, maps.shape[1] // 8
    inside = maps[top : maps.shape[0] - top, left : maps.shape[1] - left]
    with np.errstate(invalid="ignore"):
        deviation = np.nan_to_num(inside.std(axis=(0, 1), dtype=np.float64), nan=np.inf)
    return np.sort(np.argsort(-deviation, kind="stable")[:count])
