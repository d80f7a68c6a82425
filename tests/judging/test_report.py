"""What the report says: the smallest case with its sum, what is refused, and as JSON."""

import json

import numpy as np
import pytest

import convlab
from support.kernels import mutants, planted


def upside_down(x, w, bias=None, **attributes):
    return planted.right(x, w[::-1], bias, **attributes)


def test_the_smallest_case_is_done_by_hand():
    report = convlab.judge(planted.PLANTED["strides"][0])
    case, line = report.smallest[:2]
    assert case == "image 1x1x3x1, kernel 1x1x1x1, stride (1, 2)"
    found = report.findings[0].case
    x, w = np.array(found["x"], int), np.array(found["w"], int)
    seen, due, weight = x[0, 0, 1, 0], x[0, 0, 2, 0], w.item()
    assert line == f"out[0, 0, 1, 0] is {seen * weight}, expected {due}*{weight} = {due * weight}"
    assert (
        found["expected"]
        == planted.right(
            x, w, stride=found["stride"], padding=found["padding"], dilation=found["dilation"], groups=found["groups"]
        ).tolist()
    )


def test_the_sum_has_the_bias_and_no_product_outside():
    report = convlab.judge(upside_down)
    found = report.findings[0].case
    assert np.prod(np.shape(found["w"])) == 2 and found["found"] != found["expected"]
    assert report.smallest[1].count("*") == 2
    _, line = convlab.judge(mutants.bias_dropped).smallest[:2]
    assert line == "out[0, 0, 0, 0] is 2, expected 2*1 + -9 = -7"


def test_a_sum_of_padding_alone_is_told():
    report = convlab.judge(planted.PLANTED["negative row"][0])
    assert report.smallest[1] == "out[0, 0, 0, 0] is 2, expected of padding alone 0"


def test_a_wrong_shape_is_told():
    report = convlab.judge(mutants.strides_swapped)
    assert report.smallest[1] == "the result has shape (1, 1, 2, 1), expected (1, 1, 1, 1)"


def undilated(x, w, bias=None, *, stride, padding, dilation, groups):
    if dilation != (1, 1):
        raise NotImplementedError("no dilation")
    if x.dtype == np.float64:
        raise TypeError("float32 alone")
    return convlab.conv2d(x, w, bias, stride, padding, groups=groups)


def test_what_is_refused_is_counted_and_no_mistake():
    report, first = convlab.judge(undilated, quick=True), undilated.__code__.co_firstlineno
    assert report.right and not report.findings
    assert {(each.of, each.message) for each in report.refusals} == {
        ("with a dilation", f"NotImplementedError: no dilation (line {first + 2})"),
        ("with float64", f"TypeError: float32 alone (line {first + 4})"),
    }
    assert f"; {report.refused} refused" in str(report) and "with a dilation: NotImplementedError" in str(report)


def nothing(x, w, bias=None, *, stride, padding, dilation, groups):
    raise convlab.UnsupportedError("not yet")


def test_what_refuses_everything_is_not_judged():
    report = convlab.judge(nothing)
    assert report.right is None and report.refused == report.cases
    assert "not known   all" in str(report)
    assert [each.of for each in report.refusals] == ["of all kinds"]


def test_a_report_is_plain_for_json_and_html():
    report = convlab.judge(mutants.bias_dropped)
    told = json.loads(json.dumps(report.as_dict()))
    assert told["right"] is False and told["wrong"] == report.wrong
    assert told["findings"][0]["kind"] == "bias forgotten" and told["findings"][0]["case"]["bias"] == [-9]
    assert report._repr_html_() == f"<pre>{report}</pre>" == f"<pre>{report!r}</pre>"


def other_signature(image, kernel):
    return image


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "int is a int, expected a function"),
        (other_signature, r"other_signature\(image, kernel\) is not to be called as conv\(x, w, bias=None"),
    ],
)
def test_what_is_no_convolution_is_refused(source, message):
    with pytest.raises(convlab.UnsupportedError, match=message):
        convlab.judge(source)
