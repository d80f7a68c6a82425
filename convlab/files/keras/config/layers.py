"""The table of Keras' layers: how the options of each, in today's spelling, make one of convlab's.

A class is looked up here and nowhere else: nothing is imported or called by a name from a file.
"""

from collections.abc import Callable
from typing import Any

from convlab import layers
from convlab.files.keras.config.options import Options, is_list
from convlab.layers import Layer
from convlab.ops import INTERPOLATIONS

Maker = Callable[[str, Options], Layer]
AUGMENTATIONS = (
    "RandomBrightness", "RandomContrast", "RandomFlip", "RandomHeight", "RandomHue", "RandomRotation",
    "RandomSaturation", "RandomSharpness", "RandomTranslation", "RandomWidth", "RandomZoom",
)  # fmt: skip
"""Layers that change pictures in training only, whatever their options; RandomCrop always does."""
Side = Callable[..., Any]  # Options.single, Options.pair or Options.triple


def _convolution(make: Callable[..., Layer], side: Side, *counts: str, causal: bool = False) -> Maker:
    """Return the maker of a convolution whose sides are numbers, pairs or triples, with such counts of its own."""

    def convolution(name: str, options: Options) -> Layer:
        own = {key: options.whole(key) if key == "filters" else options.whole(key, 1) for key in counts}
        return make(name, **own, **_window(options, side, causal))

    return convolution


def _transposed(make: Callable[..., Layer], side: Side) -> Maker:
    def convolution(name: str, options: Options) -> Layer:
        extra = options.take("output_padding", None)
        extra = None if extra is None else side(options, "output_padding", least=0)
        return make(name, options.whole("filters"), output_padding=extra, **_window(options, side, causal=False))

    return convolution


def _window(options: Options, side: Side, causal: bool) -> dict[str, Any]:
    return {
        "kernel": side(options, "kernel_size"),
        "stride": side(options, "strides", 1),
        "padding": options.choice("padding", "valid", "same", *(["causal"] if causal else [])),
        "dilation": side(options, "dilation_rate", 1),
        "activation": options.activation(),
        "use_bias": options.flag("use_bias", True),
    }


def _pooling(make: Callable[..., Layer], side: Side) -> Maker:
    def pooling(name: str, options: Options) -> Layer:
        pool = side(options, "pool_size", 2)
        stride = pool if options.take("strides", None) is None else side(options, "strides")
        return make(name, pool, stride, options.choice("padding", "valid", "same"))

    return pooling


def _dense(name: str, options: Options) -> Layer:
    return layers.Dense(name, options.whole("units"), options.activation(), options.flag("use_bias", True))


def _activation(name: str, options: Options) -> Layer:
    if options.take("activation", None) == "glu":  # the only one that changes a shape
        return layers.GLU(name)
    return layers.Activation(name, options.activation())


def _embedding(name: str, options: Options) -> Layer:
    options.flag("mask_zero", False)  # see convlab.files.keras.config.masks
    return layers.Embedding(name, options.whole("input_dim"), options.whole("output_dim"))


def _global_pooling(make: Callable[..., Layer]) -> Maker:
    return lambda name, options: make(name, options.flag("keepdims", False))


def _plain(make: Callable[[str], Layer]) -> Maker:
    return lambda name, options: make(name)


def _augmentation(name: str, options: Options) -> Layer:
    options.ignore_rest()
    return layers.Identity(name)


def _batch_normalization(name: str, options: Options) -> Layer:
    options.only("mode", 0)
    options.flag("renorm", False)  # another way to train: a trained network takes the same moving averages
    return layers.BatchNormalization(name, options.axis(), *_normalised(options))


def _layer_normalization(name: str, options: Options) -> Layer:
    axes = options.axes("axis")
    return layers.LayerNormalization(name, axes, *_normalised(options), options.flag("rms_scaling", False))


def _group_normalization(name: str, options: Options) -> Layer:
    groups = options.whole("groups", 32, least=-1)
    return layers.GroupNormalization(name, groups, options.axis(), *_normalised(options))


def _normalised(options: Options) -> tuple[float, bool, bool]:
    return options.number("epsilon", 1e-3), options.flag("center", True), options.flag("scale", True)


def _normalization(name: str, options: Options) -> Layer:
    axis = options.axes("axis") if options.take("axis", -1) not in (None, [], ()) else None
    mean, variance = options.numbers("mean", None), options.numbers("variance", None)
    return layers.Normalization(name, axis, mean, variance, options.flag("invert", False))


def _rescaling(name: str, options: Options) -> Layer:
    return layers.Rescaling(name, options.numbers("scale"), options.numbers("offset", 0.0))


def _resizing(name: str, options: Options) -> Layer:
    options.only("fill_mode", "constant")  # the only one that Keras has; of the border that pad_to_aspect_ratio makes
    return layers.Resizing(
        name,
        options.whole("height"),
        options.whole("width"),
        options.choice("interpolation", "bilinear", *INTERPOLATIONS),
        options.flag("antialias", False),
        crop := options.flag("crop_to_aspect_ratio", False),
        options.flag("pad_to_aspect_ratio", False) and not crop,  # as Keras decides between them
        options.number("fill_value", 0.0),
    )


def _center_crop(name: str, options: Options) -> Layer:
    return layers.CenterCrop(name, options.whole("height"), options.whole("width"))


def _dot(name: str, options: Options) -> Layer:
    axes = options.take("axes")
    axes = options.list_of_wholes("axes", least=-8) if is_list(axes) else options.whole("axes", least=-8)
    return layers.Dot(name, axes, options.flag("normalize", False))


def _up_sampling2d(name: str, options: Options) -> Layer:
    interpolation = options.choice("interpolation", "nearest", *INTERPOLATIONS)
    return layers.UpSampling2D(name, options.pair("size", 2), interpolation)


def _prelu(name: str, options: Options) -> Layer:
    shared = options.take("shared_axes", None)
    return layers.PReLU(name, None if shared in (None, []) else options.axes("shared_axes"))


def _layer_scale(name: str, options: Options) -> Layer:
    for key in ("init_values", "projection_dim"):  # what gamma was before training, and its size
        options.take(key)
    return layers.LayerScale(name)


def _stochastic_depth(name: str, options: Options) -> Layer:
    options.take("drop_path_rate")
    return layers.StochasticDepth(name)


def _relu(name: str, options: Options) -> Layer:
    limit = None if options.take("max_value", None) is None else options.number("max_value")
    return layers.ReLU(name, limit, options.number("negative_slope", 0.0), options.number("threshold", 0.0))


def _unit_normalization(name: str, options: Options) -> Layer:
    """Make one whose shortest length is 1e-12, or, for Keras 2, whose least square is: TensorFlow compares those."""
    return layers.UnitNormalization(name, options.axes("axis"), 1e-6 if options.keras < 3 else 1e-12)


LAYERS: dict[str, Maker] = {
    "Activation": _activation,
    "ActivityRegularization": _plain(layers.ActivityRegularization),
    "Add": _plain(layers.Add),
    "AlphaDropout": _plain(layers.AlphaDropout),
    "Average": _plain(layers.Average),
    "AveragePooling1D": _pooling(layers.AveragePooling1D, Options.single),
    "AveragePooling2D": _pooling(layers.AveragePooling2D, Options.pair),
    "AveragePooling3D": _pooling(layers.AveragePooling3D, Options.triple),
    "BatchNormalization": _batch_normalization,
    "CenterCrop": _center_crop,
    "Concatenate": lambda name, options: layers.Concatenate(name, options.axis()),
    "Conv1D": _convolution(layers.Conv1D, Options.single, "filters", "groups", causal=True),
    "Conv1DTranspose": _transposed(layers.Conv1DTranspose, Options.single),
    "Conv2D": _convolution(layers.Conv2D, Options.pair, "filters", "groups"),
    "Conv2DTranspose": _transposed(layers.Conv2DTranspose, Options.pair),
    "Conv3D": _convolution(layers.Conv3D, Options.triple, "filters", "groups"),
    "Conv3DTranspose": _transposed(layers.Conv3DTranspose, Options.triple),
    "Cropping1D": lambda name, options: layers.Cropping1D(name, options.ends("cropping", 1)),
    "Cropping2D": lambda name, options: layers.Cropping2D(name, options.sides("cropping", 0)),
    "Cropping3D": lambda name, options: layers.Cropping3D(name, options.six_sides("cropping", 1)),
    "CustomScaleLayer": lambda name, options: layers.CustomScaleLayer(name, options.number("scale")),
    "Dense": _dense,
    "DepthwiseConv1D": _convolution(layers.DepthwiseConv1D, Options.single, "depth_multiplier"),
    "DepthwiseConv2D": _convolution(layers.DepthwiseConv2D, Options.pair, "depth_multiplier"),
    "Dot": _dot,
    "Dropout": _plain(layers.Dropout),
    "ELU": lambda name, options: layers.ELU(name, options.number("alpha", 1.0)),
    "Embedding": _embedding,
    "Flatten": lambda name, options: layers.Flatten(name, options.moved and not options.channels_first),
    "GaussianDropout": _plain(layers.GaussianDropout),
    "GaussianNoise": _plain(layers.GaussianNoise),
    "GlobalAveragePooling1D": _global_pooling(layers.GlobalAveragePooling1D),
    "GlobalAveragePooling2D": _global_pooling(layers.GlobalAveragePooling2D),
    "GlobalAveragePooling3D": _global_pooling(layers.GlobalAveragePooling3D),
    "GlobalMaxPooling1D": _global_pooling(layers.GlobalMaxPooling1D),
    "GlobalMaxPooling2D": _global_pooling(layers.GlobalMaxPooling2D),
    "GlobalMaxPooling3D": _global_pooling(layers.GlobalMaxPooling3D),
    "GroupNormalization": _group_normalization,
    "Identity": _plain(layers.Identity),
    "LayerNormalization": _layer_normalization,
    "LayerScale": _layer_scale,
    "LeakyReLU": lambda name, options: layers.LeakyReLU(name, options.number("negative_slope", 0.3)),
    "Masking": lambda name, options: layers.Masking(name, options.number("mask_value", 0.0)),
    "MaxPooling1D": _pooling(layers.MaxPooling1D, Options.single),
    "MaxPooling2D": _pooling(layers.MaxPooling2D, Options.pair),
    "MaxPooling3D": _pooling(layers.MaxPooling3D, Options.triple),
    "Maximum": _plain(layers.Maximum),
    "Minimum": _plain(layers.Minimum),
    "Multiply": _plain(layers.Multiply),
    "Normalization": _normalization,
    "PReLU": _prelu,
    "Permute": lambda name, options: layers.Permute(name, options.list_of_wholes("dims", least=1)),
    "ReLU": _relu,
    "RepeatVector": lambda name, options: layers.RepeatVector(name, options.whole("n")),
    "Rescaling": _rescaling,
    "Reshape": lambda name, options: layers.Reshape(name, options.list_of_wholes("target_shape", least=-1)),
    "Resizing": _resizing,
    "SeparableConv1D": _convolution(
        layers.SeparableConv1D, Options.single, "filters", "depth_multiplier", causal=True
    ),
    "SeparableConv2D": _convolution(layers.SeparableConv2D, Options.pair, "filters", "depth_multiplier"),
    "Softmax": lambda name, options: layers.Softmax(name, options.axes("axis")),
    "SpatialDropout1D": _plain(layers.SpatialDropout1D),
    "SpatialDropout2D": _plain(layers.SpatialDropout2D),
    "SpatialDropout3D": _plain(layers.SpatialDropout3D),
    "StochasticDepth": _stochastic_depth,
    "Subtract": _plain(layers.Subtract),
    "ThresholdedReLU": lambda name, options: layers.ThresholdedReLU(name, options.number("theta", 1.0)),
    "UnitNormalization": _unit_normalization,
    "UpSampling1D": lambda name, options: layers.UpSampling1D(name, options.single("size", 2)),
    "UpSampling2D": _up_sampling2d,
    "UpSampling3D": lambda name, options: layers.UpSampling3D(name, options.triple("size", 2)),
    "ZeroPadding1D": lambda name, options: layers.ZeroPadding1D(name, options.ends("padding", 1)),
    "ZeroPadding2D": lambda name, options: layers.ZeroPadding2D(name, options.sides("padding", 1)),
    "ZeroPadding3D": lambda name, options: layers.ZeroPadding3D(name, options.six_sides("padding", 1)),
} | dict.fromkeys(AUGMENTATIONS, _augmentation)
