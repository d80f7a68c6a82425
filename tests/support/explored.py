"""Networks to explore: each of a kind that pages get wrong. (model, recording) by name, made with seeds."""

from importlib import resources

import numpy as np

import convlab
from convlab.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv1D,
    Conv2D,
    Conv3D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling1D,
    MaxPooling2D,
)
from convlab.model.initialise import randomise
from convlab.model.model import INPUT, Model, Node

SCRIPT = "<script>document.title = 'broken into'</script>"


def lenet():
    """Return the trained one, looking at a shirt: every number has its explanation in an exported page."""
    model = convlab.load("lenet5")
    return model, model.run(model.prepare(str(resources.files("convlab_weights") / "fashion_mnist/shirt.png")))


def vgg_like():
    """Return VGG16 with an eighth of its channels on a larger part of the image than fits unrounded into a page."""
    blocks = ((8, 2), (16, 2), (32, 3), (64, 3), (64, 3))
    top = [GlobalAveragePooling2D("mean"), Dense("predictions", 10, "softmax")]
    features = [layer for b, block in enumerate(blocks, 1) for layer in _vgg_block(b, *block)]
    return _seen(Model.sequential("vgg-like", (208, 208, 3), [*features, *top]))


def _vgg_block(number, channels, count):
    names = (f"block{number}_conv{c}" for c in range(1, count + 1))
    convolutions = [Conv2D(name, channels, 3, padding="same", activation="relu") for name in names]
    return [*convolutions, MaxPooling2D(f"block{number}_pool", 2)]


def inception():
    """Return a block of four branches (Szegedy et al., arXiv 1409.4842, figure 2b), and a residual sum behind it."""

    def conv(name, filters, kernel, source):
        return Node(name, Conv2D(name, filters, kernel, padding="same", activation="relu"), (source,))

    branches = ("one", "three", "five", "pooled")
    return _seen(
        Model(
            "inception",
            (6, 7, 3),
            [
                conv("stem", 4, 3, INPUT),
                conv("one", 2, 1, "stem"),
                conv("three_before", 3, 1, "stem"), conv("three", 4, 3, "three_before"),
                conv("five_before", 2, 1, "stem"), conv("five", 3, 5, "five_before"),
                Node("pool", MaxPooling2D("pool", 3, 1, "same"), ("stem",)), conv("pooled", 2, 1, "pool"),
                Node("joined", Concatenate("joined"), branches),
                conv("again", 11, 3, "joined"),
                Node("sum", Add("sum"), ("joined", "again")),
                Node("mean", GlobalAveragePooling2D("mean"), ("sum",)),
                Node("classes", Dense("classes", 3, "softmax"), ("mean",)),
            ],
        )
    )  # fmt: skip


def two_inputs():
    """Return a network of two images and one output that is no vector."""
    nodes = [
        Node("left_conv", Conv2D("left_conv", 3, (3, 2), 2, activation="tanh"), ("left",)),
        Node("right_conv", Conv2D("right_conv", 3, (3, 2), 2, activation="tanh"), ("right",)),
        Node("both", Add("both"), ("left_conv", "right_conv")),
        Node("norm", BatchNormalization("norm"), ("both",)),
    ]
    return _seen(Model("two inputs", {"left": (9, 8, 2), "right": (9, 8, 3)}, nodes))


def sequence():
    """Return a network on (W, C)."""
    layers = [
        Conv1D("conv", 4, 3, padding="same", activation="relu"), MaxPooling1D("pool", 2),
        Flatten("flat"), Dense("classes", 3, "softmax"),
    ]  # fmt: skip
    return _seen(Model.sequential("sequence", (20, 2), layers))


def volume():
    """Return a network on (D, H, W, C)."""
    return _seen(Model.sequential("volume", (4, 6, 5, 1), [Conv3D("conv", 3, 2), Activation("tanh", "tanh")]))


def nested():
    """Return models in a model, told apart by the names that `convlab.load` gives their layers."""
    encoder = [Conv2D("encoder/conv", 4, 3, padding="same"), BatchNormalization("encoder/norm")]
    inner = [Conv2D("encoder/inner/conv", 4, 3, activation="relu"), AveragePooling2D("encoder/inner/pool", 2)]
    head = [Flatten("head/flat"), Dense("head/classes", 3, "softmax")]
    return _seen(Model.sequential("nested", (10, 10, 3), [*encoder, *inner, *head]))


def oddly_named():
    """Return names that a page could take for its own text or address, and numbers that are none."""
    names = ("a/b", "\"quoted\" 'twice' & <b>", SCRIPT, "🦊 fox 50% #1")
    layers = [
        Conv2D(names[0], 3, 3, activation="relu"), Conv2D(names[1], 2, 3),
        Flatten(names[2]), Dense(names[3], 3, "softmax"),
    ]  # fmt: skip
    labels = ["</script><img src=x onerror=alert(1)>", "\u2028 & \u2029 \\", "🦊"]
    model = Model.sequential(f"net {SCRIPT}", (8, 9, 2), layers, labels=labels)
    x = _numbers(model)
    x[INPUT][0, 1, 1, 0], x[INPUT][0, 6, 6, 1] = np.nan, np.inf
    return _seen(model, x)


def _numbers(model):
    random = np.random.default_rng(16)
    return {name: random.uniform(-1, 1, (1, *shape)).astype(np.float32) for name, shape in model.inputs.items()}


def _seen(model, x=None):
    randomise(model, seed=16)
    x = x or _numbers(model)
    return model, model.run(x if len(x) > 1 else x[INPUT])


NETWORKS = {
    made.__name__: made for made in (lenet, vgg_like, inception, two_inputs, sequence, volume, nested, oddly_named)
}
