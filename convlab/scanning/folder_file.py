"""What lies in the folder of a scan beside the shards: the job with its fingerprint, and the list of files."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convlab.errors import WeightsError
from convlab.storage.json_text import parse_json
from convlab.storage.writing import new_path

JOB, FILES = "job.json", "files.csv"
FORMAT = "convlab scan 1"


@dataclass(frozen=True)
class Description:
    """What a scan is of.

    Attributes
    ----------
    network, root : str
        What the network is called, and where the pictures were.
    array : bool
        Whether they are the images of one array, in the file `root`.
    shard : int
        How many pictures make a shard.
    features : dict of str to str
        The layers whose features are kept, and the folder of each.
    shapes : dict of str to tuple of int
        Of a picture's features, by layer.
    statistics : tuple of str
        The layers that have statistics.
    attribution : str or None
    fingerprint : dict
        All that the numbers depend on.
    """

    network: str
    root: str
    array: bool
    shard: int
    features: dict[str, str]
    shapes: dict[str, tuple[int, ...]]
    statistics: tuple[str, ...]
    attribution: str | None
    fingerprint: dict[str, Any]


def write_description(out: Path, description: Description) -> None:
    """Write what a scan is of."""
    text = json.dumps({"format": FORMAT, **vars(description)}, indent=1)
    with new_path(out / JOB, "the description of the scan", lasting=True) as part:
        part.write_text(text + "\n", encoding="ascii")


def read_description(out: Path) -> Description | None:
    """Return what the scan in a folder is of, None where there is none.

    Raises
    ------
    WeightsError
        For a file that is damaged, or of something else.
    """
    path = out / JOB
    try:
        told = parse_json(path.read_bytes())
        if told.pop("format") != FORMAT:
            raise ValueError(f"it is not of {FORMAT!r}")
        return _understood(told)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise WeightsError(f"{path}: not the description of a scan ({error}): is it another file?") from None


def _understood(told: Mapping[str, Any]) -> Description:
    folders = {str(name): str(folder) for name, folder in told["features"].items()}
    for folder in folders.values():
        if Path(folder).name != folder:
            raise ValueError(f"the folder {folder!r} is not one in it")
    return Description(
        str(told["network"]),
        str(told["root"]),
        bool(told["array"]),
        int(told["shard"]),
        folders,
        {str(name): tuple(map(int, shape)) for name, shape in told["shapes"].items()},
        tuple(map(str, told["statistics"])),
        None if told["attribution"] is None else str(told["attribution"]),
        dict(told["fingerprint"]),
    )


def write_files(out: Path, names: list[str], labels: list[str] | None) -> None:
    """Write the pictures in their order, and their classes."""
    with (
        new_path(out / FILES, "the list of files", lasting=True) as part,
        part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        table = csv.writer(file)
        table.writerow(["file", "label"] if labels else ["file"])
        table.writerows(zip(names, labels, strict=True) if labels else ([name] for name in names))


def read_files(out: Path) -> tuple[list[str], list[str] | None]:
    """Return the pictures in their order, and their classes where they are known.

    Raises
    ------
    WeightsError
        For a file that is damaged, or missing.
    """
    path = out / FILES
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            head, *rows = csv.reader(file)
        if head not in (["file"], ["file", "label"]) or any(len(row) != len(head) for row in rows):
            raise ValueError("expected a column file, and perhaps label")
    except (OSError, ValueError, csv.Error) as error:
        raise WeightsError(f"{path}: not the list of a scan's files ({error})") from None
    return [row[0] for row in rows], [row[1] for row in rows] if len(head) > 1 else None
