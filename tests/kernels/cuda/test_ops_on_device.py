"""Every operation and activation function, on a GPU or its stand-in: NumPy's results, and no copy to the host."""

import numpy as np
import pytest

from convlab import ops
from convlab.errors import UnsupportedError
from convlab.layers import ACTIVATIONS
from convlab.simulator.machine import simulate
from convlab_kernels.cuda import METHODS
from convlab_kernels.cuda.compiler.language import Kernel
from convlab_kernels.window import Window
from support.cuda.beside_numpy import DTYPES, assert_as_numpy, assert_no_copies, numbers

IMAGE, CHANNELS = (2, 5, 7, 3), (3,)
VOLUME = (2, 3, 5, 7, 4)
STATISTICS = [(IMAGE, -1, 1), (CHANNELS, -1, 1), (CHANNELS, 0.5, 1.5), (CHANNELS, -1, 1), (CHANNELS, -1, 1)]

OPERATIONS = {  # by name: calls, each with the shapes of its arrays
    "batch_norm": [
        (ops.batch_norm, *STATISTICS),
        (lambda *a: ops.batch_norm(*a, axis=1), (2, 3, 4), *STATISTICS[1:]),
    ],
    "crop2d": [(lambda x: ops.crop2d(x, ((1, 0), (2, 1))), IMAGE)],
    "crop3d": [(lambda x: ops.crop3d(x, (1, 2, 0)), VOLUME)],
    "crop_to_shape": [(lambda x: ops.crop_to_shape(x, (3, 2)), IMAGE)],
    "elu": [(lambda x: ops.elu(x, 0.7), IMAGE)],
    "flatten": [(ops.flatten, IMAGE)],
    "global_max_pool2d": [(ops.global_max_pool2d, IMAGE)],
    "global_max_pool3d": [(ops.global_max_pool3d, VOLUME)],
    "group_norm": [(lambda *a: ops.group_norm(a[0], 2, *a[1:]), (2, 5, 7, 6), (6,), (6,))],
    "layer_norm": [(ops.layer_norm, IMAGE, CHANNELS, CHANNELS), (lambda x: ops.layer_norm(x, axis=(1, 2, 3)), IMAGE)],
    "leaky_relu": [(ops.leaky_relu, IMAGE)],
    "max_pool2d": [
        (lambda x: ops.max_pool2d(x, (3, 2), (2, 1), padding="same"), IMAGE),
        (lambda x: ops.max_pool2d(x, 2), IMAGE),
    ],
    "max_pool3d": [(lambda x: ops.max_pool3d(x, (3, 1, 2), (2, 1, 1), padding="same"), VOLUME)],
    "pad_to_shape": [(lambda x: ops.pad_to_shape(x, (3, 2), 0.5), IMAGE)],
    "relu": [
        (ops.relu, IMAGE),
        (lambda x: ops.relu(x, 0.1, 0.5, 0.2), IMAGE),
        (lambda x: ops.relu(x, 0, 0.5), IMAGE),
    ],
    "resize2d": [
        (lambda x: ops.resize2d(x, (3, 11)), IMAGE),
        (lambda x: ops.resize2d(x, (8, 4), "nearest"), IMAGE),
    ],
    "sigmoid": [(ops.sigmoid, IMAGE)],
    "softmax": [(ops.softmax, IMAGE), (lambda x: ops.softmax(x, axis=(1, 2)), IMAGE)],
    "tanh": [(ops.tanh, IMAGE)],
    "unit_norm": [(ops.unit_norm, IMAGE)],
    "upsample3d": [(lambda x: ops.upsample3d(x, (2, 1, 3)), VOLUME)],
    "zero_pad2d": [(lambda x: ops.zero_pad2d(x, ((1, 0), (2, 3))), IMAGE)],
    "zero_pad3d": [(lambda x: ops.zero_pad3d(x, (1, 0, 2)), VOLUME)],
}

SUMS = {  # by name: calls, how many terms there are in each sum, and the shapes of the arrays
    "avg_pool2d": [
        (lambda x: ops.avg_pool2d(x, (3, 2), (2, 1), padding="same"), 7, IMAGE),
        (lambda x: ops.avg_pool2d(x, 2), 5, IMAGE),
    ],
    "avg_pool3d": [(lambda x: ops.avg_pool3d(x, (3, 1, 2), (2, 1, 1), padding="same"), 7, VOLUME)],
    "conv2d": [
        (lambda *a: ops.conv2d(*a, stride=(2, 1), padding="same"), 3 * 2 * 3 + 1, IMAGE, (3, 2, 3, 4), (4,)),
        (lambda *a: ops.conv2d(*a, groups=3, dilation=2), 2 * 2 + 1, IMAGE, (2, 2, 1, 6), (6,)),
        (ops.conv2d, 3, IMAGE, (1, 1, 3, 5)),
    ],
    "conv2d_transpose": [
        (
            lambda *a: ops.conv2d_transpose(*a, stride=(2, 1), padding="same"),
            3 * 2 * 3 + 1,
            IMAGE,
            (3, 2, 4, 3),
            (4,),
        ),
        (lambda *a: ops.conv2d_transpose(*a, stride=3, output_padding=1), 2 * 2 * 3, IMAGE, (2, 2, 4, 3)),
    ],
    "conv3d": [
        (lambda *a: ops.conv3d(*a, stride=(2, 1, 1), padding="same"), 3 * 2 * 4 + 1, VOLUME, (3, 1, 2, 4, 5), (5,)),
        (lambda *a: ops.conv3d(*a, groups=2, dilation=(1, 2, 1)), 8 * 2, VOLUME, (2, 2, 2, 2, 6)),
    ],
    "conv3d_transpose": [
        (lambda *a: ops.conv3d_transpose(*a, stride=(2, 1, 3)), 2 * 2 * 4 + 1, VOLUME, (2, 1, 2, 5, 4), (5,)),
    ],
    "dense": [(ops.dense, 8, (4, 7), (7, 5), (5,)), (ops.dense, 3, IMAGE, (3, 5))],
    "global_avg_pool2d": [(ops.global_avg_pool2d, 5 * 7 + 1, IMAGE)],
    "global_avg_pool3d": [(ops.global_avg_pool3d, 3 * 5 * 7 + 1, VOLUME)],
    "resize2d": [
        (lambda x: ops.resize2d(x, (8, 4), "gaussian"), 2 * 8, IMAGE),
        (lambda x: ops.resize2d(x, (3, 4), "area"), 3 * 3 + 1, IMAGE),
    ],
}

PARTS = {  # what these are made of: of shapes and options, or called by the layers, which have tests of their own
    "INTERPOLATIONS",
    "NOTHING",
    "Finish",
    "batch_scale",
    "border",
    "border3d",
    "choose_conv2d",
    "concatenate",
    "cropping",
    "cropping3d",
    "output_size",
    "prepare_conv2d",
    "scale_channels",
    "scattering",
    "sides_off",
    *(name for name in ops.__all__ if name.startswith(("check_", "run_"))),
}


def arrays(shapes, dtype):
    given = [shape if isinstance(shape[0], tuple) else (shape,) for shape in shapes]
    return [numbers(seed, shape, dtype, *limits) for seed, (shape, *limits) in enumerate(given)]


BACKWARD = {  # by which layers pull back: test_layers_on_device.py has each layer's
    *("gathering", "gathering3d", "in_frame", "scatter", "Phase", "phases", "turned", "turned_window"),
    *(name for name in ops.__all__ if name.endswith(("_pull_back", "_slope"))),
}


def test_every_operation_is_here():
    assert {*OPERATIONS, *SUMS} | PARTS | BACKWARD == set(ops.__all__)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name, dtype, device):
    for compute, *shapes in OPERATIONS[name]:
        assert_as_numpy(device, compute, *arrays(shapes, dtype))
    assert_no_copies(device)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SUMS)
def test_sums(name, dtype, device):
    for compute, terms, *shapes in SUMS[name]:
        given = arrays(shapes, dtype)
        magnitude = compute(*(np.abs(array.astype(np.float64)) for array in given))
        assert_as_numpy(device, compute, *given, terms=terms, magnitude=magnitude)
    assert_no_copies(device)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_function(name, dtype, device):
    x = numbers(3, (3, 4, 5), dtype, -8, 8)
    assert_as_numpy(device, ACTIVATIONS[name], x)
    x.flat[:3] = np.nan, np.inf, -np.inf
    assert_as_numpy(device, ACTIVATIONS[name], x)
    assert_no_copies(device)


@pytest.mark.parametrize("name", ["conv2d", "dense"])
def test_arrays_of_two_places_do_not_mix(name, device):
    _, _, *shapes = SUMS[name][0]
    x, w, b = arrays(shapes, np.float32)
    for given in ((device.take(x), w, b), (x, device.take(w), b), (x, w, device.take(b))):
        with pytest.raises(UnsupportedError, match="lie on a GPU"):
            getattr(ops, name)(*given)
    assert_no_copies(device)


@pytest.mark.parametrize("name", METHODS)
def test_rung_launches_what_it_simulates(name, device, monkeypatch):
    if device.transfers is None:
        pytest.skip("rungs have tests of their own, which run on a GPU")
    groups = 8 if name == "depthwise" else 1
    window = Window.parse((3, 3) if "winograd" in name else (1, 2), padding="same")
    x, w, b = arrays([(1, 3, 4, 8), (*window.kernel, 8 // groups, 8), (8,)], np.float32)
    rung, found = METHODS[name](device.take(w), window, groups), device.take(np.empty_like(x))
    device.transfers.clear()  # of Winograd's matrices
    rung(device.take(x), found, device.take(b), relu=True)
    assert_no_copies(device)
    monkeypatch.setattr(Kernel, "__call__", simulate)
    expected = np.empty_like(x)
    METHODS[name](w, window, groups)(x, expected, b, relu=True)
    assert np.array_equal(device.give(found), expected)
