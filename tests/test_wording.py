"""Messages speak to the one who asked: those of Python name its options, those of the command flags."""

import argparse
import ast
import inspect
import re
from pathlib import Path

import pytest

import convlab
from convlab.cli import _parser, main
from convlab.model.model import Model
from convlab.wording import MOST, asked_by_command, counted, nearest, say, unknown

ROOT = Path(__file__).parents[1]
FILES = sorted(path for folder in ("convlab", "kernels/convlab_kernels") for path in (ROOT / folder).rglob("*.py"))
FUNCTIONS = [
    convlab.load,
    convlab.compare,
    convlab.explain,
    convlab.folder_statistics,
    convlab.folder_attributions,
    Model.run,
    Model.prepare,
]
OPTIONS = {name for one in FUNCTIONS for name in inspect.signature(one).parameters if len(name) > 2} | {"span", "fit"}


def texts(tree):
    """Yield each text of a module that is no docstring and no argument of `say`, with the braces of an f-string."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            for part in node.values:
                yield from texts(part)
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        yield from texts(node)


def flags(text):
    return re.findall(r"(?<![\w-])--[a-z][a-z-]+\b", text)


def options(text):
    """Return the options of Python in a text: "span=", or in apostrophes as in "fit='crop'"."""
    return [name for name in re.findall(r"(?<![\w.])([a-z_]+)=(?!=)", text) if name in OPTIONS]


def test_they_are_told_apart():
    assert flags("give --names FILE, or a -- b") == ["--names"]
    assert options("pass span=(0, 1); kernel=3 == a=b") == ["span"]
    tree = ast.parse("""'--aa'\nraise E(f"{say('fit=', '--fit')} and {x} fit=", "--bb")""")
    assert [text for text in texts(tree) if flags(text) or options(text)] == ["{} and {} fit=", "--bb"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_message_names_no_option_but_through_say(path):
    """What lies below the command may be asked for by Python or by the command; what is in it, by the command."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [text for text in texts(tree) if "\n" not in text and "in Python, " not in text and text[:1] != "<"]
    assert [text for text in found if options(text)] == []
    if "cli" not in path.parts and "bench" not in path.parts:
        assert [text for text in found if flags(text)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_says_it_in_its_own_words(path):
    known = set(all_flags())
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
            python, command = map(ast.unparse, node.args)
            assert not flags(python)
            assert not options(command)
            assert set(flags(command)) <= known, "a flag that no command has"


def all_flags(parser=None):
    for action in (parser or _parser())._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from all_flags(inner)


def test_who_asks_is_answered_and_then_the_other_again():
    assert say("fit=", "--fit") == "fit="
    with asked_by_command():
        assert say("fit=", "--fit") == "--fit"
    assert say("fit=", "--fit") == "fit="


def test_the_command_speaks_as_a_command(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path))
    assert main(["filters", "vgg16", "block1_conv1", "--out", str(tmp_path / "x.png")]) == 1
    assert "give --weights FILE" in capsys.readouterr().err
    with pytest.raises(convlab.WeightsError, match="weights=FILE"):
        convlab.load("vgg16")


RESNET = ["conv1_pad", "conv1_conv", "conv1_bn", "conv1_relu", "pool1_pad", "pool1_pool"] + [
    f"conv{stage}_block{block}_{call}_{kind}"
    for stage in range(2, 6)
    for block in range(1, 7)
    for call in range(4)
    for kind in ("conv", "bn", "relu")
]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("conv1", "conv1_conv"),
        ("conv3_block2", "conv3_block2_"),
        ("pool", "pool1_pool"),
        ("CONV1_CONV", "conv1_conv"),
        ("conv2_block1_1_con", "conv2_block1_1_conv"),
    ],
)
def test_the_nearest_name_has_the_same_parts(name, near):
    assert nearest(name, RESNET)[0].startswith(near)


def test_there_may_be_no_name_that_is_near():
    assert nearest("zzz", RESNET) == []


def test_a_message_lists_ten_names_at_most():
    for name in ("conv1", "zzz"):
        assert sum(known in unknown("layer", name, RESNET) for known in RESNET) <= MOST
    assert unknown("layer", "x", ["a", "b"]) == "no layer 'x'; available: a, b"
    eleven = [f"n{i}" for i in range(11)]
    assert unknown("layer", "n", eleven).endswith("available: n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 1 more")


def test_one_of_a_thing_is_no_several():
    assert [counted(n, "picture") for n in (0, 1, 1234)] == ["0 pictures", "1 picture", "1,234 pictures"]
    assert [counted(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]
