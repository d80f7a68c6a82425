"""The maps of a layer as a picture drawn without Matplotlib: for the command, which draws every layer of a network.

A pixel is a byte, the number of a colour: most are for values, the rest for marks and for letters on white paper. So
the file is small, and takes a tenth of the time. What is drawn, and where, is as in `feature_maps`.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from convlab.markup.maps import recorded_maps, silent_channels, tall
from convlab.markup.mosaic import DEAD, NOT_FINITE, Pixels, arrange, colormap, hatching
from convlab.markup.scale import Rule, Scale
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.storage.writing import new_path
from convlab.view.feature_maps import remarks_on, title_of
from convlab.view.tiles import Tiles
from convlab.wording import printable

VALUES, GREYS = 200, 50  # colours for values, and from white paper to black ink
MARKS = VALUES + GREYS  # not finite, and the two of the hatching; the rest is white, as gaps are
LEFT, TOP, BOTTOM, BAR = 68, 93, 48, 110  # pixels around the maps; to their right stands what the colours mean
INK, FAINT = 30, 115  # greys
TITLE, NOTE, NUMBER = 22, 16, 14  # pixels of letters


class Words(NamedTuple):
    """Something to be written: its place, where in it the place is (Pillow's anchor), and its letters."""

    x: float
    y: float
    anchor: str
    text: str
    size: int = NUMBER
    ink: int = FAINT


def contact_sheet(
    acts: Activations, layer: str, path: Path, *, channels: Sequence[int] | None = None, scale: Rule = "channel"
) -> None:
    """Draw the channels (all, or those) of a layer of images or sequences, of the first of them, to a PNG file."""
    whole = recorded_maps(acts[layer], 0)
    numbers = list(range(whole.shape[2]) if channels is None else channels)
    maps = whole if channels is None else whole[:, :, numbers]
    measure = Scale.of(maps, scale)
    high = tall(maps)
    tiles = Tiles(high.shape, None, numbers, measure.ends())
    drawn = arrange(_numbered(high, measure, tiles.zoom), tiles.columns, tiles.gap)
    words = _heading(title_of(acts, layer, maps.shape, whole.shape[2], 0), f"{measure}{remarks_on(maps, numbers)}")
    words += [*_labels(tiles), *_meaning(measure, drawn.shape)]
    picture = Image.fromarray(_sheet(drawn, words), "P")
    picture.putpalette(_palette(measure.signed))
    with new_path(path, "the picture") as part:
        info = PngInfo()
        info.add_text("Software", signed(path.name))
        picture.save(part, format="PNG", compress_level=4, pnginfo=info)


def signed(name: str) -> str:
    """Return what a picture of this name says of itself, to be told later from a user's own."""
    return f"convlab run: {name!a}"


def _numbered(maps: Array, measure: Scale, zoom: int) -> Pixels:
    """Return maps (H, W, C) as numbers of colours (C, h, w)."""
    numbers = np.round(np.arange(256) * (VALUES - 1) / 255).astype(np.uint8)
    tiles = np.moveaxis(numbers[measure.levels(maps)], 2, 0)
    if not (finite := np.isfinite(maps)).all():
        tiles[np.moveaxis(~finite, 2, 0)] = MARKS
    tiles = tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)
    if (silent := silent_channels(maps)).any():
        tiles[silent] = MARKS + 1 + hatching(tiles.shape[1:])
    return tiles


def _heading(title: str, note: str) -> list[Words]:
    return [Words(LEFT, 18, "lt", printable(title), TITLE, INK), Words(LEFT, 50, "lt", printable(note), NOTE)]


def _labels(tiles: Tiles) -> list[Words]:
    """Return the captions below the maps, or numbers at the edges: of each row's first, and what to add to it."""
    down, across = (side + gap for side, gap in zip(tiles.size, tiles.gap, strict=True))
    if tiles.captions:
        places = [divmod(i, tiles.columns) for i in range(len(tiles.captions))]
        return [
            Words(LEFT + column * across, TOP + row * down + tiles.size[0] + 3, "lt", caption, NUMBER - 1)
            for (row, column), caption in zip(places, tiles.captions, strict=True)
        ]
    words = [
        Words(LEFT - 8, TOP + row * down + tiles.size[0] / 2, "rm", str(tiles.numbers[row * tiles.columns]))
        for row in range(0, tiles.rows, -(-NUMBER // down))
    ]
    if tiles.step is not None and min(tiles.rows, tiles.columns) > 1:
        words += [
            Words(
                LEFT + column * across + tiles.size[1] / 2, TOP + tiles.rows * down, "mt", f"+{column * tiles.step}"
            )
            for column in range(0, tiles.columns, -(-3 * NUMBER // across))
        ]
    return words


def _meaning(measure: Scale, size: tuple[int, ...]) -> list[Words]:
    """Return the words beside the bar of colours: numbers where all channels have the same."""
    if measure.rule == "shared":
        said = [f"{value:.3g}" for value in np.linspace(measure.low[0], measure.high[0], 5)]
    else:
        said = measure.words()
    places = np.linspace(TOP + size[0] - NUMBER / 2, TOP + NUMBER / 2, len(said))
    return [Words(LEFT + size[1] + 48, float(y), "lm", text) for y, text in zip(places, said, strict=True)]


def _sheet(drawn: Pixels, words: list[Words]) -> Pixels:
    """Return the page: maps, a bar of their colours, and words."""
    height, width = drawn.shape
    ends = [one.x + _font(one.size, one.ink == INK).getlength(one.text) for one in words if "l" in one.anchor]
    across = int(max(LEFT + width + BAR, *ends)) + 16
    canvas = Image.new("L", (across, TOP + height + BOTTOM), 255)
    draw = ImageDraw.Draw(canvas)
    for one in words:
        draw.text((one.x, one.y), one.text, one.ink, _font(one.size, one.ink == INK), one.anchor)
    # greys 255..0 -> the colours from white to black
    sheet = (VALUES + (255 - np.asarray(canvas, np.uint16)) * (GREYS - 1) // 255).astype(np.uint8)
    place = sheet[TOP : TOP + height, LEFT : LEFT + width]
    np.copyto(place, drawn, where=drawn < 255)  # captions stand in the gaps
    bar = np.linspace(VALUES - 1, 0, height).round().astype(np.uint8)
    sheet[TOP : TOP + height, LEFT + width + 22 : LEFT + width + 42] = bar[:, None]
    return sheet


def _palette(signed: bool) -> list[int]:
    colours = colormap("auto", signed)(np.linspace(0, 1, VALUES), bytes=True)[:, :3]
    greys = np.linspace(255, 0, GREYS).round().astype(int).repeat(3)
    used = [*colours.ravel().tolist(), *greys.tolist(), *NOT_FINITE, *DEAD[0], *DEAD[1]]
    return used + [255] * (3 * 256 - len(used))


@cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    """Return the letters that Matplotlib brings, those of the other figures."""
    home = find_spec("matplotlib")
    assert home is not None and home.origin is not None
    name = f"DejaVuSans{'-Bold' if bold else ''}.ttf"
    path = Path(home.origin).parent / "mpl-data/fonts/ttf" / name
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
