"""Inception-v4 in Keras, as the paper has it: Szegedy, Ioffe, Vanhoucke and Alemi, arXiv 1602.07261."""

from typing import Any

import keras
from keras import layers


def convolution(x, filters, rows, columns, stride=1, padding="same"):
    """Return a convolution without bias, batch normalised, then ReLU: every convolution of the network is one."""
    x = layers.Conv2D(filters, (rows, columns), stride, padding, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def chain(x, *convolutions):
    for filters, rows, columns, *options in convolutions:
        x = convolution(x, filters, rows, columns, *options)
    return x


def joined(*branches):
    return layers.Concatenate()(list(branches))


def average(x):
    return layers.AveragePooling2D(3, 1, "same")(x)


def halved(x):
    return layers.MaxPooling2D(3, 2, "valid")(x)


def stem(x):
    """Figure 3."""
    x = chain(x, (32, 3, 3, 2, "valid"), (32, 3, 3, 1, "valid"), (64, 3, 3))
    x = joined(halved(x), convolution(x, 96, 3, 3, 2, "valid"))
    short = chain(x, (64, 1, 1), (96, 3, 3, 1, "valid"))
    x = joined(short, chain(x, (64, 1, 1), (64, 7, 1), (64, 1, 7), (96, 3, 3, 1, "valid")))
    return joined(convolution(x, 192, 3, 3, 2, "valid"), halved(x))


def block_a(x):
    """Figure 4."""
    three = chain(x, (64, 1, 1), (96, 3, 3))
    five = chain(x, (64, 1, 1), (96, 3, 3), (96, 3, 3))
    return joined(convolution(average(x), 96, 1, 1), convolution(x, 96, 1, 1), three, five)


def reduction_a(x, k=192, l=224, m=256, n=384):  # noqa: E741 (the paper's letters)
    """Figure 7, with the numbers of table 1."""
    return joined(
        halved(x), convolution(x, n, 3, 3, 2, "valid"), chain(x, (k, 1, 1), (l, 3, 3), (m, 3, 3, 2, "valid"))
    )


def block_b(x):
    """Figure 5."""
    seven = chain(x, (192, 1, 1), (224, 1, 7), (256, 7, 1))
    thirteen = chain(x, (192, 1, 1), (192, 1, 7), (224, 7, 1), (224, 1, 7), (256, 7, 1))
    return joined(convolution(average(x), 128, 1, 1), convolution(x, 384, 1, 1), seven, thirteen)


def reduction_b(x):
    """Figure 8."""
    seven = chain(x, (256, 1, 1), (256, 1, 7), (320, 7, 1), (320, 3, 3, 2, "valid"))
    return joined(halved(x), chain(x, (192, 1, 1), (192, 3, 3, 2, "valid")), seven)


def block_c(x):
    """Figure 6."""
    short, long = convolution(x, 384, 1, 1), chain(x, (384, 1, 1), (448, 1, 3), (512, 3, 1))
    crossed = [convolution(branch, 256, *size) for branch in (short, long) for size in ((1, 3), (3, 1))]
    return joined(convolution(average(x), 256, 1, 1), convolution(x, 256, 1, 1), *crossed)


def inception_v4(input_shape: tuple[int | None, int | None, int] = (299, 299, 3)) -> Any:
    """Return the network of section 3.2 and figure 9."""
    source = keras.Input(input_shape)
    x = stem(source)
    for blocks in ([block_a] * 4, [reduction_a], [block_b] * 7, [reduction_b], [block_c] * 3):
        for block in blocks:
            x = block(x)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(source, layers.Dense(1000, activation="softmax")(x), name="inception_v4")
