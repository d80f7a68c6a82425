"""What is right is timed beside convlab's own; what is wrong there has no time. Nothing here depends on a time."""

import json
from itertools import pairwise

import numpy as np
import pytest

import convlab
from convlab.bench.candidates import Kernel
from convlab.bench.case import Case
from convlab.errors import UnsupportedError
from convlab.judging import speed
from convlab.judging.judgement import judge
from convlab_kernels.window import Window
from support.candidates import remote
from support.kernels import mutants

LAYER = Case((9, 8, 6), 12, Window((3, 3), padding="same"), layers=("small",))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr("convlab.bench.turns.PAUSE", 0.0)
    monkeypatch.setattr(speed, "LAYERS", (LAYER,))
    monkeypatch.setattr(speed, "Remote", remote)
    monkeypatch.setattr(speed, "candidate", lambda method, *_: Kernel(method))


def test_what_is_right_is_timed_beside_ours():
    report = judge(convlab.conv2d)
    assert report.right
    (layer,) = report.speed
    assert {result.method for result, _ in layer.timed} == {"yours", "conv2d", "im2col", "indirect_gemm"}
    lines = str(report).partition("SPEED")[2].splitlines()
    assert lines[1] == f"  small: {LAYER}" and lines[2].split()[-3:] == ["times", "as", "fast"]
    (mine,) = (line.split() for line in lines if line.split()[0] == "yours")
    assert mine[-1] == "1"
    (told,) = json.loads(json.dumps(report.as_dict()))["speed"]
    assert told["image"] == [9, 8, 6] and {each["name"] for each in told["times"] if each["run"]["median"]} == {
        "yours",
        "conv2d",
        "im2col",
        "indirect_gemm",
    }


def test_what_is_wrong_is_not_timed(monkeypatch):
    monkeypatch.setattr("convlab.judging.judgement.speed", pytest.fail)
    report = judge(mutants.bias_dropped)
    assert not report.speed and str(report).endswith("SPEED     not timed: it is wrong")


def test_what_is_not_right_where_it_is_timed_is_wrong():
    def conv(x, w, bias=None, **attributes):
        return convlab.conv2d(x, w, bias, **attributes) * np.float32(x.shape[1:] != (9, 8, 6))

    report = judge(conv)
    (finding,) = report.findings
    assert report.right is False and finding.kind == "wrong when timed"
    assert finding.text == f"{LAYER}: the result is wrong: relative error 1.0e+00"
    assert f"RIGHT?    no    all {report.cases} small convolutions are right, those that are timed are not" in str(
        report
    )
    assert str(report).endswith("SPEED     not timed: it is wrong")


def test_what_is_replayed_after_some_calls_is_wrong():
    kept = {}

    def conv(x, w, bias=None, **attributes):
        if x.shape[1:] != (9, 8, 6):
            return convlab.conv2d(x, w, bias, **attributes)
        if len(x) not in kept:
            kept[len(x)] = convlab.conv2d(x, w, bias, **attributes)
        return kept[len(x)].copy()

    (finding,) = judge(conv).findings
    assert finding.text == f"{LAYER}: right at the first call, wrong in calls that were timed"


def test_a_layer_that_is_refused_is_told():
    def conv(x, w, bias=None, **attributes):
        if x.shape[1:] == (9, 8, 6):
            raise NotImplementedError("not so large")
        return convlab.conv2d(x, w, bias, **attributes)

    report = judge(conv)
    assert report.right and "    not timed: failed: NotImplementedError: not so large\n" in str(report)
    assert {"name": "yours", "not_timed": "failed: NotImplementedError: not so large"} in report.as_dict()["speed"][
        0
    ]["times"]


def test_what_takes_long_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(speed, "seconds", lambda call: 10.0)
    asked = []

    def conv(x, w, bias=None, **attributes):
        asked.append(x.shape)
        return convlab.conv2d(x, w, bias, **attributes)

    message = r"a call would take about 400 s; what takes up to 1 s is timed"
    with pytest.raises(UnsupportedError, match=message):
        speed.Timed(conv).open(Case((12, 6, 4), 5, Window((3, 3))))
    assert asked == [(1, 3, 3, 4)]


@pytest.mark.parametrize("image", [(56, 56), (3, 20), (20, 3), (7, 30), (30, 7)])
def test_parts_grow_to_less_than_the_whole(image):
    case = Case((*image, 4), 5, Window((3, 3), padding="same"))
    found = [part.flops for part in speed.parts(case)]
    assert found == sorted(found) and found[0] == 2 * 9 * 9 * 4 * 5
    assert case.flops / 2 <= found[-1] < case.flops
    assert all(b <= 2 * a for a, b in pairwise(found))
    assert not list(speed.parts(Case((3, 3, 4), 5)))


def test_padding_is_a_pair_where_opposite_sides_are_alike():
    seen = []

    def conv(x, w, bias=None, *, stride, padding, dilation, groups):
        seen.append(padding)
        return convlab.conv2d(x, w, bias, stride, padding, dilation, groups)

    assert judge(conv).right
    known = {padding for padding in seen if padding != "same"}
    assert (1, 1) in known and ((1, 2), (3, 0)) in known
    assert all(isinstance(top, int) or top[0] != top[1] or left[0] != left[1] for top, left in known)
    assert seen[-1] == (1, 1)  # of the layers too, though they are padded as "same"
