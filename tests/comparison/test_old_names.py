"""The paths of `convlab.check`, which README had, are those of `convlab.comparison`."""

from importlib import import_module

import pytest

import convlab


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("torch_recorder", "torch_recorder", "record_torch"),
        ("keras_recorder", "keras_recorder", "record_keras"),
        ("compare", "comparison", "compare"),
    ],
)
def test_an_old_path_leads_to_the_same_function(old, new, name):
    modules = import_module(f"convlab.check.{old}"), import_module(f"convlab.comparison.{new}")
    assert getattr(modules[0], name) is getattr(modules[1], name)


def test_importing_an_old_path_hides_nothing():
    import_module("convlab.check.compare")
    assert callable(convlab.compare)
