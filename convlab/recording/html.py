"""A recording as a table for a notebook: one row a layer, with its strongest maps as a thumbnail."""

from base64 import b64encode
from collections.abc import Mapping
from html import escape
from io import BytesIO

from PIL import Image

from convlab.markup.maps import most_varied, recorded_maps, slice_note
from convlab.markup.mosaic import Pixels, mosaic
from convlab.recording.statistics import statistics
from convlab.runtime.arrays import Array

CELL = "text-align:left;padding:2px 8px"
HEADER = (
    "layer",
    "shape",
    "min",
    "mean",
    "max",
    "std",
    "zeros",
    "dead",
    "image 0: most varied channels, or first units",
)
THUMBNAIL, BAR = 48, 12  # pixels high: a map, a bar of units
MAPS, UNITS = 8, 120  # most of them across


def recording_table(title: str, arrays: Mapping[str, Array]) -> str:
    """Return the table as HTML that needs nothing from outside."""
    head = "".join(f"<th style='{CELL}'>{name}</th>" for name in HEADER)
    rows = "".join(_row(name, array) for name, array in arrays.items())
    return f"<p>{escape(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(name: str, array: Array) -> str:
    s = statistics(array)
    numbers = [f"{value:.4g}" for value in (s.min, s.mean, s.max, s.std)]
    channels = array.shape[-1]
    cells = [escape(name), " × ".join(map(str, array.shape)), *numbers]
    thumbnail = f"{_thumbnail(array)} {slice_note(array)}" if array.size else ""
    cells += [f"{s.zero_share:.0%}", f"{len(s.dead)} of {channels}", thumbnail.rstrip()]
    return "<tr>" + "".join(f"<td style='{CELL}'>{cell}</td>" for cell in cells) + "</tr>"


def _thumbnail(array: Array) -> str:
    maps = recorded_maps(array, 0)
    if maps.shape[:2] == (1, 1):
        bar = maps[0, :, :UNITS].T[None]  # (1, features, 1): one map, a cell for each unit
        return _picture(mosaic(bar.repeat(3, axis=0), zoom=BAR // 3, colors="auto"), BAR)
    zoom = max(1, THUMBNAIL // len(maps))
    return _picture(mosaic(maps[:, :, most_varied(maps, MAPS)], MAPS, zoom=zoom, gap=2, colors="auto"), THUMBNAIL)


def _picture(pixels: Pixels, height: int) -> str:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return f"<img height={height} src='data:image/png;base64,{b64encode(buffer.getvalue()).decode()}'>"
