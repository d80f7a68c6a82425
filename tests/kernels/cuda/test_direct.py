"""The two rungs of the definition, and what all rungs refuse."""

import pytest

from convlab_kernels.cuda import METHODS
from support.cuda.rungs import ANY, check


@pytest.mark.parametrize("case", ANY, ids=str)
@pytest.mark.parametrize("method", ["direct_strided", "direct"])
def test_any_convolution(method, case, gpu):
    check(gpu, METHODS[method], case)


@pytest.mark.parametrize("method", ["direct_strided", "direct"])
def test_relu_ceiling_and_no_bias(method, gpu):
    check(gpu, METHODS[method], ANY[0], relu=True, ceiling=1.5)
    check(gpu, METHODS[method], ANY[1], bias=False)
