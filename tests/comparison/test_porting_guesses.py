"""Mistakes that are made where a network is carried over from PyTorch or to it: each is the true cause, and named."""

import numpy as np
import pytest

from convlab.comparison.comparison import compare
from convlab.layers import (
    ELU,
    Activation,
    AveragePooling1D,
    AveragePooling2D,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Dense,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GroupNormalization,
    LayerNormalization,
    LeakyReLU,
    MaxPooling1D,
    MaxPooling2D,
    ReLU,
    Resizing,
    Softmax,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from support.comparison.guessing import assert_found, found
from support.comparison.torch_spelling import convolve, images, network, tensors
from support.recorded import answer, this_test
from support.stand_in import library

torch, functional = library("torch"), library("torch.nn.functional")


def assert_named(layer, bug, guess, words="", shape=(8, 6, 4), **options):
    """Put a layer into a network, let PyTorch compute something else in its place, and see that named first."""
    assert_found(found(network(shape, layer), {layer.name: bug}, **options), layer.name, guess, words)


# ---- where windows stand


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        ("valid", (1, 1, 1, 1), ': Keras\' "same" (1 on each side) instead of none'),
        ("same", (0, 0, 0, 0), ": none instead of 1 on each side"),
        (2, (1, 1, 1, 1), ': Keras\' "same" (1 on each side) instead of 2 on each side'),
    ],
)
def test_another_padding_changes_the_size(ours, theirs, words):
    model = network((8, 6, 2), Conv2D("conv", 3, 3, padding=ours, activation="relu"))
    weights = tensors(model, "conv")
    bugs = {"conv": lambda x: functional.relu(convolve(x, weights["kernel"], weights["bias"], theirs))}
    assert_found(found(model, bugs), "conv", "another padding", words)


@pytest.mark.parametrize(
    ("kernel", "padding", "words"), [(3, 2, "a padding of 2"), ((1, 3), (0, 2), "(0, 0), (2, 2)")]
)
def test_dilation_forgotten(kernel, padding, words):
    model = network((9, 8, 3), Conv2D("conv", 4, kernel, padding="same"))
    weights = tensors(model, "conv")
    weight = weights["kernel"].permute(3, 2, 0, 1)
    bugs = {"conv": lambda x: functional.conv2d(x, weight, weights["bias"], padding=padding, dilation=2)}
    assert_found(found(model, bugs), "conv", "another dilation", ": 2 instead of 1")
    assert words in str(found(model, bugs))


def test_dilation_forgotten_without_any_padding():
    model = network((9, 8, 3), Conv2D("conv", 4, 3))
    weights = tensors(model, "conv")
    weight = weights["kernel"].permute(3, 2, 0, 1)
    bugs = {"conv": lambda x: functional.conv2d(x, weight, weights["bias"], dilation=3)}
    assert_found(found(model, bugs), "conv", "another dilation", ": 3 instead of 1")


def scattered(model, **options):
    """Return PyTorch's transposed convolution with the weights of ours."""
    weights = tensors(model, "up")
    weight = weights["kernel"].permute(3, 2, 0, 1)
    return lambda x: functional.conv_transpose2d(x, weight, weights["bias"], model["up"].stride, **options)


@pytest.mark.parametrize(
    ("kernel", "stride", "ours", "theirs", "words"),
    [
        (3, 2, {"padding": "same"}, {"padding": 1, "output_padding": 1}, ": padding 1, output_padding 1"),
        (3, 2, {"padding": "same"}, {"padding": 1}, ": padding 1, output_padding 0"),
        (4, 2, {}, {"padding": 1}, ': Keras\' padding "same"'),
        ((4, 3), (2, 1), {}, {"padding": (1, 0)}, ": padding 1 x 0, output_padding 0"),
    ],
)
def test_padding_and_output_padding_of_a_transposed_convolution(kernel, stride, ours, theirs, words):
    model = network((5, 4, 3), Conv2DTranspose("up", 2, kernel, stride, **ours))
    assert_found(found(model, {"up": scattered(model, **theirs)}), "up", "another cut", words)


def test_a_transposed_convolution_that_keras_cuts_otherwise():
    model = network((5, 4, 3), Conv2DTranspose("up", 2, 3, 2, padding=1, output_padding=1))
    whole = scattered(model)
    assert_found(found(model, {"up": lambda x: whole(x)[..., :-1, :-1]}), "up", "another cut", 'padding "same"')


# ---- pooling


@pytest.mark.parametrize(("layer", "pool"), [(MaxPooling2D, "max_pool2d"), (AveragePooling2D, "avg_pool2d")])
@pytest.mark.parametrize(("kernel", "stride", "size"), [(3, 2, (8, 6)), (3, 3, (8, 6)), (2, 3, (4, 6))])
def test_ceil_mode(layer, pool, kernel, stride, size):
    """A window that would begin behind the image, here in the width of 6 cells, does not count."""

    def theirs(x):
        return getattr(functional, pool)(x, kernel, stride, ceil_mode=True)

    assert_named(layer("pool", kernel, stride), theirs, "ceil mode", shape=(*size, 4))


def test_windows_that_stand_alike_are_named_once():
    report = found(
        network((8, 6, 4), MaxPooling2D("pool", 3, 2, "same")), {"pool": lambda x: functional.max_pool2d(x, 3, 2, 1)}
    )
    assert [guess.name for guess in report.guesses] == ["padding on the other side"]


@pytest.mark.parametrize(
    ("layer", "theirs"),
    [
        (MaxPooling2D, lambda x: functional.max_pool2d(x, 3, 2, 1)),
        (AveragePooling2D, lambda x: functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    ],
)
def test_zeros_put_around_the_image_before_the_pooling(layer, theirs):
    model = network((8, 6, 2), ZeroPadding2D("zeros", 1), layer("pool", 3, 2))
    report = found(model, {"zeros": lambda x: x, "pool": theirs}, only=["pool"], x=images(model) - 4)
    assert_found(report, "pool", "zeros left out", "count for nothing (zeros)")


def test_the_largest_value_for_the_mean_and_the_mean_for_the_largest():
    words = ": AveragePooling2D instead of MaxPooling2D"
    assert_named(MaxPooling2D("pool", 2), lambda x: functional.avg_pool2d(x, 2), "the other pooling", words)
    words = ": MaxPooling2D instead of AveragePooling2D"
    assert_named(AveragePooling2D("pool", 2), lambda x: functional.max_pool2d(x, 2), "the other pooling", words)
    assert_named(GlobalAveragePooling2D("all"), lambda x: x.amax((2, 3)), "the other pooling", ": GlobalMax")


@pytest.mark.parametrize(
    ("layer", "theirs", "words"),
    [
        (
            AveragePooling2D("pool", 3, 2, "same"),
            lambda x: functional.avg_pool2d(x, 3, 2, 1),
            "the odd cell of the padding is at the top and left and the padding's zeros are part of it",
        ),
        (
            MaxPooling2D("pool", 3, 2, "same"),
            lambda x: functional.max_pool2d(functional.pad(x, (1, 1, 1, 1)), 3, 2),
            "the odd cell of the padding is at the top and left and the padding's zeros are part of it",
        ),
        (
            AveragePooling2D("pool", 3, 2),
            lambda x: functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
            "",
        ),
        (
            MaxPooling2D("pool", 3, 2),
            lambda x: functional.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
            "its padding is 1 on each side, it is AveragePooling2D instead of MaxPooling2D, a window hangs over the"
            " end and the padding's zeros are part of it",
        ),
        (
            MaxPooling2D("pool", 3, 2),
            lambda x: functional.avg_pool2d(x, 3, 2, ceil_mode=True),
            "it is AveragePooling2D instead of MaxPooling2D and a window hangs over the end",
        ),
    ],
)
def test_several_mistakes_in_pooling(layer, theirs, words):
    guess = "several mistakes in pooling" if words else "another padding"
    model = network((8, 6, 2), layer)
    assert_found(found(model, {"pool": theirs}, x=images(model) - 2), "pool", guess, words)


# ---- other sizes


@pytest.mark.parametrize("size", [(8, 6), (96, 2)])
@pytest.mark.parametrize("own", ["bilinear", "nearest"])
def test_align_corners(size, own):
    """The larger image shows that places are rounded as PyTorch rounds them."""
    words = ": bilinear, with align_corners" + " instead of nearest" * (own == "nearest")
    for layer in (UpSampling2D("up", 2, own), Resizing("up", 2 * size[0], 2 * size[1], own)):
        assert_named(
            layer,
            lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
            "another interpolation",
            words,
            shape=(*size, 1),
        )


def test_nearest_for_bilinear_and_bilinear_for_nearest():
    nearest, bilinear = UpSampling2D("up", 2, "nearest"), UpSampling2D("up", 2, "bilinear")
    assert_named(
        nearest,
        lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear"),
        "another interpolation",
        ": bilinear instead of nearest",
    )
    assert_named(
        bilinear,
        lambda x: functional.interpolate(x, scale_factor=2),
        "another interpolation",
        ": nearest instead of bilinear",
    )


# ---- functions


@pytest.mark.parametrize(
    ("layer", "theirs", "words"),
    [
        (Activation("act", "silu"), "hardswish", ": hard_swish instead of silu"),
        (Activation("act", "hard_sigmoid"), "sigmoid", ": sigmoid instead of hard_sigmoid"),
        (ReLU("act", max_value=6.0), "relu", ": relu instead of ReLU(max_value=6)"),
        (LeakyReLU("act", 0.3), "elu", ": elu instead of LeakyReLU(negative_slope=0.3)"),
        (Conv2D("act", 4, 1, activation="swish"), "tanh", ": tanh instead of swish"),
        (Conv2D("act", 4, 1), "tanh", ": tanh instead of none"),
    ],
)
def test_another_activation_function(layer, theirs, words):
    model = network((8, 6, 4), layer)
    weights = tensors(model, "act")

    def bug(x):
        if theirs != "tanh":
            return getattr(functional, theirs)(x)
        return torch.tanh(convolve(x, weights["kernel"], weights["bias"], (0, 0, 0, 0)))

    assert_found(found(model, {"act": bug}, x=6 * images(model)), "act", "another activation", words)


@pytest.mark.parametrize("alpha", [0.5, 0.123456])
def test_another_alpha_and_a_slope_that_nobody_uses(alpha):
    assert_named(ELU("act"), lambda x: functional.elu(x, alpha), "another alpha", f": {alpha:g} instead of 1")
    assert_named(
        LeakyReLU("act"), lambda x: functional.leaky_relu(x, alpha), "another slope", f": {alpha:g} instead of 0.3"
    )


def test_no_alpha_is_told_from_one_number():
    """Any one number below zero has an alpha that fits it."""
    model = network((2,), ELU("act"))
    x = np.array([[-1.0, 2.0]], np.float32)
    report = compare(model.run(x), {"act": np.array([[-0.3, 2.0]], np.float32), "input": x})
    assert (report.first, report.guesses) == ("act", ())


@pytest.mark.parametrize(
    ("dim", "words"), [(0, ": the batch's"), (2, ": the height's"), (3, ": the width's"), ((1, 2, 3), ": all of")]
)
@pytest.mark.parametrize("layer", [Softmax("act"), Activation("act", "softmax")])
def test_softmax_along_another_axis(dim, words, layer):
    def theirs(x):
        return x.flatten(1).softmax(1).view(x.shape) if isinstance(dim, tuple) else x.softmax(dim)

    assert_named(layer, theirs, "another axis", words)


def test_softmax_of_a_dense_layer_along_the_batch():
    model = network((5,), Dense("fc", 4, "softmax"))
    weights = tensors(model, "fc")
    bugs = {"fc": lambda x: (x @ weights["kernel"] + weights["bias"]).softmax(0)}
    assert_found(found(model, bugs), "fc", "another axis", ": the batch's")


# ---- normalisation


@pytest.mark.parametrize(
    ("layer", "groups", "epsilon", "words"),
    [
        (LayerNormalization("norm", epsilon=1e-5), 1, 1e-5, " of all channels and places (GroupNorm(1, ...))"),
        (
            LayerNormalization("norm"),
            1,
            1e-5,
            " of all channels and places (GroupNorm(1, ...)), with an epsilon of 1e-05",
        ),
        (LayerNormalization("norm", epsilon=1e-5), 4, 1e-5, " of each channel (instance normalisation)"),
        (GroupNormalization("norm", 4), 2, 1e-3, " of 2 groups of channels"),
        (GroupNormalization("norm", 2), None, 1e-3, " of each place (LayerNormalization)"),
    ],
)
def test_statistics_of_other_numbers(layer, groups, epsilon, words):
    model = network((8, 6, 4), layer)
    weights = tensors(model, "norm")

    def theirs(x):
        if groups:
            return functional.group_norm(x, groups, weights["gamma"], weights["beta"], epsilon)
        last = functional.layer_norm(x.permute(0, 2, 3, 1), (4,), weights["gamma"], weights["beta"], epsilon)
        return last.permute(0, 3, 1, 2)

    assert_found(found(model, {"norm": theirs}), "norm", "other statistics", words)


# ---- sequences


SEQUENCES = {
    "dilation": (
        Conv1D("it", 4, 3, padding="same"),
        lambda x, w, b: functional.conv1d(x, w, b, padding=2, dilation=2),
        "another dilation",
        ": 2 instead of 1, with a padding of 2 on each side",
    ),
    "padding": (
        Conv1D("it", 4, 3),
        lambda x, w, b: functional.conv1d(x, w, b, padding=1),
        "another padding",
        ': Keras\' "same" (1 on each side) instead of none',
    ),
    "kernel": (
        Conv1D("it", 4, 3),
        lambda x, w, b: functional.conv1d(x, w.permute(2, 1, 0).reshape(w.shape), b),
        "kernel reshaped",
        ": an WIO buffer read as OIW",
    ),
    "cut": (
        Conv1DTranspose("it", 4, 3, 2, "same"),
        lambda x, w, b: functional.conv_transpose1d(x, w, b, 2, 1, 1),
        "another cut",
        ": padding 1, output_padding 1",
    ),
    "ceil": (
        MaxPooling1D("it", 3, 2),
        lambda x, w, b: functional.max_pool1d(x, 3, 2, ceil_mode=True),
        "ceil mode",
        "",
    ),
    "zeros": (
        AveragePooling1D("it", 3, 1, "same"),
        lambda x, w, b: functional.avg_pool1d(x, 3, 1, 1),
        "zeros in average pooling",
        "",
    ),
    "mean": (
        MaxPooling1D("it", 2),
        lambda x, w, b: functional.avg_pool1d(x, 2),
        "the other pooling",
        ": AveragePooling1D instead of MaxPooling1D",
    ),
    "global": (
        GlobalMaxPooling1D("it"),
        lambda x, w, b: x.mean(2),
        "the other pooling",
        ": GlobalAveragePooling1D instead of GlobalMaxPooling1D",
    ),
}


@pytest.mark.parametrize("case", SEQUENCES)
def test_the_same_mistakes_on_sequences(case):
    layer, theirs, guess, words = SEQUENCES[case]
    model = network((8, 4), layer)
    x = images(model)

    def ask():
        weights = tensors(model, "it")
        kernel = weights["kernel"].permute(2, 1, 0) if weights else None
        made = theirs(torch.tensor(np.moveaxis(x, -1, 1).copy()), kernel, weights.get("bias")).numpy()
        return np.moveaxis(made, 1, -1) if made.ndim == 3 else made

    assert_found(compare(model.run(x), {"it": answer("torch", (this_test(),), ask)}), "it", guess, words)


def test_zeros_put_around_a_sequence_before_the_pooling():
    model = network((8, 4), ZeroPadding1D("zeros", 1), MaxPooling1D("pool", 3, 2))
    x = images(model) - 4
    theirs = answer(
        "torch", (this_test(),), lambda: functional.max_pool1d(torch.tensor(x.swapaxes(1, 2)), 3, 2, 1).mT
    )
    assert_found(compare(model.run(x), {"pool": theirs}), "pool", "zeros left out", "(zeros)")


# ---- what none of these explains


@pytest.mark.parametrize(
    ("layer", "theirs"),
    [
        (MaxPooling2D("it", 3, 2, "same"), lambda x: 1.001 * functional.max_pool2d(x, 3, 2, 1)),
        (AveragePooling2D("it", 2), lambda x: functional.lp_pool2d(x.abs(), 2, 2)),
        (MaxPooling2D("it", 2), lambda x: functional.max_pool2d(x, 3)),
        (UpSampling2D("it", 2, "bilinear"), lambda x: functional.interpolate(x, scale_factor=3)),
        (UpSampling2D("it", 2), lambda x: functional.interpolate(x, scale_factor=2).roll(1, 2)),
        (ELU("it"), lambda x: functional.elu(x, 0.5) + 1e-3),
        (Activation("it", "silu"), lambda x: x * torch.sigmoid(1.1 * x)),
        (Softmax("it"), lambda x: (1.5 * x).softmax(1)),
        (LayerNormalization("it"), lambda x: functional.group_norm(x, 1) * 1.3),
        (Conv2D("it", 4, 3, padding="same"), lambda x: functional.avg_pool2d(x, 3, 1, 1)),
        (Conv2DTranspose("it", 4, 3, 2, "same"), lambda x: functional.interpolate(x, scale_factor=2)),
    ],
)
def test_another_mistake_is_not_given_the_name_of_one_of_these(layer, theirs):
    report = found(network((8, 6, 4), layer), {"it": theirs})
    assert (report.first, report.guesses) == ("it", ()), str(report)
    assert "no guess makes it agree" in str(report)
