"""The recording of a run: layer name -> array, in order of execution."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from convlab import ops
from convlab.errors import LayerNameError, ShapeError, UnsupportedError
from convlab.recording.neurons import Neuron, strongest
from convlab.recording.prediction import Prediction, class_names, predict
from convlab.recording.recorded import Recorded
from convlab.recording.statistics import Statistics, statistics
from convlab.runtime.arrays import Array
from convlab.runtime.host_copies import all_on_host, where_computed
from convlab.wording import listed, unknown


@dataclass(frozen=True, eq=False, repr=False)
class Activations(Recorded, Mapping[str, Array]):
    """Every activation of one run.

    Attributes
    ----------
    arrays : mapping of str to array
        Layer name -> (N, ...), in order of execution. They are read when asked for from a recording in a file, and
        copied to the host when asked for from one on a GPU (see `convlab.runtime.host_copies.HostCopies`).
    kinds : mapping of str to str
        Layer name -> class of the layer ("Conv2D").
    inputs, outputs : mapping of str to array
        What went into the network and what came out of it (kept even where the last layer is not recorded).
    input, output : array
        The only one of them; ShapeError where there are several.
    model : str
        The network's name.
    preprocessing : Preprocessing or None
        How the input was made from an image.
    labels : tuple of str or None
        Names of the outputs.
    activation : str
        The (first) output's activation function.
    functions : mapping of str to str
        Each output's; what is not there is "linear".
    note : str
        What is to be said of the network wherever it is named: "random weights".
    replaced : tuple of str
        The layers that did not make what is recorded of them: a what-if (`Model.rerun`) did.
    network : convlab.Model or None
        What made the recording; a file does not keep it.
    weights : tuple of mapping of str to array
        Those that its layers had then, one after the other; a file does not keep them, either.
    """

    network: Any = None
    weights: tuple[Mapping[str, Array], ...] = ()

    __eq__ = object.__eq__  # a Mapping's own would compare arrays, which have no single answer
    __hash__ = object.__hash__

    def __getitem__(self, name: str) -> Array:
        """Return the activation (N, ...) of that name."""
        if name not in self.arrays:
            if isinstance(name, str):
                raise LayerNameError(unknown("recorded layer", name, self.arrays))
            one = f"acts[{next(iter(self.arrays))!r}]"
            raise LayerNameError(f"no recorded layer {name!r}: give a name, {one}, then an image of it, {one}[0]")
        return self.arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self.arrays  # Mapping's own would read the array

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __repr__(self) -> str:
        shapes = [" and ".join(str(a.shape) for a in arrays.values()) for arrays in (self.inputs, self.outputs)]
        ends = f"input {shapes[0]}, output {shapes[1]}"
        return f"<Activations of {self.title}: {len(self)} layers, {self.images} image(s), {ends}>"

    @property
    def input(self) -> Array:
        """What went into the network."""
        return self._only("input", self.inputs)

    @property
    def output(self) -> Array:
        """What came out of the network."""
        return self._only("output", self.outputs)

    def _only(self, what: str, arrays: Mapping[str, Array]) -> Array:
        first, *others = arrays.values()
        if others:
            raise ShapeError(
                f"a recording of {self.model!r} has several {what}s: {listed(arrays)}; use .{what}s[name]"
            )
        return first

    @property
    def images(self) -> int:
        """How many images were run: N."""
        return len(next(iter(where_computed(self.inputs).values())))

    def _repr_html_(self) -> str:
        from convlab.recording.html import recording_table

        return recording_table(repr(self)[1:-1], self)

    def statistics(self, name: str) -> Statistics:
        """Return min, max, mean, std and share of zeros of a layer and of its channels, and which are all zero."""
        return statistics(self[name])

    def top(self, k: int = 5, image: int = 0) -> list[tuple[str, float]]:
        """Return the k most probable classes of one image of the batch, [(label, probability), ...], best first.

        By default of the first one: `acts.top(5, image=1)` are the second one's. A class without a label is called by
        its number, "7".
        Where the network ends in plain numbers (logits), their softmax is taken.
        """
        if self.output.ndim != 2:
            raise ShapeError(f"top: output has shape {self.output.shape}, not (N, classes): it is no classification")
        if not -len(self.output) <= image < len(self.output):
            raise ShapeError(f"top: image {image} is not one of the {len(self.output)} recorded")
        if k < 0:
            raise ShapeError(f"top: k is {k}, expected 0 or more")
        scores = self.output[image]
        probabilities = ops.softmax(scores) if self.activation == "linear" else scores
        labels = class_names(len(scores), self.activation, self.labels)
        best = np.argsort(-probabilities, kind="stable")[:k]
        return [(labels[i], float(probabilities[i])) for i in best]

    def predictions(self, k: int = 5, image: int = 0) -> list[Prediction]:
        """Return what each output says of one image of the batch, by default the first one.

        That is its k largest scores, and whether they are probabilities.

        Raises
        ------
        ShapeError
            For an image that was not recorded, or a negative k.
        """
        if not -self.images <= image < self.images:
            raise ShapeError(f"predictions: image {image} is not one of the {self.images} recorded")
        if k < 0:
            raise ShapeError(f"predictions: k is {k}, expected 0 or more")
        functions = {next(iter(self.outputs)): self.activation, **self.functions}
        return [
            predict(name, values[image], functions.get(name, "linear"), self.labels, k)
            for name, values in self.outputs.items()
        ]

    def neurons(self, layer: str, k: int = 5, image: int = 0) -> list[Neuron]:
        """Return the k units of a layer with the largest values for one image, [(value, index), ...], largest first.

        An index is (y, x, channel) in a layer of maps, (unit,) in a dense one. Of equal values the one with the
        smaller index comes first. NaN is never among them; there are fewer than k where the layer has no more.
        """
        return strongest(layer, self[layer], k, image)

    def features(self, layer: str) -> Array:
        """Return a layer as a matrix (N, features), one row an image, as scikit-learn takes it; a copy."""
        array = self[layer]
        return array.reshape(len(array), prod(array.shape[1:])).copy()

    def to(self, device: str) -> "Activations":
        """Return the recording with all its arrays on the host, "cpu": those on a GPU are copied all at once."""
        if device != "cpu":
            raise UnsupportedError(f"device {device!r}: a recording goes to 'cpu'; one on a GPU is made there")
        kept: dict[str, Any] = {name: all_on_host(getattr(self, name)) for name in ("arrays", "inputs", "outputs")}
        return replace(self, **kept)

    def save(self, path: str | Path) -> None:
        """Write the recording to an HDF5 file; `path` appears only when it is complete."""
        from convlab.recording.saved import save

        save(self, Path(path))

    @staticmethod
    def open(path: str | Path) -> "Activations":
        """Open a recording; each array is read from the file when it is asked for."""
        from convlab.recording.saved import read

        return Activations(**vars(read(Path(path))))
