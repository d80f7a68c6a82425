"""The house is built as docs/architecture.md says: rooms in ranks, few modules in the hall, short files."""

import ast
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from convlab import layers

ROOT = Path(__file__).parents[1]
HOUSE = SimpleNamespace(**runpy.run_path(str(ROOT / "docs/draw_rooms.py")))
IMPORTS = HOUSE.imports()


def code(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def only_hands_on(path):
    """Whether a module does nothing but import, and say what it exports."""
    body = ast.parse(path.read_text(encoding="utf-8")).body[1:]
    return all(isinstance(node, ast.ImportFrom) or ast.unparse(node).startswith("__all__") for node in body)


def test_every_module_lies_in_a_room_that_has_a_rank():
    rooms = {HOUSE.room(module) for module in HOUSE.modules()}
    assert rooms == set(HOUSE.RANK)


def test_imports_lead_down():
    assert len(IMPORTS) > 1000
    assert [each for each in IMPORTS if HOUSE.runs_up(each)] == []


def in_circles(pairs):
    """Return what is left of the ends of arrows when what leads to nothing that is left is taken away."""
    left = {end for pair in pairs for end in pair}
    while ends := left - {a for a, b in pairs if a != b and {a, b} <= left}:
        left -= ends
    return left


def test_circles_are_found():
    arrows = {("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("d", "d")}
    assert in_circles(arrows) == {"a", "b", "c"}  # and what leads to them
    assert in_circles(arrows - {("c", "b")}) == set()


def test_no_files_import_each_other_in_a_circle():
    """Imports in functions, and those for types alone, count."""
    assert in_circles({(each.source, each.target) for each in IMPORTS}) == set()


def test_no_rooms_import_each_other_in_a_circle():
    assert in_circles({(HOUSE.room(each.source), HOUSE.room(each.target)) for each in IMPORTS}) == set()


def test_readme_and_the_page_name_every_room():
    rooms = {room for room in HOUSE.RANK if (ROOT / "convlab" / room).is_dir()} - {"convlab", "check"}
    readme, page = (
        (ROOT / name).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
        for name, heading in (("README.md", "Where to look"), ("docs/architecture.md", "The rooms"))
    )
    assert [room for room in rooms if f"`{room}/`" not in readme] == []
    assert [room for room in rooms if f"`{room}`" not in page] == []


def test_the_picture_shows_the_imports_there_are():
    with Image.open(ROOT / "docs/rooms.png") as picture:
        drawn = picture.info["Description"].split()
    assert drawn == [f"{a}->{b}" for a, b in HOUSE.arrows()], "python docs/draw_rooms.py draws it again"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import convlab.view", [("eager", "convlab.view")]),
        ("def f():\n    from convlab.view import plot", [("lazy", "convlab.view.plot")]),
        ("if TYPE_CHECKING:\n    from convlab.model.model import Model", [("type", "convlab.model.model.Model")]),
        ("try:\n    import numpy\nexcept ImportError:\n    import cupy", [("eager", "numpy"), ("eager", "cupy")]),
        ("class A:\n    async def f(self):\n        import numpy", [("lazy", "numpy")]),
    ],
)
def test_an_import_is_found_wherever_it_stands(source, told):
    assert [(when, name) for when, names in HOUSE._statements(ast.parse(source), "eager") for name in names] == told


def test_the_hall_has_few_modules():
    assert len(list((ROOT / "convlab").glob("*.py"))) <= 8


def test_files_are_short_enough_to_be_read():
    lines = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8").count("\n") for path in code("convlab")
    }
    assert {name: count for name, count in lines.items() if count > 350} == {}


def test_old_names_are_handed_on_in_one_folder_alone():
    shims = {
        path for path in code("convlab") if path.name not in ("__init__.py", "__main__.py") and only_hands_on(path)
    }
    assert {path.parent.name for path in shims - {ROOT / "convlab/view/plot.py"}} == {"check"}
    assert shims >= {path for path in code("convlab/check") if path.name != "__init__.py"}


def test_every_folder_of_code_is_installed(monkeypatch):
    setuptools = pytest.importorskip("setuptools")
    told = {}
    monkeypatch.setattr(setuptools, "setup", told.update)
    monkeypatch.chdir(ROOT)
    runpy.run_path("setup.py")
    folders = {
        path.parent.relative_to(ROOT).as_posix() for path in code("convlab", "kernels/convlab_kernels", "weights")
    }
    names = {
        folder.replace("weights", "convlab_weights", 1) if folder.startswith("weights") else folder
        for folder in folders
    }
    assert {name.removeprefix("kernels/").replace("/", ".") for name in names} <= set(told["packages"])


# ---- what is true of a layer is said in its class

LAYERS = {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}


def is_class(node):
    return isinstance(node, ast.Name | ast.Attribute) and getattr(node, "attr", getattr(node, "id", None)) in LAYERS


def is_kind(node):
    """Whether it is the text of a layer's name, or of the beginning or the end of one."""
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return (
        len(text) > 2 and text[0].isupper() and any(name.startswith(text) or name.endswith(text) for name in LAYERS)
    )


def members(node):
    """Yield what is in a tuple, a list or a set, the keys of a dictionary, or what a union is of."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        yield from node.elts
    elif isinstance(node, ast.Dict):
        yield from node.keys
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        for side in (node.left, node.right):
            yield from (list(members(side)) or [side])


def is_table(node):
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("startswith", "endswith"):
        return any(is_kind(argument) for argument in node.args)
    inside = list(members(node))
    return sum(map(is_class, inside)) > 2 or sum(map(is_kind, inside)) > 1


def tables(source):
    """Return the lines with a table of layers, but for types that are written behind a parameter or a name."""
    tree = ast.parse(source)
    types = [getattr(node, "annotation", None) or getattr(node, "returns", None) for node in ast.walk(tree)]
    apart = {id(part) for told in types if told is not None for part in ast.walk(told)}
    return sorted({node.lineno for node in ast.walk(tree) if id(node) not in apart and is_table(node)})


def test_no_table_of_layers_stands_outside_of_their_classes():
    own = [*code("convlab/layers"), *code("convlab/files/keras")]
    paths = [path for path in code("convlab") if path not in own]
    found = {path.relative_to(ROOT).as_posix(): tables(path.read_text(encoding="utf-8")) for path in paths}
    assert {name: lines for name, lines in found.items() if lines} == {}, (
        "a trait of the classes in convlab/layers, which tests/layers/test_traits.py computes"
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('MIXES = ("Conv", "SeparableConv", "Dense")', True),
        ('kind in {"Flatten", "Reshape"}', True),
        ('COLOURS = {"Conv": 1, "Dense": 2}', True),
        ('kind.startswith("Depthwise")', True),
        ('layer.kind.endswith("Transpose")', True),
        ("KEEPING = (Activation, Dropout, layers.ReLU)", True),
        ("isinstance(layer, Conv2D | DepthwiseConv2D | layers.SeparableConv2D)", True),
        ("isinstance(layer, (Conv2D, DepthwiseConv2D, SeparableConv2D))", True),
        ('kind == "Flatten" and name.endswith("/pre")', False),
        ("isinstance(layer, Conv2D | DepthwiseConv2D)", False),
        ("def f(layer: Conv2D | Dense | Flatten) -> Conv2D | Dense | Flatten: ...", False),
        ("from convlab.layers import Conv2D, Dense, Flatten", False),
        ('("float16", "float32")', False),
    ],
)
def test_a_table_of_layers_is_found(source, found):
    assert bool(tables(source)) is found
