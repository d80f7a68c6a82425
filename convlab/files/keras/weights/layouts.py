"""The ways Keras has laid out weights in HDF5 since version 1: where each layer's arrays lie in a given file.

Keras 1     block1_conv1/block1_conv1_W_1:0       attributes layer_names and weight_names list the names;
Keras 2, 3  block1_conv1/block1_conv1/kernel:0    whole-model files hold all of it in the group model_weights
            encoder/conv1/kernel:0                a nested model is one group with the arrays of all its layers
Keras 3     layers/conv2d_1/vars/0                .weights.h5; the attribute name of vars is the layer's
            layers/functional/layers/conv2d/vars/0
"""

from collections.abc import Sequence

import h5py

from convlab.files.keras.weights.contents import Contents, LayerWeights, Stored
from convlab.files.keras.weights.keras2_h5 import find_legacy, split_names
from convlab.files.keras.weights.keras3_h5 import LAYERS, OLD_LAYERS, find_numbered, snake_case
from convlab.storage import hdf5

__all__ = ["Contents", "LayerWeights", "Stored", "find_contents", "snake_case"]


def find_contents(file: h5py.File, layers: Sequence[LayerWeights], renamed: bool) -> Contents:
    """Find out which layout a file has and which layers with weights it holds.

    Parameters
    ----------
    file
        The open file.
    layers
        The architecture; it tells whose the arrays are in a nested model, and in a file that does not name layers.
    renamed
        Whether its order may tell whose they are in a file that has other names.

    Raises
    ------
    WeightsError
        If the file has none of the layouts, or contradicts itself.
    """
    nested = hdf5.get_group(file, "model_weights")
    root = file if nested is None else nested
    names = split_names(root, "layer_names")
    if names is not None:
        return find_legacy(file, root, names, layers, renamed)
    members = hdf5.member_names(file)
    if not any(member.split("\\")[0] in (LAYERS, OLD_LAYERS, "vars") for member in members):
        hdf5.refuse(file, "holds no Keras weights: no attribute layer_names, no group layers")
    return find_numbered(file, layers)
