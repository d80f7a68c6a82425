"""Networks whose images are (C, H, W), turned into ones whose images are (H, W, C); volumes likewise.

Each tensor of such a network is kept in one of two forms: as Keras has it, or moved, with Keras' first axis as our
last. A layer that has a layout of its own is given the form that makes it channels last; one that treats all values
alike passes either form on; any other is given what Keras would give it. Permute nodes stand where forms meet, so
every number is the one that Keras computes, in whatever way layouts are mixed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from convlab.files.keras.config.calls import Step
from convlab.files.keras.config.layers import AUGMENTATIONS
from convlab.files.keras.config.operations import LAYOUTS
from convlab.layers import ACTIVATIONS, Identity
from convlab.layers.base import Layout, class_of
from convlab.runtime.arrays import Shape


@dataclass(frozen=True)
class Tensor:
    """A node or an input: its shape as convlab has it, and whether that is the moved form of Keras'."""

    name: str
    shape: Shape
    moved: bool = False


def says_channels_first(options: Mapping[str, Any]) -> bool:
    """Tell whether a layer has its channels first, which its author may not have meant (Flatten)."""
    return options.get("data_format") == "channels_first"


def layout_of(kind: str) -> Layout:
    """Return what the order of axes is to a layer, as its class says, or to a function on tensors."""
    if kind in LAYOUTS:
        return LAYOUTS[kind]
    return (Identity if kind in AUGMENTATIONS else class_of(kind)).layout


def is_channels_first(kind: str, options: Mapping[str, Any]) -> bool:
    """Tell whether a layer, by itself, takes images whose channels are first."""
    return (layout_of(kind) == "channels_last" or kind == "Flatten") and says_channels_first(options)


def takes_moved(step: Step, inputs: Sequence[Tensor]) -> bool:
    """Tell in which form a layer is to be given its inputs."""
    kind, options = step.config.kind, step.config.options
    if step.steps:
        return False
    if layout_of(kind) == "channels_last":
        return says_channels_first(options)
    if kind == "Flatten":
        return says_channels_first(options) or inputs[0].moved
    one_rank = len({len(x.shape) for x in inputs}) == 1
    return one_rank and any(x.moved for x in inputs) and _passes_on(kind, options)


def is_along_an_axis(function: Any) -> bool:
    """Tell whether a layer's activation sees all values along the last axis; what is no function is refused later."""
    if not isinstance(function, str):
        return False
    return function == "glu" or (function in ACTIVATIONS and ACTIVATIONS[function].along_channels)


def _passes_on(kind: str, options: Mapping[str, Any]) -> bool:
    """Tell whether a layer without a layout of its own does the same to a tensor in either form."""
    if layout_of(kind) == "axis":
        axis = options.get("axis", -1)
        return not isinstance(axis, list | tuple) or len(axis) <= 1
    if layout_of(kind) != "any" or is_along_an_axis(options.get("activation")):
        return False
    operands = options.get("operands")
    constants = operands if isinstance(operands, list | tuple) else (options.get("scale"), options.get("offset"))
    return not any(isinstance(one, list | tuple) for one in constants)  # numbers for channels, or for places


def moved_inputs(steps: Sequence[Step]) -> set[str]:
    """Return the inputs whose images have channels first: the first layer with a layout that they reach says so."""
    says: dict[str, bool] = {}
    for step in reversed(steps):
        kind, options = step.config.kind, step.config.options
        if step.steps:
            continue
        if layout_of(kind) == "channels_last":
            says |= dict.fromkeys(step.inputs, says_channels_first(options))
        elif step.node in says and _passes_on(kind, options):
            says |= dict.fromkeys(step.inputs, says[step.node])
    return {name for name, first in says.items() if first}
