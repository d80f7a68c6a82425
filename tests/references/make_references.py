"""Record what PyTorch and Keras answer, for tests that have neither: `python make_references.py` writes the .npz.

Each case is stored as `case/x`, `case/w`, `case/b` (float32), `case/out` (computed in float64 from these numbers) and
`case/call` (JSON: convlab's function and its keyword arguments). `versions` names what computed them.
"""

import json
import os
import platform
from pathlib import Path

import numpy as np

os.environ["KERAS_BACKEND"] = "torch"

FILE = Path(__file__).with_name("frameworks.npz")
LAST = {"data_format": "channels_last"}


def tensor(array, *axes):
    """Return the array in float64, as PyTorch's, its axes permuted."""
    import torch

    return torch.from_numpy(array).double().permute(axes or tuple(range(array.ndim)))


def torch_conv2d(x, w, b, stride, padding, dilation, groups):
    """Convolve in PyTorch, which pads opposite sides alike; four sides are padded first."""
    import torch

    (top, bottom), (left, right) = padding
    x = torch.nn.functional.pad(tensor(x, 0, 3, 1, 2), (left, right, top, bottom))
    out = torch.nn.functional.conv2d(x, tensor(w, 3, 2, 0, 1), tensor(b), stride, 0, dilation, groups)
    return out.permute(0, 2, 3, 1).numpy()


def torch_pool(name, x, size, stride, padding):
    """Pool in PyTorch, counting the cells inside alone."""
    import torch

    inside = {"count_include_pad": False} if name == "avg_pool2d" else {}
    out = getattr(torch.nn.functional, name)(tensor(x, 0, 3, 1, 2), size, stride, padding, **inside)
    return out.permute(0, 2, 3, 1).numpy()


def keras_conv2d(x, w, b, stride, padding, dilation, groups):
    """Convolve in Keras, which knows the groups from the shapes."""
    import keras

    out = keras.ops.conv(x.astype(float), w.astype(float), stride, padding, dilation_rate=dilation, **LAST)
    return keras.ops.convert_to_numpy(out) + b


def keras_pool(name, x, size, stride, padding):
    """Pool in Keras."""
    import keras

    pool = {"max_pool2d": keras.ops.max_pool, "avg_pool2d": keras.ops.average_pool}[name]
    return keras.ops.convert_to_numpy(pool(x.astype(float), size, stride, padding, **LAST))


def convolution(stride, padding, dilation, groups):
    """Return the keyword arguments of a convolution."""
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


CONVOLUTIONS = {  # name: (function, x, w, keyword arguments)
    "torch_plain": (torch_conv2d, (2, 6, 9, 5), (2, 3, 5, 4), convolution((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "torch_strided": (torch_conv2d, (1, 7, 11, 4), (3, 2, 4, 5), convolution((3, 2), ((2, 2), (1, 1)), (1, 1), 1)),
    "torch_sides": (torch_conv2d, (2, 6, 8, 3), (2, 3, 3, 5), convolution((2, 1), ((1, 2), (3, 0)), (1, 2), 1)),
    "torch_dilated": (torch_conv2d, (1, 9, 12, 3), (4, 2, 3, 5), convolution((1, 2), ((0, 0), (4, 4)), (2, 3), 1)),
    "torch_groups": (torch_conv2d, (2, 5, 7, 6), (2, 4, 3, 8), convolution((1, 2), ((1, 1), (2, 2)), (1, 1), 2)),
    "torch_depthwise": (torch_conv2d, (1, 6, 9, 5), (3, 4, 1, 10), convolution((2, 1), ((1, 1), (0, 0)), (1, 2), 5)),
    "keras_valid": (keras_conv2d, (2, 6, 9, 5), (2, 3, 5, 4), convolution((2, 1), "valid", (1, 1), 1)),
    "keras_same": (keras_conv2d, (1, 5, 8, 3), (4, 2, 3, 6), convolution((1, 1), "same", (1, 1), 1)),
    "keras_same_strided": (keras_conv2d, (2, 7, 10, 4), (3, 5, 4, 6), convolution((3, 2), "same", (1, 1), 1)),
    "keras_same_dilated": (keras_conv2d, (1, 7, 10, 4), (2, 3, 4, 5), convolution((1, 1), "same", (3, 2), 1)),
    "keras_groups": (keras_conv2d, (1, 7, 10, 6), (2, 3, 3, 4), convolution((2, 3), "same", (1, 1), 2)),
}
POOLS = {
    "torch": (torch_pool, {"size": (2, 3), "stride": (2, 1), "padding": (1, 0)}),
    "torch_overlapping": (torch_pool, {"size": (4, 3), "stride": (1, 2), "padding": (2, 1)}),
    "keras_valid": (keras_pool, {"size": (3, 2), "stride": (2, 3), "padding": "valid"}),
    "keras_same": (keras_pool, {"size": (3, 5), "stride": (1, 1), "padding": "same"}),
}


def record():
    """Return name -> array of every case."""
    random, arrays = np.random.default_rng(2026), {}

    def draw(shape):
        return random.standard_normal(shape).astype(np.float32)

    for name, (function, x_shape, w_shape, keywords) in CONVOLUTIONS.items():
        given = {"x": draw(x_shape), "w": draw(w_shape), "b": draw(w_shape[3:])}
        call = json.dumps(["conv2d", keywords])
        store(arrays, f"conv2d_{name}", **given, out=function(**given, **keywords), call=call)
    for name, (function, keywords) in POOLS.items():
        for pool in ("max_pool2d", "avg_pool2d"):
            x, call = draw((2, 7, 10, 3)) - 1, json.dumps([pool, keywords])
            store(arrays, f"{pool}_{name}", x=x, out=function(pool, x, **keywords), call=call)
    return arrays


def store(arrays, case, **values):
    """Add a case's arrays under its name."""
    arrays.update({f"{case}/{name}": np.asarray(value) for name, value in values.items()})


def main():
    """Write the file."""
    import keras
    import torch

    packages = {"torch": torch.__version__, "keras": keras.__version__, "keras backend": keras.backend.backend()}
    versions = packages | {"numpy": np.__version__, "python": platform.python_version()}
    np.savez_compressed(FILE, versions=np.asarray(json.dumps(versions)), **record())


if __name__ == "__main__":
    main()
