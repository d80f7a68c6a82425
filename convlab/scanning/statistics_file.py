"""Statistics of the pictures of a shard, in a file: of each layer a matrix, its rows the fields."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from convlab.recording.running_statistics import ChannelStatistics
from convlab.runtime.arrays import Array
from convlab.scanning.marks import shard_name
from convlab.storage.hdf5 import get_dataset, refuse, reopen_hdf5
from convlab.storage.hdf5_arrays import check_floats, read_into
from convlab.storage.hdf5_writing import new_file

STATISTICS = "statistics"  # the folder
FIELDS = ("minima", "maxima", "means", "deviations", "zeros")


def statistics_file(index: int) -> str:
    """Return where the statistics of a shard are, in the folder of the scan."""
    return f"{STATISTICS}/{shard_name(index)}.h5"


def write_statistics(out: Path, index: int, statistics: Mapping[str, ChannelStatistics]) -> str:
    """Write the statistics of a shard, and return where: nothing in it if none of its pictures could be read."""
    name = statistics_file(index)
    with new_file(out / name, "the statistics", lasting=True) as file:
        for number, found in enumerate(statistics.values()):
            file[str(number)] = _matrix(found)
    return name


def _matrix(found: ChannelStatistics) -> Array:
    """Return all fields as rows (1 + 5 + 2 k, C) of float64, in which each number of a picture is exact."""
    count = np.full((1, len(found.means)), found.count)
    fields = [getattr(found, field)[None] for field in FIELDS]
    return np.concatenate([count, *fields, found.peaks, found.pictures.astype(np.float64)])


def read_statistics(out: Path, index: int, layers: Sequence[str]) -> dict[str, ChannelStatistics]:
    """Return the statistics of a shard by layer, the pictures by their numbers.

    Raises
    ------
    WeightsError
        For a file that is damaged, or none.
    """
    found = {}
    with reopen_hdf5(out / statistics_file(index)) as file:
        for number, layer in enumerate(layers):
            data = get_dataset(file, str(number))
            if data is None:
                break
            if len(data.shape) != 2 or data.shape[0] < 8 or data.shape[0] % 2:
                refuse(file, f"statistics of {layer} have shape {data.shape}, expected (6 + 2 k, channels)")
            check_floats(data, data.shape, f"statistics of {layer}")
            matrix: Array = np.empty(data.shape, np.float64)
            read_into(data, matrix)
            found[layer] = _statistics(matrix)
    return found


def _statistics(matrix: Array) -> ChannelStatistics:
    first, (peaks, pictures) = 1 + len(FIELDS), np.split(matrix[1 + len(FIELDS) :], 2)
    fields = dict(zip(FIELDS, matrix[1:first], strict=True))
    return ChannelStatistics(**fields, count=int(matrix[0, 0]), peaks=peaks, pictures=pictures.astype(np.int64))


def merged(parts: Sequence[dict[str, ChannelStatistics]]) -> dict[str, ChannelStatistics]:
    """Return the statistics of all parts together, taken in their order, on which the last bits depend."""
    found: dict[str, ChannelStatistics] = {}
    for part in parts:
        for layer, new in part.items():
            found[layer] = found[layer].merged(new) if layer in found else new
    return found


def named(found: Mapping[str, ChannelStatistics], names: Sequence[str]) -> dict[str, ChannelStatistics]:
    """Return statistics with the names of the pictures instead of their numbers."""
    called = np.array(names, object)
    return {layer: replace(one, pictures=called[one.pictures.astype(np.int64)]) for layer, one in found.items()}
