"""Masks: which steps of a sequence are nothing, as Keras passes it on beside the numbers.

Of convlab's layers, only a mean over the steps would heed it; so a mask that reaches no such layer changes nothing.
Which layers pass it on is the same in Keras 2 and 3: those that treat each step by itself. Others drop it, and so
do functions on tensors.
"""

from collections.abc import Mapping, Sequence

from convlab.files.keras.config.graph import LayerConfig
from convlab.layers.base import class_of

HEEDING = ("GlobalAveragePooling1D", "Softmax")
STEP_BY_STEP = ("Dense", "PReLU")  # beside those to which all axes, or all but one, are alike


def mask_on(config: LayerConfig, name: str, masks: Mapping[str, str], inputs: Sequence[str]) -> str | None:
    """Return the name of the layer whose mask goes along with what a call of a layer makes, None without a mask.

    Parameters
    ----------
    config, name
        The layer, and what convlab calls it.
    masks
        The same for what has been computed before.
    inputs
        The names of the call's inputs.
    """
    if config.kind == "Masking" or (config.kind == "Embedding" and config.options.get("mask_zero")):
        return name
    passes = class_of(config.kind).layout in ("any", "axis") or config.kind in (*STEP_BY_STEP, *HEEDING)
    return next((masks[x] for x in inputs if x in masks), None) if passes and not config.function else None
