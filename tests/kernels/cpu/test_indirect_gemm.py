"""The indirect convolution where its blocks, panels and parts end; random windows; who takes what."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab_kernels.cpu import METHODS, set_threads, threads
from convlab_kernels.cpu.indirect_gemm import CHUNK, IndirectGemm
from convlab_kernels.cpu.pointwise import Pointwise
from convlab_kernels.cpu.runtime.micro_kernel import ROWS, panel_of
from convlab_kernels.errors import ShapeError, UnsupportedError
from convlab_kernels.window import Window
from support import oracle
from support.closeness import assert_close, sum_bound


@dataclass(frozen=True)
class Case:
    """A convolution of images of any size with any number of channels."""

    batch: int
    size: tuple[int, int]
    channels: int  # of each group
    filters: int  # of each group
    window: Window
    groups: int = 1

    @property
    def output(self):
        return self.window.output_size(self.size)

    @property
    def arrays(self):
        """Return x (N, H, W, C), w (KH, KW, C/groups, O) and b (O,), float32."""
        random = np.random.default_rng([self.batch, *self.size, self.channels, self.filters, self.groups])
        c, o = self.channels * self.groups, self.filters * self.groups
        shapes = (self.batch, *self.size, c), (*self.window.kernel, self.channels, o), (o,)
        return tuple(random.standard_normal(shape).astype(np.float32) for shape in shapes)

    def exact(self):
        """Return the oracle's sums and magnitudes, with the bias."""
        x, w, b = self.arrays
        window = self.window
        total, magnitude = oracle.conv2d(x, w, window.stride, window.padding, window.dilation, self.groups)
        return total + b, magnitude + np.abs(b)


def filled(method, case, dtype=np.float32, **finish):
    """Return what the kernel writes over NaN."""
    x, w, b = (array.astype(dtype) for array in case.arrays)
    out = np.full((case.batch, *case.output, len(b)), np.nan, dtype)
    METHODS[method](w, case.window, case.groups)(x, out, b, **finish)
    return out


def check(method, case):
    total, magnitude = case.exact()
    terms = case.window.kernel[0] * case.window.kernel[1] * case.channels + 1
    for dtype in (np.float32, np.float64):
        bound = sum_bound(terms, magnitude, dtype)
        plain = filled(method, case, dtype)
        assert_close(plain, total, bound, f"{method}, {case}, {np.dtype(dtype)}")
        addend = np.random.default_rng(2).standard_normal(plain.shape).astype(dtype)
        summed = filled(method, case, dtype, addend=addend, relu=True, ceiling=2.5)
        assert np.array_equal(summed, np.clip(plain + addend, 0, 2.5)), f"{method} and an addend, {case}"


pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
sides = st.tuples(*[st.tuples(st.integers(0, 4), st.integers(0, 4))] * 2)
sizes = st.tuples(st.integers(1, 19), st.integers(1, 19))


def fits(case):
    try:
        return min(case.output) > 0
    except ShapeError:
        return False


windows = st.builds(Window, pairs, pairs, st.one_of(sides, st.just("same")), pairs)
cases = st.builds(
    Case, st.integers(1, 3), sizes, st.integers(1, 9), st.integers(1, 35), windows, st.integers(1, 3)
).filter(fits)


@pytest.mark.slow
@settings(deadline=None, max_examples=80)
@given(cases)
def test_random_windows(case):
    check("indirect_gemm", case)


unpadded = st.builds(Window, st.just((1, 1)), pairs)
pointwise_cases = st.builds(
    Case, st.integers(1, 3), sizes, st.integers(1, 35), st.integers(1, 70), unpadded, st.integers(1, 2)
)


@settings(deadline=None, max_examples=40)
@given(pointwise_cases)
def test_random_pointwise(case):
    check("pointwise", case)


PANEL = panel_of(4)


@pytest.mark.parametrize(
    "places", [1, 2, ROWS // 2, ROWS // 2 + 1, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS - 1, CHUNK - 1]
)
def test_few_places_in_blocks_that_overlap(places):
    check("indirect_gemm", Case(1, (2, places + 2), 3, 5, Window((2, 3))))


@pytest.mark.parametrize("places", [CHUNK, CHUNK + 1, CHUNK + ROWS // 2 + 1, 2 * CHUNK, 2 * CHUNK + 3])
def test_rows_of_many_places_in_chunks(places):
    check("indirect_gemm", Case(1, (2, places + 2), 3, 2, Window((2, 3))))
    check("indirect_gemm", Case(1, (2, places), 3, 2, Window((2, 3), padding=((0, 0), (1, 1)))))


@pytest.mark.parametrize("filters", [1, PANEL // 2, PANEL - 1, PANEL, PANEL + 1, 3 * PANEL - 1, 3 * PANEL])
@pytest.mark.parametrize("groups", [1, 2])
def test_filters_in_panels(filters, groups):
    check("indirect_gemm", Case(2, (5, 6), 3, filters, Window((2, 3), padding=((1, 0), (0, 2))), groups))


@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((2, 1), (0, 3)), "same"], ids=str)
@pytest.mark.parametrize("size", [(9, 11), (21, 29)], ids=["few places", "many places"])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_parts_of_the_work_in_any_number(n, size, padding):
    before = threads()
    try:
        set_threads(n)
        check("indirect_gemm", Case(3, size, 4, 2 * PANEL + 1, Window((3, 2), (1, 2), padding)))
    finally:
        set_threads(before)


COLLIDING = [  # whose neighbouring windows begin 4096 bytes apart in float32, or a multiple of that
    Case(1, (5, 13), 512, 3, Window((1, 1), (2, 2))),
    Case(2, (5, 6), 1024, 3, Window((2, 3), (1, 2), ((1, 0), (0, 2)), (1, 2))),
    Case(1, (5, 7), 512, 2, Window((2, 2)), groups=2),
    Case(2, (31, 9), 512, 2, Window((1, 1), (2, 2), ((0, 0), (0, 0)))),
    Case(2, (31, 9), 512, 2, Window((2, 1), (1, 2), "same")),
    Case(1, (2, 2 * CHUNK + 3), 512, 2, Window((1, 1), (2, 2))),
    Case(1, (1, 2 * CHUNK + 5), 512, 2, Window((1, 2), (1, 2), ((0, 0), (1, 0)))),
]


@pytest.mark.parametrize("case", COLLIDING, ids=str)
@pytest.mark.parametrize("n", [1, 3])
def test_windows_that_begin_in_one_set_of_the_cache(n, case):
    before = threads()
    try:
        set_threads(n)
        check("indirect_gemm", case)
    finally:
        set_threads(before)


@pytest.mark.parametrize(
    ("channels", "window", "cropped", "padding"),
    [
        (3, Window((2, 3), (1, 2), ((-1, 2), (-2, -1))), np.s_[:, 1:, 2:-1], ((0, 2), (0, 0))),
        (3, Window((2, 3), (1, 2), ((-1, -2), (-2, -1))), np.s_[:, 1:-2, 2:-1], ((0, 0), (0, 0))),
        (512, Window((1, 1), (1, 2), ((-1, 0), (-3, 0))), np.s_[:, 1:, 3:], ((0, 0), (0, 0))),  # which collide
    ],
)
def test_a_crop_is_a_negative_padding(channels, window, cropped, padding):
    case = Case(2, (9, 14), channels, 5, window)
    x, w, b = case.arrays
    total, magnitude = oracle.conv2d(x[cropped], w, window.stride, padding)
    assert_close(
        filled("indirect_gemm", case), total + b, sum_bound(w[..., 0].size + 1, magnitude + np.abs(b), np.float32)
    )


def test_a_prepared_kernel_serves_images_of_any_size_in_turn():
    window = Window((2, 3), (2, 1), "same")
    cases = [Case(2, size, 5, 7, window) for size in ((4, 9), (31, 17), (4, 9), (2, 2))]
    w, b = cases[0].arrays[1:]
    kernel = IndirectGemm(w, window)
    for case in cases:
        x = case.arrays[0]
        out = np.full((2, *case.output, 7), np.nan, np.float32)
        kernel(x, out, b)
        total, magnitude = oracle.conv2d(x, w, (2, 1), "same")
        assert_close(out, total + b, sum_bound(31, magnitude + np.abs(b), np.float32))


@pytest.mark.parametrize(
    ("kernel", "padding"), [((1, 2), "same"), ((3, 1), ((0, 0), (0, 0))), ((1, 1), ((0, 0), (0, 1)))], ids=str
)
def test_pointwise_refuses_larger_kernels_and_padding(kernel, padding):
    with pytest.raises(
        UnsupportedError, match=r"^pointwise: kernel \(\d, \d\), padding .*: it takes 1 x 1 without padd"
    ):
        Pointwise(np.ones((*kernel, 3, 4), np.float32), Window(kernel, padding=padding))


def test_pointwise_takes_same_which_pads_nothing():
    check("pointwise", Case(2, (7, 9), 3, 4, Window((1, 1), (3, 2), "same")))
