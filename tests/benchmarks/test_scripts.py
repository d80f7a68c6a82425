"""Every script of benchmarks/ imports: what it names is where it says, also what no other test runs."""

from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import growth
from benchmarks.ladder import pictures
from convlab.bench.machine import Machine
from convlab.bench.report import CaseResult, Report, Result
from convlab.bench.spread import Spread
from support.recorded import FRAMEWORKS

ROOT = Path(__file__).parents[2]
FILES = [path.relative_to(ROOT).with_suffix("") for path in sorted((ROOT / "benchmarks").rglob("*.py"))]
COMMANDS = {"choice", "explorer", "gpu", "keras", "ladder", "peers", "scan", "vgg16"}


@pytest.mark.parametrize("name", [".".join(path.parts) for path in FILES])
def test_it_imports(name):
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in FRAMEWORKS:
            raise
        pytest.skip(f"{name} needs {error.name}")
    if name.endswith("__main__"):
        assert f"python -m {name.removesuffix('.__main__')}" in module.__doc__


def test_every_package_is_a_command():
    assert {path.parts[1] for path in FILES if path.name == "__main__"} == COMMANDS
    assert {path.parts[1] for path in FILES if len(path.parts) > 2 and path.name == "__init__"} == COMMANDS


def test_the_pictures_of_the_ladder_are_drawn(tmp_path):
    for name in ("winograd", "direct"):
        draw = pictures.OTHERS.get(name) or partial(pictures.draw, name, pictures.RUNGS[name])
        pictures.save(draw(), tmp_path / f"{name}.png")
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) > 300
            assert len(picture.getcolors() or ()) > 8


def test_the_growth_is_drawn(tmp_path):
    """With made-up times: a method that doubles from size to size."""
    cases = [
        CaseResult(kind(size), (Result("direct", share=0.5, run=Spread((1e-3 * size,) * 3)),))
        for sizes, kind in growth.AXES.values()
        for size in sizes
    ]
    growth.draw(Report(Machine("a machine", "float32", 1e11, 1e10, 2, 2), 2, tuple(cases)), tmp_path / "growth.png")
    with Image.open(tmp_path / "growth.png") as picture:
        assert picture.size == (2040, 735)
