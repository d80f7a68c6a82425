"""Whole networks that every Keras builds: small ones whose files are kept, and its own architectures.

A small one is saved in every way that this Keras knows. The file of an architecture is kept with zeros for weights,
which take no room, and is filled by rule by whoever reads it.
"""

import json
import shutil

import h5py

from .answers import write_answers
from .numbers import given, weight
from .recording import reason, save
from .writer import submodule

IMAGE = (40, 32, 3)
FEW = 8  # samples of each layer of an architecture


def chain(keras):
    """Return a chain whose first layer says the shape of the input."""
    layers = keras.layers
    return keras.models.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu", input_shape=IMAGE, name="first"),
            layers.BatchNormalization(name="norm"),
            layers.MaxPooling2D(name="pool"),
            layers.DepthwiseConv2D(3, padding="same", name="depthwise"),
            layers.SeparableConv2D(6, 3, strides=2, padding="same", activation="relu", name="separable"),
            layers.Conv2DTranspose(5, 3, strides=2, padding="same", name="transposed"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(7, activation="softmax", name="classes"),
        ]
    )


def u_net(keras):
    """Return a small U-Net with two outputs, one layer of which is called twice."""
    layers = keras.layers
    image = layers.Input(shape=IMAGE, name="image")
    down = layers.Conv2D(6, 3, padding="same", activation="relu", name="down")(image)
    same = layers.Conv2D(6, 3, padding="same", name="same")
    below = same(same(layers.MaxPooling2D(name="pool")(down)))
    up = layers.Conv2DTranspose(6, 2, strides=2, name="up")(below)
    joined = layers.Concatenate(name="joined")([layers.Add(name="sum")([down, up]), down])
    mask = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(joined)
    features = layers.GlobalMaxPooling2D(name="features")(layers.LeakyReLU(name="leaky")(joined))
    return keras.models.Model(image, [mask, features])


def teachable(keras):
    """Return a classifier on a trunk as Teachable Machine nests them."""
    layers, models = keras.layers, keras.models
    image = layers.Input(shape=IMAGE, name="image")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="pad")(image)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv")(x)
    x = layers.ReLU(6.0, name="relu")(layers.BatchNormalization(name="norm")(x))
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    trunk = models.Model(image, layers.Conv2D(9, 1, use_bias=False, name="pointwise")(x), name="trunk")
    features = models.Sequential([trunk, layers.GlobalAveragePooling2D(name="mean")], name="features")
    dense = layers.Dense(10, activation="relu", input_shape=(9,), name="hidden")
    top = models.Sequential(
        [dense, layers.Dense(4, use_bias=False, activation="softmax", name="classes")], name="top"
    )
    return models.Sequential([features, top], name="teachable")


def mobilenet(keras):
    """Return the smallest MobileNet."""
    return submodule(keras, "applications.mobilenet").MobileNet(IMAGE, alpha=0.25, weights=None, classes=7)


def efficientnet(keras):
    """Return an EfficientNet that is narrower and shorter than B0."""
    module = submodule(keras, "src.applications.efficientnet") or submodule(keras, "applications.efficientnet")
    return module.EfficientNet(0.35, 0.3, 32, weights=None, input_shape=IMAGE, classes=7)


SMALL = {"chain": chain, "u_net": u_net, "teachable": teachable}
ARCHITECTURES = {"mobilenet": mobilenet, "efficientnet": efficientnet}


def record_networks(writer, folder):
    """Record them all; network_NAME.json says which files there are, and why others are not."""
    for name, make in [*SMALL.items(), *ARCHITECTURES.items()]:
        writer.keras.backend.clear_session()
        record = _small if name in SMALL else _architecture
        try:
            model = make(writer.keras)
        except (AttributeError, TypeError) as error:
            told = {"lacking": f"{type(error).__name__}: {error}"}
        else:
            told = record(writer, model, folder, "network_" + name)
        (folder / f"network_{name}.json").write_text(json.dumps(told))


def _small(writer, model, folder, name):
    model.set_weights([weight(name, i, w.shape) for i, w in enumerate(model.get_weights())])
    found = writer.run(model, [given("image", IMAGE)])
    answers = write_answers(folder, name, {f"output{i}": y for i, y in enumerate(found)})
    (folder / (name + ".topology")).write_text(model.to_json())
    unwritten = save(model, folder, name)
    for suffix in (".weights", ".weights.h5"):  # HDF5 both; which layout, its name decides since Keras 2.12
        options = {} if suffix == ".weights.h5" or not writer.is_2() else {"save_format": "h5"}
        try:
            model.save_weights(str(folder / (name + suffix)), **options)
        except Exception as error:
            unwritten[suffix] = reason(error).replace(str(folder), "")
    return {"unwritten": unwritten, "answers": answers}


def _architecture(writer, model, folder, name):
    kept, filled = folder / (name + ".h5"), folder / "filled.h5"
    model.save(str(kept))
    shutil.copy(str(kept), str(filled))
    fill(filled)
    fill(kept, empty=True)
    model.load_weights(str(filled))
    filled.unlink()
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    whole = writer.keras.models.Model(model.inputs, [layer.output for layer in layers])
    found = writer.run(whole, [given("image", IMAGE)])
    answers = write_answers(folder, name, {layer.name: found[i] for i, layer in enumerate(layers)}, FEW)
    return {"unwritten": {}, "answers": answers}


def fill(path, empty=False):
    """Fill the weights in the file of a whole model by rule, or with zeros."""
    with h5py.File(str(path), "r+") as file:
        root = file["model_weights"]
        for layer in map(_text, root.attrs["layer_names"]):
            for i, array in enumerate(map(_text, root[layer].attrs["weight_names"])):
                values = root[layer][array]
                if values.shape and values.dtype.kind == "f":
                    values[...] = 0 if empty else weight(layer, i, values.shape)


def _text(name):
    return name.decode() if isinstance(name, bytes) else name
