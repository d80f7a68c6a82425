"""`convlab scan`: features and statistics of a network's layers over all pictures of a folder."""

import argparse
import sys
from pathlib import Path
from typing import Any

from convlab.cli.inputs import SOME_FAILED
from convlab.cli.layers import add_layers, chosen_layers
from convlab.cli.options import add_fit, add_json, add_model, command, load_model, print_json
from convlab.cli.terminal import bar, warnings_above
from convlab.errors import UnsupportedError
from convlab.scanning.cluster import Cluster
from convlab.scanning.folder import FolderStatistics
from convlab.scanning.report import REPORT
from convlab.scanning.scanned import Scan
from convlab.scanning.scanner import chosen_place, finish, scanning
from convlab.scanning.work import Work
from convlab.storage.writing import check_file, check_folder
from convlab.wording import counted, printable


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(
        commands, "scan", run, "keep features and statistics of all pictures of a folder; it can be resumed"
    )
    add_model(parser)
    add_source(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where features and statistics go; the same command goes on there (default: statistics alone, printed)",
    )
    add_layers(parser, "features and statistics of these", "features before the classifier, statistics of all")
    parser.add_argument("--no-features", action="store_true", help="keep statistics alone")
    parser.add_argument("--no-statistics", action="store_true", help="keep features alone, which takes less time")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, default=1, metavar="N", help="processes on this machine (default: 1)")
    where.add_argument("--dask", metavar="ADDRESS", help="a Dask scheduler, tcp://HOST:8786, whose workers do it")
    parser.add_argument(
        "--attribution", metavar="METHOD", help="also keep the mean of grad_cam, gradient, ... over each class"
    )
    parser.add_argument("--max-errors", type=int, metavar="N", help="end with more pictures that cannot be read")
    parser.add_argument("--no-resume", action="store_true", help="do all of it anew")
    parser.add_argument(
        "--mixed", action="store_true", help="let other kinds of machines take part, whose last bits may differ"
    )
    parser.add_argument("--pack", type=Path, metavar="FILE", help="also write the features into one .npy or .h5")
    add_batch(parser)
    add_fit(parser)
    add_json(parser)


def add_source(parser: argparse.ArgumentParser) -> None:
    """Let a command take pictures."""
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        help="with all folders in it; or a .csv of files, or a .npy, .h5, IDX array of images",
    )


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Let a command say how much it computes at a time."""
    parser.add_argument("--batch", type=int, metavar="N", help="pictures computed at a time (default: 64, or fewer)")


def run(arguments: argparse.Namespace) -> int:
    """Scan, show how far it is, and print what was found."""
    if arguments.out:
        check_folder(arguments.out)
    if arguments.pack:
        check_file(arguments.pack)
        if not arguments.out:
            raise UnsupportedError("--pack writes the features of a scan, which are kept with --out DIR alone")
    options = {
        "features": not arguments.no_features,
        "statistics": not arguments.no_statistics,
        "attribution": arguments.attribution,
        "max_errors": arguments.max_errors,
        "resume": not arguments.no_resume,
        "mixed": arguments.mixed,
    }
    model = load_model(arguments)
    with scanning(
        model,
        arguments.folder,
        arguments.out,
        layers=chosen_layers(model, arguments.layers),
        place=Cluster.at(arguments.dask) if arguments.dask else chosen_place(None, arguments.workers),
        batch=arguments.batch,
        fit=arguments.fit,
        **options,
    ) as work:
        try:
            work_on(work)
        except BaseException:
            _tell_end(work)
            raise
        found = finish(work)
    _give(found, arguments)
    return SOME_FAILED if work.failed else 0


def work_on(work: Work) -> None:
    """Do what is missing, and show on a terminal how far it is, how fast, and how many failed."""
    total, done = len(work.listing), work.done
    with bar(total=total, initial=done, unit="picture", leave=False) as shown, warnings_above(shown):
        for done, failed in work.steps():
            shown.set_postfix_str(f"{failed:,} cannot be read" if failed else "", refresh=False)
            shown.update(done - shown.n)


def _tell_end(work: Work) -> None:
    """Say how far a scan is that ends before its end."""
    if work.job.out is not None:
        done = f"{work.done:,} of {counted(len(work.listing), 'picture')}"
        print(f"convlab: it ended early: {done} are done, and the same command goes on", file=sys.stderr)


def _give(found: Scan | FolderStatistics, arguments: argparse.Namespace) -> None:
    if arguments.pack and isinstance(found, Scan):
        found.pack(arguments.pack)
    if arguments.json:
        print_json(found.as_dict())
    else:
        print(found, flush=True)
        if isinstance(found, Scan):
            print(printable(str(found.folder / REPORT)))
        if arguments.pack:
            print(printable(str(arguments.pack)))
