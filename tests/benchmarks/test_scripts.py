"""Every script of benchmarks/ imports: what it names is where it says, also what no other test runs."""

from importlib import import_module
from pathlib import Path

import pytest

from support.recorded import FRAMEWORKS

ROOT = Path(__file__).parents[2]
FILES = [path.relative_to(ROOT).with_suffix("") for path in sorted((ROOT / "benchmarks").rglob("*.py"))]
COMMANDS = {"choice", "gpu", "keras", "ladder", "peers", "vgg16"}


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
