"""One shard of a scan: its pictures read, run in batches, and what is kept of them written.

Nothing here knows of other shards or of other processes, and the numbers depend on the job alone: a batch keeps its
size whatever becomes of its pictures, and where it lies depends on the order of the files.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from convlab.model.model import Model
from convlab.recording.running_statistics import ChannelStatistics
from convlab.runtime.arrays import Array
from convlab.runtime.host_copies import all_on_host
from convlab.runtime.policy import using_policy
from convlab.scanning.class_means import ClassMeans
from convlab.scanning.job import Job
from convlab.scanning.marks import Mark, described, shard_name, write_mark
from convlab.scanning.messages import Request, Summary
from convlab.scanning.reading import Reader
from convlab.scanning.statistics_file import merged, write_statistics
from convlab.storage.hdf5_writing import new_file

FEATURES, DATA = "features", "features"  # the folder, and the array in each of its files


def process_shard(
    job: Job, model: Model, reader: Reader, request: Request, told: Callable[[Summary], None]
) -> Summary:
    """Do a shard, and tell after each batch how far it is."""
    statistics: dict[str, ChannelStatistics] = {}
    means = ClassMeans(model, job.attribution)
    errors: list[tuple[int, str]] = []
    with _feature_files(job, model, request) as features:
        for start, batch in reader.batches(request):
            errors += [(start + row, reason) for row, reason in batch.failed.items()]
            rows = [row for row in range(batch.count) if row not in batch.failed]
            recorded = _record(job, model, batch.x) if rows else {}
            _keep_features(features, recorded, start, batch.count, rows)
            if rows:
                numbers = [request.first + start + row for row in rows]
                statistics = merged([statistics, _of_batch(job, recorded, numbers, rows)])
                means.add(batch.x[rows], request.labels and [request.labels[start + row] for row in rows])
            handed = statistics if job.out is None else None
            done = Summary(request.index, start + batch.count, tuple(errors), statistics=handed)
            told(done)
    done = replace(done, whole=True)
    if job.out is None:
        return done
    out = Path(job.out)
    written = [feature_file(folder, request.index) for folder in job.features.values()]
    if job.statistics:
        written.append(write_statistics(out, request.index, statistics))
    if job.attribution is not None:
        written.append(means.write(out, request.index))
    write_mark(out, request.index, Mark(len(request.names), tuple(errors), described(out, written)))
    return done


def feature_file(folder: str, index: int) -> str:
    """Return where the features of a layer are, in the folder of the scan."""
    return f"{FEATURES}/{folder}/{shard_name(index)}.h5"


@contextmanager
def _feature_files(job: Job, model: Model, request: Request) -> Iterator[dict[str, h5py.Dataset]]:
    """Give for each layer an array (rows, ...) of NaN in a new file; the files are there when the block ends."""
    with ExitStack() as files:
        arrays = {}
        for name, folder in job.features.items() if job.out else ():
            path = Path(job.out or "", feature_file(folder, request.index))
            file = files.enter_context(new_file(path, "the features", lasting=True))
            shape = len(request.names), *model.shapes[name.removesuffix("/pre")]
            arrays[name] = file.create_dataset(DATA, shape, np.float32)
        yield arrays


def _record(job: Job, model: Model, x: Array) -> Mapping[str, Array]:
    if not job.layers:
        return {}
    return all_on_host(model.run(x, record=job.layers).arrays)


def _keep_features(
    features: dict[str, h5py.Dataset], recorded: Mapping[str, Array], start: int, count: int, rows: list[int]
) -> None:
    """Write the rows of a batch, those of pictures that were not read as NaN."""
    for name, dataset in features.items():
        kept = np.full((count, *dataset.shape[1:]), np.nan, np.float32)
        if rows:
            kept[rows] = recorded[name][rows]
        dataset[start : start + count] = kept


def _of_batch(
    job: Job, recorded: Mapping[str, Array], numbers: list[int], rows: list[int]
) -> dict[str, ChannelStatistics]:
    """Return the statistics of a batch: of the pictures that were read, by their numbers among all."""
    whole = len(rows) == job.batch
    with using_policy(job.compiled):
        return {
            name: ChannelStatistics.of(recorded[name] if whole else recorded[name][rows], numbers)
            for name in job.statistics
        }
