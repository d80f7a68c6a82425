"""The mean attribution of each class of a folder, in one pass that keeps no picture's own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from convlab import attribution
from convlab.attribution.mean import MeanAttribution
from convlab.attribution.methods import BY_INPUT, BY_LAYER
from convlab.attribution.result import Attribution, Progress
from convlab.backward.targets import Target, strongest_classes
from convlab.errors import ShapeError, UnsupportedError
from convlab.images.resizing import Fit
from convlab.markup.html import html_table
from convlab.markup.tables import table
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.runtime.host_copies import arrays_on, where_computed
from convlab.scanning.pictures import batches, check_read, pictures_by_class, told
from convlab.wording import counted, printable, unknown

HEADER = ("class", "pictures", "min", "max", "std, at most", "of")
SIDES = "<>>>><"
METHODS = sorted((*BY_LAYER, *BY_INPUT))

Method = Callable[[Model, Activations, Target], Attribution]


@dataclass(frozen=True, repr=False)
class FolderAttributions:
    """The mean attribution of each class of a folder; `str()` of it is a table, a line for each class.

    Attributes
    ----------
    model, folder : str
    classes : dict of str to MeanAttribution
        By the name of the sub-folder; of a folder without such, one by its own name. `plot.mean_attributions` draws
        them, `plot.attribution` one of them.
    skipped : tuple of str
        The pictures that could not be read, by their paths in the folder.
    """

    model: str
    folder: str
    classes: dict[str, MeanAttribution]
    skipped: tuple[str, ...]

    @property
    def images(self) -> int:
        """How many pictures there were."""
        return sum(mean.count for mean in self.classes.values())

    def __repr__(self) -> str:
        counts = counted(self.images, "picture"), counted(len(self.classes), "class", "classes")
        return f"<FolderAttributions of {self.model} over {counts[0]}: {counts[1]}>"

    def __str__(self) -> str:
        return "\n".join([printable(self._title()), *table(self._table(), SIDES)])

    def _repr_html_(self) -> str:
        return html_table(self._table(), SIDES, title=self._title())

    def _title(self) -> str:
        mean = next(iter(self.classes.values()))
        over = told(self.folder, self.images, self.skipped)
        return f"{self.model}: the mean {mean.method}, by {mean.layer}, {over}"

    def _table(self) -> list[tuple[str, ...]]:
        return [HEADER, *(_cells(name, mean) for name, mean in self.classes.items())]

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        classes = {name: mean.as_dict() for name, mean in self.classes.items()}
        return {
            "model": self.model, "folder": self.folder, "images": self.images, "skipped": list(self.skipped),
            "classes": classes,
        }  # fmt: skip


def folder_attributions(
    model: Model,
    folder: str | Path,
    method: str | Method,
    target: Target = None,
    *,
    batch: int = 8,
    fit: Fit = "stretch",
    progress: Progress | None = None,
) -> FolderAttributions:
    """Return the mean attribution over the pictures of a folder, for each of its sub-folders, which are the classes.

    The attributions are averaged as the method computes them: none is normalised first, so that a picture counts the
    more, the larger its values are. What was computed for a picture is forgotten batch by batch: the memory needed
    does not grow with the folder. Means are kept in float64, and merged batch after batch in the order of the names.

    Parameters
    ----------
    model : Model
        A network that knows how to prepare a picture.
    folder : path
        Of sub-folders with pictures, or of pictures alone.
    method : str or function
        One of `convlab.attribution`, or its name, or another that takes model, recording and target and
        returns an Attribution; with options, `functools.partial(attribution.grad_cam, layer="conv2")`.
    target : optional
        As of `convlab.gradients`, one for all pictures. By default the class that the pictures' folder is called by,
        where its name is a label (letters and digits count: "t_shirt_top" is "T-shirt/top"); else each picture's
        most probable class.
    batch : int
        How many pictures are computed, and kept in memory, at a time.
    fit : "stretch" or "crop"
        How a picture gets the input's shape; see `convlab.images.reading.prepare`.
    progress : function, optional
        Called after each batch with how many pictures are done, and of how many.

    Raises
    ------
    ImageError
        Where there is no such folder, no picture in it, or none that can be read; and for pictures beside
        sub-folders of pictures.
    UnsupportedError
        For a method that is not known.
    ShapeError
        For no batch, and without a target where the output is no scores of classes; and as the method says.

    Warns
    -----
    UserWarning
        For each picture that cannot be read, and each sub-folder without pictures; they are left out.
    """
    if batch < 1:
        raise ShapeError(f"folder_attributions: batch is {batch}, expected at least 1")
    function = function_called(method)
    classes = pictures_by_class(Path(folder))
    whole = sum(map(len, classes.values()))
    found: dict[str, MeanAttribution] = {}
    skipped: list[str] = []
    images = 0
    for name, paths in classes.items():
        asked = class_called(name, model.labels or ()) if target is None else target
        for pictures in batches(model, Path(folder), paths, batch, fit, skipped):
            images += len(pictures)
            for mean in means_of(model, function, list(pictures.values()), asked):
                found[name] = found[name].merged(mean) if name in found else mean
            if progress is not None:
                progress(images + len(skipped), whole)
    check_read(folder, images, skipped)
    return FolderAttributions(model.title, str(folder), found, tuple(skipped))


def function_called(method: str | Method) -> Method:
    """Return a method by its name; UnsupportedError for one that is not known."""
    if callable(method):
        return method
    if method not in METHODS:
        raise UnsupportedError(unknown("method", method, METHODS))
    function: Method = getattr(attribution, method)
    return function


def class_called(name: str, labels: Sequence[str]) -> int | None:
    """Return the number of the class that a folder is called by: by its label, or else by its letters and digits."""
    for spelt in (str, _letters):
        same = [number for number, label in enumerate(labels) if spelt(label) == spelt(name) != ""]
        if len(same) == 1:
            return same[0]
    return None


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def means_of(model: Model, method: Method, pictures: Sequence[Array], target: Target) -> Iterator[MeanAttribution]:
    """Yield the mean attribution of some pictures, or one for each class that is the most probable one of some."""
    if not pictures:
        return
    acts = model.run(np.concatenate(pictures))
    if target is not None:
        yield MeanAttribution.of(method(model, acts, target))
        return
    numbers = strongest_classes(acts)
    for number in np.unique(numbers):
        chosen = numbers == number
        part = acts if chosen.all() else _of_images(acts, chosen, model.device)
        yield MeanAttribution.of(method(model, part, int(number)))


def _of_images(acts: Activations, chosen: Array, device: str) -> Activations:
    """Return the recording of some of the images."""
    fields: dict[str, Any] = {}
    for field in ("arrays", "inputs", "outputs"):
        fields[field] = arrays_on(device)
        fields[field].update({name: array[chosen] for name, array in where_computed(getattr(acts, field)).items()})
    return replace(acts, **fields)


def _cells(name: str, mean: MeanAttribution) -> tuple[str, ...]:
    numbers = (f"{value:.4g}" for value in (mean.values.min(), mean.values.max(), mean.deviations.max()))
    return name, str(mean.count), *numbers, mean.target
