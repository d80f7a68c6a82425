"""The page of a scan: what its layers are like over all pictures, and which pictures excite channels, drawn."""

from collections.abc import Iterable, Iterator
from html import escape
from io import BytesIO
from math import prod
from pathlib import Path

import numpy as np
from PIL import Image

from convlab.errors import ConvlabError
from convlab.images.preprocessing import MODES
from convlab.images.reading import Span, prepare
from convlab.markup.html import Html, html_lines, html_picture, html_table
from convlab.markup.mosaic import Pixels
from convlab.model.model import Model
from convlab.recording.running_statistics import ChannelStatistics
from convlab.runtime.arrays import Array
from convlab.scanning.array_files import open_images
from convlab.scanning.scanned import Scan
from convlab.storage.writing import new_path
from convlab.wording import counted, printable

REPORT = "report.html"
SIDE = 84  # pixels of a picture on the page
IMAGE = 3  # axes (H, W, C) at most
LAYERS, CHANNELS = 6, 6  # whose pictures are drawn
ASKED, NEAREST = 3, 7  # pictures whose nearest are drawn, and how many of these
LARGE = 1 << 30  # bytes of features beyond which the nearest are not looked for: all of them would be read
ERRORS = 50  # pictures that could not be read, which are named
STYLE = """body{font:15px/1.5 system-ui,sans-serif;color:#1b1e23;max-width:1100px;margin:2em auto;padding:0 1em}
h2{margin:1.6em 0 .3em}p{color:#6b727c}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
thead th{border-bottom:1px solid #c9ced6}.of{display:flex;flex-wrap:wrap;gap:10px 26px}
.row{display:flex;align-items:flex-start;gap:4px;margin:0 0 8px}.row b{width:7em;font-weight:600}
figure{margin:0;width:84px}figure img{display:block;width:84px;height:84px;object-fit:contain;background:#eef0f3}
figcaption{font-size:11px;line-height:1.25;color:#6b727c;overflow-wrap:anywhere}img{max-width:100%}"""


def write_report(scan: Scan, model: Model) -> Path:
    """Write the page of a scan, one file that needs nothing else, and return its path."""
    draw = Thumbnails(scan)
    parts = [*_head(scan, model), *_errors(scan), *_statistics(scan, draw), *_nearest(scan, draw)]
    parts += _attributions(scan, model)
    title = escape(printable(f"{scan.network} over {scan.root}"))
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    path = scan.folder / REPORT
    with new_path(path, "the report") as part:
        part.write_text("\n".join(["<!doctype html>", head, *parts, ""]), encoding="utf-8")
    return path


class Thumbnails:
    """Small pictures of what was scanned, each read once."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.numbers = {name: number for number, name in enumerate(scan.files)}
        self.images = open_images(Path(scan.root)) if scan.description.array else None
        self.drawn: dict[str, Html] = {}

    def figure(self, name: str, below: str) -> Html:
        """Return a picture with its name and a word below it."""
        if name not in self.drawn:
            self.drawn[name] = self._draw(name)
        words = f"{escape(printable(below))}<br>{escape(printable(name))}"
        return Html(f"<figure>{self.drawn[name]}<figcaption>{words}</figcaption></figure>")

    def _draw(self, name: str) -> Html:
        """Return the picture as HTML; nothing for what is none, or is gone."""
        source, span = self._source(name)
        if isinstance(source, np.ndarray) and source.ndim > IMAGE:
            return Html("")
        try:
            pixels = prepare(source, (SIDE, SIDE, 3), MODES["raw"], fit="crop", span=span)[0]
        except (ConvlabError, OSError):
            return Html("")
        return html_picture(pixels.astype(np.uint8), SIDE)

    def _source(self, name: str) -> tuple[Array | Path, Span | None]:
        """Return a picture, and which of its values are drawn black and white where these are floats."""
        if self.images is None:
            return Path(self.scan.root, name), None
        image: Array = self.images[self.numbers[name]]
        return image, (float(image.min()), float(image.max())) if image.dtype.kind == "f" else None


def _head(scan: Scan, model: Model) -> Iterator[str]:
    yield f"<h1>{escape(printable(scan.network))}</h1>"
    failed = f", {len(scan.errors):,} of which could not be read" if scan.errors else ""
    yield html_lines([f"{counted(len(scan), 'picture')} of {scan.root}{failed}", *model.notes])


def _errors(scan: Scan) -> Iterator[str]:
    if scan.errors:
        rows = [("picture", "why it could not be read"), *list(scan.errors.items())[:ERRORS]]
        more = [f"and {len(scan.errors) - ERRORS:,} more"] if len(scan.errors) > ERRORS else []
        yield f"<h2>Left out</h2>{html_table(rows, '<', notes=more)}"


def _statistics(scan: Scan, draw: Thumbnails) -> Iterator[str]:
    if not scan.description.statistics:
        return
    yield f"<h2>Layers</h2>{scan.statistics.html_table()}"
    yield "<h2>What excites channels most</h2>"
    yield html_lines(["Of each layer the channels whose largest value stands out most from their mean."])
    for name in _chosen(list(scan.statistics.layers), scan.layers):
        layer = scan.statistics.layers[name]
        channels = [_row(f"channel {channel}", _excited(layer, channel), draw) for channel in _remarkable(layer)]
        yield f"<h3>{escape(printable(name))}</h3><div class='of'>{''.join(channels)}</div>"


def _chosen(layers: list[str], always: list[str]) -> list[str]:
    """Return a few layers, from the first to the last at even distances, with those whose features are kept."""
    places = np.linspace(0, len(layers) - 1, min(LAYERS, len(layers))).round().astype(int)
    wanted = {*(layers[i] for i in places), *(name for name in always[:LAYERS] if name in layers)}
    return [name for name in layers if name in wanted]


def _remarkable(layer: ChannelStatistics) -> list[int]:
    """Return the channels whose largest value is the most deviations above their mean, in their order."""
    with np.errstate(invalid="ignore", divide="ignore"):
        distances = (layer.maxima - layer.means) / layer.deviations
    best = np.argsort(np.where(np.isfinite(distances), -distances, np.inf), kind="stable")[:CHANNELS]
    return sorted(int(channel) for channel in best if np.isfinite(distances[channel]))


def _excited(layer: ChannelStatistics, channel: int) -> list[tuple[str, float]]:
    """Return the pictures that excite a channel most, but for those that leave it at 0."""
    return [(name, value) for name, value in layer.strongest(channel) if value]


def _row(title: str, pictures: Iterable[tuple[str, float]], draw: Thumbnails) -> str:
    figures = (draw.figure(name, f"{value:.3g}") for name, value in pictures)
    return f"<div class='row'><b>{escape(printable(title))}</b>{''.join(figures)}</div>"


def _nearest(scan: Scan, draw: Thumbnails) -> Iterator[str]:
    good = [name for name in scan.files if name not in scan.errors]
    if not scan.layers or len(good) < 2:
        return
    layer = scan.layers[0]
    yield f"<h2>Nearest pictures</h2>{html_lines([f'By the cosine of their features, {layer}.'])}"
    if 4 * prod(scan.features(layer).shape) > LARGE:
        yield html_lines(["They are many, so they are not looked for here: Scan.open(...).nearest(picture) does."])
        return
    for place in np.linspace(0, len(good) - 1, ASKED + 2)[1:-1].round().astype(int):
        name = good[place]
        yield _row("nearest to", [(name, 1.0), *scan.nearest(name, layer, NEAREST)], draw)


def _attributions(scan: Scan, model: Model) -> Iterator[str]:
    if scan.description.attribution is None:
        return
    from convlab.view.mean_attributions import mean_attributions

    found = scan.attributions(model)
    figure = mean_attributions(found.classes)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    pixels: Pixels = np.asarray(Image.open(buffer).convert("RGB"))
    yield f"<h2>Why: the mean {escape(scan.description.attribution)} of each class</h2>"
    yield html_picture(pixels, round(figure.get_figheight() * 100))
