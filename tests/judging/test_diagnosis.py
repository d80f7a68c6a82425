"""Planted mistakes get the name they must get, and what is right is told right."""

from collections import defaultdict
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import convlab
from convlab.bench.case import Case
from convlab.bench.convolutions import measure
from convlab.judging.hypotheses import HYPOTHESES
from convlab.judging.speed import Here
from convlab.judging.sweep import PLAIN, REAL, WHOLE
from convlab_kernels.cpu import METHODS
from convlab_kernels.window import Window
from support import oracle
from support.kernels import mutants, planted
from support.kernels.planted import MADE_ANEW, PLANTED
from support.recorded import live

NAMES = {
    mutants.kernel_flipped: "kernel turned",
    mutants.kernel_transposed: "kernel sides swapped",
    mutants.input_channels_reversed: "input channels reversed",
    mutants.output_channels_reversed: "output channels reversed",
    mutants.kernel_reshaped_not_transposed: "kernel read as (O, C, KH, KW)",
    mutants.groups_interleaved: "groups interleaved",
    mutants.dilation_ignored: "dilation forgotten",
    mutants.strides_swapped: "strides swapped",
    mutants.pads_swapped: "padding swapped",
    mutants.padding_at_the_end: "padding at the end",
    mutants.bias_dropped: "bias forgotten",
    mutants.first_image_for_all: "first image for all",
    mutants.size_rounded_up: "size rounded up",
    mutants.same_begins_with_the_odd_cell: "'same' begins with the odd cell",
    mutants.strides_beyond_the_kernel_ignored: "strides beyond the kernel ignored",
    mutants.inputs_of_half_precision: "float16 inputs",
    mutants.products_of_float32_for_float64: "float32 for float64",
}


def kinds(report):
    return sorted(finding.kind for finding in report.findings)


def test_every_mutant_has_a_name():
    assert set(NAMES) == set(mutants.MUTANTS)


@pytest.mark.parametrize("mutant", NAMES, ids=lambda mutant: mutant.__name__)
def test_a_mutant_is_named(mutant):
    report = convlab.judge(mutant)
    assert report.right is False and kinds(report) == [NAMES[mutant]]


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_named(name):
    conv, expected = PLANTED[name]
    report = convlab.judge(conv() if name in MADE_ANEW else conv)
    assert report.right is False and kinds(report) == sorted(expected)


def for_pointwise_alone(mutant):
    """Return a mutant that refuses all but kernels of one cell."""

    def convolution(x, w, bias=None, **attributes):
        if w.shape[:2] != (1, 1) or attributes["padding"] != (0, 0):
            raise convlab.UnsupportedError("1x1 alone")
        return mutant(x, w, bias, **attributes)

    return convolution


def test_mistakes_that_cannot_be_told_apart_are_all_named():
    report = convlab.judge(for_pointwise_alone(planted.changed(stride=lambda plan: (1, 1))))
    assert "stride forgotten" in kinds(report) and "strides beyond the kernel ignored" in kinds(report)


def test_where_it_is_wrong_is_told_of_an_unknown_mistake():
    (finding,) = convlab.judge(PLANTED["for squares"][0]).findings
    assert "wrong in every case with an image that is not square, and in no other" in finding.text
    (finding,) = convlab.judge(PLANTED["never written"][0]).findings
    assert "every wrong number lies in the last row" in finding.text


def test_a_second_mistake_leaves_the_first_without_its_name():
    def two(x, w, b=None, **attributes):
        return mutants.strides_swapped(x, w[::-1], b, **attributes)

    assert kinds(convlab.judge(two)) == ["unknown"]


def by_loops(x, w, bias=None, **attributes):
    total, _ = oracle.conv2d(x, w, **attributes)
    return (total if bias is None else total + bias).astype(x.dtype)


@pytest.mark.parametrize("conv", [convlab.conv2d, by_loops, planted.right], ids=["conv2d", "oracle", "loops"])
def test_what_is_right_is_told_right(conv):
    report = convlab.judge(conv, quick=True)
    assert report.right and not report.findings and report.refused == 0 and report.rounding <= 1


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_right(method):
    def conv(x, w, bias=None, **attributes):
        return convlab.conv2d(x, w, bias, **attributes, method=method)

    report = convlab.judge(conv, quick=True)
    assert report.right and not report.findings
    plain = {"float32", "float64"}
    assert report.error_class in (plain | {"F(2,3)", "F(4,3)"} if "winograd" in method else plain)


def timed(conv):
    """Return the spread of the times of what is right there, too."""
    (result,) = measure(Case((9, 8, 6), 12), {"yours": Here(conv)}, 1).results
    assert not result.wrong and result.error_class == "float32"
    return result.run


def test_loops_are_right_where_they_are_timed():
    assert timed(by_loops) and timed(planted.right)


def test_pytorch_is_right():
    torch = live("torch", instead="ops/test_ops.py")

    def conv(x, w, bias=None, *, stride, padding, dilation, groups):
        (top, bottom), (left, right) = Window.parse(w.shape[:2], stride, padding, dilation).pads(x.shape[1:3])
        image = torch.nn.functional.pad(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), (left, right, top, bottom))
        kernel = torch.from_numpy(w.transpose(3, 2, 0, 1).copy())
        b = None if bias is None else torch.from_numpy(bias)
        return torch.nn.functional.conv2d(image, kernel, b, stride, 0, dilation, groups).numpy().transpose(0, 2, 3, 1)

    report = convlab.judge(conv, quick=True)
    assert report.right, report
    assert timed(conv)


def test_onnx_runtime_is_right():
    onnx, runtime = (live(name, instead="ops/test_ops.py") for name in ("onnx", "onnxruntime"))
    helper, single = onnx.helper, onnx.TensorProto.FLOAT

    @cache
    def session(biased, pads, **attributes):
        names = ["x", "w", "b"][: 2 + biased]
        node = helper.make_node("Conv", names, ["y"], pads=pads, **attributes)
        given = [helper.make_tensor_value_info(name, single, ["?"] if name == "b" else ["?"] * 4) for name in names]
        result = [helper.make_tensor_value_info("y", single, ["?"] * 4)]
        graph = helper.make_graph([node], "conv", given, result)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        return runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def conv(x, w, bias=None, *, stride, padding, dilation, groups):
        (top, bottom), (left, right) = Window.parse(w.shape[:2], stride, padding, dilation).pads(x.shape[1:3])
        pads = top, left, bottom, right
        known = session(bias is not None, pads, strides=stride, dilations=dilation, group=groups)
        given = {"x": x.transpose(0, 3, 1, 2), "w": w.transpose(3, 2, 0, 1)} | ({} if bias is None else {"b": bias})
        return known.run(None, given)[0].transpose(0, 2, 3, 1)

    report = convlab.judge(conv, quick=True)
    assert report.right, report
    assert {refusal.of for refusal in report.refusals} == {"with float64"}  # which its convolution does not take
    assert timed(conv)


def test_rounding_beyond_that_of_sums_is_imprecise():
    def conv(x, w, bias=None, **attributes):
        return convlab.conv2d(x, w, bias, **attributes) * x.dtype.type(
            1 + 2000 * np.finfo(x.dtype).eps * (x.flat[0] % 1 != 0)
        )

    report = convlab.judge(conv, quick=True)
    assert kinds(report) == ["imprecise"] and report.smallest
    assert report.wrong == len(REAL)  # also of many terms, where no number alone is too far off, but all are together


def test_factors_of_11_bits_are_told_where_whole_numbers_are_spared():
    def conv(x, w, bias=None, **attributes):
        if x.dtype == np.float32 and x.flat[0] % 1:
            x, w = planted.tensor_cores(x), planted.tensor_cores(w)
        return convlab.conv2d(x, w, bias, **attributes)

    report = convlab.judge(conv)
    assert kinds(report) == ["imprecise"] and report.findings[0].text.endswith(", as of TF32")
    assert report.error_class == "TF32"


def test_whole_numbers_stay_below_what_float32_holds():
    for case in WHOLE:
        question = case.question(1)
        x, w, b = (
            np.abs(np.zeros(1) if a is None else a.astype(np.float64)) for a in (question.x, question.w, question.b)
        )
        most = convlab.conv2d(
            x, w, stride=case.stride, padding=case.padding, dilation=case.dilation, groups=case.groups
        )
        assert most.max() + b.max() < (2**24 if case.dtype == "float32" else 2**53)


def test_no_two_dimensions_are_alike():
    for case in WHOLE:
        sides = [*case.size, *case.kernel]
        if case not in PLAIN and case.kernel != (1, 1):
            assert len(set(sides)) == 4 and len({*case.size, case.batch, case.channels * case.groups}) >= 3, case
        if case not in PLAIN and case.groups == 1:
            assert case.channels != case.filters


def answer_of(hypothesis, question):
    try:
        answer = hypothesis.answer(question)
    except ValueError:
        return None
    return answer.shape, hash(answer.tobytes())


def test_no_two_mistakes_are_one():
    """Asked of a part of all, each computes something else: it can be told from the others."""
    some = [case for turn, case in enumerate(WHOLE) if case in PLAIN or case.numbers != "whole" or turn % 3 == 0]
    asked = [case.question(turn) for case in some for turn in (0, 1)]
    questions = [replace(question, earlier=tuple(asked[:turn])) for turn, question in enumerate(asked)]
    told = defaultdict(set)
    for hypothesis in HYPOTHESES:
        told[tuple(answer_of(hypothesis, question) for question in questions)].add(hypothesis.kind)
    assert [sorted(names) for names in told.values() if len(names) > 1] == []
