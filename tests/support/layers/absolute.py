"""The same layer on magnitudes: what bounds the rounding of its sums."""

import numpy as np


def magnitudes(layer, *inputs):
    """Return, in float64, the sums that the layer makes of the magnitudes of inputs, weights and bias."""
    twin = layer.altered({name: np.abs(w).astype(np.float64) for name, w in layer.weights.items()})
    return (twin.linear if hasattr(twin, "linear") else twin)(*(np.abs(x).astype(np.float64) for x in inputs))
