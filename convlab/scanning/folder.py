"""Statistics of a network's layers over a folder of pictures: a table, and its file."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convlab.markup.html import Html, html_table
from convlab.markup.tables import table
from convlab.recording.running_statistics import PICTURES, ChannelStatistics
from convlab.scanning.pictures import told
from convlab.storage.writing import new_path
from convlab.wording import counted, printable

HEADER = ("layer", "channels", "mean", "std", "max", "zeros", "dead", "largest value: picture (channel)")
SIDES = "<>>>>>><"
COLUMNS = ("layer", "channel", "mean", "std", "min", "max", "zeros")


@dataclass(frozen=True, repr=False)
class FolderStatistics:
    """Statistics of a network's layers over a folder; `str()` of it is the table, a line for each layer.

    Attributes
    ----------
    model, folder : str
    images : int
        How many pictures were run.
    skipped : tuple of str
        Names of those that could not be read.
    layers : dict of str to ChannelStatistics
        In order of execution.
    """

    model: str
    folder: str
    images: int
    skipped: tuple[str, ...]
    layers: dict[str, ChannelStatistics]

    def __repr__(self) -> str:
        return f"<FolderStatistics of {self.model} over {counted(self.images, 'picture')}: {len(self.layers)} layers>"

    def __str__(self) -> str:
        return "\n".join([printable(self._title()), *table(self._table(), SIDES)])

    def _repr_html_(self) -> str:
        return html_table(self._table(), SIDES, title=self._title())

    def html_table(self) -> Html:
        """Return the table for a page that has a title of its own."""
        return html_table(self._table(), SIDES)

    def _title(self) -> str:
        return f"{self.model} {told(self.folder, self.images, self.skipped)}"

    def _table(self) -> list[tuple[str, ...]]:
        return [HEADER, *(_cells(name, layer) for name, layer in self.layers.items())]

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON: every channel of every layer."""
        layers = {
            name: {
                "means": layer.means.tolist(),
                "deviations": layer.deviations.tolist(),
                "minima": layer.minima.tolist(),
                "maxima": layer.maxima.tolist(),
                "zeros": layer.zeros.tolist(),
                "strongest": [layer.strongest(channel) for channel in range(len(layer.means))],
            }
            for name, layer in self.layers.items()
        }
        return {
            "model": self.model, "folder": self.folder, "images": self.images, "skipped": list(self.skipped),
            "layers": layers,
        }  # fmt: skip

    def write_csv(self, path: str | Path) -> None:
        """Write a line for every channel of every layer: its statistics, and the pictures that excite it most."""
        best = [f"{what}{i + 1}" for i in range(PICTURES) for what in ("picture", "value")]
        with (
            new_path(Path(path), "the table") as part,
            part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
        ):
            table = csv.writer(file)
            table.writerow([*COLUMNS, *best])
            table.writerows(row for name, layer in self.layers.items() for row in _rows(name, layer))


def _rows(name: str, layer: ChannelStatistics) -> Iterator[list[Any]]:
    columns = (layer.means, layer.deviations, layer.minima, layer.maxima, layer.zeros)
    for channel, numbers in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        yield [name, channel, *numbers, *(cell for best in layer.strongest(channel) for cell in best)]


def _cells(name: str, layer: ChannelStatistics) -> tuple[str, ...]:
    channel = int(np.argmax(np.where(np.isnan(layer.peaks[0]), -np.inf, layer.peaks[0])))
    best = next((f"{picture} ({channel})" for picture, _ in layer.strongest(channel)), "-")
    numbers = (f"{value:.4g}" for value in (layer.mean, layer.std, layer.max))
    return name, str(len(layer.means)), *numbers, f"{layer.zero_share:.1%}", str(len(layer.dead)), best
