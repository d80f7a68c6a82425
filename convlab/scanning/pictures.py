"""The pictures of a folder, and of its sub-folders: which there are, and a few at a time as a network takes them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from convlab.errors import ImageError
from convlab.images.resizing import Fit
from convlab.model.model import Model
from convlab.runtime.arrays import Array
from convlab.wording import counted, listed
from convlab_kernels.caller import warn_caller

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures in a folder, by name."""
    if not folder.is_dir():
        raise ImageError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    paths = _by_ending(folder)
    if not paths:
        kinds = ", ".join(ENDINGS)
        raise ImageError(f"{folder}: no picture in it ({kinds}); sub-folders are not followed")
    return paths


def pictures_by_class(folder: Path) -> dict[str, list[Path]]:
    """Return the pictures of each sub-folder, by its name; of a folder without such, its own by its own name.

    Sub-folders without a picture are named in a warning, but for hidden ones.
    """
    inner = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    found = {path.name: _by_ending(path) for path in inner if not path.name.startswith(".")}
    classes = {name: paths for name, paths in found.items() if paths}
    if not classes:
        return {folder.resolve().name: pictures_in(folder)}
    if loose := _by_ending(folder):
        name = next(iter(classes))
        raise ImageError(
            f"{folder}: {loose[0].name} lies beside {name}, a folder of pictures; expected folders, one for each"
            " class, or pictures alone"
        )
    for name in found.keys() - classes.keys():
        warn_caller(f"{folder / name}: no picture in it; it is left out")
    return classes


def _by_ending(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())


def batches(
    model: Model, folder: Path, paths: Sequence[Path], size: int, fit: Fit, skipped: list[str]
) -> Iterator[dict[str, Array]]:
    """Yield inputs (1, H, W, C) by the path in the folder, of `size` pictures at a time.

    The paths of those that cannot be read go to `skipped`, each with a warning.
    """
    for start in range(0, len(paths), size):
        read: dict[str, Array] = {}
        for path in paths[start : start + size]:
            name = str(path.relative_to(folder))
            try:
                read[name] = model.prepare(path, fit=fit)
            except ImageError as error:
                skipped.append(name)
                warn_caller(f"{error}; the picture is left out")
        yield read


def check_read(folder: str | Path, images: int, skipped: Sequence[str]) -> None:
    """Refuse a folder of whose pictures none could be read."""
    if not images:
        raise ImageError(f"{folder}: {counted(len(skipped), 'picture')}, none of which can be read")


def told(folder: str, images: int, skipped: Sequence[str]) -> str:
    """Return what was gone over."""
    left_out = f", {len(skipped)} left out ({listed(skipped)})" if skipped else ""
    return f"over {counted(images, 'picture')} of {folder}{left_out}"
