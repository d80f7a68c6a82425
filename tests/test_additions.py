"""What docs/architecture.md says of where things lie, and of what belongs to a new one, is so."""

import importlib
import inspect
import pkgutil
import re
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab import cli, layers
from convlab.files import formats
from convlab.files.keras.config.layers import AUGMENTATIONS, LAYERS
from convlab.files.keras.weights.weight_names import ROLE
from convlab.files.torch.layouts import counterparts
from convlab.files.weight_specs import LayerWeights
from convlab.layers import Layer
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from convlab.storage.foreign import NETWORKS
from convlab_kernels import cpu, cuda
from support.layers.beside_keras import NO_CLASS_OF_KERAS
from support.layers.samples import every_layer, inputs_for

ROOT = Path(__file__).parents[1]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def rows_of(part):
    return re.findall(r"^\| `([^`]+)` \| (?:`([^`]+)` )?\|", part, re.MULTILINE)


ROWS = rows_of(text("docs/architecture.md"))


@pytest.mark.parametrize(("path", "name"), ROWS)
def test_each_file_and_what_is_looked_for_in_it_is_there(path, name):
    assert (ROOT / path).exists()
    if path.endswith(".py"):
        assert all(re.search(rf"\b{part}\b", text(path)) for part in name.split("."))
    elif name:
        assert name in text(path)


def test_the_tables_are_found():
    assert len(ROWS) > 60
    assert text("docs/architecture.md").count("\n| `") == len(ROWS)


# ---- the lives


def table_under(heading):
    """Return the functions that a part of the page tells of, in its order; of classes and tables none."""
    part = text("docs/architecture.md").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [(path, name) for path, name in rows_of(part) if not name.rpartition(".")[2][0].isupper()]


def calls_in_order(rows, act):
    """Return the rows' functions as they are first called while `act` goes on."""
    seen = {}

    def note(frame, event, _):
        if event == "call":
            seen.setdefault((frame.f_code.co_filename, frame.f_code.co_qualname))

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return [
        row
        for file, name in seen
        for row in rows
        if name == row[1] and file.endswith(row[0].removeprefix("kernels/"))
    ]


def test_an_image_lives_as_the_page_tells(tmp_path):
    rows = table_under("The life of an image")
    picture = str(ROOT / "weights/fashion_mnist/shirt.png")
    assert (
        calls_in_order(
            rows, lambda: cli.main(["run", "lenet5", picture, "--layers", "conv1", "--out", str(tmp_path)])
        )
        == rows
    )


def test_a_file_lives_as_the_page_tells():
    rows = table_under("The life of a file")
    file = ROOT / "tests/references/volumes/unet3d_keras3.keras"
    assert calls_in_order(rows, lambda: convlab.load(file)) == rows


# ---- a layer

CLASSES = {name: one for name in layers.__all__ if inspect.isclass(one := getattr(layers, name))}
OF_ANY_KIND = {"Activated", "Layer"}
UNNAMED = {  # what layers have in common, and layers that are made of layers alone
    *(
        "ActivatedOneRow",
        "ActivatedTimeDistributed",
        "Convolving",
        "GlobalPooling",
        "GlobalPooling2D",
        "GlobalPooling3D",
        "Joining",
    ),
    *("Merge", "Pooling", "Pooling2D", "Pooling3D", "Residual", "SeveralInputs", "Spatial", "Transposing"),
    *("Wrapping", "_Blocks"),
}
NOT_IN_PYTORCH = {"Normalization", "SeparableConv1D", "SeparableConv2D"}  # no module of it holds what these do
UNEXPLAINED = {  # explain refuses these by name
    *("Conv3DTranspose", "Dot", "GroupNormalization", "Lambda", "LayerNormalization", "Normalization"),
    *("Resizing", "UnitNormalization"),
}


def subclasses(kind):
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def test_every_layer_is_exported():
    for module in pkgutil.iter_modules(layers.__path__, "convlab.layers."):
        importlib.import_module(module.name)  # one that nothing imports has subclasses too
    ours = {one.__name__ for one in subclasses(Layer) if one.__module__.startswith("convlab.layers.")}
    assert ours - UNNAMED == set(CLASSES) - {"Layer"}, "convlab/layers/__init__.py, or UNNAMED here"


def test_every_layer_is_made_of_what_keras_writes():
    assert set(CLASSES) - set(LAYERS) == NO_CLASS_OF_KERAS | OF_ANY_KIND, (
        "LAYERS of convlab/files/keras/config/layers.py, or NO_CLASS_OF_KERAS of support/layers/beside_keras.py"
    )
    assert set(LAYERS) - set(CLASSES) == set(AUGMENTATIONS)


@pytest.mark.parametrize("name", sorted(NO_CLASS_OF_KERAS))
def test_what_keras_is_not_asked_about_has_a_test_of_its_own(name):
    """What is made of Keras' functions is beside them, in test_functions.py; what others are based on, in theirs."""
    made = [path.read_text(encoding="utf-8") for path in (ROOT / "convlab/files/keras/config").glob("*.py")]
    tests = [path.read_text(encoding="utf-8") for path in (ROOT / "tests/layers").glob("test_*_*.py")]
    assert CLASSES[name].__subclasses__() or any(re.search(rf"\b{name}\(", code) for code in made + tests), (
        "its numbers beside the definition, in a file of tests/layers"
    )


def networks_of(name):
    """Yield each sample of a layer as a network with random weights, and numbers for its inputs."""
    for other, layer, shapes in every_layer():
        if other == name:
            inputs = {f"x{i}": shape for i, shape in enumerate(shapes)}
            model = Model("net", inputs, [Node("layer", layer, tuple(inputs))])
            randomise(model, 1)
            yield model, dict(zip(inputs, inputs_for(layer, shapes), strict=True))


def explanations(model, inputs):
    """Yield those of a few numbers that a layer makes, none where explain refuses it."""
    acts = model.run(inputs)
    for place in np.random.default_rng(1).integers(acts.output[0].size, size=5):
        at = np.unravel_index(place, acts.output.shape[1:])
        with suppress(convlab.UnsupportedError):
            sides = ("z", "y", "x", "channel")[-len(at) :]
            yield convlab.explain(model, acts, "layer", image=1, **dict(zip(sides, map(int, at), strict=True)))


@pytest.mark.parametrize("name", sorted(set(CLASSES) - OF_ANY_KIND))
def test_every_layer_is_explained(name):
    found = [why for model, inputs in networks_of(name) for why in explanations(model, inputs)]
    assert bool(found) is (name not in UNEXPLAINED), (
        "weighted_sum or volume_sum in a file of convlab/explanation/contributions, or UNEXPLAINED here"
    )
    assert [f"{why}" for why in found if not why.agrees] == []


SHAPES = [
    (name, layer.kind, weights) for name, layer, shapes in every_layer() if (weights := layer.weight_shapes(*shapes))
]


def test_every_weight_is_known_by_the_name_that_keras_stores():
    stored = {role for _, _, shapes in SHAPES for role in shapes}
    assert [role for role in stored if ROLE.fullmatch(role) is None] == [], (
        "ROLE of convlab/files/keras/weights/weight_names.py"
    )


def test_every_weight_has_a_counterpart_in_pytorch():
    known = {name for name, kind, shapes in SHAPES if counterparts(LayerWeights("layer", kind, shapes)) is not None}
    assert {name for name, *_ in SHAPES} - known == NOT_IN_PYTORCH, (
        "_counterpart of convlab/files/torch/layouts.py, or NOT_IN_PYTORCH here"
    )


@pytest.mark.parametrize("name", sorted({name for name, *_ in SHAPES}))
def test_random_weights_make_numbers(name):
    """Of positive inputs: no weight is a negative variance."""
    for model, inputs in networks_of(name):
        made = model.run({key: np.abs(x) for key, x in inputs.items()})
        assert np.isfinite(made.output).all(), "positive_weights of the class"


def test_every_layer_of_keras_is_in_files_that_keras_wrote():
    table = text("docs/keras_files.md")
    assert [name for name in LAYERS if f"\n| {name} |" not in table] == [], (
        "a case in tests/references/keras_writers/cases.py, recorded; then make_keras_table.py;"
        " what no Keras writes is not in LAYERS, but in NO_CLASS_OF_KERAS"
    )


# ---- a kernel


@pytest.mark.parametrize(
    ("kernels", "never"),  # those that `auto` never takes, being there to be read or asked for by name
    [(cpu, {"direct"}), (cuda, {"direct", "direct_strided", "tiled", "blocked", "tensor_core_3x"})],
)
def test_every_kernel_is_in_the_tables(kernels, never):
    folder = Path(kernels.__file__).parent
    modules = {name: place.split(".")[0] for name, place in kernels.METHODS._places.items()}
    told, choice = text("kernels/README.md"), (folder / "choice.py").read_text(encoding="utf-8")
    assert [name for name, module in modules.items() if not (folder / f"{module}.py").is_file()] == []
    assert [name for name, module in modules.items() if not re.search(rf"`({module}\.py|{name})`", told)] == [], (
        "a row in kernels/README.md"
    )
    assert {name for name in modules if f'"{name}"' not in choice} == never, "choice.py, or `never` above"


@pytest.mark.parametrize(("kernels", "folder"), [(cpu, "tests/kernels/cpu"), (cuda, "tests/kernels/cuda")])
def test_every_kernel_is_tested(kernels, folder):
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / folder).rglob("*.py"))
    assert [name for name in kernels.METHODS if f'"{name}"' not in tests] == [], f"tests of its own in {folder}"


def asked_of(part):
    """Return what our code calls of the module that `runtime.policy.kernels` hands out."""
    asked = set()
    for path in (ROOT / "convlab").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        for name in set(re.findall(rf'(\w+) := kernels\("{part}"', code)):
            asked.update(re.findall(rf"\b{name}\.(\w+)", code))
    return asked


def handed_out(kernels, part):
    """Return the arguments of each public function, and of calls of each class, of such a module.

    An activation function is handed only to what says that it has them (`activates`).
    """
    module = importlib.import_module(f"{kernels.__name__}.{part}")
    ours = {name: one for name, one in vars(module).items() if getattr(one, "__module__", "") == module.__name__}
    functions = {name: one.__call__ if inspect.isclass(one) else one for name, one in ours.items()}
    return {
        name: [one for one in inspect.signature(function).parameters if one != "activation"]
        for name, function in functions.items()
        if inspect.isfunction(function) and name[0] != "_"
    }


@pytest.mark.parametrize("part", ["dense", "elementwise", "pooling"])
def test_modules_of_kernels_have_what_is_asked_of_them_and_no_more(part):
    on_cpu, on_gpu = (handed_out(kernels, part) for kernels in (cpu, cuda))
    assert on_cpu == on_gpu, f"cpu/{part}.py and cuda/{part}.py are called in the same way: ops gets either"
    assert on_cpu.keys() == asked_of(part), f"a call in convlab/ops, and no public function of {part}.py beside"
    for path in (f"tests/kernels/cpu/test_{part}.py", f"tests/kernels/cuda/test_{part}_cuda.py"):
        assert [name for name in on_cpu if not re.search(rf"\b{name}\b", text(path))] == [], f"its numbers in {path}"


# ---- a weight format


def test_every_ending_of_a_weight_file_is_told():
    endings = formats.endings()
    assert [ending for ending in endings if ending not in formats.expected()] == []
    pages = text("README.md"), inspect.getdoc(convlab.load)
    assert [ending for ending in endings for page in pages if ending not in page] == []
    lists = f"({', '.join(f'`{ending}`' for ending in endings)})", f"({', '.join(endings)})"
    assert [words for words, page in zip(lists, pages, strict=True) if words not in " ".join(page.split())] == []
    assert f"a model that Keras saved ({', '.join(NETWORKS)})" in pages[1]


# ---- a command


def commands():
    """Return the commands that the parser knows."""
    (actions,) = (action.choices for action in cli._parser()._actions if isinstance(action.choices, dict))
    return list(actions)


@pytest.mark.parametrize("command", commands())
def test_every_command_is_a_file_and_a_row(command):
    assert getattr(cli, command).__name__ == f"convlab.cli.{command}"
    assert callable(getattr(cli, command).add)
    assert f"\n| `convlab {command}" in text("README.md")
