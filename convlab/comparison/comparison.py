"""Compare two runs of one network, layer by layer: the first layer that differs, and a guess why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from numbers import Real
from typing import Any

import numpy as np

from convlab.comparison import rounding
from convlab.comparison.distance import Distance, distance, precision
from convlab.comparison.guesses import findings
from convlab.comparison.pairs import INPUT_KIND, Pair, Pairs
from convlab.comparison.report import Report, Row
from convlab.comparison.sources import read_side
from convlab.comparison.suspect import find_suspect
from convlab.errors import ShapeError
from convlab.model.model import INPUT, Model
from convlab.runtime.arrays import Array, Shape, as_floats
from convlab.wording import say

TIMES = 8
"""A layer differs when its relative error is more than so many times the expected one."""


def compare(
    a: Any,
    b: Any,
    *,
    names: Mapping[str, str] | None = None,
    tolerance: float | None = None,
    model: Model | None = None,
    channels_first: bool | None = None,
) -> Report:
    """Compare two runs of one network layer by layer; name the first layer that differs, and guess why.

    Parameters
    ----------
    a, b : Activations, path, or mapping of str to array
        Two recordings, b the reference. A path names a saved recording or an .npz file; a mapping or .npz file may
        hold the network's input as "input" or under its name in the network.
    names : mapping of str to str, optional
        Name in a -> name in b, where they are called differently, and nothing is to be matched by order. Without:
        layers of one name, those of which one has its weights from the other (a PyTorch file), and in chains what
        lies between, by order. What is before an activation function inside a layer is compared with a layer that
        has none, by itself; what comes out of the two is always compared.
    tolerance : float, optional
        The relative L2 error above which a layer differs; by default 8 times what rounding leads one to expect.
    model : Model, optional
        The network that both are meant to be; by default the one that made a, or b. It gives the expected errors,
        and guesses are tested on it. It is not changed.
    channels_first : bool, optional
        Whether the images in b are (N, C, H, W); by default their shapes decide.

    Returns
    -------
    Report
        `agrees`, `first`, `rows`, `guesses`; print it.

    Raises
    ------
    LayerNameError
        Where nothing tells which layer is which, or `names` holds one that neither has.
    WeightsError
        For a file that cannot be read.
    ShapeError, UnsupportedError
        For what is no array of real numbers, or holds no images; for an impossible tolerance.
    """
    if tolerance is not None and not (isinstance(tolerance, Real) and tolerance >= 0):
        raise ShapeError(f"compare: tolerance is {tolerance!r}, expected a number of at least 0")
    network = model or getattr(a, "network", None) or getattr(b, "network", None)
    known = (*network.inputs, INPUT) if network else (INPUT,)
    forth = dict(names or {})
    back = {other: name for name, other in forth.items()}
    ours = read_side(a, "a", [*known, *(back[name] for name in known if name in back)])
    theirs = read_side(b, "b", [*known, *(forth[name] for name in known if name in forth)])
    pairs = Pairs(ours, theirs, forth, network, channels_first)
    if empty := pairs.without_images():
        raise ShapeError(f"compare: no images in {' and '.join(empty)}")
    rows, basis = _rows(pairs, tolerance)
    first = next((i for i, row in enumerate(rows) if row.differs), None)
    with np.errstate(all="ignore"):  # wrong numbers may overflow on their way through the network
        suspect = None if first is None else find_suspect(pairs, rows, first)
        guesses = () if suspect is None else tuple(findings(suspect))
    advice = "" if network else _to_have_a_network()
    labels = (ours.label, theirs.label)
    return Report(labels, rows, guesses, pairs.one_sided(), basis, advice, pairs.outputs_left_out())


@dataclass(frozen=True)
class _Measured:
    """A pair of arrays, measured: what is expected of it is not known before the precision of all is."""

    pair: Pair
    shapes: tuple[Shape, Shape]
    distance: Distance
    values: tuple[float, float]
    eps: float
    note: str

    def row(self, expected: float, tolerance: float) -> Row:
        return Row(
            name=self.pair.name,
            reference=self.pair.reference,
            kind=self.pair.kind,
            shape=self.shapes[0],
            reference_shape=self.shapes[1],
            max_error=self.distance.largest,
            relative_error=self.distance.relative,
            worst=self.distance.worst,
            value=self.values[0],
            reference_value=self.values[1],
            expected=expected,
            tolerance=tolerance,
            note=self.note,
        )


def _rows(pairs: Pairs, tolerance: float | None) -> tuple[tuple[Row, ...], str]:
    """Return the rows, and where the expected errors come from."""
    measured = [_measure(pairs, pair) for pair in pairs.all]
    expected, basis = _expected(pairs, _precisions(measured))
    limits = [TIMES * error if tolerance is None else tolerance for error in expected]
    rows = tuple(item.row(*numbers) for item, *numbers in zip(measured, expected, limits, strict=True))
    stated = f"a layer differs above {TIMES} times that" if tolerance is None else f"it differs above {tolerance:g}"
    return rows, f"{basis}; {stated}"


def _measure(pairs: Pairs, pair: Pair) -> _Measured:
    if not pairs.fits(pair):
        shapes = pairs.a.shape(pair.name), pairs.b.shape(pair.reference)
        return _Measured(pair, shapes, Distance(inf, inf, None), (nan, nan), 0.0, "")
    a, b, note = pairs.read(pair)
    apart = distance(a, b)
    values = (nan, nan) if apart.worst is None else (float(a[apart.worst]), float(b[apart.worst]))
    return _Measured(pair, (a.shape, b.shape), apart, values, max(precision(a), precision(b)), note)


def _precisions(measured: Iterable[_Measured]) -> list[float]:
    """Return the precision to hold each pair to: an input to its own, a layer to the coarsest of those so far."""
    found, coarsest = [], 0.0
    for item in measured:
        if item.pair.kind != INPUT_KIND:
            coarsest = max(coarsest, item.eps)
        own = item.eps if item.pair.kind == INPUT_KIND else coarsest
        found.append(own or rounding.SINGLE)  # 0: integers, or no two arrays of one shape
    return found


def _expected(pairs: Pairs, precisions: Sequence[float]) -> tuple[list[float], str]:
    """Return the errors to expect, pair by pair (the inputs come first), and where they come from."""
    layers = [pair for pair in pairs.all if pair.kind != INPUT_KIND]
    first = len(pairs.all) - len(layers)
    inputs = _network_inputs(pairs)
    if pairs.model is not None and inputs:
        errors = {eps: rounding.expected_errors(pairs.model, inputs, eps) for eps in set(precisions[first:])}
        found = [errors[eps].get(p.node or "", eps) for p, eps in zip(layers, precisions[first:], strict=True)]
        basis = "noise of the size of rounding errors, carried through the network"
    else:
        arrays = (pairs.a.read(pair.name) if pairs.fits(pair) else None for pair in layers)
        found = rounding.assumed_errors(arrays, precisions[first:])
        basis = f"no network at hand, so each layer is taken for a sum of {rounding.ASSUMED_TERMS:,} products"
    return [*precisions[:first], *found], basis


def _network_inputs(pairs: Pairs) -> dict[str, Array]:
    """Return what the network was fed by name; nothing unless all of it was recorded."""
    names = pairs.model.inputs if pairs.model else ()
    found = {name: array for name in names if (array := pairs.network_input(name)) is not None}
    return dict(zip(found, as_floats(*found.values()), strict=True)) if len(found) == len(names) else {}


def _to_have_a_network() -> str:
    """Return what to do where none is at hand, which most guesses need."""
    return say(
        "compare a run of it, model.run(x), or give model=", "give its file, or its name in the zoo, as A or B"
    )
