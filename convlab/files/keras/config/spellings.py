"""Old spellings of Keras classes and options, and the one of today for each: Keras 1.2 and 2.x to Keras 3."""

from collections.abc import Mapping
from typing import Any

KINDS = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "AvgPool3D": "AveragePooling3D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3D": "Conv3D",
    "Convolution3DTranspose": "Conv3DTranspose",
    "Custom>CustomScaleLayer": "CustomScaleLayer",  # of InceptionResNetV2; Keras 2 registers it like an author's own
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalAvgPool3D": "GlobalAveragePooling3D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalMaxPool3D": "GlobalMaxPooling3D",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "MaxPool3D": "MaxPooling3D",
    "Model": "Functional",
    "SeparableConvolution2D": "SeparableConv2D",
    "SyncBatchNormalization": "BatchNormalization",
}
MERGES = {
    "ave": "Average",
    "concat": "Concatenate",
    "max": "Maximum",
    "mul": "Multiply",
    "sum": "Add",
}
OPTIONS_OF_MERGE = frozenset(
    {
        "arguments", "concat_axis", "dot_axes", "mode", "mode_type", "output_mask", "output_mask_type",
        "output_shape", "output_shape_type",
    }
)  # fmt: skip
OPTIONS = {
    "atrous_rate": "dilation_rate",
    "batch_input_shape": "batch_shape",
    "bias": "use_bias",
    "border_mode": "padding",
    "concat_axis": "axis",
    "dim_ordering": "data_format",
    "filter_length": "kernel_size",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
}
OPTIONS_OF_ONE_KIND = {
    ("Embedding", "output_dim"): "output_dim",
    ("LeakyReLU", "alpha"): "negative_slope",
    ("UpSampling1D", "length"): "size",
}
VALUES = {"tf": "channels_last", "th": "channels_first"}
OLDER_ACTIVATIONS = {
    "hard_sigmoid": "hard_sigmoid_keras2",
    "log_softmax_v2": "log_softmax",  # what tf.nn.log_softmax and tf.nn.softmax are called inside TensorFlow
    "softmax_v2": "softmax",
}
"""Names whose meaning changed with Keras 3, or that have another now."""


def kind_today(kind: str, options: Mapping[str, Any]) -> str:
    """Return today's class for one of any time; Keras 1 had one class for every merging."""
    mode = options.get("mode")
    if kind == "Merge" and isinstance(mode, str) and options.get("mode_type", "raw") == "raw":
        return MERGES.get(mode, kind)
    return KINDS.get(kind, kind)


def options_today(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a layer's options in today's spelling; `kind` is today's."""
    known = dict(options)
    if kind in MERGES.values():  # which needs but one of what the class of all mergings had
        unused = OPTIONS_OF_MERGE - ({"concat_axis"} if kind == "Concatenate" else set())
        known = {key: value for key, value in known.items() if key not in unused}
    for sides in (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3")):
        if all(side in known for side in sides):
            known["kernel_size"] = [known.pop(side) for side in sides]
    return {_key_today(kind, key): _value_today(value) for key, value in known.items()}


def _key_today(kind: str, key: str) -> str:
    return OPTIONS_OF_ONE_KIND.get((kind, key), OPTIONS.get(key, key))


def _value_today(value: Any) -> Any:
    """Unwrap what JSON has no type for (tuples, arrays), and translate the names of layouts."""
    if isinstance(value, str):
        return VALUES.get(value, value)
    if not isinstance(value, Mapping):
        return value
    if value.get("type") == "ndarray":  # Keras 2
        return value.get("value")
    if value.get("class_name") == "function":  # an activation, in Keras 3
        return value.get("config")
    if value.get("class_name") in ("__tuple__", "__numpy__", "TensorShape"):
        inner = value.get("config")
        return value.get("items", inner.get("value") if isinstance(inner, Mapping) else None)
    return value
