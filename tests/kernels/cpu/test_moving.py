"""The compiled kernels that put numbers elsewhere: to the bit as NumPy does, threads, layouts."""

import numpy as np
import pytest

from convlab import ops
from convlab.errors import ShapeError
from convlab.layers import Concatenate, Cropping2D, UpSampling2D, ZeroPadding2D
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu import elementwise

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


pytestmark = pytest.mark.usefixtures("some_threads")


def image(shape=(2, 5, 6, 3), dtype=np.float32):
    """Return an image with NaN and infinity in corners."""
    x = np.random.default_rng(shape).standard_normal(shape).astype(dtype)
    if x.size:
        x[0, 0, 0, 0], x[-1, -1, -1, -1] = np.nan, np.inf
    return x


def assert_same(compute, *arguments):
    """Assert that an operation does the same by compiled kernels, in an array of its own."""
    with using_policy(False):
        expected = compute(*arguments)
    with using_policy(True):
        actual = compute(*arguments)
    assert actual.dtype == expected.dtype and actual.flags.c_contiguous
    assert np.array_equal(actual, expected, equal_nan=True)
    assert not np.may_share_memory(actual, arguments[0])


@dtypes
@pytest.mark.parametrize("shape", [(2, 5, 6, 3), (1, 4, 4, 1), (0, 4, 5, 2), (3, 9, 8, 21)], ids=str)
@pytest.mark.parametrize("sides", [1, (0, 2), ((1, 2), (0, 3))], ids=str)
def test_a_border_is_put_on_and_taken_off(sides, shape, dtype):
    x = image(shape, dtype)
    assert_same(ops.zero_pad2d, x, sides)
    assert_same(ops.crop2d, np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), sides)


@dtypes
@pytest.mark.parametrize(("axis", "images"), [(0, 2), (1, 2), (2, 2), (3, 2), (1, 1), (3, 0)])
def test_arrays_are_put_side_by_side(axis, images, dtype):
    arrays = [image((images, 5, 6, 3), dtype)]
    for size in (1, 4):
        shape = list(arrays[0].shape)
        shape[axis] = size
        arrays.append(image(tuple(shape), dtype))
    with using_policy(True):
        joined = ops.concatenate(arrays, axis)
    assert joined.dtype == dtype and np.array_equal(joined, np.concatenate(arrays, axis=axis), equal_nan=True)


@dtypes
@pytest.mark.parametrize("size", [(10, 12), (7, 5), (5, 6), (3, 2), (1, 13)], ids=str)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_an_image_gets_another_size(interpolation, size, dtype):
    assert_same(ops.resize2d, image(dtype=dtype), size, interpolation)
    assert_same(ops.resize2d, image((0, 4, 5, 2), dtype), size, interpolation)


USES = {
    "frame": (ZeroPadding2D("pad", ((1, 0), (2, 3))), 1),
    "join": (Concatenate("join"), 2),
    "nearest": (UpSampling2D("up"), 1),
    "bilinear": (UpSampling2D("up", 3, "bilinear"), 1),
}


@pytest.mark.parametrize(("kernel", "layer"), [*USES.items(), ("frame", (Cropping2D("crop"), 1))], ids=str)
def test_layers_use_them(kernel, layer, monkeypatch):
    used, compiled = [], getattr(elementwise, kernel)
    monkeypatch.setattr(elementwise, kernel, lambda *args: (used.append(1), compiled(*args)))
    layer, count = layer
    layer.build(*[(5, 6, 3)] * count)
    assert_same(layer, *[image()] * count)
    assert used == [1]


CALLS = {
    "frame": ((2, 8, 7, 3), lambda x, out: elementwise.frame(x, out, 1, -1)),
    "join": ((2, 5, 6, 6), lambda x, out: elementwise.join([x, x], out, 3)),
    "nearest": ((2, 7, 4, 3), elementwise.nearest),
    "bilinear": ((2, 7, 4, 3), elementwise.bilinear),
}


@pytest.mark.parametrize("name", CALLS)
def test_memory_layout_makes_no_difference_and_inputs_stay(name):
    shape, call = CALLS[name]
    x, expected = image(), np.empty(shape, np.float32)
    call(x, expected)
    for variant in (np.asfortranarray(x), x[::-1].copy()[::-1], x.repeat(2, axis=3)[..., ::2]):
        variant.flags.writeable = False
        out = np.full(shape, 7, np.float32)
        call(variant, out)
        assert out.tobytes() == expected.tobytes() and np.array_equal(variant, x, equal_nan=True)
    with pytest.raises(ShapeError, match=f"^{name}: out is not contiguous in C order; give a whole array"):
        call(x, np.empty((*shape[:3], 2 * shape[3]), np.float32)[..., ::2])
