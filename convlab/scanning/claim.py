"""The folder of a scan as it begins: made, claimed for one job with its fingerprint, or refused."""

import shutil
from pathlib import Path

from convlab.errors import FileError
from convlab.scanning.class_means import ATTRIBUTIONS
from convlab.scanning.folder_file import JOB, Description, read_description, write_description, write_files
from convlab.scanning.job import differences, fingerprint
from convlab.scanning.marks import FOLDER as MARKS
from convlab.scanning.shard import FEATURES
from convlab.scanning.statistics_file import STATISTICS
from convlab.scanning.work import Work
from convlab.storage.writing import check_folder
from convlab.wording import say


def make_folder(folder: Path) -> None:
    """Make the folder of a scan; FileError where it cannot be made, or something else lies in it."""
    check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: the folder cannot be made ({error.strerror})") from None
    there = {path.name for path in folder.iterdir()}
    if there and JOB not in there and not all(name.startswith(".") for name in there):
        raise FileError(f"{folder}: other files lie in it, and no scan: name another folder")


def clear(folder: Path) -> None:
    """Remove what an earlier scan has written, the marks first: without them nothing of it counts."""
    for name in (MARKS, FEATURES, STATISTICS, ATTRIBUTIONS):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / JOB).unlink(missing_ok=True)


def claim(folder: Path, work: Work) -> None:
    """Write what the scan is of; or, where one lies there, refuse it unless it is the same."""
    job, listing = work.job, work.listing
    asked = fingerprint(work.model, job, len(listing), listing.digest())
    there = read_description(folder)
    if there is not None and (told := differences(there.fingerprint, asked, ("there", "asked for"))):
        raise FileError(
            f"{folder}: a scan of something else lies in it: {'; '.join(told)}: name another folder, or"
            f" {say('give resume=False', 'give --no-resume')} to do it anew"
        )
    kept = [f"{FEATURES}/{layer}" for layer in job.features.values()]
    kept += [STATISTICS] * bool(job.statistics) + [ATTRIBUTIONS] * bool(job.attribution)
    for name in (MARKS, *kept):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if there is None:
        write_files(folder, listing.names, listing.labels)
        shapes = {name: tuple(work.model.shapes[name.removesuffix("/pre")]) for name in job.features}
        told_of = work.model.title, listing.root, listing.array, job.shard, job.features, shapes, job.statistics
        write_description(folder, Description(*told_of, job.attribution, asked))
