"""Guesses why a layer differs: each is tried, and reported only when it makes the layer agree."""

from collections.abc import Iterator
from itertools import chain

from convlab.comparison.execution import run_nodes
from convlab.comparison.guesses.input import INPUT_GUESSES
from convlab.comparison.guesses.layer import LAST_LAYER_GUESSES, LAYER_GUESSES
from convlab.comparison.guesses.sequences import outputs
from convlab.comparison.guesses.values import LAST_GUESSES, VALUE_GUESSES
from convlab.comparison.report import Finding
from convlab.comparison.suspect import Guess, Suspect
from convlab.errors import ConvlabError
from convlab.runtime.arrays import Array

Trial = tuple[Guess, str, str, Array, Array]  # the guess, the layer to blame, details, and the two to compare


def findings(suspect: Suspect) -> list[Finding]:
    """Return the guesses that make the layer agree, in their lists' order, each in its best variant."""
    likely = chain(_inputs(suspect), _values(suspect, VALUE_GUESSES), _layers(suspect, LAYER_GUESSES))
    for trials in (likely, _layers(suspect, LAST_LAYER_GUESSES), _values(suspect, LAST_GUESSES)):
        if found := _that_agree(suspect, trials):
            return found
    return []


def _that_agree(suspect: Suspect, trials: Iterator[Trial]) -> list[Finding]:
    found: dict[str, Finding] = {}
    for guess, layer, details, ours, theirs in trials:
        error = suspect.error(ours, theirs)
        if error <= suspect.tolerance and not (guess.name in found and found[guess.name].relative_error <= error):
            where = "" if layer == suspect.name else f" (in {layer})"
            found[guess.name] = Finding(guess.name, layer, f"{guess.sentence}{details}{where}", error)
    return list(found.values())


def _inputs(suspect: Suspect) -> Iterator[Trial]:
    """Change what went into the network, and run it anew up to the layer."""
    for guess in INPUT_GUESSES:
        for name, x in suspect.inputs.items():
            for details, changed in guess.function(x, suspect.preprocessing):
                if suspect.is_input or changed.shape == x.shape:
                    where = name if suspect.is_input else suspect.name
                    inside = ", inside the network (its code or the kernel)" * (name in suspect.agreeing)
                    yield guess, where, details + inside, suspect.from_inputs({name: changed}), suspect.theirs


def _values(suspect: Suspect, guesses: tuple[Guess, ...]) -> Iterator[Trial]:
    """Look at the two arrays in other ways."""
    for guess in guesses:
        for details, ours, theirs in guess.function(suspect):
            yield guess, suspect.name, details, ours, theirs


def _layers(suspect: Suspect, guesses: tuple[Guess, ...]) -> Iterator[Trial]:
    """Change one of the layers that lead to the one that differs, and run those after it anew."""
    nodes = suspect.nodes
    if not nodes:
        return
    values = run_nodes(nodes, suspect.values)
    tries = [(guess, i) for guess in guesses for i in range(len(nodes))[-guess.nearest :]]
    for guess, i in tries:
        node = nodes[i]
        layer = suspect.name if i == len(nodes) - 1 else node.name
        try:
            for details, output in outputs(guess, suspect, node, [values[source] for source in node.inputs]):
                after = run_nodes(nodes[i + 1 :], {**values, node.name: node.silence(output)})
                yield guess, layer, details, after[nodes[-1].name], suspect.theirs
        except ConvlabError:  # the idea does not fit the shapes, or what comes after it
            continue
