"""The report of a comparison, as data, as text and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from math import isfinite
from typing import Any

from convlab.markup.html import html_lines, html_table
from convlab.markup.tables import table
from convlab.runtime.arrays import Shape
from convlab.wording import listed, printable

LISTED = 12  # names of one side that are written out


@dataclass(frozen=True)
class Row:
    """One pair of arrays.

    Attributes
    ----------
    name, reference : str
        What it is called on either side.
    kind : str
        Class of the layer, "Input", or "" where nothing says it.
    shape, reference_shape : tuple of int
    max_error, relative_error : float
        Largest absolute difference, and |a - b| / |b| in L2.
    worst : tuple of int or None
        Index of the largest difference, and the two values there; None where shapes differ.
    value, reference_value : float
    expected, tolerance : float
        The relative error that rounding leads one to expect, and the one above which the layer differs.
    note : str
        What was done to lay the two out alike.
    """

    name: str
    reference: str
    kind: str
    shape: Shape
    reference_shape: Shape
    max_error: float
    relative_error: float
    worst: tuple[int, ...] | None
    value: float
    reference_value: float
    expected: float
    tolerance: float
    note: str

    @property
    def differs(self) -> bool:
        """Whether more than rounding is between the two."""
        return not self.relative_error <= self.tolerance

    @property
    def verdict(self) -> str:
        """PASS or DIFFERS."""
        return "DIFFERS" if self.differs else "PASS"


@dataclass(frozen=True)
class Finding:
    """A guess that came true: with it, the first layer that differs agrees.

    Attributes
    ----------
    name : str
        Which guess.
    layer : str
        Where the cause is: the layer, or one before it that was not compared.
    sentence : str
        What makes it agree.
    relative_error : float
        What is left between the two.
    """

    name: str
    layer: str
    sentence: str
    relative_error: float

    def __str__(self) -> str:
        return f"agrees if {self.sentence} (then the relative error is {self.relative_error:.1e})"


@dataclass(frozen=True, repr=False)
class Report:
    """The comparison of two runs. `str()` of it is for reading, `as_dict()` for programs.

    Attributes
    ----------
    labels : pair of str
        What the two sides are called, the reference last.
    rows : tuple of Row
        The inputs that both have, then the layers that both have, in order of execution.
    guesses : tuple of Finding
        What makes the first layer that differs agree, the likeliest first.
    only : pair of tuples of str
        Names that one side alone has.
    basis : str
        How the expected errors were found.
    advice : str
        How to give the network, where none was at hand.
    outputs_left_out : tuple of str
        What comes out of a network and was not compared, as the other side has nothing that surely belongs to it.
    """

    labels: tuple[str, str]
    rows: tuple[Row, ...]
    guesses: tuple[Finding, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]]
    basis: str
    advice: str = ""
    outputs_left_out: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether nothing differs but by rounding."""
        return self.first is None

    @property
    def first(self) -> str | None:
        """Name of the first layer (or input) that differs."""
        return next((row.name for row in self.rows if row.differs), None)

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON; NaN and infinities are text."""
        ours, theirs = self.only
        return {
            "agrees": self.agrees,
            "first": self.first,
            "labels": list(self.labels),
            "guesses": [_plain(guess) for guess in self.guesses],
            "rows": [_plain(row) | {"verdict": row.verdict} for row in self.rows],
            "only_in_a": list(ours),
            "only_in_b": list(theirs),
            "expected_from": self.basis,
        }

    def __repr__(self) -> str:
        return f"<Report: {self._headline()}>"

    def __str__(self) -> str:
        lines = [self._headline(), *self._details(), "", *table(_table(self.rows), "<"), "", *self._notes()]
        return "\n".join(map(printable, lines))

    def _repr_html_(self) -> str:
        head = html_lines([self._headline(), *self._details()])
        return head + html_table(_table(self.rows), "<", notes=self._notes())

    def _headline(self) -> str:
        if self.first is None:
            layers = sum(row.kind != "Input" and not self._again(row) for row in self.rows)
            agree = f"all {layers} layers agree" if layers > 1 else "the 1 layer compared agrees"
            left_out = f"; what comes out ({listed(self.outputs_left_out)}) was not compared"
            return agree + left_out * bool(self.outputs_left_out)
        row = self._at_first()
        if row.shape != row.reference_shape:
            found = f"shape {row.shape}, reference {row.reference_shape}"
        else:
            found = f"relative error {row.relative_error:.2g}, expected {row.expected:.0e}"
        unknown = "these are recordings of different inputs" if row.kind == "Input" else "no guess makes it agree"
        cause = self.guesses[0] if self.guesses else unknown
        if self._again(row):
            return f"the outputs differ: {row.name}, reference {row.reference} ({found}): {cause}"
        return f"first layer that differs: {row.name} ({found}): {cause}"

    def _again(self, row: Row) -> bool:
        """Whether either of a pair was compared before: then it is a pair because both come out of their networks."""
        before = self.rows[: self.rows.index(row)]
        return any(row.name == other.name or row.reference == other.reference for other in before)

    def _at_first(self) -> Row:
        return next(row for row in self.rows if row.differs)

    def _details(self) -> list[str]:
        if self.first is None:
            return []
        lines = [f"  or {guess}" for guess in self.guesses[1:]]
        if self.advice and not self.guesses and self._at_first().kind != "Input":
            lines.append(f"  most guesses run the network, and none is at hand: {self.advice}")
        if self._again(self._at_first()) and not self.guesses:
            lines.append(
                "  their layers agree: what is no layer there (a function, a factor), or one too many, changes it"
            )
        after = self.rows[self.rows.index(self._at_first()) + 1 :]
        if after and not any(row.differs for row in after):
            lines.append(f"  all {len(after)} after it agree: only what was recorded there differs, not the network")
        return lines

    def _notes(self) -> list[str]:
        notes = [f"{row.name}: the reference is called {row.reference}" for row in self.rows if _renamed(row)]
        notes += [f"{row.name}: {row.note}" for row in self.rows if row.note]
        for label, names, others in zip(self.labels, self.only, self.only[::-1], strict=True):
            notes += _one_sided(label, names, others)
        return [*notes, f"expected: {self.basis}"]


def _renamed(row: Row) -> bool:
    return row.name != row.reference and row.kind != "Input"


def _one_sided(label: str, names: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
    if not names:
        return []
    near = {name: get_close_matches(name, others, n=1, cutoff=0.4) for name in names[:LISTED]}
    listed = [f"{name} (like {match[0]}?)" if match else name for name, match in near.items()]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return [f"only in {label}: {', '.join(listed)}{more}"]


def _table(rows: tuple[Row, ...]) -> list[tuple[str, ...]]:
    header = ("layer", "shape", "max error", "relative", "expected", "worst at", "value", "reference", "")
    return [header, *(_cells(row) for row in rows)]


def _cells(row: Row) -> tuple[str, ...]:
    if row.worst is None and row.shape != row.reference_shape:
        return row.name, _shape(row.shape), "", "", "", "", "", _shape(row.reference_shape), row.verdict
    if row.worst is None or not row.max_error:
        worst = ("", "", "")
    else:
        worst = (f"({', '.join(map(str, row.worst))})", f"{row.value:.6g}", f"{row.reference_value:.6g}")
    errors = (f"{row.max_error:.1e}", f"{row.relative_error:.1e}", f"{row.expected:.0e}")
    return row.name, _shape(row.shape), *errors, *worst, row.verdict


def _shape(shape: Shape) -> str:
    return " x ".join(map(str, shape))


def _plain(item: Row | Finding) -> dict[str, Any]:
    values: Mapping[str, Any] = {part.name: getattr(item, part.name) for part in fields(item)}
    return {name: _json(value) for name, value in values.items()}


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, float) and not isfinite(value) else value
