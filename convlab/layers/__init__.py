"""One small class per layer: its shape rule, its parameters, its call into ops.

Classes, weights and their order are named as in Keras; shapes leave out the batch: (H, W, C) or (features,).
"""

from convlab.layers.activation import ELU, GLU, Activation, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
from convlab.layers.applications import CustomScaleLayer, LayerScale, StochasticDepth
from convlab.layers.axes import ExpandDims, Squeeze
from convlab.layers.base import Activated, Layer
from convlab.layers.blocks import DepthToSpace, SpaceToDepth
from convlab.layers.bordering import Cropping2D, ZeroPadding2D
from convlab.layers.convolution import Conv2D
from convlab.layers.dense import Dense
from convlab.layers.depthwise import DepthwiseConv2D, SeparableConv2D
from convlab.layers.distributed import TimeDistributed, over_time
from convlab.layers.dot import Dot
from convlab.layers.elementwise import Elementwise
from convlab.layers.embedding import Embedding, Masking
from convlab.layers.functions import ACTIVATIONS
from convlab.layers.identity import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Identity,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from convlab.layers.merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Stack, Subtract
from convlab.layers.normalisation import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    UnitNormalization,
)
from convlab.layers.one_row import OneRow
from convlab.layers.own_function import Lambda
from convlab.layers.padding import Pad
from convlab.layers.pooling import (
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
)
from convlab.layers.reducing import Reduce
from convlab.layers.rescaling import Normalization, Rescaling
from convlab.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from convlab.layers.resizing import CenterCrop, Resizing, UpSampling2D
from convlab.layers.sequences import (
    AveragePooling1D,
    Conv1D,
    Conv1DTranspose,
    Cropping1D,
    DepthwiseConv1D,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    MaxPooling1D,
    SeparableConv1D,
    UpSampling1D,
    ZeroPadding1D,
)
from convlab.layers.slicing import Slice, Split, Take
from convlab.layers.transposed import Conv2DTranspose
from convlab.layers.volume_borders import Cropping3D, UpSampling3D, ZeroPadding3D
from convlab.layers.volume_pooling import (
    AveragePooling3D,
    GlobalAveragePooling3D,
    GlobalMaxPooling3D,
    MaxPooling3D,
)
from convlab.layers.volumes import Conv3D, Conv3DTranspose

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GLU",
    "Activated",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "CenterCrop",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "CustomScaleLayer",
    "Dense",
    "DepthToSpace",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "Elementwise",
    "Embedding",
    "ExpandDims",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "Identity",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LayerScale",
    "LeakyReLU",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "OneRow",
    "PReLU",
    "Pad",
    "Permute",
    "ReLU",
    "Reduce",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "SeparableConv1D",
    "SeparableConv2D",
    "Slice",
    "Softmax",
    "SpaceToDepth",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "Split",
    "Squeeze",
    "Stack",
    "StochasticDepth",
    "Subtract",
    "Take",
    "ThresholdedReLU",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "over_time",
]
