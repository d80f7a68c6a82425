"""One row times a matrix: the definition, whatever its sizes; its parts; NaN."""

import numpy as np
import pytest

from convlab_kernels.cuda import gemv
from convlab_kernels.cuda.dense import Dense
from support.closeness import assert_close, sum_bound


def arrays(depth, o):
    random = np.random.default_rng([depth, o])
    return tuple(random.standard_normal(shape).astype(np.float32) for shape in ((1, depth), (depth, o), (o,)))


def computed(gpu, x, w, b, relu=False):
    out = gpu.take(np.full((1, w.shape[1]), np.nan, np.float32))
    Dense(gpu.take(w))(gpu.take(x), out, None if b is None else gpu.take(b), relu)
    return gpu.give(out)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("depth", "o"), [(1, 3), (7, 33), (64, 5), (131, 40), (517, 9)])
def test_it_is_the_product(depth, o, bias, gpu):
    x, w, b = arrays(depth, o)
    double = [array.astype(np.float64) for array in (x, w, b * bias)]
    expected = double[0] @ double[1] + double[2]
    magnitude = np.abs(double[0]) @ np.abs(double[1]) + np.abs(double[2])
    actual = computed(gpu, x, w, b if bias else None)
    assert_close(actual, expected, sum_bound(depth + 1, magnitude, np.float32))
    np.testing.assert_array_equal(computed(gpu, x, w, b if bias else None, relu=True), np.maximum(actual, 0))


def test_the_rows_are_shared_out_among_blocks_and_warps(gpu, monkeypatch):
    shares, launch = [], gemv.part_of_row
    monkeypatch.setattr(gemv, "multiprocessors_of", lambda x: 1)

    def noted(grid, *args):
        shares.append((grid, args[-1]))
        launch(grid, *args)

    monkeypatch.setattr(gemv, "part_of_row", noted)
    x, w, b = arrays(517, 40)
    computed(gpu, x, w, b)
    assert shares == [((2, 4), 130)]


def test_nan_and_infinity_stay_in_their_column(gpu):
    x, w, b = arrays(70, 35)
    w[69, 34], w[0, 2] = np.nan, np.inf
    actual = computed(gpu, x, w, b, relu=True)[0]
    assert np.isnan(actual[34]) and actual[2] == (np.inf if x[0, 0] > 0 else 0)
    assert np.isfinite(np.delete(actual, [2, 34])).all()


def test_more_rows_are_cublas(gpu, monkeypatch):
    monkeypatch.setattr("convlab_kernels.cuda.dense.multiply_row", None)
    x, w, b = arrays(7, 5)
    out = gpu.take(np.full((2, 5), np.nan, np.float32))
    Dense(gpu.take(w))(gpu.take(np.repeat(x, 2, axis=0)), out, gpu.take(b))
    np.testing.assert_allclose(gpu.give(out)[1], (x @ w + b)[0], rtol=1e-5)
