"""Masks: which steps of a sequence are nothing, as Keras passes it on beside the numbers.

Of convlab's layers, only a mean over the steps would heed it; so a mask that reaches no such layer changes nothing.
Which layers pass it on is the same in Keras 2 and 3: those that treat each step by itself. Others drop it.
"""

from collections.abc import Mapping, Sequence

from convlab.files.keras.config.channels_first import MERGING, VALUE_BY_VALUE, WITH_AXIS
from convlab.files.keras.config.graph import LayerConfig

PASSING = VALUE_BY_VALUE | MERGING | (WITH_AXIS - {"Softmax"}) | {"Activation", "Dense", "PReLU", "Rescaling"}
HEEDING = ("GlobalAveragePooling1D", "Softmax")


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
    given = next((masks[x] for x in inputs if x in masks), None)
    return given if config.kind in PASSING or config.kind in HEEDING else None
