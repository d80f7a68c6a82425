"""What is handed back at kinks and among equals: the conventions that docs/attribution.md states."""

import numpy as np
import pytest

from convlab.layers import (
    ELU,
    Activation,
    Conv2D,
    Elementwise,
    GlobalMaxPooling2D,
    LeakyReLU,
    Maximum,
    MaxPooling2D,
    Minimum,
    PReLU,
    Reduce,
    ReLU,
    ThresholdedReLU,
)
from support.adjoint import check_first_maximum
from support.layers.beside_keras import built
from support.recorded import live

ENDS = {  # function -> where it has kinks, and its slopes there
    "relu": {0: 0},
    "relu6": {0: 0, 6: 0},
    "leaky_relu": {0: 0.2},
    "hard_tanh": {-1: 0, 1: 0},
    "hard_sigmoid": {-3: 0, 3: 0},
    "hard_shrink": {-0.5: 0, 0.5: 0},
    "soft_shrink": {-0.5: 0, 0.5: 0},
    "elu": {0: 1},
    "softsign": {0: 1},
}
LAYERS = [
    (ReLU("r"), {0: 0}),
    (ReLU("r", 6.0), {0: 0, 6: 0}),
    (ReLU("r", 2.0, 0.5, 1.0), {1: 0.5, 2: 0}),
    (LeakyReLU("r", 0.3), {0: 0.3}),
    (ELU("r", 0.5), {0: 0.5}),
    (ThresholdedReLU("r", 1.5), {1.5: 0}),
    (Elementwise("e", "absolute"), {0: 0}),
    (Elementwise("e", "sign"), {0: 0}),
    (Elementwise("e", "round"), {0.5: 0}),
    (Elementwise("e", "clip", (None, -1.0, 2.0)), {-1: 1, 2: 1}),
]


def slopes(layer, places):
    x = np.array([[*places]], float)
    layer.build(x.shape[1:])
    (pulled,) = layer.pull_back(np.ones(x.shape), (x,), layer(x))
    return pulled[0].tolist()


@pytest.mark.parametrize("function", ENDS)
def test_functions_at_their_kinks(function):
    assert slopes(Activation("f", function), ENDS[function]) == [*ENDS[function].values()]


@pytest.mark.parametrize(("layer", "expected"), LAYERS)
def test_layers_at_their_kinks(layer, expected):
    assert slopes(layer, expected) == [*expected.values()]


def test_prelu_at_zero_is_alpha():
    layer = built(PReLU("p"), (3,))
    layer.set_weights(alpha=np.array([0.5, 0.25, 2.0]))
    assert slopes(layer, [0, 0, 0]) == [0.5, 0.25, 2.0]


def test_relu_inside_a_convolution_at_zero_is_none():
    layer = built(Conv2D("c", 1, 1, activation="relu", use_bias=False), (1, 2, 1))
    layer.set_weights(kernel=np.ones((1, 1, 1, 1)))
    x = np.array([0.0, 2.0]).reshape(1, 1, 2, 1)
    (pulled,) = layer.pull_back(np.ones_like(x), (x,), layer(x))
    assert pulled.ravel().tolist() == [0, 1]


@pytest.mark.parametrize("pool", [MaxPooling2D("p", 2), MaxPooling2D("p", 3, 1), MaxPooling2D("p", 2, (2, 3))])
def test_the_first_of_equal_maxima_has_the_gradient(pool):
    check_first_maximum(pool)


@pytest.mark.parametrize("layer", [GlobalMaxPooling2D("g"), Reduce("m", "max", (1, 2)), Reduce("m", "min", (1, 2))])
def test_of_all_of_an_image_too(layer):
    x = np.ones((2, 3, 4, 2))
    built(layer, x.shape[1:])
    y = layer(x)
    (pulled,) = layer.pull_back(np.full(y.shape, 5.0), (x,), y)
    assert (pulled[:, 0, 0] == 5).all() and pulled.sum() == 20


@pytest.mark.parametrize("layer", [Maximum("m"), Minimum("m")])
def test_of_equal_inputs_the_first_has_the_gradient(layer):
    x, y = np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 5.0, 3.0]])
    built(layer, (3,), (3,))
    first, second = layer.pull_back(np.ones((1, 3)), (x, y), layer(x, y))
    assert first[0, [0, 2]].tolist() == [1, 1] and second[0, [0, 2]].tolist() == [0, 0]


def test_pytorch_has_the_same_conventions():
    torch = live("torch", instead="backward/test_kinks.py")
    functional = torch.nn.functional
    theirs = {
        **{"relu": functional.relu, "relu6": functional.relu6, "hard_tanh": functional.hardtanh},
        **{"hard_sigmoid": functional.hardsigmoid, "hard_shrink": functional.hardshrink},
        **{"soft_shrink": functional.softshrink, "elu": functional.elu, "softsign": functional.softsign},
        "leaky_relu": lambda x: functional.leaky_relu(x, 0.2),
    }
    assert theirs.keys() == ENDS.keys()
    functions = [(theirs[name], ENDS[name]) for name in ENDS]
    functions += [(torch.abs, {0: 0}), (torch.sign, {0: 0}), (lambda x: torch.clamp(x, -1, 2), {-1: 1, 2: 1})]
    for function, expected in functions:
        x = torch.tensor([*expected], dtype=torch.float64, requires_grad=True)
        function(x).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), [*expected.values()], err_msg=str(function))
    x = torch.ones((1, 1, 4, 6), requires_grad=True)
    functional.max_pool2d(x, 2).sum().backward()
    assert (x.grad[0, 0, ::2, ::2] == 1).all() and x.grad.sum() == 6
