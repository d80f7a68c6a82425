"""A recording as a table for a notebook: one row a layer, with its strongest maps as a thumbnail."""

from collections.abc import Mapping

from convlab.markup.html import Html, html_picture, html_table
from convlab.markup.maps import most_varied, recorded_maps, slice_note
from convlab.markup.mosaic import mosaic
from convlab.recording.statistics import statistics
from convlab.runtime.arrays import Array

HEADER = (
    "layer",
    "shape",
    "min",
    "mean",
    "max",
    "std",
    "zeros",
    "all zero",
    "image 0: most varied channels, or first units",
)
THUMBNAIL, BAR = 48, 12  # pixels high: a map, a bar of units
MAPS, UNITS = 8, 120  # most of them across


def recording_table(title: str, arrays: Mapping[str, Array]) -> Html:
    """Return the table as HTML that needs nothing from outside."""
    return html_table([HEADER, *(_row(name, array) for name, array in arrays.items())], "<", title=title)


def _row(name: str, array: Array) -> list[str]:
    s = statistics(array)
    numbers = [f"{value:.4g}" for value in (s.min, s.mean, s.max, s.std)]
    counts = [f"{s.zero_share:.0%}", f"{len(s.dead)} of {array.shape[-1]}"]
    thumbnail = Html(f"{_thumbnail(array)} {slice_note(array)}".rstrip() if array.size else "")
    return [name, " × ".join(map(str, array.shape)), *numbers, *counts, thumbnail]


def _thumbnail(array: Array) -> Html:
    maps = recorded_maps(array, 0)
    if maps.shape[:2] == (1, 1):
        bar = maps[0, :, :UNITS].T[None]  # (1, features, 1): one map, a cell for each unit
        return html_picture(mosaic(bar.repeat(3, axis=0), zoom=BAR // 3, colors="auto"), BAR)
    zoom = max(1, THUMBNAIL // len(maps))
    return html_picture(mosaic(maps[:, :, most_varied(maps, MAPS)], MAPS, zoom=zoom, gap=2, colors="auto"), THUMBNAIL)
