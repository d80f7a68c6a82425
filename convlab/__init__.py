"""See inside a convolutional network: load it, run it, keep every activation, draw it, explain it.

>>> import convlab
>>> model = convlab.load("lenet5")
>>> acts = model.run(model.prepare("picture.png"))
>>> acts["conv1"].shape
(1, 28, 28, 6)
"""

from typing import TYPE_CHECKING, Any

from convlab.errors import (
    BudgetError,
    ConvlabError,
    FileError,
    ImageError,
    LayerNameError,
    ShapeError,
    UnsupportedError,
    WeightsError,
)
from convlab.ops import (
    avg_pool2d,
    batch_norm,
    conv2d,
    conv2d_transpose,
    dense,
    flatten,
    global_avg_pool2d,
    global_max_pool2d,
    max_pool2d,
    output_size,
    relu,
    sigmoid,
    softmax,
    tanh,
    zero_pad2d,
)
from convlab_kernels.imports import load_module
from convlab_kernels.window import Window

if TYPE_CHECKING:
    from convlab import attribution, testing
    from convlab.attribution.ablation import ablation_cam
    from convlab.backward.gradients import gradients
    from convlab.comparison.comparison import compare
    from convlab.explanation.explanation import Explanation, explain
    from convlab.explorer.notebook import explore
    from convlab.images.preprocessing import Preprocessing
    from convlab.judging.judgement import judge
    from convlab.loading import load
    from convlab.markup.mosaic import mosaic
    from convlab.model.model import Model, Node
    from convlab.recording.activations import Activations
    from convlab.scanning.attributions import FolderAttributions, folder_attributions
    from convlab.scanning.folder import FolderStatistics
    from convlab.scanning.scanned import Scan
    from convlab.scanning.scanner import folder_statistics, scan
    from convlab.view import plot
    from convlab_kernels.cpu.runtime.threads import set_threads

__version__ = "0.1.0"

__all__ = [
    "Activations",
    "BudgetError",
    "ConvlabError",
    "Explanation",
    "FileError",
    "FolderAttributions",
    "FolderStatistics",
    "ImageError",
    "LayerNameError",
    "Model",
    "Node",
    "Preprocessing",
    "Scan",
    "ShapeError",
    "UnsupportedError",
    "WeightsError",
    "Window",
    "ablation_cam",
    "attribution",
    "avg_pool2d",
    "batch_norm",
    "compare",
    "conv2d",
    "conv2d_transpose",
    "dense",
    "explain",
    "explore",
    "flatten",
    "folder_attributions",
    "folder_statistics",
    "global_avg_pool2d",
    "global_max_pool2d",
    "gradients",
    "judge",
    "load",
    "max_pool2d",
    "mosaic",
    "output_size",
    "plot",
    "relu",
    "scan",
    "set_threads",
    "sigmoid",
    "softmax",
    "tanh",
    "testing",
    "zero_pad2d",
]


_MODULES = {"attribution": "convlab.attribution", "plot": "convlab.view.plot", "testing": "convlab.testing"}

_LATER = {
    "Activations": "convlab.recording.activations",
    "Explanation": "convlab.explanation.explanation",
    "FolderAttributions": "convlab.scanning.attributions",
    "FolderStatistics": "convlab.scanning.folder",
    "Model": "convlab.model.model",
    "Node": "convlab.model.model",
    "Preprocessing": "convlab.images.preprocessing",
    "Scan": "convlab.scanning.scanned",
    "ablation_cam": "convlab.attribution.ablation",
    "compare": "convlab.comparison.comparison",
    "explain": "convlab.explanation.explanation",
    "explore": "convlab.explorer.notebook",
    "gradients": "convlab.backward.gradients",
    "folder_attributions": "convlab.scanning.attributions",
    "folder_statistics": "convlab.scanning.scanner",
    "judge": "convlab.judging.judgement",
    "load": "convlab.loading",
    "mosaic": "convlab.markup.mosaic",
    "scan": "convlab.scanning.scanner",
    "set_threads": "convlab_kernels.cpu.runtime.threads",
}


def __getattr__(name: str) -> Any:
    """Import what is more than an operation at its first use: `import convlab` alone takes NumPy and a moment."""
    if name in _MODULES:
        return load_module(_MODULES[name])
    if name in _LATER:
        value = globals()[name] = getattr(load_module(_LATER[name]), name)
        return value
    raise AttributeError(f"module 'convlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
