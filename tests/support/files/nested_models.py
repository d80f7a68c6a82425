"""Models in models, and the files that Keras writes of them."""

from pathlib import Path

FORMS = [".keras", ".h5", ".weights.h5"]


def twice_deep(keras: object) -> object:
    """Return models in a model in a model, one of them called twice, with equal names of layers in different ones."""
    layers = keras.layers

    def convolution(name: str, channels: int) -> list:
        return [
            layers.Conv2D(channels, (3, 2), padding="same", name=f"{name}conv"),
            layers.BatchNormalization(name=f"{name}bn"),
        ]

    innermost = keras.Sequential([keras.Input((7, 9, 2)), *convolution("deep_", 3)], name="innermost")
    image = keras.Input((7, 9, 2), name="image")
    first, normalise = convolution("", 2)
    encoder = keras.Model(image, normalise(first(innermost(image))), name="encoder")
    other = keras.Sequential(
        [
            keras.Input((7, 9, 2)),
            *convolution("", 4),
            layers.PReLU(shared_axes=[1, 2], name="prelu"),
            layers.SeparableConv2D(5, (2, 3), name="separable"),
            layers.Normalization(name="scale"),
        ],
        name="other",
    )
    source = keras.Input((7, 9, 2), name="source")
    pooled = layers.GlobalAveragePooling2D()(encoder(encoder(source)))
    flat = layers.Flatten()(other(source))
    joined = layers.Concatenate()([pooled, flat, layers.Dense(6, name="twice")(pooled)])
    return keras.Model(source, layers.Dense(3, name="bn")(joined), name="network")


def frozen(keras: object) -> object:
    """Return a model in a model of which the first layers are not trained, so that Keras files them last."""
    layers = keras.layers
    inner = keras.Sequential(
        [
            keras.Input((7, 9, 2)),
            layers.Conv2D(2, (3, 2), padding="same", name="a"),
            layers.BatchNormalization(name="b"),
            layers.Conv2D(2, (3, 2), padding="same", name="c"),
            layers.BatchNormalization(name="d"),
        ],
        name="inner",
    )
    inner.layers[0].trainable = inner.layers[1].trainable = False
    return keras.Sequential([keras.Input((7, 9, 2)), inner, layers.Flatten(), layers.Dense(3, name="e")])


def save(model: object, path: Path) -> Path:
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)
    return path
