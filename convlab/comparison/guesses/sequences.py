"""Guesses about layers on sequences: those about the layer on images of one row that does their work."""

import re
from dataclasses import replace

from convlab.comparison.suspect import Guess, Outputs, Suspect
from convlab.layers import OneRow
from convlab.model.model import Node
from convlab.runtime.arrays import Array


def outputs(guess: Guess, suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Yield what a guess says that a node would make, be it of images or of sequences."""
    if not isinstance(node.layer, OneRow):
        yield from guess.function(suspect, node, inputs)
        return
    nodes = [_on_images(other) for other in suspect.nodes]
    if node.name == nodes[-1].name:
        suspect = replace(suspect, ours=_image(suspect.ours), theirs=_image(suspect.theirs))
    given = [_image(x) for x in inputs]
    for details, image in guess.function(replace(suspect, nodes=nodes), _on_images(node), given):
        yield _without_rows(details), image[:, 0] if image.ndim == 4 else image


def _on_images(node: Node) -> Node:
    return replace(node, layer=node.layer.inner) if isinstance(node.layer, OneRow) else node


def _without_rows(details: str) -> str:
    """Return what is said of an image without its one row: names of classes, axes of kernels, pairs of numbers."""
    told = re.sub(r"\(0, 0\), |\b[01] x ", "", details.replace("2D", "1D").replace("HW", "W"))
    return re.sub(r"\((\d+), \1\)", r"\1 on each side", told)


def _image(x: Array) -> Array:
    """Return sequences (N, W, C) as images (N, 1, W, C)."""
    return x[:, None] if x.ndim == 3 else x
