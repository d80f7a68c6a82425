"""The picture that the network saw, as a PNG, for what is laid over it."""

from base64 import b64encode
from io import BytesIO
from typing import Any

from convlab.images.preprocessing import Preprocessing
from convlab.markup.maps import recorded_maps
from convlab.markup.mosaic import Pixels, mosaic
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array


def seen_picture(acts: Activations) -> dict[str, Any] | None:
    """Return the first image of the (first) input that has rows and columns; None where there is none."""
    x = next((array for array in acts.inputs.values() if array.ndim in (4, 5)), None)
    if x is None or not x.size:
        return None
    from PIL import Image

    pixels, buffer = _pixels(x, acts.preprocessing), BytesIO()
    Image.fromarray(pixels.squeeze(-1) if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return {"width": pixels.shape[1], "height": pixels.shape[0], "png": b64encode(buffer.getvalue()).decode()}


def _pixels(x: Array, form: Preprocessing | None) -> Pixels:
    """Return it as it was before preprocessing; of what was no picture the first channel, of a volume its middle."""
    if form is not None and x.ndim == 4 and x.shape[-1] == len(form.channels):
        return form.restore(x[[0]])[0]
    return mosaic(recorded_maps(x, 0)[:, :, :1], colors="auto")
