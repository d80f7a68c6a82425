"""What the simulator finds of the rungs, for a page without a GPU."""

import numpy as np
import pytest

from convlab.bench.convolutions import Case
from convlab.bench.error_classes import class_of
from convlab.bench.simulated import Simulator, small
from convlab.errors import UnsupportedError
from convlab_kernels.cuda import METHODS
from convlab_kernels.cuda.direct import Direct
from convlab_kernels.window import Window

pytest.importorskip("greenlet")

WIDE = Case((30, 28, 64), 96, Window((5, 3), stride=(2, 1), dilation=(1, 2), padding=((1, 2), (0, 3))), batch=4)


def test_a_small_case_has_the_same_window():
    assert small(WIDE).window is WIDE.window
    assert (small(WIDE).image, small(WIDE).filters, small(WIDE).batch) == ((6, 7, 4), 3, 1)
    grouped = Case((9, 9, 32), 64, groups=32)
    assert (small(grouped).image, small(grouped).filters, small(grouped).groups) == ((4, 5, 2), 4, 2)


@pytest.mark.parametrize("method", [name for name in METHODS if not name.startswith(("winograd", "depthwise"))])
def test_rungs_are_right(method):
    name, share = class_of(Simulator().distance(method, small(WIDE)), "float32")
    assert share <= 1
    assert name == ("TF32" if method == "tensor_core" else "float32")


def test_depthwise_is_right():
    assert class_of(Simulator().distance("depthwise", small(Case((9, 9, 32), 64, groups=32))), "float32")[1] <= 1


def test_a_rung_that_forgets_the_bias_is_seen(monkeypatch):
    launch = Direct.launch
    monkeypatch.setattr(Direct, "launch", lambda self, x, b, *rest: launch(self, x, np.zeros_like(b), *rest))
    assert class_of(Simulator().distance("direct", small(WIDE)), "float32")[1] > 1


def test_what_a_rung_does_not_take_is_refused():
    with pytest.raises(UnsupportedError, match="winograd: kernel"):
        Simulator().distance("winograd", small(WIDE))
