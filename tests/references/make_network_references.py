"""Record what PyTorch and Keras compute in each layer of LeNet-5 and VGG16 (seed 0), for machines without them.

    PYTHONPATH=tests KERAS_BACKEND=torch python tests/references/make_network_references.py

writes lenet5_layers.npz and vgg16_layers.npz here: 64 numbers of every layer, `torch:NAME` and `keras:NAME`, and the
versions of everything that had a hand in them.
"""

import json
import platform
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def main():
    import keras
    import torch

    import convlab
    from support.frameworks import (
        keras_lenet5,
        keras_vgg16,
        picture,
        run_keras,
        run_torch,
        samples,
        torch_lenet5,
        torch_vgg16,
    )

    modules = {"convlab": convlab, "keras": keras, "numpy": np, "torch": torch}
    versions = {name: module.__version__ for name, module in modules.items()}
    versions |= {"python": platform.python_version(), "keras backend": keras.backend.backend()}
    inputs = {
        "lenet5": np.random.default_rng(0).uniform(0, 1, (1, 28, 28, 1)).astype(np.float32),
        "vgg16": picture(224, 224),
    }
    spellings = {"lenet5": (torch_lenet5, keras_lenet5), "vgg16": (torch_vgg16, keras_vgg16)}
    for name, (in_torch, in_keras) in spellings.items():
        model = convlab.load(name, weights=0)
        theirs = {
            "torch": run_torch(in_torch(model), inputs[name]),
            "keras": run_keras(in_keras(model), inputs[name]),
        }
        arrays = {
            f"{framework}:{layer}": samples(array)
            for framework, recorded in theirs.items()
            for layer, array in recorded.items()
            if not layer.endswith("/pre")
        }
        np.savez_compressed(HERE / f"{name}_layers.npz", versions=json.dumps(versions), **arrays)


if __name__ == "__main__":
    main()
