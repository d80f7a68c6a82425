"""The layers and options that are recorded from every Keras.

A case is one layer with its options on inputs of given shapes. To add one, add a line to CASES: `on(SHAPE, "Kind",
option=value)`, or `each` for one case a value. Options have the names of Keras 2; a Keras that lacks one, or cannot
run it, says so in its record. No two sides of a shape are equal, so that no mix-up goes unseen.
"""

from collections import namedtuple

from .numbers import WORDS

IMAGE, ROW, FEATURES, VOLUME = (7, 5, 4), (9, 4), (6,), (3, 7, 5, 4)
FIRST = {"data_format": "channels_first"}
ACTIVATIONS = (
    "relu", "relu6", "linear", "sigmoid", "hard_sigmoid", "tanh", "softmax", "softplus", "softsign", "elu", "selu",
    "exponential", "swish", "silu", "gelu", "mish", "leaky_relu", "hard_silu", "hard_swish", "log_softmax",
    "celu", "hard_shrink", "hard_tanh", "log_sigmoid", "soft_shrink", "sparse_plus", "sparse_sigmoid", "sparsemax",
    "squareplus", "tanh_shrink", "glu",
)  # fmt: skip

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")

_Case = namedtuple("Case", ("kind", "shapes", "options"))


class Case(_Case):
    """One layer: the name of its class, the shapes of its inputs without the batch, its options."""

    __slots__ = ()

    def __str__(self):
        told = ", ".join("{}={!r}".format(*option) for option in self.options.items())
        shapes = " and ".join(map(str, self.shapes))
        return f"{self.kind}({told})" + (f" on {shapes}" if shapes else "")

    __repr__ = __str__


def on(shape, kind, **options):
    """Return a case; `shape` is one of an input, or a list of shapes."""
    return Case(kind, tuple(shape) if isinstance(shape, list) else (shape,), options)


def layer(kind, **options):
    """Return a layer that is an option of another."""
    return Case(kind, (), options)


def each(shape, kind, given=None, **alternatives):
    """Return a case with the given options alone, and one more for each value of each alternative."""
    given = given or {}
    changed = [{**given, name: value} for name, values in alternatives.items() for value in values]
    return [on(shape, kind, **options) for options in (given, *changed)]


def window(shape, kind, given, **alternatives):
    """Return the cases of a convolution over its options, those that change nothing included."""
    longer = (1,) * (len(shape) - 2)
    return each(
        shape,
        kind,
        given,
        use_bias=[False, 0],
        activation=["relu", "softmax", layer("ReLU", max_value=1.0)],
        kernel_regularizer=["l2"],
        bias_constraint=["non_neg"],
        activity_regularizer=["l2"],
        trainable=[False],
        dtype=["float32", "mixed_float16"],
        groups=[1],
        dilation_rate=[1, (1, *longer), 2],
        data_format=["channels_last"],
        **alternatives
    )  # fmt: skip


def kept(shape, kind, **options):
    """Return the cases of a layer that has no weights: its options, and those of every layer."""
    return [
        on(shape, kind, **options),
        on(shape, kind, trainable=False, **options),
        on(shape, kind, dtype="float32", **options),
        on(shape, kind, dtype="mixed_float16", **options),
    ]


CONV1, CONV2 = {"filters": 6, "kernel_size": 3}, {"filters": 6, "kernel_size": (2, 3)}
DEPTH1, DEPTH2 = {"kernel_size": 3}, {"kernel_size": (2, 3)}
STEPS1, STEPS2 = [2, (2,)], [2, (2, 1), (3, 2)]
CONVOLUTIONS = [
    *window(ROW, "Conv1D", CONV1, strides=STEPS1, padding=["same", "causal"]),
    on(ROW, "Conv1D", filters=6, kernel_size=2, groups=2, dilation_rate=3, padding="causal"),
    on(ROW, "Conv1D", filters=6, kernel_size=4, strides=2, padding="same"),
    *window(IMAGE, "Conv2D", CONV2, strides=STEPS2, padding=["same"]),
    on(IMAGE, "Conv2D", filters=6, kernel_size=3, groups=2, padding="same"),
    on(IMAGE, "Conv2D", filters=6, kernel_size=(4, 3), strides=(2, 3), padding="same"),
    on(IMAGE, "Conv2D", filters=6, kernel_size=2, dilation_rate=(2, 3), padding="same"),
    *window(ROW, "DepthwiseConv1D", DEPTH1, strides=STEPS1, padding=["same"], depth_multiplier=[1, 2]),
    *window(IMAGE, "DepthwiseConv2D", DEPTH2, strides=[2, (2, 2)], padding=["same"], depth_multiplier=[1, 2]),
    on(IMAGE, "DepthwiseConv2D", kernel_size=3, strides=2, padding="same", depth_multiplier=3),
    on(IMAGE, "DepthwiseConv2D", kernel_size=2, dilation_rate=(2, 3), padding="same", depth_multiplier=2),
    *window(ROW, "SeparableConv1D", CONV1, strides=STEPS1, padding=["same", "causal"], depth_multiplier=[1, 2]),
    *window(IMAGE, "SeparableConv2D", CONV2, strides=[2, (2, 2)], padding=["same"], depth_multiplier=[1, 2]),
    on(IMAGE, "SeparableConv2D", filters=6, kernel_size=3, dilation_rate=2, depth_multiplier=2, padding="same"),
    *window(ROW, "Conv1DTranspose", CONV1, strides=STEPS1, padding=["same"], output_padding=[0, None]),
    on(ROW, "Conv1DTranspose", filters=6, kernel_size=3, strides=2, output_padding=1),
    on(ROW, "Conv1DTranspose", filters=6, kernel_size=4, strides=3, padding="same", output_padding=2),
    *window(IMAGE, "Conv2DTranspose", CONV2, strides=STEPS2, padding=["same"], output_padding=[(0, 0), None]),
    on(IMAGE, "Conv2DTranspose", filters=6, kernel_size=(2, 3), strides=(2, 3), output_padding=(1, 2)),
    on(IMAGE, "Conv2DTranspose", filters=6, kernel_size=(4, 3), strides=(3, 2), padding="same"),
]
DENSE = [
    *each(
        FEATURES,
        "Dense",
        {"units": 5},
        use_bias=[False],
        activation=ACTIVATIONS,
        kernel_regularizer=["l1"],
        kernel_constraint=["max_norm"],
        kernel_initializer=["ones"],
        trainable=[False],
        dtype=["float32", "mixed_float16", "float16", "float64"],
    ),
    on(IMAGE, "Dense", units=5),
    on(ROW, "Dense", units=5, use_bias=False),
]
POOLING = [
    case
    for shape, size in ((ROW, "1D"), (IMAGE, "2D"))
    for kind in ("AveragePooling" + size, "MaxPooling" + size)
    for case in [
        on(shape, kind),
        *each(shape, kind, {"pool_size": 2}, strides=[1, 3, None], padding=["same"], data_format=["channels_last"]),
        on(shape, kind, pool_size=3),
        on(shape, kind, pool_size=3, strides=2, padding="same"),
        on(shape, kind, pool_size=3, strides=1, padding="same"),
        on(shape, kind, pool_size=3, dtype="mixed_float16"),
    ]
] + [
    on(IMAGE, "AveragePooling2D", pool_size=(3, 2), strides=(1, 3), padding="same"),
    on(IMAGE, "MaxPooling2D", pool_size=(2, 3), strides=(2, 1)),
]  # fmt: skip
POOLING += [
    case
    for shape, size in ((ROW, "1D"), (IMAGE, "2D"))
    for kind in ("GlobalAveragePooling" + size, "GlobalMaxPooling" + size)
    for case in each(shape, kind, keepdims=[False, True], data_format=["channels_last", "channels_first"])
]
NORMALISATIONS = [
    *each(
        IMAGE,
        "BatchNormalization",
        axis=[-1, 3, 1, -2],
        momentum=[0.5],
        epsilon=[0.1],
        center=[False, 0],
        scale=[False, 1],
        fused=[None, True, False],
        renorm=[False, True],
        virtual_batch_size=[None],
        synchronized=[False, True],
        gamma_regularizer=["l2"],
        beta_constraint=["non_neg"],
        trainable=[False],
        dtype=["float32", "mixed_float16"],
    ),
    on(FEATURES, "BatchNormalization"),
    on(ROW, "BatchNormalization", center=False, scale=False),
    *each(IMAGE, "SyncBatchNormalization", epsilon=[0.1]),
    *each(
        IMAGE,
        "LayerNormalization",
        axis=[-1, (-1,), (2, 3), (1, 2, 3), 1],
        epsilon=[0.1],
        center=[False],
        scale=[False],
        rms_scaling=[False],
        gamma_regularizer=["l2"],
        dtype=["mixed_float16"],
    ),
    *each(IMAGE, "GroupNormalization", {"groups": 2}, axis=[-1, 3], epsilon=[0.1], center=[False], scale=[False]),
    on(IMAGE, "GroupNormalization", groups=7, axis=1),
    on(IMAGE, "GroupNormalization", groups=-1),
    on((5, 7, 32), "GroupNormalization"),
    *each(IMAGE, "UnitNormalization", axis=[-1, 1, (2, 3)]),
    on(IMAGE, "Normalization", mean=[1.0, 2.0, 3.0, 4.0], variance=[4.0, 3.0, 2.0, 1.0]),
    on(IMAGE, "Normalization", axis=None, mean=1.0, variance=4.0),
    on(IMAGE, "Normalization", mean=0.5, variance=0.25, invert=True),
    *each(IMAGE, "Normalization", axis=[3], dtype=["float32"]),
    on(FEATURES, "Normalization"),
    *each(IMAGE, "LayerScale", {"init_values": 0.5, "projection_dim": 4}),
]
ELEMENTWISE = [
    *each(IMAGE, "Activation", {"activation": "tanh"}, activation=ACTIVATIONS),
    *kept(IMAGE, "Activation", activation="relu"),
    *each(IMAGE, "ELU", alpha=[0.7]),
    *each(IMAGE, "LeakyReLU", alpha=[0.2], negative_slope=[0.2]),
    *each(IMAGE, "PReLU", shared_axes=[(1, 2), (3,), None], alpha_regularizer=["l2"], dtype=["mixed_float16"]),
    on(FEATURES, "PReLU"),
    *each(IMAGE, "ReLU", max_value=[1.0, None], negative_slope=[0.1], threshold=[0.25]),
    on(IMAGE, "ReLU", max_value=1.0, negative_slope=0.1, threshold=0.25),
    *each(IMAGE, "ThresholdedReLU", theta=[0.5]),
    *each(IMAGE, "Softmax", axis=[-1, 1, (1, 2)]),
    on(IMAGE, "Rescaling", scale=0.5),
    on(IMAGE, "Rescaling", scale=1 / 127.5, offset=-1),
    on(IMAGE, "Rescaling", scale=[0.5, 0.25, 2.0, 1.0], offset=[1.0, 2.0, 3.0, 4.0]),
]
QUIET = [
    *kept(IMAGE, "ActivityRegularization"),
    on(IMAGE, "ActivityRegularization", l1=0.1, l2=0.2),
    *each(FEATURES, "AlphaDropout", {"rate": 0.5}, noise_shape=[None], seed=[1]),
    *each(IMAGE, "Dropout", {"rate": 0.5}, noise_shape=[None, (None, 1, 1, 4)], seed=[1], dtype=["float32"]),
    *each(IMAGE, "GaussianDropout", {"rate": 0.5}, seed=[1]),
    *each(IMAGE, "GaussianNoise", {"stddev": 0.5}, seed=[1]),
    *kept(IMAGE, "Identity"),
    on(ROW, "SpatialDropout1D", rate=0.5),
    *each(IMAGE, "SpatialDropout2D", {"rate": 0.5}, data_format=["channels_last", "channels_first"]),
    *each(IMAGE, "StochasticDepth", {"drop_path_rate": 0.5}),
]
AUGMENTATIONS = [
    *each(IMAGE, "RandomBrightness", {"factor": 0.5}, value_range=[(0, 1)], seed=[1]),
    *each(IMAGE, "RandomContrast", {"factor": 0.5}, seed=[1]),
    *each(IMAGE, "RandomFlip", mode=["horizontal", "vertical"], seed=[1]),
    *each(IMAGE, "RandomHeight", {"factor": 0.5}, interpolation=["nearest"]),
    *each(IMAGE, "RandomWidth", {"factor": 0.5}, interpolation=["nearest"]),
    *each((7, 5, 3), "RandomHue", {"factor": 0.5}),
    *each((7, 5, 3), "RandomSaturation", {"factor": 0.5}),
    *each((7, 5, 3), "RandomSharpness", {"factor": 0.5}),
    *each(IMAGE, "RandomRotation", {"factor": 0.5}, fill_mode=["nearest"], interpolation=["nearest"], seed=[1]),
    *each(IMAGE, "RandomTranslation", {"height_factor": 0.5, "width_factor": 0.5}, fill_mode=["wrap"]),
    *each(IMAGE, "RandomZoom", {"height_factor": 0.5}, width_factor=[0.2], fill_value=[1.0]),
]
MERGING = [
    case
    for kind in ("Add", "Average", "Maximum", "Minimum", "Multiply")
    for case in (on([IMAGE] * 2, kind), on([IMAGE] * 3, kind), on([FEATURES] * 2, kind, trainable=False))
] + [
    on([IMAGE, IMAGE], "Subtract"),
    on([IMAGE, IMAGE], "CustomScaleLayer", scale=0.5),
    *[on([FEATURES, FEATURES], "Dot", axes=axes, normalize=normal) for axes in (1, -1) for normal in (False, True)],
    on([ROW, (9, 6)], "Dot", axes=1),
    on([ROW, (4, 6)], "Dot", axes=(2, 1)),
    on([IMAGE, (7, 5, 3)], "Concatenate"),
    on([IMAGE, (7, 5, 3)], "Concatenate", axis=3),
    on([IMAGE, (6, 5, 4)], "Concatenate", axis=1),
    on([FEATURES, (3,)], "Concatenate", dtype="float32"),
]  # fmt: skip
SHAPES = [
    on(IMAGE, "CenterCrop", height=4, width=3),
    on(IMAGE, "CenterCrop", height=3, width=2),
    *each(ROW, "Cropping1D", cropping=[2, (1, 2)]),
    *each(IMAGE, "Cropping2D", {"cropping": 1}, cropping=[(2, 1), ((1, 2), (0, 3))], data_format=["channels_first"]),
    *each(IMAGE, "Flatten", data_format=["channels_last", "channels_first"]),
    on(ROW, "Flatten"),
    on(FEATURES, "Flatten"),
    on(IMAGE, "Permute", dims=(3, 1, 2)),
    on(ROW, "Permute", dims=(2, 1)),
    on(FEATURES, "RepeatVector", n=3),
    on(IMAGE, "Reshape", target_shape=(14, -1, 2)),
    on(IMAGE, "Reshape", target_shape=(140,)),
    *each(
        IMAGE,
        "Resizing",
        {"height": 11, "width": 3},
        interpolation=INTERPOLATIONS,
        crop_to_aspect_ratio=[False, True],
        pad_to_aspect_ratio=[False, True],
        antialias=[False, True],
    ),
    *each(ROW, "UpSampling1D", size=[3]),
    *each(IMAGE, "UpSampling2D", size=[3, (2, 3)], interpolation=INTERPOLATIONS, data_format=["channels_first"]),
    on(IMAGE, "UpSampling2D", size=(3, 2), interpolation="bilinear"),
    *each(ROW, "ZeroPadding1D", padding=[2, (1, 2)]),
    *each(IMAGE, "ZeroPadding2D", padding=[2, (2, 1), ((1, 2), (0, 3))], data_format=["channels_first"]),
]  # fmt: skip
CONV3 = {"filters": 6, "kernel_size": (2, 3, 1)}
VOLUMES = [
    *window(VOLUME, "Conv3D", CONV3, strides=[2, (2, 1, 3)], padding=["same"]),
    on(VOLUME, "Conv3D", filters=6, kernel_size=2, groups=2, padding="same"),
    on(VOLUME, "Conv3D", filters=6, kernel_size=2, dilation_rate=(2, 1, 3), padding="same"),
    *window(VOLUME, "Conv3DTranspose", CONV3, strides=[2, (2, 1, 3)], padding=["same"], output_padding=[(0, 0, 0)]),
    on(VOLUME, "Conv3DTranspose", filters=6, kernel_size=(2, 3, 1), strides=(2, 1, 3), output_padding=(1, 0, 2)),
    *[
        case
        for kind in ("AveragePooling3D", "MaxPooling3D")
        for case in [
            on(VOLUME, kind),
            on(VOLUME, kind, pool_size=(1, 3, 2)),
            *each(VOLUME, kind, {"pool_size": 2}, strides=[1, (2, 3, 1), None], padding=["same"]),
        ]
    ],
    *each(VOLUME, "GlobalAveragePooling3D", keepdims=[False, True]),
    *each(VOLUME, "GlobalMaxPooling3D", keepdims=[False, True]),
    *each(VOLUME, "Cropping3D", {"cropping": (0, 2, 1)}, cropping=[1, ((1, 0), (0, 2), (1, 2))]),
    *each(VOLUME, "UpSampling3D", size=[3, (1, 2, 3)]),
    *each(VOLUME, "ZeroPadding3D", padding=[2, (0, 2, 1), ((1, 0), (0, 2), (1, 2))], data_format=["channels_first"]),
    *each(VOLUME, "SpatialDropout3D", {"rate": 0.5}, data_format=["channels_last", "channels_first"]),
    *each(VOLUME, "BatchNormalization", axis=[-1, 2]),
    on(VOLUME, "Flatten"),
]  # fmt: skip
SEQUENCES = [
    *each(WORDS, "Embedding", {"input_dim": 8, "output_dim": 5}, mask_zero=[True], trainable=[False]),
    *each(ROW, "Masking", mask_value=[0.5]),
    on((3, *IMAGE), "TimeDistributed", layer=on(IMAGE, "Conv2D", filters=6, kernel_size=3, activation="relu")),
    on((3, *IMAGE), "TimeDistributed", layer=on(IMAGE, "BatchNormalization")),
    on((3, *IMAGE), "TimeDistributed", layer=on(IMAGE, "MaxPooling2D", pool_size=2)),
    on((3, *IMAGE), "TimeDistributed", layer=on(IMAGE, "Flatten")),
    on(ROW, "TimeDistributed", layer=on(FEATURES, "Dense", units=5, use_bias=False)),
    on(ROW, "TimeDistributed", layer=on(FEATURES, "Dropout", rate=0.5)),
]
CASES = [
    *CONVOLUTIONS, *DENSE, *POOLING, *NORMALISATIONS, *ELEMENTWISE, *QUIET, *AUGMENTATIONS, *MERGING, *SHAPES,
    *SEQUENCES, *VOLUMES,
]  # fmt: skip


def by_kind():
    """Return kind -> its cases, each once."""
    cases = {}
    for case in CASES:
        known = cases.setdefault(case.kind, [])
        if str(case) not in map(str, known):
            known.append(case)
    return cases
