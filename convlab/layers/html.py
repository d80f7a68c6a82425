"""A layer's weights as a table for a notebook, with pictures of its first kernels."""

from collections.abc import Mapping

import numpy as np

from convlab.markup.html import Html, html_lines, html_picture, html_table
from convlab.markup.mosaic import mosaic
from convlab.runtime.arrays import Array

HEADER = "weight", "shape", "min", "mean", "max", "std", "the first"
SLICES, ZOOM = 12, 6  # pictures of a weight, at most, and pixels across one of its numbers
LARGEST = 32  # numbers along a side of what is drawn


def weights_table(title: str, weights: Mapping[str, Array]) -> Html:
    """Return a row for each weight: its statistics, and a picture of its first slices, blue below 0, red above."""
    if not weights:
        return html_lines([title])
    return html_table([HEADER, *(_row(name, weight) for name, weight in weights.items())], "<<>>>><", title=title)


def _row(name: str, weight: Array) -> list[str]:
    values = np.asarray(weight, np.float64)
    numbers = [f"{value:.4g}" for value in (values.min(), values.mean(), values.max(), values.std())]
    return [name, " × ".join(map(str, weight.shape)), *numbers, _picture(values)]


def _picture(values: Array) -> Html:
    """Return the first (H, W) of weights (H, W, ...), all of one scale; of a vector its first numbers as a row."""
    maps = values.reshape(1, -1, 1) if values.ndim < 2 else values.reshape(*values.shape[:2], -1)
    maps = maps[:LARGEST, :LARGEST, :SLICES]
    return html_picture(mosaic(maps, SLICES, zoom=ZOOM, gap=2, scale="shared", colors="auto"), ZOOM * len(maps))
