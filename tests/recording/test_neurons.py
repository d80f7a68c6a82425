"""The strongest units of a layer, and a layer as a matrix."""

import numpy as np
import pytest

import convlab
from convlab.errors import LayerNameError, ShapeError


def recording(**layers):
    """Return a recording that holds these arrays."""
    arrays = {name: np.asarray(array) for name, array in layers.items()}
    x = np.zeros((2, 3, 4, 1), np.float32)
    return convlab.Activations(arrays, dict.fromkeys(arrays, "Conv2D"), {"input": x}, {"output": x}, "net")


@pytest.fixture
def maps():
    """Return (N, H, W, C) in which no two values are equal."""
    return np.random.default_rng(0).permutation(2 * 3 * 5 * 4).reshape(2, 3, 5, 4).astype(np.float32)


@pytest.mark.parametrize("image", [0, 1, -1])
def test_the_strongest_units_of_maps_are_found_with_their_places(maps, image):
    found = recording(conv=maps).neurons("conv", 7, image)
    assert [neuron.value for neuron in found] == sorted(maps[image].ravel().tolist(), reverse=True)[:7]
    assert [maps[image][neuron.index] for neuron in found] == [neuron.value for neuron in found]
    value, index = found[0]
    assert (type(value), [type(i) for i in index]) == (float, [int, int, int])


def test_a_dense_unit_has_one_number():
    acts = recording(fc=[[1, -9, 4, 2], [0, 0, 0, 0]])
    assert acts.neurons("fc", 2) == [(4, (2,)), (2, (3,))]
    assert acts.neurons("fc", 99) == [(4, (2,)), (2, (3,)), (1, (0,)), (-9, (1,))]
    assert acts.neurons("fc", 0) == []


def test_of_equal_values_the_smaller_index_comes_first(maps):
    acts = recording(conv=np.round(maps / 40))
    found = acts.neurons("conv", 60)
    assert found == sorted(found, key=lambda neuron: (-neuron.value, neuron.index))
    assert len({neuron.value for neuron in found}) < 5  # there are ties


def test_nan_is_never_among_the_strongest_and_infinity_may_be():
    acts = recording(fc=[[np.nan, 1, np.inf, np.nan, -np.inf], [np.nan] * 5])
    assert acts.neurons("fc", 5) == [(np.inf, (2,)), (1, (1,)), (-np.inf, (4,))]
    assert acts.neurons("fc", 3, image=1) == []


def test_wrong_requests_are_named(maps):
    acts = recording(conv=maps)
    with pytest.raises(LayerNameError, match="no recorded layer 'cnov'; did you mean 'conv'"):
        acts.neurons("cnov")
    with pytest.raises(ShapeError, match="neurons: image 2 of layer 'conv' is not one of the 2 recorded"):
        acts.neurons("conv", image=2)
    with pytest.raises(ShapeError, match="neurons: k is -1, expected 0 or more"):
        acts.neurons("conv", -1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_features_are_rows_of_all_numbers_of_an_image(maps, dtype):
    acts = recording(conv=maps.astype(dtype), fc=maps[:, 0, 0].astype(dtype))
    features = acts.features("conv")
    assert (features.shape, features.dtype) == ((2, 60), dtype)
    assert features[1].tolist() == maps[1].ravel().tolist()
    assert acts.features("fc").tolist() == maps[:, 0, 0].tolist()


def test_features_are_a_copy(maps):
    acts = recording(conv=maps)
    acts.features("conv")[:] = -1
    assert maps.min() == 0


def test_features_of_no_images():
    assert recording(conv=np.zeros((0, 3, 5, 4))).features("conv").shape == (0, 60)
