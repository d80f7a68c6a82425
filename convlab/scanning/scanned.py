"""A scan as one thing: its pictures, features, statistics and errors, read from its folder."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlab.errors import FileError, LayerNameError, ShapeError, UnsupportedError
from convlab.markup.tables import table
from convlab.model.model import Model
from convlab.runtime.arrays import Array
from convlab.scanning.attributions import FolderAttributions
from convlab.scanning.class_means import read_means
from convlab.scanning.features import Features
from convlab.scanning.folder import FolderStatistics
from convlab.scanning.folder_file import Description, read_description, read_files
from convlab.scanning.marks import Mark, read_mark
from convlab.scanning.statistics_file import merged, named, read_statistics
from convlab.storage.hdf5_writing import new_file
from convlab.storage.writing import new_path
from convlab.wording import counted, listed, printable, say, unknown

if TYPE_CHECKING:
    import pandas

SHOWN = 10  # errors in the text
NPY = ".npy"


class Scan:
    """What a scan has found; `Scan.open("out/")` opens one, `str()` of it is a report.

    Attributes
    ----------
    folder : Path
        Where it lies.
    network : str
    files : list of str
        The pictures in order: the rows of all arrays. Their paths in `root`.
    root : str
        The folder that they were in.
    labels : list of str or None
        Their classes, where they lay in a folder for each.
    layers : list of str
        Those whose features are kept.
    description : Description
        What it is of, with the fingerprint: all that the numbers depend on.
    """

    def __init__(self, folder: Path, description: Description, files: list[str], labels: list[str] | None) -> None:
        self.folder, self.description = folder, description
        self.files, self.labels = files, labels
        self.network, self.root, self.layers = description.network, description.root, list(description.features)

    @classmethod
    def open(cls, folder: str | Path) -> "Scan":
        """Open the folder of a scan, also of one that is not complete.

        Raises
        ------
        FileError
            Where there is no scan.
        WeightsError
            Where its files are damaged.
        """
        path = Path(folder)
        description = read_description(path)
        if description is None:
            makes = say(f"convlab.scan(model, folder, {str(path)!r})", f"convlab scan MODEL FOLDER --out {path}")
            raise FileError(f"{path}: no scan lies here (no job.json): {makes} makes one")
        return cls(path, description, *read_files(path))

    def __len__(self) -> int:
        return len(self.files)

    def __repr__(self) -> str:
        return f"<Scan of {self.network} over {counted(len(self), 'picture')} in {self.folder}: {self._state()}>"

    def __str__(self) -> str:
        title = f"{self.network} over {counted(len(self), 'picture')} of {self.root}: {self._state()}"
        rows = [("layer", "features", "file")]
        for name, folder in self.description.features.items():
            rows.append((name, str(self.features(name).shape), f"features/{folder}.h5"))
        failed = [f"  {name}: {reason}" for name, reason in list(self.errors.items())[:SHOWN]]
        more = [f"  and {len(self.errors) - SHOWN:,} more"] if len(self.errors) > SHOWN else []
        return "\n".join(map(printable, [title, *(table(rows, "<><") if self.layers else []), *failed, *more]))

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        features = {name: [len(self), *shape] for name, shape in self.description.shapes.items()}
        return {
            "model": self.network, "folder": self.root, "out": str(self.folder), "images": len(self),
            "complete": self.complete, "features": features, "errors": self.errors,
        }  # fmt: skip

    def _state(self) -> str:
        done = sum(mark.rows for mark in self.marks.values())
        parts = [] if self.complete else [f"{done:,} done"]
        if self.errors:
            parts.append(f"{len(self.errors):,} could not be read")
        return ", ".join(parts) or "complete"

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-len(self) // self.description.shard)

    @cached_property
    def marks(self) -> dict[int, Mark]:
        """What the shards that are done have come to, by their numbers."""
        size = self.description.shard
        found = {i: read_mark(self.folder, i, min(size, len(self) - i * size)) for i in range(self.shards)}
        return {index: mark for index, mark in found.items() if mark is not None}

    @property
    def complete(self) -> bool:
        """Whether all pictures have been looked at."""
        return len(self.marks) == self.shards

    @cached_property
    def errors(self) -> dict[str, str]:
        """The pictures that could not be read, and why."""
        size = self.description.shard
        return {
            self.files[index * size + row]: reason
            for index, mark in self.marks.items()
            for row, reason in mark.errors
        }

    def features(self, layer: str) -> Features:
        """Return a layer's features as one array (pictures, ...), whose parts are read when they are asked for.

        A picture that could not be read has a row of NaN. The same array is in `features/<layer>.h5` for others.
        """
        shapes = self.description.shapes
        if layer not in shapes:
            raise LayerNameError(unknown("layer with features", layer, shapes))
        size, folder = self.description.shard, self.description.features[layer]
        return Features(self.folder, folder, (len(self), *shapes[layer]), size, frozenset(self.marks))

    def pack(self, path: str | Path) -> None:
        """Write the features into one file: `.npy`, of one layer, or HDF5 with an array for each, called after it.

        Raises
        ------
        UnsupportedError
            For a `.npy` where several layers have features, or none has.
        FileError
            If it cannot be written.
        """
        target = Path(path)
        if target.suffix.lower() != NPY:
            with new_file(target, "the features") as file:
                for layer, folder in self.description.features.items():
                    features = self.features(layer)
                    features.copy_to(file.create_dataset(folder, features.shape, features.dtype))
            return
        if len(self.layers) != 1:
            raise UnsupportedError(
                f"{path}: a .npy holds one array, found {listed(self.layers) or 'none'}: name a .h5"
            )
        features = self.features(self.layers[0])
        with new_path(target, "the features") as part:
            array = np.lib.format.open_memmap(part, "w+", features.dtype, features.shape)
            features.copy_to(array)
            array.flush()

    @cached_property
    def statistics(self) -> FolderStatistics:
        """What the channels of the layers are like over all pictures that are done."""
        layers = self.description.statistics
        if not layers:
            raise UnsupportedError(f"{self.folder}: the scan was made without statistics")
        parts = [read_statistics(self.folder, index, layers) for index in sorted(self.marks)]
        done = sum(mark.rows - len(mark.errors) for mark in self.marks.values())
        found = named(merged(parts), self.files)
        return FolderStatistics(self.network, self.root, done, tuple(self.errors), found)

    def strongest(self, layer: str, channel: int) -> list[tuple[str, float]]:
        """Return the pictures that excite a channel of a layer most, [(file, largest value), ...], at most three."""
        layers = self.statistics.layers
        if layer not in layers:
            raise LayerNameError(unknown("layer with statistics", layer, layers))
        channels = len(layers[layer].means)
        if not 0 <= channel < channels:
            raise ShapeError(f"layer {layer!r} has channels 0 to {channels - 1}, not {channel}")
        return layers[layer].strongest(channel)

    def attributions(self, model: Model) -> FolderAttributions:
        """Return the mean attribution of each class; the network is that of the scan, which it shows them on."""
        if self.description.attribution is None:
            raise UnsupportedError(f"{self.folder}: the scan was made without an attribution")
        means = read_means(self.folder, sorted(self.marks), model)
        return FolderAttributions(self.network, self.root, means, tuple(self.errors))

    def nearest(
        self, picture: str | int | Array, layer: str | None = None, count: int = 8
    ) -> list[tuple[str, float]]:
        """Return the pictures whose features point the same way most nearly, [(file, cosine), ...], nearest first.

        Parameters
        ----------
        picture : str, int or array
            One of `files`, its number, or the features of another picture.
        layer : str, optional
            By default the first of `layers`.
        count : int
            How many; the picture itself is not among them.
        """
        features = self.features(layer or self._first_layer())
        number = self.files.index(picture) if isinstance(picture, str) else picture
        wanted = features[number] if isinstance(number, int) else np.asarray(number)
        cosines = np.concatenate(
            [
                _cosines(features[first : first + features.shard], wanted)
                for first in range(0, len(self), features.shard)
            ]
        )
        if isinstance(number, int):
            cosines[number] = np.nan
        order = np.argsort(np.where(np.isnan(cosines), np.inf, -cosines), kind="stable")[:count]
        return [(self.files[i], float(cosines[i])) for i in order if not np.isnan(cosines[i])]

    def _first_layer(self) -> str:
        if not self.layers:
            raise UnsupportedError(f"{self.folder}: the scan was made without features")
        return self.layers[0]

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a table with a row for each picture: file, label where there are classes, and error."""
        try:
            import pandas
        except ImportError:
            raise UnsupportedError(
                "pandas is not installed: pip install pandas, or use files, labels, errors"
            ) from None
        columns: dict[str, Any] = {"file": self.files}
        if self.labels is not None:
            columns["label"] = self.labels
        columns["error"] = [self.errors.get(name) for name in self.files]
        return pandas.DataFrame(columns)


def _cosines(rows: Array, wanted: Array) -> Array:
    """Return the cosine of each row (n, ...) with one; NaN for a row of NaN or of zeros."""
    matrix, vector = rows.reshape(len(rows), -1).astype(np.float64), wanted.reshape(-1).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return matrix @ vector / (np.linalg.norm(matrix, axis=1) * np.linalg.norm(vector))
