"""The receipt of a weights file: what was read, from where, and what was done to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from math import prod

from convlab.markup.html import html_table
from convlab.markup.tables import table
from convlab.wording import listed, printable, say

__all__ = ["Receipt", "ReceiptRow", "describe_difference"]

SHOWN = 6  # names in a message
CANDIDATES = 1000  # names among which the nearest is looked for: each takes a comparison letter by letter


@dataclass(frozen=True)
class ReceiptRow:
    """One array that was read.

    Attributes
    ----------
    layer, weight
        Whom it was read for: ("block1_conv1", "kernel").
    shape
        Its shape as convlab holds it.
    path
        Its path inside the file.
    transform
        What was done to it: "as stored", "OIHW -> HWIO", "rotated 180 degrees (Theano)", ...
    """

    layer: str
    weight: str
    shape: tuple[int, ...]
    path: str
    transform: str


@dataclass(frozen=True, repr=False)
class Receipt:
    """Everything that reading a weights file did and did not do; `str` of it is a table.

    Attributes
    ----------
    file
        The path as it was given.
    layout
        What kind of file it is and, where it mattered, how that was told.
    rows
        The arrays that were read, in the order of the model.
    missing
        Layers that the file has no weights for.
    unexpected
        Layers of the file that the model does not have.
    left_out
        Layers of the file that belong to the architecture but not to this model.
    neutral
        Options in the file that no layer here reads, at values that change nothing: "groups=1 (conv_dw_1)".
    precision
        In what the file computes where it is not float32, as here: "mixed_float16 (conv1, conv2)".
    guessed
        What is TensorFlow's here, though the file does not say that TensorFlow ran it, and PyTorch's is another:
        "interpolation='bicubic' (up)".
    """

    file: str
    layout: str
    rows: tuple[ReceiptRow, ...]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    neutral: tuple[str, ...] = ()
    precision: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()

    @property
    def values(self) -> int:
        """The number of weights that were read."""
        return sum(prod(row.shape) for row in self.rows)

    @property
    def totals(self) -> str:
        """How much was read: layers, arrays and values."""
        layers = len({row.layer for row in self.rows})
        plural = "" if layers == 1 else "s"
        return f"{layers} layer{plural}, {len(self.rows)} arrays, {self.values:,} values"

    @property
    def headline(self) -> str:
        """The file, its layout and the totals in one line."""
        return f"{self.file}: {self.layout}; {self.totals}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a summary of the network says of it."""
        precision = f"computed in float32, in the file in {', '.join(self.precision)}"
        return f"weights: {self.headline}", *([precision] if self.precision else [])

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return "\n".join(map(printable, [self.headline, *table(self._table(), "<", rules=()), *self._rest()]))

    def _repr_html_(self) -> str:
        return html_table(self._table(), "<", title=self.headline, notes=self._rest())

    def _table(self) -> list[tuple[str, ...]]:
        header = "layer", "weight", "shape", "path in the file", "transform"
        return [header, *((row.layer, row.weight, str(row.shape), row.path, row.transform) for row in self.rows)]

    def _rest(self) -> list[str]:
        """Return what there is to say of other things than the arrays that were read."""
        rest = {
            "missing": self.missing,
            "unexpected": self.unexpected,
            "left out": self.left_out,
            "options that change nothing here": self.neutral,
            "computed in float32 here, in the file in": self.precision,
            "as TensorFlow has it (on PyTorch it is another; the file does not say which)": self.guessed,
        }
        return [f"{title}: {', '.join(names)}" for title, names in rest.items() if names]


def describe_difference(missing: Mapping[str, str], unexpected: Mapping[str, str]) -> str:
    """Return one line about what has no partner: names, and what is to be said behind each."""
    candidates = list(islice(unexpected, CANDIDATES))
    parts = []
    if missing:
        nearest = {name: get_close_matches(name, candidates, n=1) for name in islice(missing, SHOWN)}
        hints = {name: f" (the nearest in the file is {near[0]})" for name, near in nearest.items() if near}
        wanted = [f"{name}{hints.get(name, '')}{said}" for name, said in missing.items()]
        parts.append(f"missing layers: {listed(wanted, SHOWN)}")
    if unexpected:
        found = [f"{name}{said}" for name, said in unexpected.items()]
        parts.append(f"unexpected layers: {listed(found, SHOWN)}")
    return f"{'; '.join(parts)} ({say('strict=False', '--no-strict')} reads the rest)"
