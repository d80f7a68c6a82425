"""The tests need no framework: no file of them imports one at the door, and what is skipped is stood for."""

import ast
from pathlib import Path

import pytest

from support.recorded import FRAMEWORKS
from support.selections import COMPILER, LIVE, SMOKE

TESTS = Path(__file__).parent
FILES = sorted(path for path in TESTS.rglob("*.py") if "cuda" not in path.parts and "references" not in path.parts)


def calls(tree, function):
    """Return the calls of a function, or of a module's function, of that name."""
    named = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [node for node in named if getattr(node.func, "attr", getattr(node.func, "id", None)) == function]


def name(path):
    return path.relative_to(TESTS).as_posix()


@pytest.fixture(scope="module")
def trees():
    return {name(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def test_no_framework_is_imported_at_the_door(trees):
    for file, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
                assert not {n.partition(".")[0] for n in names}.intersection(FRAMEWORKS), f"{file}:{node.lineno}"


def test_what_needs_a_framework_says_what_stands_for_it(trees):
    for file, tree in trees.items():
        for call in calls(tree, "importorskip"):
            library = call.args[0].value.partition(".")[0]
            assert library not in FRAMEWORKS, f"{file}:{call.lineno}: use `live` of recorded.py"


def test_what_stands_for_it_is_there_and_runs_without(trees):
    instead = {
        f"{file}:{call.lineno}": {keyword.arg: keyword.value for keyword in call.keywords}["instead"].value
        for file, tree in trees.items()
        for call in calls(tree, "live")
    }
    assert len(instead) > 10
    assert {place: file for place, file in instead.items() if file not in trees or file in LIVE} == {}


def test_no_more_than_a_few_files_are_live_as_a_whole(trees):
    whole = {
        file
        for file, tree in trees.items()
        if any(calls(node, "live") for node in tree.body if isinstance(node, ast.Expr | ast.Assign))
    }
    assert whole == LIVE


def test_what_is_selected_is_there(trees):
    assert set(trees) >= SMOKE | LIVE
    assert all((TESTS / name).is_file() for name in COMPILER)
