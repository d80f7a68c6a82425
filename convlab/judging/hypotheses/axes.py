"""Mistakes in the order of axes and channels: of the kernel, the image, the groups and the result."""

import numpy as np

from convlab.judging.hypotheses.hypothesis import Hypothesis
from convlab.judging.question import Question, answer
from convlab.runtime.arrays import Array


def _read_by_columns(q: Question) -> Array:
    return q.w.transpose(1, 0, 2, 3).reshape(q.w.shape)


def _read_as_oihw(q: Question) -> Array:
    kh, kw, c, o = q.w.shape
    return q.w.reshape(o, c, kh, kw).transpose(2, 3, 1, 0)


def _read_as_hwoi(q: Question) -> Array:
    kh, kw, c, o = q.w.shape
    return q.w.reshape(kh, kw, o, c).swapaxes(2, 3)


def _read_as_nchw(q: Question) -> Array:
    n, h, w, c = q.x.shape
    return q.x.reshape(n, c, h, w).transpose(0, 2, 3, 1)


def _channels_interleaved(q: Question) -> Array:
    n, h, w, c = q.x.shape
    return q.x.reshape(n, h, w, c // q.groups, q.groups).swapaxes(3, 4).reshape(q.x.shape)


def _filters_interleaved(q: Question) -> Array:
    out = answer(q)
    return out.reshape(*out.shape[:3], q.groups, -1).swapaxes(3, 4).reshape(out.shape)


def _first_group(q: Question) -> Array:
    """Return the filters of every group, on the channels of the first."""
    return answer(q, x=q.x[..., : q.w.shape[2]], groups=1)


def _channels_first(q: Question) -> Array:
    return answer(q).transpose(0, 3, 1, 2)


def _filled_channels_first(q: Question) -> Array:
    out = answer(q)
    return out.transpose(0, 3, 1, 2).reshape(out.shape)


def _every_image(which: int) -> "Hypothesis":
    name = "first" if which == 0 else "last"
    return Hypothesis(
        f"{name} image for all",
        f"the {name} image in place of every other",
        lambda q: np.repeat(answer(q)[[which]], len(q.x), axis=0),
    )


AXES = [
    Hypothesis("kernel turned", "a kernel turned by 180 degrees", lambda q: answer(q, w=q.w[::-1, ::-1])),
    Hypothesis("kernel upside down", "the kernel's rows in reverse", lambda q: answer(q, w=q.w[::-1])),
    Hypothesis("kernel mirrored", "the kernel's columns in reverse", lambda q: answer(q, w=q.w[:, ::-1])),
    Hypothesis(
        "kernel sides swapped",
        "a kernel whose cells are read column by column",
        lambda q: answer(q, w=_read_by_columns(q)),
    ),
    Hypothesis(
        "kernel sides swapped", "a kernel (KW, KH)", lambda q: answer(q, w=q.w.swapaxes(0, 1), padding=q.sides)
    ),
    Hypothesis(
        "kernel sides swapped",
        "a kernel (KW, KH)",
        lambda q: answer(q, q.places, w=q.w.swapaxes(0, 1), padding=q.sides),
    ),
    Hypothesis(
        "kernel read as (O, C, KH, KW)",
        "the memory of the kernel taken for (O, C, KH, KW)",
        lambda q: answer(q, w=_read_as_oihw(q)),
    ),
    Hypothesis(
        "C and O swapped",
        "the memory of the kernel taken for (KH, KW, O, C)",
        lambda q: answer(q, w=_read_as_hwoi(q)),
    ),
    Hypothesis("input channels reversed", "the last channel first", lambda q: answer(q, x=q.x[..., ::-1])),
    Hypothesis("output channels reversed", "the last filter first", lambda q: answer(q)[..., ::-1]),
    Hypothesis(
        "image read as (N, C, H, W)",
        "the memory of the image taken for (N, C, H, W)",
        lambda q: answer(q, x=_read_as_nchw(q)),
    ),
    Hypothesis("result is (N, O, OH, OW)", "the channels of the result first", _channels_first),
    Hypothesis(
        "result filled as (N, O, OH, OW)", "the memory of the result filled as (N, O, OH, OW)", _filled_channels_first
    ),
    Hypothesis("result's sides swapped", "a result (N, OW, OH, O)", lambda q: answer(q).swapaxes(1, 2)),
    Hypothesis(
        "result's sides swapped",
        "a result whose memory is filled column by column",
        lambda q: answer(q).swapaxes(1, 2).reshape(answer(q).shape),
    ),
    Hypothesis("groups forgotten", "the channels of the first group for all groups", _first_group),
    Hypothesis(
        "groups interleaved",
        "every groups-th channel in a group, not neighbours",
        lambda q: answer(q, x=_channels_interleaved(q)),
    ),
    Hypothesis(
        "filters of the groups interleaved",
        "the first filter of every group, then the second",
        _filters_interleaved,
    ),
    _every_image(0),
    _every_image(-1),
    Hypothesis("images reversed", "the last image first", lambda q: answer(q)[::-1]),
]
