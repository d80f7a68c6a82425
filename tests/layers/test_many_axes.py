"""Shapes of thousands of sides, whose product takes minutes, are refused when the layer is made."""

import pytest

from convlab.errors import ConvlabError
from convlab.layers import Permute, Reshape


def test_more_axes_than_an_array_has() -> None:
    assert Reshape("r", [2] * 63).target_shape == [2] * 63
    with pytest.raises(ConvlabError, match=r"layer 'r': target_shape is .*at most 63 sizes"):
        Reshape("r", [2**31 - 1] * 64)
    with pytest.raises(ConvlabError, match=r"layer 'p': dims is "):
        Permute("p", list(range(1, 65)))  # in order, and each once
