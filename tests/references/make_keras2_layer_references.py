"""Record what layers of Keras 2 on TensorFlow answer where PyTorch's Keras 3 answers otherwise, or not at all.

`python make_keras2_layer_references.py` with tensorflow-cpu 2.15 writes the .npz. Each case is stored as `case/out`
and `case/call` (JSON: the class and its options), all of them of the images `x` (float32); `versions` names what
computed them.
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("keras2_layers.npz")
SMOOTH = ("bicubic", "area", "gaussian", "lanczos3", "lanczos5", "mitchellcubic")
SIZES = ((14, 33), (3, 5), (9, 4), (7, 13), (1, 2), (21, 11))
SHAPE = (1, 7, 11, 2)


def cases():
    """Yield the class and the options of each layer."""
    for interpolation in SMOOTH:
        for height, width in SIZES:
            yield "Resizing", {"height": height, "width": width, "interpolation": interpolation}
        yield "UpSampling2D", {"size": (2, 3), "interpolation": interpolation}
    for height, width in (*SIZES, (7, 11), (5, 20)):
        yield "Resizing", {"height": height, "width": width, "crop_to_aspect_ratio": True}
        yield "CenterCrop", {"height": height, "width": width}
    for theta in (0.0, 0.5, 1.0):
        yield "ThresholdedReLU", {"theta": theta}


def recorded():
    """Return all arrays of the file."""
    import keras
    import tensorflow as tf

    x = np.random.default_rng(15).uniform(-2, 2, SHAPE).astype(np.float32)
    arrays = {"x": x, "versions": np.array(json.dumps({"tensorflow": tf.__version__, "keras": keras.__version__}))}
    for number, (kind, options) in enumerate(cases()):
        arrays[f"{number}/out"] = getattr(tf.keras.layers, kind)(**options)(x).numpy()
        arrays[f"{number}/call"] = np.array(json.dumps([kind, options]))
    return arrays


if __name__ == "__main__":
    np.savez_compressed(FILE, **recorded())
