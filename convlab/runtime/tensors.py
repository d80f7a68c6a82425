"""Tensors of PyTorch, which have their channels first, as arrays, which have them last."""

from typing import Any

import numpy as np


def is_tensor(x: Any) -> bool:
    """Return whether x is a tensor of PyTorch, which need not be installed for that."""
    return type(x).__module__.partition(".")[0] == "torch" and hasattr(x, "detach")


def channels_last(x: Any, batches: int) -> Any:
    """Return a tensor (N, C, ...) of PyTorch as an array (N, ..., C) on the host; what is no tensor as it is.

    `batches` is how many axes stand before the channels: 1, or 0 for a tensor (C, ...).
    """
    if not is_tensor(x):
        return x
    array = x.detach().cpu().numpy()
    return np.moveaxis(array, batches, -1) if array.ndim > batches else array
