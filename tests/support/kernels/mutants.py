"""Convolutions with one mistake each."""

import numpy as np

import convlab
from convlab_kernels.window import Window


def sides_of(x, w, attributes):
    window = Window.parse(w.shape[:2], attributes["stride"], attributes["padding"], attributes["dilation"])
    return window.pads(x.shape[1:3])


def kernel_flipped(x, w, b, **attributes):
    return convlab.conv2d(x, w[::-1, ::-1], b, **attributes)


def kernel_transposed(x, w, b, **attributes):
    return convlab.conv2d(x, w.transpose(1, 0, 2, 3).reshape(w.shape), b, **attributes)


def input_channels_reversed(x, w, b, **attributes):
    return convlab.conv2d(x[..., ::-1], w, b, **attributes)


def output_channels_reversed(x, w, b, **attributes):
    return convlab.conv2d(x, w, b, **attributes)[..., ::-1]


def kernel_reshaped_not_transposed(x, w, b, **attributes):
    kh, kw, c, o = w.shape
    return convlab.conv2d(x, w.reshape(o, c, kh, kw).transpose(2, 3, 1, 0), b, **attributes)


def groups_interleaved(x, w, b, **attributes):
    n, height, width, c = x.shape
    groups = attributes["groups"]
    x = x.reshape(n, height, width, c // groups, groups).swapaxes(3, 4).reshape(x.shape)
    return convlab.conv2d(x, w, b, **attributes)


def dilation_ignored(x, w, b, **attributes):
    rows, columns = convlab.conv2d(x, w, b, **attributes).shape[1:3]
    sides = sides_of(x, w, attributes)
    undilated = attributes | {"dilation": (1, 1), "padding": sides}
    return convlab.conv2d(x, w, b, **undilated)[:, :rows, :columns]


def strides_swapped(x, w, b, **attributes):
    return convlab.conv2d(x, w, b, **attributes | {"stride": attributes["stride"][::-1]})


def pads_swapped(x, w, b, **attributes):
    return convlab.conv2d(x, w, b, **attributes | {"padding": sides_of(x, w, attributes)[::-1]})


def padding_at_the_end(x, w, b, **attributes):
    sides = tuple((0, before + after) for before, after in sides_of(x, w, attributes))
    return convlab.conv2d(x, w, b, **attributes | {"padding": sides})


def bias_dropped(x, w, b, **attributes):
    return convlab.conv2d(x, w, **attributes)


def first_image_for_all(x, w, b, **attributes):
    out = convlab.conv2d(x, w, b, **attributes)
    out[1:] = out[:1]
    return out


def size_rounded_up(x, w, b, **attributes):
    (top, bottom), (left, right) = sides_of(x, w, attributes)
    down, along = attributes["stride"]
    sides = (top, bottom + down - 1), (left, right + along - 1)
    return convlab.conv2d(x, w, b, **attributes | {"padding": sides})


def same_begins_with_the_odd_cell(x, w, b, **attributes):
    sides = sides_of(x, w, attributes)
    if attributes["padding"] == "same":
        sides = tuple((after, before) for before, after in sides)
    return convlab.conv2d(x, w, b, **attributes | {"padding": sides})


def strides_beyond_the_kernel_ignored(x, w, b, **attributes):
    stride = tuple(min(step, cells) for step, cells in zip(attributes["stride"], w.shape[:2], strict=True))
    return convlab.conv2d(x, w, b, **attributes | {"stride": stride})


def inputs_of_half_precision(x, w, b, **attributes):
    return convlab.conv2d(x.astype(np.float16).astype(x.dtype), w, b, **attributes)


def products_of_float32_for_float64(x, w, b, **attributes):
    floats = (a if a is None else a.astype(np.float32) for a in (x, w, b))
    return convlab.conv2d(*floats, **attributes).astype(x.dtype)


MUTANTS = [
    kernel_flipped,
    kernel_transposed,
    input_channels_reversed,
    output_channels_reversed,
    kernel_reshaped_not_transposed,
    groups_interleaved,
    dilation_ignored,
    strides_swapped,
    pads_swapped,
    padding_at_the_end,
    bias_dropped,
    first_image_for_all,
    size_rounded_up,
    same_begins_with_the_odd_cell,
    strides_beyond_the_kernel_ignored,
    inputs_of_half_precision,
    products_of_float32_for_float64,
]
