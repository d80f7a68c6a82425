"""What the tests of layers share: compiled kernels compute for them too, who begin far above the sizes of a test."""

import pytest

from convlab.ops import convolution
from convlab.runtime import policy


@pytest.fixture(params=[False, True], ids=["NumPy", "compiled"])
def both_ways(request, monkeypatch):
    """Run a test as its sizes are, which is with NumPy, and with compiled kernels from no work on."""
    if request.param:
        monkeypatch.setattr(policy, "WORK", 0)
        monkeypatch.setattr(convolution, "WORK", 0)
    return request.param
