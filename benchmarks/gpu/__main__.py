"""Measure convlab on an NVIDIA GPU beside PyTorch, cuDNN and cuBLAS, in one call of ten minutes.

    python -m benchmarks.gpu OUT [--minutes 9]

writes OUT/results.json, OUT/report.md, OUT/ladder.png, OUT/roofline.png and OUT/gpu_tests.log. The machine needs the
libraries of convlab and of its extra for CUDA, and PyTorch to compare with; convlab need not be installed. The most
important comes first, what does not fit into the time is named, and so is what fails: nothing else fails with it.
Where no kernel of ours has ever run, `python -m benchmarks.gpu.smoke` comes before: it tries a few in two minutes.
"""

import sys

from benchmarks.gpu.checkout import run

if __name__ == "__main__":
    sys.exit(run("benchmarks.gpu.session"))
