"""What the judge found."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from convlab.bench.report import CaseResult
from convlab.judging import speed_table


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes
    ----------
    kind : str
        Its name, as "strides swapped".
    text : str
        What was seen, in a sentence.
    case : dict or None
        The smallest convolution in which it shows, with its numbers: x, w, bias, the attributes, found, expected.
    """

    kind: str
    text: str
    case: dict[str, Any] | None = None


@dataclass(frozen=True)
class Refusal:
    """What was refused with one message: in how many cases, and what they have in common."""

    message: str
    count: int
    of: str


@dataclass(frozen=True, repr=False)
class Report:
    """Whether a convolution is right, and what is wrong about it; it shows itself as text.

    Attributes
    ----------
    name : str
        Who was judged.
    right : bool or None
        None where every convolution was refused.
    cases, wrong : int
        Convolutions that were asked for, and that have a wrong number, shape or type.
    findings : sequence of Finding
        Several of numbers are mistakes that cannot be told apart.
    refusals : sequence of Refusal
    smallest : lines
        The smallest wrong case.
    rounding : float
        The largest error, as a share of what the rounding of a plain sum explains.
    error_class : str
        Whose rounding that is: "float32", "float64", Winograd's "F(2,3)" and "F(4,3)", "TF32", or "none".
    speed : sequence of CaseResult
        The times on each layer, of this one as "yours", and of convlab's own.
    """

    name: str
    right: bool | None
    cases: int
    wrong: int
    findings: Sequence[Finding]
    refusals: Sequence[Refusal]
    smallest: Sequence[str]
    rounding: float
    error_class: str
    speed: Sequence[CaseResult] = ()

    @property
    def refused(self) -> int:
        """How many cases were refused."""
        return sum(each.count for each in self.refusals)

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        fields = {
            name: getattr(self, name)
            for name in ("name", "right", "cases", "wrong", "refused", "rounding", "error_class")
        }
        return fields | {
            "findings": [asdict(each) for each in self.findings],
            "refusals": [asdict(each) for each in self.refusals],
            "smallest": list(self.smallest),
            "speed": [speed_table.as_dict(each) for each in self.speed],
        }

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def __str__(self) -> str:
        lines = [self.name, f"RIGHT?    {self._verdict}"]
        lines += [_row(each.kind, each.text) for each in self.findings]
        lines += [_row("smallest" if not turn else "", line) for turn, line in enumerate(self.smallest)]
        lines += [_row("refuses", f"{each.count} {each.of}: {each.message}") for each in self.refusals]
        return "\n".join([*lines, *self._speed])

    @property
    def _speed(self) -> list[str]:
        if self.right is False:
            return ["SPEED     not timed: it is wrong"]
        if not self.speed:
            return ["SPEED     not timed"]
        return ["SPEED     each call on new numbers, its result checked", *speed_table.lines(self.speed)]

    @property
    def _verdict(self) -> str:
        taken = self.cases - self.refused
        refused = f"; {self.refused} refused" if self.refused else ""
        if self.right is None:
            return f"not known   all {self.cases} convolutions are refused"
        if self.right:
            return f"yes   all {taken} convolutions{refused}. Whole numbers first, then random ones: {self._rounding}"
        if not self.wrong:
            return f"no    all {taken} small convolutions are right{refused}, those that are timed are not"
        whole = ". Of whole numbers: rounding is not the reason" if self.smallest else ""
        return f"no    {self.wrong} of {taken} convolutions are wrong{refused}{whole}"

    @property
    def _rounding(self) -> str:
        if self.rounding <= 1:
            return "exact, and within the rounding of a plain sum"
        return f"rounding is up to {self.rounding:.2g} times that of a plain sum, as of Winograd's {self.error_class}"


def _row(title: str, text: str) -> str:
    return f"  {title:<20}  {text}" if len(title) <= 20 else f"  {title}\n  {'':<20}  {text}"
