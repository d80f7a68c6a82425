"""One network built by Keras, saved, loaded by convlab and compared in every layer; the page of many."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import convlab
from benchmarks.keras.random_weights import picture, randomise
from convlab.bench.host import in_a_line
from convlab.comparison.comparison import compare
from convlab.comparison.keras_recorder import record_keras
from convlab.comparison.report import Report, Row

STANDARD = dict.fromkeys(("InceptionV3", "InceptionResNetV2", "Xception", "Inception-v4"), 299)  # the others take 224
NAMES = (
    *("VGG16", "VGG19", "ResNet50", "ResNet50V2", "InceptionV3", "InceptionResNetV2", "Xception"),
    *("MobileNet", "MobileNetV2", "MobileNetV3Small", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0"),
    *("NASNetMobile", "ConvNeXtTiny", "Inception-v4"),
)
SUFFIXES = (".keras", ".h5")
SMALL = (75, 91)

HEADER = (
    *("network", "input", "file", "layers", "parameters", "largest relative error", "expected there", "in layer"),
    *("largest difference of the output", "seconds, convlab", "seconds, Keras"),
)
PAGE = """\
# Networks against Keras

`python -m benchmarks.keras --out docs/networks.md` made this page. Each network of `keras.applications`, and
Inception-v4 built from its paper (arXiv 1602.07261), was given seeded random weights (no bias is 0, no statistic of a
batch normalisation is 0 or 1), saved by Keras, loaded by `convlab.load` and run by both on one picture: at a small
size without its classifier, and at its standard size with it. Every layer was compared. A layer differs where its
relative error |a - b| / |b| (L2) is more than 8 times what rounding leads one to expect (`convlab.compare`).

{verdict}

{table}

The layer named is the one with the largest relative error. Seconds are those of one run that records every layer, on
a machine that did other work too: they are for information. {versions}.

- NASNetMobile is built past Keras' check that refuses it on PyTorch; PyTorch computes all of its layers.
- Keras on PyTorch fills up "same" average pooling with copies of the edge where one side needs more padding than the
  other, and on TensorFlow it does not; these networks need as much on both sides, so Keras was taken as it is.
- Inception-v4 has its classifier at the small size too.
"""


@dataclass(frozen=True)
class Outcome:
    """What came of one network at one size."""

    name: str
    size: tuple[int, int]
    suffix: str
    report: Report
    output: str
    parameters: int
    seconds: tuple[float, float]

    @property
    def rows(self) -> list[Row]:
        """The layers compared."""
        return [row for row in self.report.rows if row.kind != "Input"]

    @property
    def agrees(self) -> bool:
        """Whether every layer of either was found in the other and all agree."""
        return self.report.agrees and self.report.only == ((), ())

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in the table."""
        first = (self.name, " x ".join(map(str, self.size)), self.suffix)
        worst = max(self.rows, key=lambda row: row.relative_error)
        difference = next(row.max_error for row in self.rows if row.name == self.output)
        errors = (f"{worst.relative_error:.1e}", f"{worst.expected:.1e}", f"`{worst.name}`", f"{difference:.1e}")
        return *first, f"{len(self.rows)}", f"{self.parameters:,}", *errors, *(f"{lap:.2f}" for lap in self.seconds)


def build(name: str, size: tuple[int, int], top: bool) -> Any:
    """Return a network of keras.applications, or Inception-v4 (with its classifier), without trained weights."""
    import keras

    from benchmarks.keras.inception_v4 import inception_v4

    if name == "Inception-v4":
        return inception_v4((*size, 3))
    if name == "NASNetMobile":  # Keras refuses it on PyTorch, but builds it there
        from keras.src.applications.nasnet import NASNet

        options = {"weights": None, "classes": 1000, "classifier_activation": "softmax", "default_size": 224}
        return NASNet((*size, 3), 1056, 4, 32, False, 2, include_top=top, name="NASNet", **options)
    return getattr(keras.applications, name)(weights=None, include_top=top, input_shape=(*size, 3))


def compare_network(name: str, size: tuple[int, int], top: bool, suffix: str) -> Outcome:
    """Build a network, save it with Keras, load the file with convlab, run and compare both."""
    import keras

    keras.backend.clear_session()
    network, x = build(name, size, top), picture(*size)
    if not any(isinstance(layer, keras.layers.Rescaling) for layer in network.layers):
        x = x / 127 - 1
    randomise(network, x)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}{suffix}"
        network.save(path)
        model = convlab.load(path)
    (ours, our_seconds), (theirs, their_seconds) = _timed(model.run, x), _timed(partial(record_keras, network), x)
    report, parameters = compare(ours, theirs), sum(layer.parameters for layer in model.layers)
    return Outcome(name, size, suffix, report, *ours.outputs, parameters, (our_seconds, their_seconds))


def _timed(run: Callable[[Any], Any], x: Any) -> tuple[Any, float]:
    start = perf_counter()
    result = run(x)
    return result, perf_counter() - start


def page(outcomes: list[Outcome]) -> str:
    """Return the page of all rows, as Markdown."""
    layers = sum(len(outcome.rows) for outcome in outcomes)
    differing = dict.fromkeys(outcome.name for outcome in outcomes if not outcome.agrees)
    found = f"all agree but those of {', '.join(differing)}" if differing else "all agree"
    verdict = f"{layers:,} layers were compared in {len(outcomes)} runs: {found}."
    rows = [HEADER, ("---",) * len(HEADER), *(outcome.cells for outcome in outcomes)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    packages = ", ".join(f"{package} {version(package)}" for package in ("keras", "torch", "numpy"))
    versions = f"{packages} on {in_a_line()}"
    return PAGE.format(verdict=verdict, table=table, versions=versions)
