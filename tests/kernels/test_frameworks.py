"""The sweeps again, with PyTorch and Keras in the oracle's place.

The frameworks compute in float64 from the same numbers, so that the tolerance is convlab's own rounding alone.
"""

from functools import partial

import numpy as np
import pytest

import convlab
from support import oracle
from support.closeness import assert_close, sum_bound
from support.kernels.pool_sweep import CASES, Pool, largest, means
from support.kernels.sweep import CORNERS, CROSSED, exact
from support.recorded import answer, installed, live

# Keras turns PyTorch's tensors into arrays in a way that NumPy 2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Keep PyTorch to one thread: the arrays are small, more would only wait for each other."""
    if not installed("torch"):
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def compare(case, reference):
    """Assert that convlab in float32 and in float64 is within its rounding of the reference, float64."""
    x, w, b = case.arrays
    magnitude = exact(case)[1] + np.abs(b)
    for dtype in (np.float32, np.float64):
        actual = convlab.conv2d(*(array.astype(dtype) for array in (x, w, b)), **case.attributes)
        assert_close(actual, reference, sum_bound(case.terms, magnitude, dtype), f"{case}, {dtype.__name__}")


def torch_conv2d(case):
    import torch

    x, w, b = (torch.from_numpy(array).double() for array in case.arrays)
    (top, bottom), (left, right) = oracle.four_sides(
        case.padding, case.image, case.kernel, case.stride, case.dilation
    )
    x = torch.nn.functional.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom))
    attributes = {"stride": case.stride, "dilation": case.dilation, "groups": case.attributes["groups"]}
    return torch.nn.functional.conv2d(x, w.permute(3, 2, 0, 1), b, **attributes).permute(0, 2, 3, 1).numpy()


def exact_conv2d(case):
    return exact(case)[0] + case.arrays[2]


def test_conv2d_is_pytorchs():
    for case in (*CROSSED, *CORNERS):
        question = "conv2d", case, *case.arrays
        compare(case, answer("torch", question, partial(torch_conv2d, case), partial(exact_conv2d, case)))


def keras_cases():
    """What Keras can express: "valid" and "same"; no stride together with a dilation."""
    for case in (*CROSSED, *CORNERS):
        both = case.stride != (1, 1) and case.dilation != (1, 1)
        if isinstance(case.padding, str) and not both and case.batch != 0:
            yield case


def keras_conv2d(case):
    import keras

    x, w, b = (array.astype(np.float64) for array in case.arrays)
    out = keras.ops.conv(x, w, case.stride, case.padding, data_format="channels_last", dilation_rate=case.dilation)
    return keras.ops.convert_to_numpy(out) + b


def test_conv2d_is_keras():
    cases = list(keras_cases())
    assert len(cases) > 50
    assert sum(case.padding == "same" and case.stride != (1, 1) for case in cases) > 10
    for case in cases:
        question = "Keras' conv", case, *case.arrays
        compare(case, answer("keras", question, partial(keras_conv2d, case), partial(exact_conv2d, case)))


def compare_max(case, reference):
    """Assert that max_pool2d is the reference, to the bit."""
    actual = convlab.max_pool2d(case.x, case.size, case.stride, case.padding)
    assert_close(actual, reference, 0.0, f"max, {case}")


def compare_mean(case, reference):
    """Assert that avg_pool2d is the reference, float64, up to its own rounding."""
    actual = convlab.avg_pool2d(case.x, case.size, case.stride, case.padding)
    bound = sum_bound(case.size[0] * case.size[1] + 1, means(case)[1], np.float32)
    assert_close(actual, reference, bound, f"mean, {case}")


SYMMETRIC = [case for case in CASES if all(before == after for before, after in case.sides)]


def torch_pool(reduce, case):
    from torch import from_numpy
    from torch.nn import functional

    x = from_numpy(case.x).double().permute(0, 3, 1, 2)
    arguments = case.size, case.stride, tuple(before for before, _ in case.sides)
    if reduce == "max":
        out = functional.max_pool2d(x, *arguments)
    else:
        out = functional.avg_pool2d(x, *arguments, count_include_pad=False)
    return out.permute(0, 2, 3, 1).numpy()


def keras_pool(reduce, case):
    from keras import ops

    pool = {"max": ops.max_pool, "mean": ops.average_pool}[reduce]
    window = case.size, case.stride or case.size, case.padding
    return ops.convert_to_numpy(pool(case.x.astype(np.float64), *window, data_format="channels_last"))


def compare_pool(library, reduce, case):
    """Compare one kind of pooling with a library."""
    ask = partial({"torch": torch_pool, "keras": keras_pool}[library], reduce, case)
    exactly = partial(largest, case) if reduce == "max" else lambda: means(case)[0]
    reference = answer(library, (library, reduce, case, case.x), ask, exactly)
    {"max": compare_max, "mean": compare_mean}[reduce](case, reference)


def test_pools_are_pytorchs():
    assert len(SYMMETRIC) > 50
    for case in SYMMETRIC:
        compare_pool("torch", "max", case)
        compare_pool("torch", "mean", case)


def test_pools_are_keras():
    cases = [case for case in CASES if isinstance(case.padding, str)]
    assert len(cases) > 40
    for case in cases:
        compare_pool("keras", "max", case)
    # where "same" adds an odd cell, Keras on PyTorch averages copies of the image's edge; on TensorFlow and on JAX
    # it averages the cells inside, as convlab does everywhere
    even = [case for case in cases if case in SYMMETRIC]
    assert sum(case.padding == "same" and case.sides != ((0, 0), (0, 0)) for case in even) >= 1
    for case in even:
        compare_pool("keras", "mean", case)


def test_pytorch_refuses_the_padding_that_convlab_refuses():
    torch = live("torch", instead="kernels/cpu/test_pooling.py")
    x = Pool((2, 3), None, 0).x
    with pytest.raises(RuntimeError, match="at most half of"):
        torch.nn.functional.max_pool2d(torch.from_numpy(x).permute(0, 3, 1, 2), (2, 3), padding=(0, 2))
    with pytest.raises(convlab.ShapeError, match="more than half of the window"):
        convlab.max_pool2d(x, (2, 3), padding=(0, 2))
