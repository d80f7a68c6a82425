"""Receptive fields against what networks really see: ones go in, one cell at a time, and are looked for."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import convlab
from convlab.layers import Add, AveragePooling2D, Conv2D, Cropping2D, MaxPooling2D, ZeroPadding2D
from convlab.model.model import Node
from convlab.model.receptive_field import Field, receptive_fields
from convlab_kernels.window import Window

IMAGE = (11, 14)


def pairs(least, most):
    return st.tuples(st.integers(least, most), st.integers(least, most))


paddings = st.one_of(st.just("valid"), st.just("same"), st.tuples(pairs(0, 2), pairs(0, 2)))
convolutions = st.builds(
    Conv2D, st.just(""), st.just(1), pairs(1, 3), pairs(1, 3), paddings, pairs(1, 2), use_bias=st.just(False)
)
pools = st.one_of(
    st.builds(pool, st.just(""), pairs(1, 3), pairs(1, 2), st.sampled_from(["valid", "same"]))
    for pool in (MaxPooling2D, AveragePooling2D)
)
frames = st.builds(ZeroPadding2D, st.just(""), pairs(0, 2))
chains = st.lists(st.one_of(convolutions, pools, frames), min_size=1, max_size=4)


def chain(layers):
    """Return a model of the layers, with kernels of ones: what a unit sees, it cannot miss."""
    for i, layer in enumerate(layers):
        layer.name = f"layer{i}"
    model = convlab.Model.sequential("chain", (*IMAGE, 1), layers)
    for layer in model.layers:
        if layer.shapes:
            layer.set_weights(kernel=np.ones(layer.shapes["kernel"], np.float32))
    return model


def seen(model):
    """Return, for each unit (y, x) of the last layer, the boolean image (H, W) of the cells that change it."""
    cells = np.eye(IMAGE[0] * IMAGE[1], dtype=np.float32).reshape(-1, *IMAGE, 1)
    out = model.predict(cells)[..., 0] != 0  # (cells, OH, OW)
    return np.moveaxis(out, 0, -1).reshape(*out.shape[1:], *IMAGE)


def check(model):
    """Assert that each unit sees nothing outside its box, and, where the image holds the box, all of its width.

    Return how many boxes lay inside.
    """
    field = model.receptive_fields()[model.nodes[-1].name]
    masks, inside = seen(model), 0
    for y, x in np.ndindex(masks.shape[:2]):
        rows, columns = (np.flatnonzero(masks[y, x].any(axis=axis)) for axis in (1, 0))
        box = field.box(y, x)
        for cells, (first, last) in zip((rows, columns), box, strict=True):
            assert all(first <= cell <= last for cell in cells), (y, x, box)
        if all(first >= 0 and last < size for (first, last), size in zip(box, IMAGE, strict=True)):
            inside += 1
            assert ((rows[0], rows[-1]), (columns[0], columns[-1])) == box, (y, x)
    return inside


@settings(deadline=None, max_examples=120)
@given(chains)
def test_fields_are_what_random_chains_see(layers):
    try:
        model = chain(layers)
    except convlab.ShapeError:  # the chain ate the image
        assume(False)
    check(model)


CHAINS = {
    "strides": [Conv2D("", 1, (2, 3), (2, 1), use_bias=False), Conv2D("", 1, (3, 2), (1, 2), use_bias=False)],
    "dilation": [Conv2D("", 1, (2, 3), dilation=(2, 3), use_bias=False), MaxPooling2D("", (2, 1))],
    "same": [Conv2D("", 1, (3, 4), (1, 2), "same", use_bias=False), AveragePooling2D("", (3, 2), (2, 1), "same")],
    "sides": [Conv2D("", 1, (2, 3), 1, ((1, 0), (2, 1)), use_bias=False), ZeroPadding2D("", ((0, 1), (2, 0)))],
}


@pytest.mark.parametrize("layers", CHAINS.values(), ids=CHAINS)
def test_fields_are_what_chosen_chains_see(layers):
    assert check(chain(layers)) >= 4  # boxes inside the image, in both directions


def test_a_field_on_paper():
    field = Field().through(Window.parse((3, 5), (2, 3), ((1, 0), (2, 2))), (11, 14))
    assert field == Field((-1, -2), (1, 2), (2, 3))
    assert field.size == (3, 5)
    assert field.through(Window.parse((2, 1), (1, 2)), (5, 5)) == Field((-1, -2), (3, 2), (2, 6))
    assert field.box(2, 3) == ((3, 5), (7, 11))


def test_branches_of_equal_size_and_different_jump_have_no_one_field():
    nodes = [
        Node("strided", Conv2D("strided", 2, 1, 2), ("input",)),
        Node("cropped", Cropping2D("cropped", ((0, 4), (3, 0))), ("input",)),
        Node("add", Add("add"), ("strided", "cropped")),
    ]
    model = convlab.Model("m", (8, 6, 2), nodes)
    fields = model.receptive_fields()
    assert model.shapes["strided"] == model.shapes["cropped"] == (4, 3, 2)
    assert fields["strided"] == Field((0, 0), (0, 0), (2, 2))
    assert fields["cropped"] == Field((0, 3), (0, 3), (1, 1))
    assert fields["add"] == "varies"


@pytest.mark.parametrize("order", [("back", "forth"), ("forth", "back"), ("back", "forth", "inside")])
def test_where_branches_meet_a_unit_sees_what_each_of_them_sees(order):
    branches = {
        "back": Conv2D("back", 1, (3, 2), 1, ((2, 0), (1, 0)), use_bias=False),
        "forth": Conv2D("forth", 1, (2, 4), 1, ((0, 1), (0, 3)), use_bias=False),
        "inside": Conv2D("inside", 1, 1, use_bias=False),
    }
    nodes = [Node(name, branches[name], ("input",)) for name in order]
    model = convlab.Model("m", (*IMAGE, 1), [*nodes, Node("add", Add("add"), order)])
    for layer in branches.values():
        if layer.shapes:
            layer.set_weights(kernel=np.ones(layer.shapes["kernel"], np.float32))
    assert model.receptive_fields()["add"] == Field((-2, -1), (1, 3), (1, 1))
    assert check(model) == (11 - 3) * (14 - 4)


def test_vgg16():
    fields = convlab.load("vgg16", weights=None).receptive_fields()
    # sizes by hand: each 3x3 convolution adds twice the jump, each pooling adds the jump and doubles it
    sizes = {name: field.size for name, field in fields.items() if field and field.size[0] > 1}
    assert list(sizes.values()) == [
        (n, n) for n in (3, 5, 6, 10, 14, 16, 24, 32, 40, 44, 60, 76, 92, 100, 132, 164, 196, 212)
    ]
    assert fields["block5_pool"] == Field((-90, -90), (121, 121), (32, 32))
    assert fields["block5_conv3"].jump == (16, 16)
    assert fields["predictions"] is None


def test_lenet5():
    fields = convlab.load("lenet5", weights=None).receptive_fields()
    assert [field.size[0] for field in fields.values() if field] == [1, 5, 5, 6, 14, 14, 16]


@pytest.mark.parametrize("jump", [(2, 1), (1, 2)])
def test_fields_that_move_unevenly_along_one_side_have_no_union(jump):
    assert Field(jump=jump).union(Field()) == Field().union(Field(jump=jump)) == "varies"


def test_what_inputs_see_of_themselves():
    shapes = {"features": (7,), "row": (7, 3), "image": (6, 7, 3), "volume": (5, 6, 7, 3), "more": (4, 5, 6, 7, 3)}
    pair, triple = Field.of_cell(2), Field.of_cell(3)
    expected = {"features": None, "row": pair, "image": pair, "volume": triple, "more": None}
    assert receptive_fields(shapes, [], shapes) == expected


@pytest.mark.parametrize("sources", [("image", "whole"), ("whole", "image"), ("uneven", "whole")])
def test_what_meets_all_of_the_image_sees_all_of_it(sources):
    cell = Window((1, 1))
    calls = [("whole", ("image",), None), ("uneven", ("image",), "varies"), ("sum", sources, cell)]
    shapes = dict.fromkeys(("image", "whole", "uneven", "sum"), (6, 7, 3))
    assert receptive_fields(["image"], calls, shapes)["sum"] is None
