"""Every layer in the table, alone, over its options: read from Keras' config, it computes what Keras does."""

import pytest

from convlab.files.keras.config.layers import AUGMENTATIONS, LAYERS
from convlab.layers import ACTIVATIONS
from support.files.keras_twins import assert_same, read
from support.layers.beside_keras import NO_NAME_OF_KERAS
from support.recorded import answer
from support.stand_in import library

keras = library("keras")
layers = keras.layers
convnext = library("keras.src.applications.convnext")

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras' own
IMAGE, ROW, FEATURES, VOLUME = (7, 9, 4), (11, 4), (6,), (5, 7, 9, 4)

CASES = [
    (layers.Activation("glu"), IMAGE),
    (layers.Activation("tanh"), IMAGE),
    (layers.Activation(layers.LeakyReLU(0.2)), IMAGE),
    (layers.ActivityRegularization(l2=0.1), IMAGE),
    (layers.AlphaDropout(0.5), FEATURES),
    (layers.AveragePooling1D(3, 2, "same"), ROW),
    (layers.AveragePooling1D(2), ROW),
    (
        layers.AveragePooling2D((3, 5), 1, "same"),
        IMAGE,
    ),  # Keras on torch averages borders wrongly where they are uneven
    (layers.AveragePooling2D(2), IMAGE),
    (layers.AveragePooling3D((1, 3, 2), (2, 1, 1)), VOLUME),
    (layers.BatchNormalization(epsilon=0.1), IMAGE),
    (layers.BatchNormalization(axis=1, center=False), IMAGE),
    (layers.BatchNormalization(axis=-2, scale=False), IMAGE),
    (layers.BatchNormalization(center=False, scale=False), FEATURES),
    (layers.CenterCrop(3, 6), IMAGE),
    (layers.CenterCrop(3, 16), IMAGE),
    (layers.Conv1D(5, 3, activation="relu"), ROW),
    (layers.Conv1D(6, 2, padding="causal", dilation_rate=3, groups=2, use_bias=False), ROW),
    (layers.Conv1D(5, 3, strides=2, padding="same"), ROW),
    (layers.Conv1DTranspose(5, 3, strides=2, padding="same"), ROW),
    (layers.Conv1DTranspose(5, 3, strides=2, output_padding=1, use_bias=False), ROW),
    (layers.Conv2D(5, (2, 3), activation="gelu"), IMAGE),
    (layers.Conv2D(6, 3, strides=(2, 1), padding="same", groups=2, use_bias=False), IMAGE),
    (
        layers.Conv2D(
            5, 2, dilation_rate=(2, 3), activation=layers.ReLU(max_value=2, negative_slope=0.1, threshold=0.5)
        ),
        IMAGE,
    ),
    (layers.Conv2D(5, 2, activation="softmax"), IMAGE),
    (layers.Conv2D(6, 2, activation="glu"), IMAGE),
    (layers.Dense(8, activation="glu"), FEATURES),
    (layers.Conv2DTranspose(5, (2, 3), strides=2, padding="same", activation="relu"), IMAGE),
    (layers.Conv2DTranspose(5, (2, 3), strides=(2, 3), output_padding=(1, 2), use_bias=False), IMAGE),
    (layers.Conv2DTranspose(5, 3, dilation_rate=2), IMAGE),
    (layers.Conv3D(6, (2, 3, 1), strides=(1, 2, 3), padding="same", groups=2, activation="relu"), VOLUME),
    (layers.Conv3D(5, 2, dilation_rate=(1, 2, 3), use_bias=False), VOLUME),
    (layers.Conv3DTranspose(5, (2, 1, 3), strides=(2, 1, 2), padding="same"), VOLUME),
    (layers.Conv3DTranspose(5, 2, strides=(2, 1, 3), output_padding=(1, 0, 2), use_bias=False), VOLUME),
    (layers.Cropping1D((1, 2)), ROW),
    (layers.Cropping2D(((1, 2), (0, 3))), IMAGE),
    (layers.Cropping2D(1), IMAGE),
    (layers.Cropping3D(((1, 2), (0, 3), (2, 0))), VOLUME),
    (layers.Cropping3D(), VOLUME),
    (layers.Dense(5, activation="silu"), FEATURES),
    (layers.Dense(5, use_bias=False), IMAGE),
    (layers.Dense(5, activation=layers.Softmax()), FEATURES),
    (layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same"), ROW),
    (layers.DepthwiseConv2D((2, 3), strides=2, depth_multiplier=3, activation="relu6"), IMAGE),
    (layers.DepthwiseConv2D(2, dilation_rate=2, padding="same", use_bias=False), IMAGE),
    (layers.Dropout(0.5), IMAGE),
    (layers.ELU(0.7), IMAGE),
    (layers.Flatten(), IMAGE),
    (layers.GaussianDropout(0.5), IMAGE),
    (layers.GaussianNoise(0.5), IMAGE),
    (layers.GlobalAveragePooling1D(), ROW),
    (layers.GlobalAveragePooling1D(keepdims=True), ROW),
    (layers.GlobalAveragePooling2D(), IMAGE),
    (layers.GlobalAveragePooling2D(keepdims=True), IMAGE),
    (layers.GlobalAveragePooling3D(), VOLUME),
    (layers.GlobalMaxPooling1D(), ROW),
    (layers.GlobalMaxPooling1D(keepdims=True), ROW),
    (layers.GlobalMaxPooling2D(), IMAGE),
    (layers.GlobalMaxPooling2D(keepdims=True), IMAGE),
    (layers.GlobalMaxPooling3D(keepdims=True), VOLUME),
    (layers.GroupNormalization(2, epsilon=0.1), IMAGE),
    (layers.GroupNormalization(-1, axis=1, center=False, scale=False), IMAGE),
    (layers.Identity(), IMAGE),
    (layers.LayerNormalization(), IMAGE),
    (
        layers.LayerNormalization(axis=[2, 3], epsilon=0.1, center=False),
        IMAGE,
    ),  # on torch, Keras takes the last ones only
    (layers.LayerNormalization(axis=[-1], scale=False), IMAGE),
    (convnext.LayerScale(1e-6, 4), IMAGE),
    (layers.LeakyReLU(0.2), IMAGE),
    (layers.Masking(0.5), ROW),
    (layers.MaxPooling1D(3, 2, "same"), ROW),
    (layers.MaxPooling2D((2, 3), (1, 2), "same"), IMAGE),
    (layers.MaxPooling2D(), IMAGE),
    (layers.MaxPooling3D((1, 3, 2), (2, 1, 3), "same"), VOLUME),
    (layers.MaxPooling3D(), VOLUME),
    (layers.Normalization(), IMAGE),
    (layers.Normalization(axis=(1, 3)), IMAGE),
    (layers.Normalization(mean=[1.0, 2, 3, 4], variance=[4.0, 3, 2, 1], invert=True), IMAGE),
    (layers.Normalization(axis=None, mean=1.0, variance=4.0), IMAGE),
    (layers.PReLU(), IMAGE),
    (layers.PReLU(shared_axes=[1, 2]), IMAGE),
    (layers.Permute((3, 1, 2)), IMAGE),
    (layers.ReLU(), IMAGE),
    (layers.ReLU(max_value=1, negative_slope=0.1, threshold=0.2), IMAGE),
    (layers.RandomBrightness(0.5), IMAGE),
    (layers.RandomContrast(0.5), IMAGE),
    (layers.RandomFlip("horizontal"), IMAGE),
    (layers.RandomRotation(0.5, fill_mode="nearest"), IMAGE),
    (layers.RandomTranslation(0.5, 0.5), IMAGE),
    (layers.RandomZoom(0.5), IMAGE),
    (layers.RepeatVector(3), FEATURES),
    (layers.Rescaling(0.3, offset=-1), IMAGE),
    (layers.Rescaling([0.3, 0.4, 0.5, 0.6], offset=[1, 2, 3, 4]), IMAGE),
    (layers.Reshape((3, -1, 2)), IMAGE),
    (layers.Resizing(5, 13), IMAGE),
    (layers.Resizing(5, 13, interpolation="nearest"), IMAGE),
    (layers.Resizing(5, 13, crop_to_aspect_ratio=True), IMAGE),
    (layers.Resizing(5, 13, pad_to_aspect_ratio=True, fill_value=0.5), IMAGE),
    (layers.Resizing(5, 3, "bicubic", antialias=True), IMAGE),
    (layers.SeparableConv1D(5, 3, depth_multiplier=2, padding="same"), ROW),
    (layers.SeparableConv1D(5, 2, dilation_rate=2), ROW),
    (layers.SeparableConv2D(5, (2, 3), depth_multiplier=2, activation="relu"), IMAGE),
    (layers.SeparableConv2D(5, 3, strides=2, padding="same", use_bias=False), IMAGE),
    (layers.Softmax(), IMAGE),
    (layers.Softmax(axis=1), IMAGE),
    (layers.Softmax(axis=[1, 2]), IMAGE),
    (layers.SpatialDropout1D(0.5), ROW),
    (layers.SpatialDropout2D(0.5), IMAGE),
    (layers.SpatialDropout3D(0.5), VOLUME),
    (convnext.StochasticDepth(0.5), IMAGE),
    (layers.UnitNormalization(), IMAGE),
    (layers.UnitNormalization(axis=1), IMAGE),
    (layers.UpSampling1D(3), ROW),
    (layers.UpSampling2D((2, 3)), IMAGE),
    (layers.UpSampling2D(2, interpolation="bilinear"), IMAGE),
    (layers.UpSampling3D((2, 1, 3)), VOLUME),
    (layers.ZeroPadding1D((1, 2)), ROW),
    (layers.ZeroPadding2D(((1, 2), (0, 3))), IMAGE),
    (layers.ZeroPadding2D((2, 1)), IMAGE),
    (layers.ZeroPadding3D(((1, 2), (0, 3), (2, 0))), VOLUME),
    (layers.ZeroPadding3D((2, 1, 0)), VOLUME),
]
MERGES = [
    layers.Add(),
    layers.Subtract(),
    layers.Multiply(),
    layers.Average(),
    layers.Maximum(),
    layers.Minimum(),
    layers.Concatenate(),
    layers.Concatenate(axis=1),
    library("keras.src.applications.inception_resnet_v2").CustomScaleLayer(0.3),
    layers.Dot(2),
    layers.Dot((3, -1), normalize=True),
]
ELSEWHERE = {"ThresholdedReLU", "Embedding"}  # of Keras 2 only; on words: files/keras/test_writers.py


@pytest.mark.parametrize(("layer", "shape"), CASES)
def test_layer(layer, shape):
    assert_same(keras.Sequential([keras.Input(shape), layer]))


def test_bicubic_as_the_backend_has_it():
    """Of a file that says PyTorch ran it, it is PyTorch's; of its JSON alone, TensorFlow's."""
    network = keras.Sequential([keras.Input(IMAGE), layers.UpSampling2D(3, interpolation="bicubic")])
    known, guessed = assert_same(network, backend="torch"), read(network)
    assert known.model.layers[0].interpolation == "bicubic_torch" and not known.guessed
    assert guessed.model.layers[0].interpolation == "bicubic"
    assert [note.split(" (")[0] for note in guessed.guessed] == ["interpolation='bicubic'"]


@pytest.mark.parametrize("layer", MERGES)
def test_merging(layer):
    x = keras.Input(IMAGE)
    assert_same(keras.Model(x, layer([layers.Activation("tanh")(x), layers.Activation("exponential")(x)])))


def test_merging_of_one_row_with_an_image():
    x, y = keras.Input(IMAGE), keras.Input((4,))
    assert_same(keras.Model([x, y], layers.Multiply()([x, y])))


def test_every_layer_in_the_table_is_tested():
    layers_tested = [*(layer for layer, _ in CASES), *MERGES]
    tested = answer("keras", ["layers"], lambda: sorted({type(layer).__name__ for layer in layers_tested}))
    assert set(tested) | set(AUGMENTATIONS) | ELSEWHERE == set(LAYERS), "a case in CASES, MERGES or ELSEWHERE"


# glu halves its input and threshold has numbers of its own; Keras' sparsemax on torch does not sum to 1.
FUNCTIONS = sorted(set(ACTIVATIONS) - NO_NAME_OF_KERAS - {"sparsemax"})


def test_every_function_in_the_table_is_tested():
    names = answer("keras", ["functions"], lambda: sorted(keras.src.activations.ALL_OBJECTS_DICT))
    assert set(names) - {"glu", "threshold", "sparsemax"} == set(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_activation_by_name(function):
    assert_same(keras.Sequential([keras.Input(IMAGE), layers.Activation(function)]))
