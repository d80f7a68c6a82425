"""NumPy or CuPy."""

import sys
from types import ModuleType
from typing import Any

import numpy as np


def module_of(x: Any) -> ModuleType:
    """Return the module, `numpy` or `cupy`, whose functions work on x.

    An array that lives on a GPU proves that CuPy has been imported, so nothing here imports it.
    """
    if type(x) is np.ndarray:  # as nearly always
        return np
    cupy = sys.modules.get("cupy")
    return cupy if cupy is not None and isinstance(x, cupy.ndarray) else np
