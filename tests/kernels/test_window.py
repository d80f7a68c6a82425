from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convlab
from convlab.errors import ShapeError
from convlab_kernels.window import Window
from support import oracle


def pairs(least, most):
    return st.tuples(st.integers(least, most), st.integers(least, most))


sides = st.tuples(pairs(0, 9), pairs(0, 9))
windows = st.builds(Window, pairs(1, 9), pairs(1, 7), sides, pairs(1, 5))
same_windows = st.builds(Window, pairs(1, 9), pairs(1, 7), st.just("same"), pairs(1, 5))
sizes = pairs(1, 60)


@settings(deadline=None, max_examples=300)
@given(windows, sizes)
def test_the_last_place_fits_and_the_next_would_not(window, size):
    padded = [cells + sum(pad) for cells, pad in zip(size, window.pads(size), strict=True)]
    if any(cells < extent for cells, extent in zip(padded, window.extent, strict=True)):
        with pytest.raises(ShapeError, match=r"output (height|width) is not positive"):
            window.output_size(size)
        return
    for out, cells, extent, stride in zip(
        window.output_size(size), padded, window.extent, window.stride, strict=True
    ):
        assert (out - 1) * stride + extent <= cells < out * stride + extent


@settings(deadline=None, max_examples=300)
@given(same_windows, sizes)
def test_same_makes_one_place_for_each_stride_begun(window, size):
    expected = tuple(-(-cells // stride) for cells, stride in zip(size, window.stride, strict=True))
    assert window.output_size(size) == expected


@settings(deadline=None, max_examples=300)
@given(same_windows, sizes)
def test_same_splits_its_cells_as_tensorflow_does(window, size):
    assert window.pads(size) == oracle.four_sides("same", size, window.kernel, window.stride, window.dilation)
    assert all(0 <= after - before <= 1 for before, after in window.pads(size))


@pytest.mark.parametrize(("size", "expected"), [((7, 10), (4, 5)), ((8, 11), (4, 6)), ((2, 3), (1, 2))])
def test_same_at_stride_2_on_paper(size, expected):
    assert Window.parse((2, 3), 2, "same").output_size(size) == expected


def test_extent_counts_the_holes_of_a_dilated_window():
    assert Window.parse((2, 3), dilation=(4, 5)).extent == (5, 11)


SPELLINGS = [
    (2, ((2, 2), (2, 2))),
    ((1, 2), ((1, 1), (2, 2))),
    ([1, 2], ((1, 1), (2, 2))),
    (((1, 2), (3, 4)), ((1, 2), (3, 4))),
    ([[1, 2], (3, 4)], ((1, 2), (3, 4))),
    (np.int64(2), ((2, 2), (2, 2))),
    ("valid", ((0, 0), (0, 0))),
    ("same", "same"),
]


@pytest.mark.parametrize(("spelling", "expected"), SPELLINGS)
def test_padding_spellings(spelling, expected):
    assert Window.parse((2, 3), padding=spelling).padding == expected


@pytest.mark.parametrize("spelling", [3, (3, 3), [3, 3], np.uint8(3), (np.int32(3), 3)])
def test_pair_spellings(spelling):
    window = Window.parse(spelling, spelling, 0, spelling)
    assert window == Window((3, 3), (3, 3), ((0, 0), (0, 0)), (3, 3))
    assert {type(cells) for cells in window.kernel} == {int}
    assert hash(window) == hash(Window.parse(3, 3, "valid", 3))


WRONG = [
    ({"kernel": 0}, r"kernel 0 is out of range: at least 1, at most 2147483647"),
    ({"kernel": 2**32}, r"kernel 4294967296 is out of range"),
    ({"kernel": (2, 3, 4)}, r"kernel \(2, 3, 4\) is neither an int nor a \(height, width\) pair of ints"),
    ({"kernel": 2.0}, r"kernel 2\.0 is neither an int"),
    ({"kernel": True}, r"kernel True is neither an int"),
    ({"kernel": np.array([2, 3])}, r"kernel array\(\[2, 3\]\) is neither an int"),
    ({"stride": 0}, r"stride 0 is out of range: at least 1"),
    ({"stride": (1, -2)}, r"stride \(1, -2\) is out of range: at least 1"),
    ({"stride": "2"}, r"stride '2' is neither an int"),
    ({"stride": None}, r"stride None is neither an int"),
    ({"dilation": 0}, r"dilation 0 is out of range: at least 1"),
    ({"dilation": (1, 2**31)}, r"dilation \(1, 2147483648\) is out of range"),
    ({"padding": -1}, r"padding -1 is out of range: at least 0"),
    ({"padding": (1, -2)}, r"padding \(1, -2\) is out of range: at least 0"),
    ({"padding": ((0, 0), (1, -2))}, r"padding \(left, right\) \(1, -2\) is out of range"),
    ({"padding": ((0, -3), (1, 2))}, r"padding \(top, bottom\) \(0, -3\) is out of range"),
    ({"padding": 2**62}, r"padding 4611686018427387904 is out of range"),
    ({"padding": "SAME"}, r"padding 'SAME' is unknown: use \"valid\", \"same\", an int, a pair or four sides"),
    ({"padding": "full"}, r"padding 'full' is unknown"),
    ({"padding": ((1, 2), 3)}, r"padding \(\(1, 2\), 3\) is neither an int"),
    ({"padding": (1, 2, 3, 4)}, r"padding \(1, 2, 3, 4\) is neither an int"),
    ({"padding": True}, r"padding True is neither an int"),
    ({"padding": 1.0}, r"padding 1\.0 is neither an int"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[str(arguments) for arguments, _ in WRONG])
def test_what_has_no_meaning_is_refused(arguments, message):
    with pytest.raises(ShapeError, match=f"^{message}"):
        Window.parse(**{"kernel": (2, 3), **arguments})


def test_a_window_that_does_not_fit_shows_the_arithmetic():
    message = (
        r"^output width is not positive: floor\(\(4 \+ 1 \+ 0 - 11\) / 2\) \+ 1 = -2: a window of 11 cells"
        r" \(kernel 3, dilation 5\) does not fit in an input of 4 with padding 1 and 0$"
    )
    with pytest.raises(ShapeError, match=message):
        Window.parse((2, 3), 2, ((0, 0), (1, 0)), 5).output_size((9, 4))


def test_an_output_too_large_to_index_is_refused():
    with pytest.raises(ShapeError, match=r"^output height 4294967292 is too large: padding 2147483643"):
        Window.parse((2, 3), padding=2**31 - 5).output_size((7, 9))


def test_output_size_of_an_int_and_of_a_pair():
    assert convlab.output_size(224, kernel=3, padding=1) == 224
    assert convlab.output_size(np.int64(227), 11, stride=4) == 55
    assert convlab.output_size((28, 30), (2, 3), (3, 2), ((1, 0), (0, 2)), (4, 5)) == (9, 11)
    assert convlab.output_size([28, 30], (2, 3), (3, 2), ((1, 0), (0, 2)), (4, 5)) == (9, 11)


def test_the_oracle_walks_as_the_drawings_do():
    # Dumoulin and Visin, arXiv 1603.07285, sections 2 and 5.1: (size, kernel, stride, pad, dilation) -> places
    drawn = {(4, 3, 1, 0, 1): 2, (5, 4, 1, 2, 1): 6, (5, 3, 2, 1, 1): 3, (6, 3, 2, 1, 1): 3, (7, 3, 1, 0, 2): 3}
    for (size, kernel, stride, pad, dilation), places in drawn.items():
        assert len(oracle.starts(size, pad, pad, kernel, stride, dilation)) == places
        assert convlab.output_size(size, kernel, stride, pad, dilation) == places


def test_the_oracle_and_the_window_agree_everywhere_small():
    for size, kernel, stride, dilation, before in product(range(1, 9), range(1, 4), range(1, 4), (1, 2), (0, 2)):
        found = oracle.starts(size, before, 1, kernel, stride, dilation)
        window = Window((kernel, 1), (stride, 1), ((before, 1), (0, 0)), (dilation, 1))
        if found:
            assert window.output_size((size, 1)) == (len(found), 1)
        else:
            with pytest.raises(ShapeError):
                window.output_size((size, 1))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ((3,), "kernel"),
        (((3, 3), 2), "stride"),
        (((3, 3), (2, 2), 1), "padding"),
        (((3, 3), (2, 2), (1, 1)), "padding"),
        (((3, 3), (1, 1), "valid"), "padding"),
        (((3, 3), (1, 1), "same", 2), "dilation"),
    ],
)
def test_a_window_takes_pairs_and_says_who_takes_ints(given, name):
    with pytest.raises(ShapeError, match=f"Window: {name} .*expected a pair: Window.parse takes an int, too"):
        Window(*given)
