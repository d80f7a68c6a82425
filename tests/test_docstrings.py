"""Whoever asks for `help` reads what each parameter is."""

import inspect
import re

import pytest

import convlab
from convlab import layers
from convlab.layers import Layer

GIVEN_ANY = ("args", "kwargs", "_", "__")  # of what is not called by a user


def section(text, title):
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def named(text, title):
    """Return the names that a section is about: those before the colon of each line that is not indented."""
    heads = re.findall(r"^(\S[^\n]*)", section(text, title), re.MULTILINE)
    return {name.strip() for head in heads for name in head.split(" : ")[0].split(",")}


def parameters(one):
    return [name for name in inspect.signature(one).parameters if name not in GIVEN_ANY]


FUNCTIONS = [
    *(one for name in convlab.__all__ if inspect.isfunction(one := getattr(convlab, name))),
    *(getattr(convlab.plot, name) for name in convlab.plot.__all__),
]
CLASSES = [
    one
    for name in convlab.__all__
    if inspect.isclass(one := getattr(convlab, name)) and not issubclass(one, Exception)
]
LAYERS = [one for name in layers.__all__ if inspect.isclass(one := getattr(layers, name)) and one is not Layer]
METHODS = [convlab.Model.run, convlab.Model.predict, convlab.Model.ablate]


def test_they_are_found():
    assert (len(FUNCTIONS), len(CLASSES), len(LAYERS)) >= (25, 6, 70)


@pytest.mark.parametrize("function", [*FUNCTIONS, *LAYERS], ids=lambda one: one.__name__)
def test_every_parameter_has_its_line(function):
    text = inspect.cleandoc(function.__doc__)
    assert [name for name in parameters(function) if name not in named(text, "Parameters")] == []


@pytest.mark.parametrize("method", METHODS, ids=lambda one: one.__name__)
def test_every_parameter_of_a_method_has_its_line(method):
    text = inspect.cleandoc(method.__doc__)
    assert set(parameters(method)) - {"self"} == named(text, "Parameters")
    assert named(text, "Raises") <= set(convlab.__all__)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda one: one.__name__)
def test_every_field_of_a_class_has_its_line(kind):
    texts = [inspect.cleandoc(one.__doc__) for one in kind.__mro__ if one.__module__.startswith("convlab")]
    told = set().union(*(named(text, title) for text in texts for title in ("Parameters", "Attributes")))
    assert [name for name in parameters(kind) if name not in told] == []


@pytest.mark.parametrize("one", [*FUNCTIONS, *LAYERS], ids=lambda one: one.__name__)
def test_what_is_raised_is_an_error_of_convlab(one):
    assert named(inspect.cleandoc(one.__doc__), "Raises") <= {*convlab.__all__, "DeviceMemoryError"}


def test_the_help_of_prepare_names_its_options():
    assert {"fit", "resample", "span"} <= set(parameters(convlab.Model.prepare))
    assert all(f"`{name}" in convlab.Model.prepare.__doc__ for name in ("fit", "resample", "span"))
