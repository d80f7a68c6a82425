"""PyTorch's tensors have channels first, and are taken as such wherever convlab takes an array."""

import numpy as np
import pytest

import convlab
from convlab.images.preprocessing import UNIT_GREY
from convlab.images.reading import prepare
from convlab.layers import Conv2D, Conv3D, Dense, GlobalAveragePooling1D
from convlab.model.initialise import randomise
from convlab.model.model import Model
from convlab.runtime.tensors import channels_last, is_tensor
from support.recorded import installed


class Tensor:
    """What a tensor of PyTorch shows of itself, where there is no PyTorch."""

    __module__ = "torch"

    def __init__(self, array):
        self.array, self.ndim, self.shape = array, array.ndim, array.shape

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.array


def tensor(array):
    if installed("torch"):
        import torch

        return torch.tensor(array, requires_grad=array.dtype.kind == "f")
    return Tensor(array)


def first(x):
    """Return (N, ..., C) with channels first."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((5, 5, 5), Conv2D("l", 2, 3)),  # C = H = W: no shape could tell
        ((4, 6, 3), Conv2D("l", 2, 3)),
        ((3, 4, 5, 2), Conv3D("l", 2, 2)),
        ((7, 3), GlobalAveragePooling1D("l")),
        ((6,), Dense("l", 2)),
    ],
)
def test_a_network_takes_tensors(shape, layer):
    model = Model.sequential("m", shape, [layer])
    randomise(model, 0)
    x = np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)
    expected = model.predict(x)
    np.testing.assert_array_equal(model.predict(tensor(first(x))), expected)
    np.testing.assert_array_equal(model.run({"input": tensor(first(x))}).input, x)


def test_a_tensor_with_its_channels_last_is_of_another_shape():
    model = Model.sequential("m", (4, 6, 3), [Conv2D("l", 2, 3)])
    randomise(model, 0)
    with pytest.raises(convlab.ShapeError, match=r"input has shape \(2, 6, 3, 4\), expected \(N, 4, 6, 3\)"):
        model.predict(tensor(np.zeros((2, 4, 6, 3), np.float32)))


@pytest.mark.parametrize("shape", [(3, 5, 3), (2, 3, 5, 3), (3, 5)])
def test_a_picture_may_be_a_tensor(shape):
    pixels = np.random.default_rng(2).uniform(0, 1, shape).astype(np.float32)
    moved = np.moveaxis(pixels, -1, -3) if len(shape) > 2 else pixels
    expected = prepare(pixels, (3, 5, 1), UNIT_GREY)
    np.testing.assert_array_equal(prepare(tensor(np.ascontiguousarray(moved)), (3, 5, 1), UNIT_GREY), expected)


def test_a_volume_may_be_a_tensor():
    model = Model.sequential("m", (3, 4, 5, 2), [Conv3D("l", 2, 2)])
    x = np.random.default_rng(3).normal(size=(3, 4, 5, 2)).astype(np.float32)
    np.testing.assert_array_equal(model.prepare(tensor(np.ascontiguousarray(np.moveaxis(x, -1, 0)))), x[None])


def test_arrays_are_as_they_are():
    x = np.zeros((2, 3, 4))
    assert channels_last(x, 1) is x
    assert not is_tensor(x)
    assert is_tensor(tensor(x))
