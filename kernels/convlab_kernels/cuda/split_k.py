"""The sums of a product whose depth is split (split-K): blocks write parts, and a second kernel adds them in order.

So the numbers are the same in every run, which atomic additions would not give.
"""

from convlab_kernels.cuda.compiler.language import FLOAT, FLOATS, INT, cuda, float32, int32, kernel
from convlab_kernels.cuda.device_functions import clipped

THREADS = 256


@kernel(FLOATS, FLOATS, FLOAT, FLOAT, INT, INT, block=(THREADS,))
def sum_of_parts(parts, out, low, high, size, count):
    """Compute one output for each thread, of `size`, from its `count` parts (count, size)."""
    i = int32(cuda.blockIdx.x * THREADS + cuda.threadIdx.x)
    if i < size:
        total = float32(0)
        for part in range(count):
            total += parts[int32(part * size + i)]
        out[i] = clipped(total, low, high)
