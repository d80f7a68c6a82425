"""What answers a live page: a network, the recording that is shown, and one of them computing at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any
from warnings import catch_warnings, simplefilter

from convlab.backward.gradients import gradients
from convlab.backward.result import Gradients
from convlab.errors import ShapeError, UnsupportedError
from convlab.explorer.attributions import attributed, told_attribution
from convlab.explorer.document import Shown, document
from convlab.explorer.dropped import dropped_file, nameless
from convlab.explorer.explanations import At, explanation_at, told_explanation
from convlab.explorer.strict import Digits, as_json
from convlab.explorer.values import exact, recorded
from convlab.model.inputs import prepare_input
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array

OTHERS = "convlab explore MODEL IMAGE"
Read = Callable[[Path], tuple[Mapping[str, Array], Sequence[str]]]


class OutOfDateError(Exception):
    """What was asked is about an image that is no longer shown."""


class Session:
    """What a live page asks; each question but that for the document names the generation that it is about.

    Parameters
    ----------
    model : Model
    acts : Activations, optional
        What is shown first.
    command, told
        As of `Shown`.
    others : str
        The command for another image, whose file has no name here.
    read : function, optional
        Reads a file that is dropped on the page: the network's inputs by name, and what was done to it.
    """

    def __init__(
        self,
        model: Model,
        acts: Activations | None = None,
        *,
        command: str = OTHERS,
        others: str = OTHERS,
        told: Sequence[str] = (),
        read: Read | None = None,
    ) -> None:
        self._read, self._others, self._computing = read or _reader(model), others, Lock()
        self._kept: tuple[int, int, Gradients] | None = None
        self._shown = Shown(model, acts, command, tuple(told), generation=0 if acts is None else 1, live=True)
        self._document = as_json(document(self._shown))

    def document(self) -> str:
        """Return the document of what is shown, as JSON."""
        return self._document

    def values(self, generation: int, index: int) -> bytes:
        """Return the numbers of an input or layer as float32."""
        with self._current(generation) as (shown, acts):
            values = recorded(acts, _name(shown, index))
            if values is None:
                raise UnsupportedError(f"the recording has no numbers of {_name(shown, index)!r}")
            return exact(values).data

    def explanation(self, generation: int, index: int, at: At, backward: int | None = None) -> str:
        """Return the explanation of one number, as JSON; of a class's gradient by it, where a class is given."""
        with self._current(generation) as (shown, acts):
            explained = acts if backward is None else self._gradients(shown, acts, backward)
            why = explanation_at(shown.model, explained, _name(shown, index), at)
            return as_json(told_explanation(why, shown.places, Digits()))

    def attribution(self, generation: int, method: str, number: int, index: int | None) -> str:
        """Return where a method sees what speaks for a class, as JSON."""
        with self._current(generation) as (shown, acts):
            layer = None if index is None else _name(shown, index)
            return as_json(told_attribution(attributed(shown.model, acts, method, number, layer), shown.places))

    def open(self, data: bytes) -> str:
        """Show what the network makes of another image, the bytes of a file; return the new document."""
        with self._computing:
            shown = self._shown
            inputs, told = first_image(*self._inputs(data))
            acts = shown.model.run(inputs)
            shown = replace(shown, acts=acts, command=self._others, told=tuple(told), generation=shown.generation + 1)
            self._document = as_json(document(shown))
            self._shown = shown
            return self._document

    def _gradients(self, shown: Shown, acts: Activations, number: int) -> Gradients:
        """Return the gradients of a class by all layers; those that were asked for last are kept."""
        if self._kept is None or self._kept[:2] != (shown.generation, number):
            self._kept = shown.generation, number, gradients(shown.model, acts, number)
        return self._kept[2]

    def _inputs(self, data: bytes) -> tuple[Mapping[str, Array], Sequence[str]]:
        """Return the inputs that a file gives, and what was done to it and is odd about it."""
        with dropped_file(data) as path, catch_warnings(record=True) as warned:
            simplefilter("always")
            inputs, told = self._read(path)
            inputs = {name: array.copy() for name, array in inputs.items()}  # they may be mapped from the file
        return inputs, [*told, *(nameless(str(one.message), path) for one in warned)]

    @contextmanager
    def _current(self, generation: int) -> Iterator[tuple[Shown, Activations]]:
        """Give what is shown, to one at a time; OutOfDateError for another generation, also after waiting."""
        self._require(generation)
        with self._computing:
            shown = self._require(generation)
            if shown.acts is None:
                raise UnsupportedError("no image is shown yet: drop one on the page")
            yield shown, shown.acts

    def _require(self, generation: int) -> Shown:
        shown = self._shown
        if generation != shown.generation:
            raise OutOfDateError(f"image {generation} is no longer shown")
        return shown


def first_image(inputs: Mapping[str, Array], told: Sequence[str]) -> tuple[dict[str, Array], list[str]]:
    """Return the first image of a batch, and what to tell of it: that it is not alone, where it is not."""
    count = max(map(len, inputs.values()))
    alone = [f"the first of {count} images is shown"] if count > 1 else []
    return {name: array[:1] for name, array in inputs.items()}, [*alone, *told]


def _name(shown: Shown, index: int) -> str:
    names = list(shown.model.shapes)
    if not 0 <= index < len(names):
        raise ShapeError(f"there is no layer {index}: there are 0 to {len(names) - 1}")
    return names[index]


def _reader(model: Model) -> Read:
    """Return what reads pictures and matrices for a network of one input."""

    def read(path: Path) -> tuple[dict[str, Any], list[str]]:
        x, told = prepare_input(model.graph, model.preprocessing, path)
        return dict.fromkeys(model.inputs, x), told

    return read
