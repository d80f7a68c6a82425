"""Somebody's own convolutions, written out in loops, with one mistake each where a kernel would have it.

The mistakes are in the indices alone, behind guards: the size of the result is right, and what lies outside is 0.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from convlab_kernels.window import Window


@dataclass
class Plan:
    """What a convolution walks over; a mistake changes it before the loops."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    first: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    image: tuple[int, int]
    places: tuple[int, int]


def plan_of(x, w, stride, padding, dilation, groups):
    window = Window.parse(w.shape[:2], stride, padding, dilation)
    (top, _), (left, _) = window.pads(x.shape[1:3])
    return Plan(w.shape[:2], stride, (-top, -left), dilation, groups, x.shape[1:3], window.output_size(x.shape[1:3]))


def loops(x, w, b, plan, out=None, cell=lambda row, size: row if 0 <= row < size else None):
    """Add the products of each cell of the kernel to each place of the result."""
    (down, across), (top, left), (dy, dx) = plan.stride, plan.first, plan.dilation
    if out is None:
        out = np.zeros((len(x), *plan.places, w.shape[3]), x.dtype)
    per_group, filters = w.shape[2], w.shape[3] // plan.groups
    for i, j, ky, kx in product(*map(range, (*plan.places, *plan.kernel))):
        row, column = cell(i * down + top + ky * dy, plan.image[0]), cell(j * across + left + kx * dx, plan.image[1])
        if row is None or column is None:
            continue
        for g in range(plan.groups):
            seen = x[:, row, column, g * per_group : (g + 1) * per_group]
            out[:, i, j, g * filters : (g + 1) * filters] += seen @ w[ky, kx][:, g * filters : (g + 1) * filters]
    return out if b is None else out + b


def right(x, w, bias=None, *, stride, padding, dilation, groups):
    return loops(x, w, bias, plan_of(x, w, stride, padding, dilation, groups))


def changed(**change):
    """Return a convolution whose plan is changed: `stride=lambda plan: plan.stride[::-1]`."""

    def convolution(x, w, bias=None, *, stride, padding, dilation, groups):
        plan = plan_of(x, w, stride, padding, dilation, groups)
        for name, value in {name: value(plan) for name, value in change.items()}.items():
            setattr(plan, name, value)
        return loops(x, w, bias, plan)

    return convolution


def around(change):
    """Return a convolution with arguments or a result that are changed, as `lambda conv, x, w, b: conv(-x, w, b)`."""

    def convolution(x, w, bias=None, **attributes):
        return change(lambda x, w, b: right(x, w, b, **attributes), x, w, bias)

    return convolution


def by_cell(cell):
    """Return a convolution that looks elsewhere where a row or column lies outside."""

    def convolution(x, w, bias=None, *, stride, padding, dilation, groups):
        return loops(x, w, bias, plan_of(x, w, stride, padding, dilation, groups), cell=cell)

    return convolution


def negative_wraps(row, size):
    return row % size if row < size else None


def rows_unguarded(x, w, b, plan):
    """Rows above the image are taken from its end: the guard asks for the lower edge and for columns alone."""
    image = np.pad(x, ((0, 0), (-plan.first[0], 0), (0, 0), (0, 0)), "wrap")
    plan.image, plan.first = image.shape[1:3], (0, plan.first[1])
    return loops(image, w, b, plan)


def edge_repeated(row, size):
    return min(max(row, 0), size - 1)


def after(change):
    """Return a convolution whose result is changed."""
    return around(lambda conv, x, w, b: change(conv(x, w, b)))


def left_zero(part):
    """Return a convolution that leaves a part of its result at 0; `part` is a function of its shape."""

    def change(out):
        out[part(out.shape)] = 0
        return out

    return after(change)


def beyond(axis, block):
    return left_zero(lambda shape: (slice(None),) * axis + (slice(shape[axis] // block * block, None),))


def short_sum(conv, x, w, b):
    w = w.copy()
    w[:, :, w.shape[2] // 4 * 4 :] = 0
    return conv(x, w, b)


def outputs_beyond_eight(out):
    flat = out.reshape(-1, out.shape[3])
    flat[len(flat) // 8 * 8 :] = 0
    return out


def never_written(out):
    out[:, -1] = np.nan
    return out


def half(conv, x, w, b):
    with np.errstate(all="ignore"):
        rounded = [None if a is None else a.astype(np.float16).astype(a.dtype) for a in (x, w)]
        return conv(*rounded, b)


def sixteen_bits(array):
    return (array.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32).astype(array.dtype)


def tensor_cores(array):
    cut = (array.astype(np.float32).view(np.uint32) + np.uint32(0x1000)) & np.uint32(0xFFFFE000)
    return cut.view(np.float32).astype(array.dtype)


def relu_first(conv, x, w, b):
    total = np.maximum(conv(x, w, None), 0)
    return total if b is None else total + b


def only_square(conv, x, w, b):
    """It takes the width for the height."""
    out = conv(x, w, b)
    return out if x.shape[1] == x.shape[2] else out + 1


def replayed_by_object():
    kept = {}

    def change(conv, x, w, b):
        key = id(x), x.shape, id(w), w.shape
        if key not in kept:
            kept[key] = conv(x, w, b), x, w  # which live on, so that nobody else gets their names
        return kept[key][0].copy()

    return around(change)


def kept_by_shape(*, kernel_alone):
    """It prepares the kernel once for each shape of one, or keeps the result of each kind of call."""
    kept = {}

    def convolution(x, w, bias=None, **attributes):
        if kernel_alone:
            return right(x, kept.setdefault((w.shape, w.dtype), w.copy()), bias, **attributes)
        key = x.shape, w.shape, bias is None, x.dtype, str(attributes)
        if key not in kept:
            kept[key] = right(x, w, bias, **attributes)
        return kept[key].copy()

    return convolution


def one_buffer():
    buffers = {}

    def change(conv, x, w, b):
        out = conv(x, w, b)
        held = buffers.setdefault((out.shape, out.dtype), np.empty_like(out))
        held[...] = out
        return held

    return around(change)


def not_cleared():
    sums = {}

    def change(conv, x, w, b):
        out = conv(x, w, b)
        held = sums.setdefault((out.shape, out.dtype), np.zeros_like(out))
        held += out
        return held.copy()

    return around(change)


def writes_x(conv, x, w, b):
    out = conv(x, w, b)
    x *= 2
    return out


def writes_w(conv, x, w, b):
    out = conv(x, w, b)
    w[...] = 0
    return out


def lies_in_x(conv, x, w, b):
    out = conv(x, w, b)
    if out.size > x.size:
        return out
    x.reshape(-1)[: out.size] = out.reshape(-1)
    return x.reshape(-1)[: out.size].reshape(out.shape)


PLANTED = {  # each with the names of the mistakes that it must get, and no others
    "strides": (changed(stride=lambda plan: plan.stride[::-1]), ["strides swapped"]),
    "stride": (changed(stride=lambda plan: (plan.stride[0],) * 2), ["stride down used twice"]),
    "dilation": (changed(dilation=lambda plan: (1, 1)), ["dilation forgotten"]),
    "dilations": (changed(dilation=lambda plan: plan.dilation[::-1]), ["dilation swapped"]),
    "pads": (changed(first=lambda plan: plan.first[::-1]), ["padding swapped"]),
    "padding at the end": (changed(first=lambda plan: (0, 0)), ["padding at the end"]),
    "row late": (changed(first=lambda plan: (plan.first[0] + 1, plan.first[1])), ["window one row late"]),
    "one early": (changed(first=lambda plan: (plan.first[0] - 1, plan.first[1] - 1)), ["window one early"]),
    "negative index": (by_cell(negative_wraps), ["negative indices wrap"]),
    "negative row": (
        lambda x, w, b=None, **attributes: rows_unguarded(x, w, b, plan_of(x, w, **attributes)),
        ["negative indices wrap"],
    ),
    "clamped index": (by_cell(edge_repeated), ["edge repeated"]),
    "turned": (around(lambda conv, x, w, b: conv(x, w[::-1, ::-1], b)), ["kernel turned"]),
    "C and O": (
        around(lambda conv, x, w, b: conv(x, w.reshape(*w.shape[:2], w.shape[3], -1).swapaxes(2, 3), b)),
        ["C and O swapped"],
    ),
    "channels first": (after(lambda out: out.transpose(0, 3, 1, 2)), ["result is (N, O, OH, OW)"]),
    "last image": (after(lambda out: out[-1:].repeat(len(out), 0)), ["last image for all"]),
    "bias twice": (around(lambda conv, x, w, b: conv(x, w, None if b is None else 2 * b)), ["bias added twice"]),
    "bias in the loop": (
        around(lambda conv, x, w, b: conv(x, w, None if b is None else b * (w.shape[0] * w.shape[1]))),
        ["bias added with every cell"],
    ),
    "relu": (after(lambda out: np.maximum(out, 0)), ["ReLU applied"]),
    "relu first": (around(relu_first), ["ReLU before the bias"]),
    "float16": (around(half), ["float16 inputs"]),
    "TF32": (around(lambda conv, x, w, b: conv(tensor_cores(x), tensor_cores(w), b)), ["TF32 inputs"]),
    "bfloat16": (after(sixteen_bits), ["bfloat16 result"]),
    "zeros": (after(np.zeros_like), ["zeros"]),
    "a constant": (after(lambda out: np.full_like(out, 3)), ["unknown"]),
    "float64": (after(lambda out: out.astype(np.float64)), ["float64 result"]),
    "a list": (after(np.ndarray.tolist), ["no array"]),
    "first channel": (
        around(lambda conv, x, w, b: conv(x, w * (np.arange(w.shape[2]) == 0)[:, None].astype(w.dtype), b)),
        ["channels not added up"],
    ),
    "rows % 4": (beyond(1, 4), ["rows beyond the last whole 4 left 0"]),
    "O % 4": (beyond(3, 4), ["channels beyond the last whole 4 left 0"]),
    "K % 4": (around(short_sum), ["input channels beyond the last whole 4 left out"]),
    "outputs % 8": (after(outputs_beyond_eight), ["outputs beyond the last whole 8 left 0"]),
    "never written": (after(never_written), ["unknown"]),
    "for squares": (around(only_square), ["unknown"]),
    "replay by object": (replayed_by_object, ["stored result replayed"]),
    "replay by shape": (lambda: kept_by_shape(kernel_alone=False), ["stored result replayed"]),
    "kernel kept": (lambda: kept_by_shape(kernel_alone=True), ["kernel kept"]),
    "not cleared": (not_cleared, ["result not cleared"]),
    "one buffer": (one_buffer, ["result is overwritten"]),
    "writes x": (around(writes_x), ["writes x"]),
    "writes w": (around(writes_w), ["writes w"]),
    "lies in x": (around(lies_in_x), ["result is a view of x", "writes x"]),
}
MADE_ANEW = {"replay by object", "replay by shape", "kernel kept", "not cleared", "one buffer"}
"""Those that remember something, so that each judgement needs one of its own."""
