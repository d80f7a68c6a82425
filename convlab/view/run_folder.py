"""A folder of what a network computed for a picture: its recording, the network, and a picture of every layer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
from PIL import Image

from convlab.errors import ConvlabError
from convlab.markup.maps import VOLUMES
from convlab.markup.scale import Rule
from convlab.recording.activations import Activations
from convlab.storage.file_names import file_names
from convlab.storage.hdf5 import open_hdf5, read_text
from convlab.view.contact_sheet import contact_sheet, signed
from convlab.view.dense import dense
from convlab.view.feature_maps import feature_maps
from convlab.view.network import network
from convlab.view.saving import save

RECORDING, NETWORK = "activations.h5", "network.png"
SIGNATURE = "written by", "convlab run"

Steps = Callable[[Iterable[str]], Iterable[str]]


class Written(NamedTuple):
    """What was written to a folder: the recording and the picture of the network, if they were, and of each layer."""

    recording: Path | None
    network: Path | None
    layers: dict[str, Path]

    @property
    def files(self) -> list[Path]:
        """All of it."""
        return [path for path in (self.recording, self.network, *self.layers.values()) if path]


def write_folder(
    acts: Activations,
    folder: Path,
    *,
    scale: Rule,
    channels: Mapping[str, Sequence[int]],
    recording: bool,
    steps: Steps,
) -> Written:
    """Write a recording and draw every layer in it, and take away what an earlier run has left there.

    Parameters
    ----------
    acts
        The recording, of one image.
    folder
        Where to: it is there.
    scale
        Of the maps; see `convlab.markup.scale.Scale`.
    channels
        Which channels of a layer to draw: none for an empty list, all of one that is not named.
    recording
        Whether to save the recording.
    steps
        Is given the names of the layers, and gives them back one by one: so it can show how far the drawing is.
    """
    saved = folder / RECORDING if recording else None
    if saved is not None:
        acts.save(saved)
        with h5py.File(saved, "r+") as file:
            file.attrs[SIGNATURE[0]] = SIGNATURE[1]
    names = [name for name in acts if channels.get(name) != []]
    width = max(2, len(str(len(acts))))
    numbers = {name: f"{number:0{width}}_{name}" for number, name in enumerate(acts, 1)}
    files = dict(zip(names, file_names((numbers[name] for name in names), ".png"), strict=True))
    for name in steps(names):
        _draw(acts, name, folder / files[name], scale, channels.get(name))
    drawn = folder / NETWORK if set(acts.kinds.values()) != {"Flatten"} else None
    if drawn is not None:
        save(network(acts), drawn, signed(NETWORK))
    written = Written(saved, drawn, {name: folder / file for name, file in files.items()})
    _take_away(folder, {path.name for path in written.files})
    return written


def _draw(acts: Activations, name: str, path: Path, scale: Rule, channels: Sequence[int] | None) -> None:
    shape = acts[name].shape
    if len(shape) == 2:
        save(dense(acts, name), path, signed(path.name))
    elif len(shape) == VOLUMES:
        save(feature_maps(acts, name, channels=channels, scale=scale), path, signed(path.name))
    else:
        contact_sheet(acts, name, path, channels=channels, scale=scale)


def _take_away(folder: Path, kept: set[str]) -> None:
    """Remove the files of an earlier run: those that say in themselves that it wrote them, under this name."""
    for path in folder.iterdir():
        if path.name not in kept and not path.is_symlink() and path.is_file() and _is_of_a_run(path):
            path.unlink()


def _is_of_a_run(path: Path) -> bool:
    if path.name == RECORDING:
        try:
            with open_hdf5(path) as file:
                return read_text(file, SIGNATURE[0]) == SIGNATURE[1]
        except ConvlabError:
            return False
    if path.suffix != ".png":
        return False
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            return picture.info.get("Software") == signed(path.name)
    except Exception:  # what a decoder raises on a file that is none is anyone's guess
        return False
