"""Networks whose images have channels first, read as ones that have them last: the same numbers as Keras computes."""

import numpy as np
import pytest

from convlab.files.keras.config.architecture import read_architecture
from convlab.files.keras.config.calls import Step
from convlab.files.keras.config.channels_first import Tensor, is_channels_first, moved_inputs, takes_moved
from convlab.files.keras.config.graph import LayerConfig
from convlab.layers import Permute
from support.files.keras_twins import assert_same, config, outputs_of_both, randomise, read
from support.stand_in import library

keras = library("keras")
layers = keras.layers

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras' own
FIRST = {"data_format": "channels_first"}
SHAPE = (4, 7, 9)  # C, H, W


def chain(*after):
    return keras.Sequential([keras.Input(SHAPE), *after])


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def test_shapes_are_channels_last():
    model = assert_same(chain(layers.Conv2D(5, (2, 3), strides=(1, 2), activation="relu", **FIRST))).model
    assert (model.input_shape, model.output_shape) == ((7, 9, 4), (6, 4, 5))
    assert kinds(model) == ["Conv2D"]


@pytest.mark.parametrize(
    "layer",
    [
        layers.AveragePooling2D((2, 3), **FIRST),
        layers.CenterCrop(3, 4, **FIRST),
        layers.Conv2D(6, (2, 3), groups=2, dilation_rate=2, **FIRST),
        layers.Conv2D(6, (2, 3), padding="same", activation="softmax", **FIRST),
        layers.Conv2D(6, 2, activation=layers.Softmax(axis=1), **FIRST),
        layers.Conv2DTranspose(5, (2, 3), strides=2, padding="same", **FIRST),
        layers.Cropping2D(((1, 2), (0, 3)), **FIRST),
        layers.DepthwiseConv2D((2, 3), depth_multiplier=2, **FIRST),
        layers.GlobalAveragePooling2D(**FIRST),
        layers.GlobalMaxPooling2D(keepdims=True, **FIRST),
        layers.MaxPooling2D((2, 3), (1, 2), "same", **FIRST),
        layers.Resizing(5, 13, **FIRST),
        layers.SeparableConv2D(5, (2, 3), **FIRST),
        layers.UpSampling2D((2, 3), interpolation="bilinear", **FIRST),
        layers.ZeroPadding2D(((1, 2), (0, 3)), **FIRST),
    ],
)
def test_layer_with_a_layout(layer):
    assert "Permute" not in kinds(assert_same(chain(layer)).model)[:1]


@pytest.mark.parametrize(
    "layer",
    [
        layers.AveragePooling3D((2, 3, 1), **FIRST),
        layers.Conv3D(6, (2, 3, 1), groups=2, dilation_rate=(1, 2, 3), **FIRST),
        layers.Conv3D(6, (2, 3, 1), padding="same", activation="softmax", **FIRST),
        layers.Conv3DTranspose(5, (2, 3, 1), strides=(1, 2, 3), padding="same", **FIRST),
        layers.Cropping3D(((1, 2), (0, 3), (1, 1)), **FIRST),
        layers.GlobalAveragePooling3D(**FIRST),
        layers.GlobalMaxPooling3D(keepdims=True, **FIRST),
        layers.MaxPooling3D((2, 3, 1), (1, 2, 3), "same", **FIRST),
        layers.UpSampling3D((2, 1, 3), **FIRST),
        layers.ZeroPadding3D(((1, 2), (0, 3), (1, 0)), **FIRST),
    ],
)
def test_layer_on_volumes_with_a_layout(layer):
    model = assert_same(keras.Sequential([keras.Input((4, 5, 7, 9)), layer])).model
    assert model.input_shape == (5, 7, 9, 4)
    assert "Permute" not in kinds(model)[:1]


def test_a_network_on_volumes_down_to_its_classes():
    network = keras.Sequential(
        [
            keras.Input((4, 5, 7, 9)),
            layers.Conv3D(6, (2, 3, 1), activation="relu", **FIRST),
            layers.BatchNormalization(axis=1),
            layers.SpatialDropout3D(0.3, **FIRST),
            layers.MaxPooling3D((1, 2, 3), **FIRST),
            layers.Flatten(**FIRST),
            layers.Dense(3),
        ]
    )
    model = assert_same(network).model
    assert "Permute" not in kinds(model)


@pytest.mark.parametrize(
    ("layer", "permutes"),
    [
        (layers.Activation("tanh"), 0),
        (layers.Activation("softmax"), 2),
        (layers.BatchNormalization(axis=1), 0),
        (layers.BatchNormalization(axis=-3), 0),
        (layers.BatchNormalization(), 0),
        (layers.BatchNormalization(axis=2), 0),
        (layers.Dense(5), 2),
        (layers.Dropout(0.3), 0),
        (layers.GroupNormalization(3, axis=1), 0),
        (layers.LayerNormalization(), 0),
        (layers.Normalization(axis=1), 0),
        (layers.Normalization(axis=None, mean=1.0, variance=4.0), 0),
        (layers.Rescaling(0.3, offset=1), 0),
        (layers.Rescaling([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], offset=1), 2),
        (layers.LayerNormalization(axis=[2, 3]), 2),
        (layers.PReLU(), 2),
        (layers.PReLU(shared_axes=[2, 3]), 2),
        (layers.Permute((1, 3, 2)), 3),  # itself among them
        (layers.Reshape((12, 8, -1)), 2),
        (layers.Softmax(axis=1), 0),
        (layers.Softmax(axis=[1, 2]), 2),
        (layers.UnitNormalization(axis=-2), 0),
    ],
)
def test_layer_without_a_layout_between_two_with_one(layer, permutes):
    model = assert_same(chain(layers.Conv2D(6, 2, **FIRST), layer, layers.Conv2D(3, 2, **FIRST))).model
    assert kinds(model).count("Permute") == permutes


@pytest.mark.parametrize(("declared", "ours"), [("channels_first", False), ("channels_last", True)])
def test_flatten(declared, ours):
    """Keras 3's Flatten moves channels last if it is told that they are first, and else leaves the order alone."""
    network = chain(
        layers.Conv2D(5, 2, **FIRST), layers.Flatten(data_format=declared, name="flatten"), layers.Dense(3)
    )
    model = assert_same(network).model
    assert model["flatten"].channels_first is ours


def test_a_wrong_order_after_flatten_is_noticed():
    network = randomise(
        chain(
            layers.Conv2D(5, 2, **FIRST), layers.Flatten(data_format="channels_last", name="flatten"), layers.Dense(3)
        )
    )
    model = read(network).model
    model["flatten"].channels_first = False
    [(ours, theirs)] = outputs_of_both(network, model)
    assert np.abs(ours - theirs).max() > 0.1 * np.abs(theirs).max()


@pytest.mark.parametrize("axis", [1, 2, -1, -3])
def test_concatenate(axis):
    x = keras.Input(SHAPE)
    branches = [layers.Conv2D(5, 3, padding="same", **FIRST)(x), layers.Conv2D(5, 1, **FIRST)(x)]
    y = layers.Flatten(data_format="channels_last")(layers.Concatenate(axis=axis)(branches))
    assert_same(keras.Model(x, layers.Dense(2)(y)))


def test_squeeze_and_excite_stays_moved():
    """A Reshape makes (C, 1, 1), which is multiplied with an image in the moved form."""
    x = keras.Input(SHAPE)
    y = layers.Conv2D(5, 2, **FIRST)(x)
    s = layers.Reshape((5, 1, 1))(layers.Dense(5, activation="sigmoid")(layers.GlobalAveragePooling2D(**FIRST)(y)))
    model = assert_same(keras.Model(x, layers.Multiply(name="scaled")([y, s]))).model
    assert model.output_shape == (6, 8, 5)


def test_an_image_multiplied_with_a_row():
    """Axes are aligned at Keras' last one, which is W."""
    x = keras.Input(SHAPE)
    y = layers.Conv2D(5, 2, **FIRST)(x)
    assert_same(keras.Model(x, layers.Multiply()([y, layers.Dense(8)(layers.GlobalMaxPooling2D(**FIRST)(y))])))


def test_channels_last_behind_channels_first():
    model = assert_same(
        chain(layers.Conv2D(5, 2, **FIRST), layers.Conv2D(3, 2), layers.Flatten(), layers.Dense(2))
    ).model
    assert kinds(model) == ["Conv2D", "Permute", "Conv2D", "Flatten", "Dense"]


def test_permuted_by_its_author():
    """Pictures are channels last, and the first layer turns them round for channels_first ones."""
    network = keras.Sequential([keras.Input((7, 9, 4)), layers.Permute((3, 1, 2)), layers.Conv2D(5, 2, **FIRST)])
    model = assert_same(network).model
    assert model.input_shape == (7, 9, 4)


def test_sequences():
    network = keras.Sequential(
        [
            keras.Input((4, 11)),
            layers.Conv1D(5, 3, **FIRST),
            layers.MaxPooling1D(2, **FIRST),
            layers.ZeroPadding1D(1, **FIRST),
            layers.Flatten(data_format="channels_last"),
            layers.Dense(2),
        ]
    )
    assert assert_same(network).model.input_shape == (11, 4)


def test_a_shared_layer_keeps_the_form_of_its_first_call():
    x, layer = keras.Input(SHAPE), layers.PReLU()
    y = layer(layers.ZeroPadding2D(0, **FIRST)(x))
    assert_same(keras.Model(x, [y, layer(layers.Activation("tanh")(y))]))


def test_the_input_shape_given_is_channels_last():
    network = keras.Sequential([keras.Input((4, None, None)), layers.Conv2D(5, 2, **FIRST)])
    model = read_architecture(config(network), "m.json", input_shape=(7, 9, 4)).model
    assert model.output_shape == (6, 8, 5)


def test_normalised_is_named_once():
    """The nodes that turn tensors round are named after what they turn, and made once for each."""
    x = keras.Input(SHAPE)
    y = layers.Conv2D(5, 2, name="conv", **FIRST)(x)
    model = assert_same(keras.Model(x, [layers.Dense(2)(y), layers.Dense(3)(y)])).model
    assert [n.name for n in model.nodes if isinstance(n.layer, Permute)] == ["conv/channels_first"]


def step(kind, *inputs, steps=0, **options):
    return Step(kind, kind, LayerConfig(kind, kind, options, ()), inputs, steps)


def test_which_form_a_layer_is_given():
    def moved(kind, **options):
        return takes_moved(step(kind, "maps", **options), [Tensor("maps", (4, 5, 3), moved=True)])

    assert moved("Rescaling", scale=2, offset=3)
    assert not moved("Rescaling", scale=[1, 2, 3], offset=3)
    assert not moved("Rescaling", scale=2, offset=[1, 2, 3])
    assert not moved("Conv2D", steps=1, **FIRST)
    assert takes_moved(step("Flatten", "maps", **FIRST), [Tensor("maps", (4, 5, 3))])
    assert is_channels_first("Flatten", FIRST)


@pytest.mark.parametrize(
    ("steps", "first"),
    [
        ([step("Add", "a", "b"), step("Conv2D", "Add", **FIRST)], {"a", "b"}),
        ([step("Dense", "a"), step("Conv2D", "Dense", **FIRST)], set()),
        ([step("Conv2D", "a", steps=1, **FIRST)], set()),
        ([step("elementwise", "a", operands=[None, 2.0]), step("Conv2D", "elementwise", **FIRST)], {"a"}),
        ([step("elementwise", "a", operands=[None, [2.0, 3.0]]), step("Conv2D", "elementwise", **FIRST)], set()),
    ],
)
def test_an_input_has_the_form_of_the_first_layer_with_a_layout(steps, first):
    assert moved_inputs(steps) & {"a", "b"} == first
