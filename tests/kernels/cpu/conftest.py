"""What the tests of compiled kernels share."""

import pytest

from convlab_kernels.cpu import set_threads, threads


@pytest.fixture(params=[1, 3], ids="{} thread(s)".format)
def some_threads(request):
    """Compute with one thread, and with three."""
    before = threads()
    set_threads(request.param)
    yield
    set_threads(before)
