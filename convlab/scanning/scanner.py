"""`scan`: a network over all pictures of a folder, in shards, of which only those are done that are not yet."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from convlab.errors import ShapeError, UnsupportedError
from convlab.images.resizing import Fit
from convlab.model.model import Model
from convlab.model.selection import select
from convlab.scanning.attributions import function_called
from convlab.scanning.claim import claim, clear, make_folder
from convlab.scanning.cluster import Cluster
from convlab.scanning.folder import FolderStatistics
from convlab.scanning.job import (
    SHARD,
    Job,
    asked_threads,
    batch_for,
    last_features,
    repays_kernels,
    shard_for,
    write_model,
)
from convlab.scanning.listing import list_pictures
from convlab.scanning.locally import Local
from convlab.scanning.lock import locked
from convlab.scanning.report import write_report
from convlab.scanning.scanned import Scan
from convlab.scanning.work import Place, Work
from convlab.storage.file_names import file_names
from convlab.storage.scratch import scratch_folder
from convlab.wording import say

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Layers = str | Iterable[str] | None


@contextmanager
def scanning(
    model: Model,
    source: Source,
    out: str | os.PathLike[str] | None = None,
    *,
    layers: Layers = None,
    features: bool = True,
    statistics: bool = True,
    attribution: str | None = None,
    place: Place | None = None,
    errors: Literal["record", "raise"] = "record",
    max_errors: int | None = None,
    resume: bool = True,
    batch: int | None = None,
    fit: Fit = "stretch",
    mixed: bool = False,
) -> Iterator[Work]:
    """Give a scan that is ready to work, its folder locked, for a block; see `scan`."""
    _check(model, batch, errors, max_errors, attribution)
    folder = None if out is None else Path(out)
    kept = _wanted(model, layers, features and folder is not None, statistics, folder is None)
    with ExitStack() as stack:
        listing = list_pictures(source, folder)
        if folder is None:
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="convlab-scan-")))
        else:
            make_folder(folder)
            stack.enter_context(locked(folder))
            if not resume:
                clear(folder)
            scratch = stack.enter_context(scratch_folder(folder))
        where = place or Local(1)
        stack.callback(where.close)
        size = batch or batch_for(model.graph, len(listing))
        job = Job(
            model=str((scratch / "network.pickle").resolve()),
            digest=write_model(model, scratch / "network.pickle"),
            root=listing.root,
            array=listing.array,
            out=None if folder is None else str(folder.resolve()),
            features=dict(zip(kept[0], file_names(kept[0]), strict=True)),
            statistics=tuple(kept[1]),
            attribution=attribution,
            batch=size,
            shard=shard_for(len(listing), size, SHARD),
            fit=fit,
            threads=asked_threads(),
            compiled=repays_kernels(model, kept[1], len(listing)),
            mixed=mixed,
            by_command=say("", "command") != "",
        )
        job = replace(job, facts=where.facts(job))
        work = Work(model, listing, job, where, errors, max_errors)
        if folder is not None:
            claim(folder, work)
            work.look()
        yield work


def _check(model: Model, batch: int | None, errors: str, max_errors: int | None, attribution: str | None) -> None:
    if attribution is not None:
        function_called(attribution)
    if len(model.inputs) > 1:
        raise UnsupportedError(
            f"model {model.name!r} has several inputs, {', '.join(model.inputs)}: a scan gives a network one picture"
        )
    if batch is not None and batch < 1:
        raise ShapeError(f"a scan: batch is {batch}, expected at least 1")
    if errors not in ("record", "raise"):
        raise UnsupportedError(f"errors is {errors!r}, expected 'record' or 'raise'")
    if max_errors is not None and max_errors < 0:
        raise ShapeError(f"{say('max_errors', '--max-errors')} is {max_errors}, expected at least 0")


def _wanted(
    model: Model, layers: Layers, features: bool, statistics: bool, all_layers: bool
) -> tuple[list[str], ...]:
    """Return the layers whose features are kept, and those that have statistics."""
    if layers is None:
        every = [node.name for node in model.nodes]
        last = [] if all_layers else [last_features(model.graph)]
        return last if features else [], every if statistics else []
    named = [layers] if isinstance(layers, str) else list(layers)
    chosen = list(select(model.graph, named, False))
    return chosen if features else [], chosen if statistics else []


def scan(
    model: Model,
    folder: Source,
    out: str | os.PathLike[str] | None = None,
    *,
    layers: Layers = None,
    features: bool = True,
    statistics: bool = True,
    attribution: str | None = None,
    client: Any = None,
    workers: int = 1,
    errors: Literal["record", "raise"] = "record",
    max_errors: int | None = None,
    resume: bool = True,
    batch: int | None = None,
    fit: Fit = "stretch",
    mixed: bool = False,
) -> Scan | FolderStatistics:
    """Run a network over all pictures of a folder, and keep features and statistics of its layers.

    The pictures are done in shards, by processes of the scan's own. What has been done is not done again: after an
    interruption, of whatever kind, the same call goes on. The numbers are the same, bit for bit, for any number of
    workers. README and docs/scale.md tell more.

    Parameters
    ----------
    model : Model
    folder : path, or list of paths
        A folder with all folders in it; a list of files; a `.csv` with a column of files; or a `.npy`, HDF5 or IDX
        file with an array of images. Where all pictures lie in folders of the first level, these are their labels.
    out : path, optional
        Where the features and statistics go. Without it the statistics are returned, and nothing is kept.
    layers : name or names, optional
        Which layers. By default features of the one before the classifier, and statistics of all.
    features, statistics : bool
        Whether these are kept.
    attribution : str, optional
        A method of `convlab.attribution`, whose mean over the pictures of each class is kept.
    client : dask.distributed.Client, optional
        A cluster that does the shards; it must see `out` and the pictures under the same paths.
    workers : int
        How many processes do the shards on this machine, where there is no client.
    errors : "record" or "raise"
        Whether a picture that cannot be read is recorded, with its reason and a row of NaN, or ends the scan.
    max_errors : int, optional
        With more such pictures than this the scan ends.
    resume : bool
        Whether to go on with the scan that lies in `out`; False: all is done anew.
    batch : int, optional
        How many pictures are computed at a time; by default 64, less where the network is large.
    fit : "stretch" or "crop"
        How a picture gets the input's shape; see `convlab.images.reading.prepare`.
    mixed : bool
        Whether workers may be other kinds of machines, whose numbers may differ in the last bits.

    Returns
    -------
    Scan, or FolderStatistics where there is no `out`.

    Raises
    ------
    ImageError
        Where there is no picture, none that can be read, or more than `max_errors` that cannot.
    FileError
        Where `out` cannot be written, is locked by another scan, or holds a scan of something else.
    LayerNameError
        Where the network has no such layer.
    UnsupportedError
        For a network of several inputs, or one that cannot be taken to another process.

    Warns
    -----
    UserWarning
        For the first pictures that cannot be read.
    """
    options: dict[str, Any] = {
        "layers": layers, "features": features, "statistics": statistics, "attribution": attribution,
        "errors": errors, "max_errors": max_errors, "resume": resume, "batch": batch, "fit": fit, "mixed": mixed,
    }  # fmt: skip
    with scanning(model, folder, out, place=chosen_place(client, workers), **options) as work:
        for _ in work.steps():
            pass
        return finish(work)


def folder_statistics(
    model: Model, folder: Source, layers: Layers = None, *, batch: int | None = None, fit: Fit = "stretch"
) -> FolderStatistics:
    """Run a network over the pictures of a folder and return what each channel of each layer is like.

    It is `scan` without a folder for what is found: sub-folders are followed, and what was computed for the pictures
    is forgotten batch by batch, so that the memory needed does not grow with them.

    Parameters
    ----------
    model, folder, batch, fit
        As of `scan`.
    layers : name or names, optional
        Which layers (nodes); all of them by default.

    Raises
    ------
    ImageError
        Where there is no such folder, no picture in it, or none that can be read.
    LayerNameError
        Where the network has no such layer.

    Warns
    -----
    UserWarning
        For the first pictures that cannot be read; all are left out.
    """
    with scanning(model, folder, layers=layers, batch=batch, fit=fit) as work:
        for _ in work.steps():
            pass
        work.check()
        return work.statistics()


def chosen_place(client: Any, workers: int) -> Place:
    """Return where shards are done."""
    if client is not None:
        return Cluster(client)
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ShapeError(f"{say('workers', '--workers')} is {workers!r}, expected a whole number of at least 1")
    return Local(workers)


def finish(work: Work) -> Scan | FolderStatistics:
    """Return what a scan has found when all of it is done; write what is about all shards together."""
    work.check()
    if work.job.out is None:
        return work.statistics()
    found = Scan.open(work.job.out)
    for layer in found.layers:
        found.features(layer).write_view(sorted(found.marks))
    if found.description.statistics:
        found.statistics.write_csv(found.folder / "statistics.csv")
    write_report(found, work.model)
    return found
