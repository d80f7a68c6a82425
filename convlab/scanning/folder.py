"""Statistics of a network's layers over a folder of pictures, in one pass that keeps no activation."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convlab.errors import ShapeError
from convlab.images.resizing import Fit
from convlab.markup.html import html_table
from convlab.markup.tables import table
from convlab.model.model import Model
from convlab.recording.running_statistics import PICTURES, ChannelStatistics
from convlab.runtime.arrays import Array
from convlab.scanning.pictures import batches, check_read, pictures_in, told
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


def folder_statistics(
    model: Model,
    folder: str | Path,
    layers: str | Iterable[str] | None = None,
    *,
    batch: int = 8,
    fit: Fit = "stretch",
) -> FolderStatistics:
    """Run a network over the pictures of a folder and return what each channel of each layer is like.

    The pictures (files that end as PNG, JPEG, GIF, BMP, TIFF, WEBP or PPM do; sub-folders are not followed) are taken
    in the order of their names, and what was computed for them is forgotten batch by batch: the memory needed does
    not grow with the folder. Mean and standard deviation are kept in float64.

    Parameters
    ----------
    model : Model
        A network that knows how to prepare a picture.
    folder : path
    layers : name or names, optional
        Which layers (nodes); all of them by default.
    batch : int
        How many pictures are run, and kept in memory, at a time.
    fit : "stretch" or "crop"
        How a picture gets the input's shape; see `convlab.images.reading.prepare`.

    Raises
    ------
    ImageError
        Where there is no such folder, no picture in it, or none that can be read.
    LayerNameError
        Where the network has no such layer.

    Warns
    -----
    UserWarning
        For each picture that cannot be read; it is left out.
    """
    for found in growing_statistics(model, folder, layers, batch=batch, fit=fit):  # noqa: B007 - the last is what is wanted
        pass
    return found


def growing_statistics(
    model: Model,
    folder: str | Path,
    layers: str | Iterable[str] | None = None,
    *,
    batch: int = 8,
    fit: Fit = "stretch",
) -> Iterator[FolderStatistics]:
    """Yield after each batch what `folder_statistics` would return if it were the last: nothing is lost that way."""
    if batch < 1:
        raise ShapeError(f"folder_statistics: batch is {batch}, expected at least 1")
    wanted = [layers] if isinstance(layers, str) else layers
    record = "all" if wanted is None else list(wanted)
    found: dict[str, ChannelStatistics] = {}
    skipped: list[str] = []
    images = 0
    for pictures in batches(model, Path(folder), pictures_in(Path(folder)), batch, fit, skipped):
        images += len(pictures)
        for name, activation in _run(model, pictures, record):
            new = ChannelStatistics.of(activation, list(pictures))
            found[name] = found[name].merged(new) if name in found else new
        if images:
            yield FolderStatistics(model.title, str(folder), images, tuple(skipped), dict(found))
    check_read(folder, images, skipped)


def _run(model: Model, pictures: Mapping[str, Array], record: str | list[str]) -> Iterable[tuple[str, Array]]:
    """Return the activations (N, ...) of pictures, each an input (1, H, W, C)."""
    return model.run(np.concatenate(list(pictures.values())), record=record).items() if pictures else ()


def _rows(name: str, layer: ChannelStatistics) -> Iterator[list[Any]]:
    columns = (layer.means, layer.deviations, layer.minima, layer.maxima, layer.zeros)
    for channel, numbers in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        yield [name, channel, *numbers, *(cell for best in layer.strongest(channel) for cell in best)]


def _cells(name: str, layer: ChannelStatistics) -> tuple[str, ...]:
    channel = int(np.argmax(np.where(np.isnan(layer.peaks[0]), -np.inf, layer.peaks[0])))
    best = next((f"{picture} ({channel})" for picture, _ in layer.strongest(channel)), "-")
    numbers = (f"{value:.4g}" for value in (layer.mean, layer.std, layer.max))
    return name, str(len(layer.means)), *numbers, f"{layer.zero_share:.1%}", str(len(layer.dead)), best
