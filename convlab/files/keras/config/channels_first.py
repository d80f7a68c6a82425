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
from convlab.layers import ACTIVATIONS
from convlab.runtime.arrays import Shape

WITH_LAYOUT = frozenset(
    f"{kind}{rank}D"
    for kind in (
        "AveragePooling", "Conv", "Cropping", "DepthwiseConv", "GlobalAveragePooling", "GlobalMaxPooling",
        "MaxPooling", "SeparableConv", "UpSampling", "ZeroPadding",
    )
    for rank in (1, 2, 3)
) | {
    "CenterCrop", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "Resizing",
    "average_pool", "crop", "depth_to_space", "max_pool", "resize", "space_to_depth",  # functions
}  # fmt: skip
MERGING = frozenset(
    {"Add", "Average", "Concatenate", "CustomScaleLayer", "Maximum", "Minimum", "Multiply", "Subtract"}
)
VALUE_BY_VALUE = frozenset(
    {
        "ActivityRegularization", "AlphaDropout", "Dropout", "ELU", "GaussianDropout", "GaussianNoise", "Identity",
        "LeakyReLU", "ReLU", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "StochasticDepth",
        "cast", "fixed", "gelu", "round", "silu",
        "ThresholdedReLU",
    }
).union(AUGMENTATIONS)  # fmt: skip
WITH_AXIS = frozenset(
    {
        "BatchNormalization",
        "GroupNormalization",
        "LayerNormalization",
        "Normalization",
        "Softmax",
        "UnitNormalization",
    }
)


@dataclass(frozen=True)
class Tensor:
    """A node or an input: its shape as convlab has it, and whether that is the moved form of Keras'."""

    name: str
    shape: Shape
    moved: bool = False


def says_channels_first(options: Mapping[str, Any]) -> bool:
    """Tell whether a layer has its channels first, which its author may not have meant (Flatten)."""
    return options.get("data_format") == "channels_first"


def is_channels_first(kind: str, options: Mapping[str, Any]) -> bool:
    """Tell whether a layer, by itself, takes images whose channels are first."""
    return (kind in WITH_LAYOUT or kind == "Flatten") and says_channels_first(options)


def takes_moved(step: Step, inputs: Sequence[Tensor]) -> bool:
    """Tell in which form a layer is to be given its inputs."""
    kind, options = step.config.kind, step.config.options
    if step.steps:
        return False
    if kind in WITH_LAYOUT:
        return says_channels_first(options)
    if kind == "Flatten":
        return says_channels_first(options) or inputs[0].moved
    if kind in MERGING or (kind == "elementwise" and _is_alike(options)):
        return any(x.moved for x in inputs) and len({len(x.shape) for x in inputs}) == 1
    return inputs[0].moved and _passes_on(kind, options)


def is_along_an_axis(function: Any) -> bool:
    """Tell whether a layer's activation sees all values along the last axis; what is no function is refused later."""
    if not isinstance(function, str):
        return False
    return function == "glu" or (function in ACTIVATIONS and ACTIVATIONS[function].along_channels)


def _passes_on(kind: str, options: Mapping[str, Any]) -> bool:
    """Tell whether a layer without a layout of its own does the same to a tensor in either form."""
    if kind == "Activation":
        return not is_along_an_axis(options.get("activation"))
    if kind == "elementwise":
        return _is_alike(options)
    if kind == "Rescaling":
        return not any(isinstance(options.get(key), list | tuple) for key in ("scale", "offset"))
    axis = options.get("axis", -1)
    at_most_one = not isinstance(axis, list | tuple) or len(axis) <= 1
    return kind in VALUE_BY_VALUE or (kind in WITH_AXIS and at_most_one)


def _is_alike(options: Mapping[str, Any]) -> bool:
    """Tell whether a function of numbers has no constants but single numbers, alike for all values."""
    return not any(isinstance(operand, list | tuple) for operand in options.get("operands", ()))


def moved_inputs(steps: Sequence[Step]) -> set[str]:
    """Return the inputs whose images have channels first: the first layer with a layout that they reach says so."""
    says: dict[str, bool] = {}
    for step in reversed(steps):
        kind, options = step.config.kind, step.config.options
        if step.steps:
            continue
        if kind in WITH_LAYOUT:
            says |= dict.fromkeys(step.inputs, says_channels_first(options))
        elif step.node in says and (kind in MERGING or _passes_on(kind, options)):
            says |= dict.fromkeys(step.inputs, says[step.node])
    return {name for name, first in says.items() if first}
