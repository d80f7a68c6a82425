"""Anything a person calls an image -> the network's input: files, PIL images, arrays, lists of them.

Inside, a picture is an array (H, W, C) with white at 255: uint8 where the source has 8 bits, else float32.
"""

from collections.abc import Iterator
from numbers import Number
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from convlab.errors import ImageError
from convlab.images.preprocessing import Preprocessing
from convlab.images.resizing import Filter, Fit, check_names, describe_resizing, recolour, resize
from convlab.runtime.tensors import channels_last, is_tensor
from convlab.storage.foreign import name_kind
from convlab.wording import say
from convlab_kernels.caller import warn_caller

__all__ = ["prepare", "size_of"]


FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
MAGIC = {  # how files begin that people mistake for images, or images that lost the rest of their header
    b"\x89PNG": "a PNG with a damaged or cut-off header",
    b"\xff\xd8\xff": "a JPEG with a damaged or cut-off header",
    b"GIF8": "a GIF with a damaged or cut-off header",
    b"RIFF": "a WEBP with a damaged or cut-off header, or sound",
    b"II*\0": "a TIFF with a damaged or cut-off header",
    b"MM\0*": "a TIFF with a damaged or cut-off header",
    b"\x93NUMPY": "a NumPy array: name it .npy",
    b"\x89HDF": "an HDF5 file: a network is named before its pictures",
    b"PK\x03\x04": "a ZIP archive: a network is named before its pictures",
    b"<": "HTML, XML or SVG",
}
DARK = 1 / 32  # share of white below which a whole picture is more likely one of other numbers
Span = tuple[float, float]


def prepare(
    source: Any,
    input_shape: tuple[int, int, int],
    preprocessing: Preprocessing,
    *,
    fit: Fit = "stretch",
    resample: Filter = "bilinear",
    span: Span | None = None,
) -> np.ndarray:
    """Return `source` as a network's input: float32 (N, H, W, C).

    Colour becomes grey, and grey colour, as the network wants; alpha is laid over white; EXIF rotation is
    applied; an animation gives its first frame; 16 bits of grey are kept (of 16-bit colour Pillow reads 8).
    8-bit sources are resized exactly as Pillow resizes them, all others in float32. `source` is not modified.

    Parameters
    ----------
    source
        Path of an image file (PNG, JPEG, GIF, BMP, TIFF, WEBP, PPM) or of a `.npy` file; PIL image; array or
        nested list of numbers, shape (H, W), (H, W, C) or (N, H, W, C) with C 1, 3 (RGB) or 4 (RGB, alpha);
        or a list of any of these, which makes a batch.
    input_shape
        (H, W, C) of the network's input.
    preprocessing
        The network's own; its `float_range` is how arrays of floats are read.
    fit
        "stretch": scale both sides, as Keras does (`load_img`, `image_dataset_from_directory`). "crop": scale the
        picture until it just covers H x W, cut out the centre.
    resample
        "nearest" (what Keras' `load_img` does), "bilinear", "bicubic", "lanczos", "box" or "hamming", as Pillow
        defines them.
    span
        The values that mean black and white. By default uint8 and other ints 0..255, uint16 0..65535, bool
        0..1, floats `preprocessing.float_range`.

    Raises
    ------
    ImageError
        One line: which source, what was found, what to do.

    Warns
    -----
    UserWarning
        Values outside the assumed span, or all close to black (not of 8 bits); they are used as found.
    """
    return prepare_telling(source, input_shape, preprocessing, fit=fit, resample=resample, span=span)[0]


def prepare_telling(
    source: Any,
    input_shape: tuple[int, int, int],
    preprocessing: Preprocessing,
    *,
    fit: Fit = "stretch",
    resample: Filter = "bilinear",
    span: Span | None = None,
) -> tuple[np.ndarray, list[str]]:
    """Return what `prepare` does, and what was done to each picture of another size, in words."""
    check_names(fit, resample)
    _check_span(span)
    height, width, channels = input_shape
    if channels != len(preprocessing.channels):
        raise ImageError(
            f"the network takes {channels} channels, preprocessing {preprocessing.name} makes "
            f"{len(preprocessing.channels)}; build its input as an array (N, {height}, {width}, {channels})"
        )
    batch, told = [], []
    for name, values in _read(source):
        told += describe_resizing(values.shape[1:3], (height, width), fit)
        batch += [
            resize(recolour(pixels, channels), (height, width), fit, resample, name)
            for pixels in _to_255(values, name, span, preprocessing.float_range)
        ]
    return preprocessing.apply(np.stack(batch)), told


def size_of(source: Any) -> tuple[int, int]:
    """Return the rows and columns of a picture, as `prepare` takes it."""
    height, width = _read_one(source)[1].shape[1:3]
    return height, width


def _check_span(span: Span | None) -> None:
    if span is None:
        return
    pair = isinstance(span, tuple | list) and len(span) == 2 and all(isinstance(value, Number) for value in span)
    if not pair or not np.isfinite(span).all() or span[0] == span[1]:
        raise ImageError(
            f"{say(f'span={span!r}', '--span')}; expected two different numbers, the values of black and white"
        )


# ---- sources: each becomes a name for messages and values (N, H, W, C) as they were found


def _read(source: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each image or stack of images in `source`."""
    if not isinstance(source, list | tuple) or _holds_numbers(source):
        yield _read_one(source)
        return
    if not source:
        raise ImageError("an empty list; expected at least one image")
    for i, item in enumerate(source):
        yield _read_one(item, where=f"image {i} of the list, ")


def _read_one(source: Any, where: str = "") -> tuple[str, np.ndarray]:
    if isinstance(source, str | PathLike):
        path = Path(source)
        check_file(path)
        values = load_npy(path) if path.suffix.lower() == ".npy" else _decode(path)
        name = str(path)
    elif isinstance(source, Image.Image):
        name = f"{where}PIL image"
        values = _pixels(source, name)
    else:
        values = _as_array(source, where)
        name = f"{where}array {values.shape}"
    return name, _as_batch(values, name)


def _holds_numbers(source: Any) -> bool:
    """Tell a nested list of numbers from a list of images."""
    while isinstance(source, list | tuple) and source:
        source = source[0]
    return isinstance(source, Number | np.bool_)


def _as_array(source: Any, where: str) -> np.ndarray:
    kind = f"{where}{type(source).__name__}"
    try:
        array = np.asarray(channels_last(source, batches=source.ndim - 3) if is_tensor(source) else source)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ImageError(f"{kind}: cannot be made an array ({_one_line(error)})") from None
    if array.ndim == 0:
        raise ImageError(f"{kind}: not an image; expected a path, PIL image, array or list of these")
    return array


def _as_batch(values: np.ndarray, name: str) -> np.ndarray:
    """Return `values` as (N, H, W, C), or say which axis is wrong."""
    if values.ndim not in (2, 3, 4):
        raise ImageError(f"{name}: {values.ndim} axes; expected (H, W), (H, W, C) or (N, H, W, C)")
    if 0 in values.shape:
        raise ImageError(f"{name}: shape {values.shape} holds no pixels")
    if values.ndim == 2:
        return values[None, ..., None]
    if values.shape[-1] not in (1, 3, 4):
        raise ImageError(f"{name}: {values.shape[-1]} channels on the last axis; {_channel_hint(values)}")
    return values if values.ndim == 4 else values[None]


def _channel_hint(values: np.ndarray) -> str:
    if values.shape[-3] in (1, 3, 4):
        return f"looks like channels first: move the channel axis last, np.moveaxis(a, {values.ndim - 3}, -1)"
    return "expected 1, 3 or 4 (a batch of matrices: a[..., None])"


# ---- files and PIL images


def check_file(path: Path) -> None:
    try:
        if not path.exists():
            raise ImageError(f"{path}: no such file")
        if not path.is_file():
            raise ImageError(f"{path}: {'a directory' if path.is_dir() else 'not a file'}; expected an image file")
        if path.stat().st_size == 0:
            raise ImageError(f"{path}: the file is empty")
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror})") from None


def load_npy(path: Path) -> np.ndarray:
    try:  # mapped, because that compares the shape with the file's size before it reserves memory
        return np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # the header is parsed as Python, so that damage shows as almost anything
        raise ImageError(f"{path}: not a readable .npy array of numbers ({_one_line(error)})") from None


def _decode(path: Path) -> np.ndarray:
    """Return the pixels of an image file."""
    try:
        image = Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        raise ImageError(f"{path}: not an image ({_looks_like(path)}); expected {', '.join(FORMATS)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{path}: too large ({_one_line(error)})") from None
    except Exception as error:  # what a decoder raises on damage is anyone's guess
        raise ImageError(f"{path}: cannot be opened ({_one_line(error)})") from None
    with image:
        _check_size(path, image)
        return _pixels(image, str(path), in_place=True)


def _check_size(path: Path, image: Image.Image) -> None:
    """Refuse, before anything is decoded, the sizes above its limit of which Pillow only warns."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise ImageError(
            f"{path}: too large ({image.width}x{image.height} pixels, over the limit of {limit} that guards "
            "against decompression bombs, PIL.Image.MAX_IMAGE_PIXELS)"
        )


def _pixels(image: Image.Image, name: str, *, in_place: bool = False) -> np.ndarray:
    """Return (H, W) for grey, (H, W, 3) for colour, (H, W, 4) with alpha; deep grey keeps its own scale.

    `in_place` says that the image may be turned itself, and no copy.
    """
    sixteen_bits = image.mode == "I" and image.format == "PPM"  # Pillow scales those to 0..65535 in mode I
    try:
        if in_place:
            ImageOps.exif_transpose(image, in_place=True)
        else:
            image = ImageOps.exif_transpose(image)
        if image.mode in ("I", "F") or image.mode.startswith("I;16"):
            return np.asarray(image, np.uint16 if sixteen_bits else None)
        opaque = "L" if image.mode in ("1", "L") else "RGB"
        mode = "RGBA" if image.has_transparency_data else opaque
        return np.asarray(image if image.mode == mode else image.convert(mode))
    except MemoryError:
        raise ImageError(f"{name}: its {image.width} x {image.height} pixels do not fit into memory") from None
    except Exception as error:  # as above; pixels are decoded only here
        raise ImageError(f"{name}: its pixels cannot be read ({_one_line(error)})") from None


def _looks_like(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(32)
    if start[4:8] == b"ftyp":
        return "a HEIC or AVIF photograph, or a film: save it as JPEG or PNG"
    if known := next((what for magic, what in MAGIC.items() if start.startswith(magic)), None):
        return known
    kind = name_kind(path, start)
    return kind.what if kind else f"begins with {start[:4]!r}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


# ---- values


def _to_255(values: np.ndarray, name: str, span: Span | None, float_range: Span) -> np.ndarray:
    """Return (N, H, W, C) with black at 0 and white at 255: uint8 as it is, anything else as float32."""
    if values.dtype.kind not in "buif":
        raise ImageError(f"{name}: values of type {values.dtype}; expected real numbers")
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise ImageError(f"{name}: {bad} of {values.size} values are NaN or infinite; replace them first")
    black, white = span or _default_span(values.dtype, float_range)
    _check_range(values, name, black, white, chosen=span is not None)
    if values.dtype == np.uint8 and (black, white) == (0, 255):
        return values
    if values.dtype == np.bool_ and (black, white) == (0, 1):
        return values * np.uint8(255)
    scaled = values.astype(np.float64)
    scaled -= black
    scaled *= 255 / (white - black)
    return scaled.astype(np.float32)


def _default_span(dtype: np.dtype[Any], float_range: Span) -> Span:
    if dtype.kind == "f":
        return float_range
    if dtype.kind == "b":
        return (0, 1)
    return (0, 65535) if dtype.kind == "u" and dtype.itemsize == 2 else (0, 255)


def _check_range(values: np.ndarray, name: str, black: float, white: float, *, chosen: bool) -> None:
    low, high = float(values.min()), float(values.max())
    bottom, top = sorted((black, white))
    slack = 1e-4 * (top - bottom)
    outside = low < bottom - slack or high > top + slack
    dark = 1 if values.dtype == np.uint8 else DARK * top
    tiny = not chosen and low >= 0 and 0 < high <= dark and top > 1
    if outside or tiny:
        warn_caller(
            f"{name}: values span {low:.6g}..{high:.6g}, but {black:g}..{white:g} is read as black..white; "
            f"{say('pass span=(black, white)', 'give --span BLACK WHITE')} to say which values mean them"
        )
