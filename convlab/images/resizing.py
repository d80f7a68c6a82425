"""Pictures to a network's size and channels: uint8 stays uint8, all else is float32, both 0..255."""

from typing import Literal, get_args

import numpy as np
from PIL import Image

from convlab.errors import ImageError
from convlab.wording import say

__all__ = ["Filter", "Fit", "check_names", "describe_resizing", "recolour", "resize"]

Fit = Literal["crop", "stretch"]
Filter = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]

BAND = 1 << 18  # pixels that are computed with in float64 at a time, which takes ten times the room of bytes
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, which Pillow's mode L uses too


def check_names(fit: str, resample: str) -> None:
    """Raise ImageError, listing the right names, where a name is wrong."""
    for what, name, names in (("fit", fit, get_args(Fit)), ("resample", resample, get_args(Filter))):
        if name not in names:
            raise ImageError(f"{what}={name!r}; expected one of {', '.join(names)}")


def recolour(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Return `pixels` (H, W, 1, 3 or 4) with 1 or 3 channels; alpha (the fourth) is laid over white."""
    if pixels.shape[-1] == 4:
        pixels = _over_white(pixels)
    if pixels.shape[-1] == channels:
        return pixels
    if channels == 3:
        return np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    if pixels.dtype == np.uint8:
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("L"))[..., None]
    grey: np.ndarray = pixels @ LUMA
    return grey[..., None].astype(np.float32)


def resize(pixels: np.ndarray, size: tuple[int, int], fit: Fit, resample: Filter, name: str) -> np.ndarray:
    """Return `pixels` (H, W, C) at `size` (height, width), resampled only along axes that need it.

    `name` is what messages call them.

    "stretch" scales both sides independently. "crop" scales until the picture just covers `size`, rounding
    the longer side down, then cuts the centre: what Resize and CenterCrop of torchvision do.
    """
    shape = (pixels.shape[0], pixels.shape[1])
    scaled = size if fit == "stretch" else _covering(shape, size, name)
    if scaled != shape:
        bands = [_resize_band(pixels[..., c], scaled, resample) for c in range(pixels.shape[-1])]
        pixels = np.stack(bands, axis=-1)
    return _centre(pixels, size)


def describe_resizing(shape: tuple[int, int], size: tuple[int, int], fit: Fit) -> list[str]:
    """Return a line that says what `resize` does to a picture (H, W) = `shape`; none where it leaves it as it is."""
    (h, w), (height, width) = shape, size
    if shape == size:
        return []
    if h * width == w * height:
        how = f"resized to {width} x {height}"
    elif fit == "stretch":
        how = f"stretched to {width} x {height}"
    else:
        how = f"resized until they cover {width} x {height}, and cut to their middle"
    return [f"{w} x {h} pixels {how}"]


def _over_white(pixels: np.ndarray) -> np.ndarray:
    """Blend (H, W, 4) with white: colour * alpha + white * (1 - alpha), a few rows at a time."""
    H, W, _ = pixels.shape
    blended = np.empty((H, W, 3), np.uint8 if pixels.dtype == np.uint8 else np.float32)
    step = max(1, BAND // W)
    for top in range(0, H, step):
        band = pixels[top : top + step]
        colour, alpha = band[..., :3].astype(np.float64), band[..., 3:] / 255
        exact = colour * alpha + 255 * (1 - alpha)
        blended[top : top + step] = exact.round() if pixels.dtype == np.uint8 else exact
    return blended


def _covering(shape: tuple[int, int], size: tuple[int, int], name: str) -> tuple[int, int]:
    """Return the smallest size of the same proportions as `shape` that covers `size`."""
    (h, w), (height, width) = shape, size
    scaled = (height, w * height // h) if height * w >= width * h else (h * width // w, width)
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and scaled[0] * scaled[1] > limit:
        remedy = say("fit='stretch'", "--fit stretch")
        raise ImageError(
            f"{name}: a picture of {h}x{w} (height x width) scaled to cover {height}x{width} would be "
            f"{scaled[0]}x{scaled[1]}, more than {limit} pixels; use {remedy}, or cut it first"
        )
    return scaled


def _resize_band(band: np.ndarray, size: tuple[int, int], resample: Filter) -> np.ndarray:
    """Resize (H, W): uint8 in Pillow's mode L, float32 in mode F."""
    image = Image.fromarray(np.ascontiguousarray(band))
    resized = np.asarray(image.resize((size[1], size[0]), Image.Resampling[resample.upper()]))
    if band.dtype == np.uint8:
        return resized
    # Sharp filters ring past black and white. Mode L cuts that off; here too, but never a value the band has.
    return resized.clip(min(0, band.min()), max(255, band.max()))


def _centre(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut `size` (height, width) out of the middle; an odd remainder is split as round() splits it."""
    top, left = (round((have - want) / 2) for have, want in zip(pixels.shape[:2], size, strict=True))
    return pixels[top : top + size[0], left : left + size[1]]
