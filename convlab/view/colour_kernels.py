"""The kernels of a layer that sees colours: each in colour, and beside it what it has on each of them."""

import numpy as np
from matplotlib.figure import Figure

from convlab.markup.mosaic import Pixels, arrange, colormap
from convlab.markup.scale import Scale
from convlab.model.model import Model
from convlab.runtime.arrays import Array
from convlab.view.figure_style import frame, heading, root, show
from convlab.view.sheet import DPI, FAINT
from convlab.view.tiles import Tiles
from convlab.wording import say

UNIT = Scale("shared", np.array([-1.0]), np.array([1.0]), signed=True)
LARGEST, NARROW = (
    440,
    0.42,
)  # pixels across a kernel's four tiles, at most; inches of a tile without room for words
APART = 16  # pixels between kernels
NAMES = {"R": "red", "G": "green", "B": "blue"}


def colour_order(model: Model, layer: str) -> str | None:
    """Return the order of the three channels that a layer sees of the image: "RGB", "BGR", or "012" if nobody said.

    None where it sees something else: another layer has mixed the channels.
    """
    nodes = {node.name: node for node in model.nodes}
    source, *others = nodes[layer].inputs
    while source in nodes and not others and not nodes[source].layer.mixes_channels:
        source, *others = nodes[source].inputs
    if source not in model.inputs or others or model.inputs[source][-1] != 3:
        return None
    form = model.preprocessing
    return "012" if form is None or form.assumed or len(form.channels) != 3 else form.channels


def draw_colours(kernels: Array, numbers: list[int], ends: list[str], order: str, title: str, note: str) -> Figure:
    """Draw kernels (KH, KW, 3, O), which lie in -1..1, each as four tiles beside each other."""
    height, width, _, count = kernels.shape
    places = [order.index(letter) for letter in ("RGB" if "R" in order else order)]
    kernels = kernels[:, :, places]
    tiles = Tiles((height, 4 * width, count), None, numbers, ends, largest=LARGEST, apart=APART)
    pixels = arrange(_four(kernels, tiles.zoom), tiles.columns, tiles.gap)
    ax = frame(pixels, above=0.14, shrinks=True)
    show(ax, pixels)
    tiles.label(ax)
    names = ["in colour", *(NAMES.get(order[place], order[place]) for place in places)]
    if tiles.zoom * width < NARROW * DPI:
        names = [name[:1].upper() if name in NAMES.values() else name.removeprefix("in ")[:3] for name in names]
    pitch = tiles.size[1] + tiles.gap[1]
    ticks = [column * pitch + (i + 0.5) * tiles.zoom * width for column in range(tiles.columns) for i in range(4)]
    ax.xaxis.tick_top()
    ax.set_xticks(ticks, names * tiles.columns)
    ax.tick_params(length=0, labelsize=6.5, labelcolor=FAINT, pad=2)
    how = say("preprocessing=", "--preprocessing")
    unsaid = f", if channels 0, 1, 2 are red, green, blue (nobody said: {how})" if order == "012" else ""
    heading(ax, title, f"{note} · in colour grey is 0{unsaid}")
    return root(ax)


def _four(kernels: Array, zoom: int) -> Pixels:
    """Return (KH, KW, 3, O) as pictures (O, h, 4 w, 3): in colour, then channel by channel."""
    levels = UNIT.levels(kernels).transpose(3, 0, 1, 2)  # (O, KH, KW, 3)
    table = colormap("auto", signed=True)(np.arange(256), bytes=True)[:, :3]
    four = [levels, *(table[levels[..., channel]] for channel in range(3))]
    sheets = np.stack(four, axis=2)  # (O, KH, 4, KW, 3)
    pixels = sheets.reshape(*sheets.shape[:2], -1, 3).repeat(zoom, axis=1).repeat(zoom, axis=2)
    for tile in range(1, 4):
        border = tile * zoom * kernels.shape[1]
        pixels[:, :, border - 1 : border + 1] = 255
    return pixels
