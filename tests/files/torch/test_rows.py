"""The order of a dense layer's rows: followed from what was flattened, equal to PyTorch's in numbers, or refused."""

import numpy as np
import pytest

import convlab
from convlab.errors import WeightsError
from convlab.files.flattened import flattened
from convlab.layers import Add, Conv2D, Dense, Dot, Flatten, GroupNormalization, Lambda, Permute, Reshape, Stack
from convlab.model import Model, Node
from support.files.torch_files import whole
from support.frameworks import to_torch
from support.recorded import answer, file, text, this_test
from support.stand_in import library

keras, torch = library("keras"), library("torch")
layers = keras.layers
pytestmark = pytest.mark.filterwarnings("ignore")  # Keras' own
SHAPE = (7, 6, 3)
FLAT = 5 * 4 * 2  # what the convolution makes of it


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def images():
    image = keras.Input(SHAPE)
    return image, layers.Conv2D(2, 3, name="conv")(image)


def saved(folder, head, rows=FLAT, out=5):
    """Write the network that `head` makes of the convolution's output, and PyTorch's weights for it; return them."""
    image, maps = images()
    network = keras.Model(image, layers.Dense(out, name="fc")(head(maps)))
    (folder / "net.json").write_text(text("keras", (this_test(),), network.to_json))
    modules = {"conv": torch.nn.Conv2d(3, 2, 3), "fc": torch.nn.Linear(rows, out)}
    shapes = {"conv.weight": (2, 3, 3, 3), "conv.bias": (2,), "fc.weight": (out, rows), "fc.bias": (out,)}
    state = {name: whole(*shape, seed=seed) for seed, (name, shape) in enumerate(shapes.items())}
    for name, array in state.items():
        module, leaf = name.split(".")
        getattr(modules[module], leaf).data = torch.tensor(array)
    np.savez(folder / "w.npz", **state)
    return network, modules["conv"], modules["fc"]


def flat(maps):
    return maps.flatten(1)


SAME = {  # what Keras does, what PyTorch does
    "flatten": (layers.Flatten(), flat),
    "reshape": (layers.Reshape((-1,)), flat),
    "flatten twice": (lambda x: layers.Flatten()(layers.Flatten()(x)), flat),
    "flatten, reshape": (lambda x: layers.Reshape((FLAT,))(layers.Flatten()(x)), flat),
    "flatten, dropout, relu": (
        lambda x: layers.ReLU()(layers.Dropout(0.5)(layers.Flatten()(x))),
        lambda x: flat(x).relu(),
    ),
    "flattened rows": (lambda x: layers.Flatten()(layers.Reshape((20, 2))(x)), flat),
    "to an image and back": (lambda x: layers.Flatten()(layers.Reshape((5, 4, 2))(layers.Flatten()(x))), flat),
    "sum of two": (lambda x: layers.Add()([layers.Flatten()(x), layers.Flatten()(x)]), lambda x: 2 * flat(x)),
    "channels first": (lambda x: layers.Flatten()(layers.Permute((3, 1, 2))(x)), flat),
    "channels first, relu": (
        lambda x: layers.Flatten()(layers.ReLU()(layers.Permute((3, 1, 2))(x))),
        lambda x: flat(x).relu(),
    ),
    "there and back": (lambda x: layers.Flatten()(layers.Permute((2, 3, 1))(layers.Permute((3, 1, 2))(x))), flat),
    "channels shuffled": (
        lambda x: layers.Flatten()(
            layers.Reshape((5, 4, 2))(layers.Permute((1, 2, 4, 3))(layers.Reshape((5, 4, 2, 1))(x)))
        ),
        flat,
    ),
}


@pytest.mark.parametrize("title", SAME)
def test_the_same_numbers_as_pytorch(title, tmp_path):
    ours, theirs = SAME[title]
    _, conv, fc = saved(tmp_path, ours)
    model = convlab.load(tmp_path / "net.json", tmp_path / "w.npz")
    x = whole(2, *SHAPE, seed=9)
    expected = answer("torch", (this_test(), x), lambda: fc(theirs(conv(to_torch(x)))).detach().numpy())
    assert len(np.unique(expected)) == expected.size
    np.testing.assert_array_equal(model.predict(x), expected)


def pooled(x):
    return layers.GlobalAveragePooling2D()(x)


LOST = {
    "flatten first": (
        lambda x: layers.Concatenate(name="cat")([layers.Flatten()(x), pooled(x)]), FLAT + 2, "'cat' (Concatenate)"
    ),
    "flatten last": (
        lambda x: layers.Concatenate(name="cat")([pooled(x), layers.Flatten()(x)]), FLAT + 2, "'cat' (Concatenate)"
    ),
    "two of one image": (
        lambda x: layers.Concatenate(name="cat")([layers.Flatten()(x), layers.Flatten()(x)]),
        2 * FLAT,
        "'cat' (Concatenate)",
    ),
    "permuted": (
        lambda x: layers.Flatten(name="flat")(layers.ReLU()(layers.Permute((2, 1, 3))(x))), FLAT, "'flat' (Flatten)"
    ),
    "permuted and pooled": (
        lambda x: layers.Flatten()(layers.MaxPooling2D(1, name="pool")(layers.Permute((3, 1, 2))(x))),
        FLAT,
        "'pool' (MaxPooling2D)",
    ),
    "flattened at each step": (
        lambda x: layers.Flatten()(
            layers.TimeDistributed(layers.Flatten(), name="each")(layers.Reshape((1, 5, 4, 2))(x))
        ),
        FLAT,
        "'each' (TimeDistributed(Flatten))",
    ),
    "repeated": (
        lambda x: layers.Flatten()(layers.RepeatVector(2, name="twice")(layers.Flatten()(x))),
        2 * FLAT,
        "'twice' (RepeatVector)",
    ),
    "shuffled": (lambda x: layers.Flatten()(layers.Reshape((2, 5, 4), name="mixed")(x)), FLAT, "'mixed' (Reshape)"),
}  # fmt: skip


@pytest.mark.parametrize("title", LOST)
def test_a_lost_order_is_refused(title, tmp_path):
    head, rows, lost = LOST[title]
    network, _, _ = saved(tmp_path, head, rows)
    message = f"fc: the order of its rows behind {lost} cannot be told; load a file of Keras whose kernels are HWIO"
    with pytest.raises(WeightsError) as caught:
        convlab.load(tmp_path / "net.json", tmp_path / "w.npz")
    assert str(caught.value) == f"{tmp_path / 'w.npz'}: {message}"
    file("keras", (this_test(),), network.save, tmp_path / "net.h5")
    with pytest.raises(WeightsError) as caught:
        convlab.load(tmp_path / "net.h5", layout="OIHW")
    assert str(caught.value) == f"{tmp_path / 'net.h5'}: {message}"
    x = whole(2, *SHAPE, seed=9)  # stored as Keras has it, the order is no question
    expected = answer("keras", (this_test(), x), lambda: network.predict(x, verbose=0))
    np.testing.assert_allclose(convlab.load(tmp_path / "net.h5").predict(x), expected, rtol=0, atol=1e-3)


def test_a_layer_fed_in_two_orders(tmp_path):
    image, maps = images()
    shared = layers.Dense(5, name="fc")
    wide = layers.Reshape((40,), name="other")(maps)
    other = keras.layers.Dense(40, name="mix")(pooled(maps))
    network = keras.Model(image, [shared(wide), shared(other)])
    (tmp_path / "net.json").write_text(text("keras", (this_test(),), network.to_json))
    state = {"conv.weight": whole(2, 3, 3, 3), "conv.bias": whole(2)}
    state |= {"fc.weight": whole(5, 40), "fc.bias": whole(5), "mix.weight": whole(40, 2), "mix.bias": whole(40)}
    np.savez(tmp_path / "w.npz", **state)
    with pytest.raises(WeightsError, match=r"fc: the order of its rows behind 'fc/2' \(Dense\) cannot be told"):
        convlab.load(tmp_path / "net.json", tmp_path / "w.npz")


def test_what_a_dense_layer_makes_into_an_image_is_refused(tmp_path):
    vector = keras.Input((3,))
    image = layers.Reshape((2, 4, 5), name="image")(layers.Dense(40, name="fc")(vector))
    network = keras.Model(vector, layers.Conv2D(2, 1, name="conv")(image))
    (tmp_path / "net.json").write_text(text("keras", (this_test(),), network.to_json))
    state = {"fc.weight": whole(40, 3), "fc.bias": whole(40), "conv.weight": whole(2, 5, 1, 1), "conv.bias": whole(2)}
    np.savez(tmp_path / "w.npz", **state)
    with pytest.raises(WeightsError, match=r"conv: the order of its rows behind 'image' \(Reshape\) cannot be told"):
        convlab.load(tmp_path / "net.json", tmp_path / "w.npz")


MAPS = (5, 4, 2)
FOLLOWED = {  # what stands between an image of MAPS and a dense layer -> what was flattened into its rows
    "one cell is one order": ([Conv2D("c", 7, (5, 4)), Flatten("f")], None),
    "one channel is one order": ([Conv2D("c", 1, 1), Flatten("f")], None),
    "a sequence is one row": ([Reshape("r", (20, 2)), Flatten("f")], (1, 20, 2)),
    "a permuted vector": ([Flatten("f"), Permute("p", (1,))], MAPS),
    "two turns to channels first": ([Permute("p", (2, 1, 3)), Permute("q", (3, 2, 1)), Flatten("f")], None),
    "flattened channels first": ([Flatten("f", channels_first=True)], None),
    "channels first, flattened so": ([Permute("p", (3, 1, 2)), Flatten("f", channels_first=True)], "'f' (Flatten)"),
    "dense along the columns": ([Permute("p", (3, 1, 2)), Dense("d", 7), Flatten("f")], None),
    "a convolution of turned maps": ([Permute("p", (2, 1, 3)), Conv2D("c", 3, 1), Flatten("f")], (4, 5, 3)),
    "turned maps as rows": ([Permute("p", (2, 1, 3)), Reshape("r", (20, 2)), Flatten("f")], "'r' (Reshape)"),
    "rows and columns turned, with one axis more": (
        [Reshape("r", (5, 4, 2, 1)), Permute("p", (2, 1, 3, 4)), Flatten("f")],
        "'f' (Flatten)",
    ),
    "too many axes": ([Reshape("r", (5, 2, 2, 1, 2)), Flatten("f")], "'f' (Flatten)"),
    "a vector as one cell": ([Flatten("g"), Dense("d", 6), Reshape("r", (1, 1, 6)), Flatten("f")], None),
    "a vector as another image": ([Flatten("g"), Reshape("r", (4, 5, 2)), Flatten("f")], "'r' (Reshape)"),
    "turned maps, normalised in groups": (
        [Permute("p", (2, 1, 3)), GroupNormalization("g", 2), Flatten("f")],
        "'g' (GroupNormalization)",
    ),
    "a function of one's own": ([Lambda("own", np.flip), Flatten("f")], "'own' (Lambda)"),
}


@pytest.mark.parametrize("title", FOLLOWED)
def test_an_order_is_followed(title):
    between, expected = FOLLOWED[title]
    assert flattened(Model.sequential("m", MAPS, [*between, Dense("fc", 3)]).graph).get("fc") == expected


MERGED = {  # what a layer makes of two inputs: itself, and what comes before each
    "unlike orders": (Add("both"), [Flatten("f")], [Flatten("g"), Dense("d", 40)], "'both' (Add)"),
    "an order lost in the second": (
        Add("both"),
        [Flatten("f")],
        [Permute("p", (2, 1, 3)), Flatten("g")],
        "'g' (Flatten)",
    ),
    "stacked": (Stack("both"), [Flatten("f")], [Flatten("g")], "'both' (Stack)"),
    "a sum over one order": (Dot("both"), [Flatten("f")], [Flatten("g")], None),
    "a sum over two orders": (Dot("both"), [Flatten("f")], [Flatten("g"), Dense("d", 40)], "'both' (Dot)"),
    "products of turned maps": (
        Dot("both"),
        [Permute("p", (3, 1, 2))],
        [Permute("q", (3, 1, 2))],
        "'end' (Flatten)",
    ),
}


@pytest.mark.parametrize("title", MERGED)
def test_an_order_is_followed_through_what_merges(title):
    merging, *branches, expected = MERGED[title]
    nodes, ends = [], []
    for branch in branches:
        source = "input"
        for layer in branch:
            nodes.append(Node(layer.name, layer, (source,)))
            source = layer.name
        ends.append(source)
    nodes.append(Node("both", merging, tuple(ends)))
    nodes += [Node("end", Flatten("end"), ("both",)), Node("fc", Dense("fc", 3), ("end",))]
    assert flattened(Model("m", MAPS, nodes).graph).get("fc") == expected
