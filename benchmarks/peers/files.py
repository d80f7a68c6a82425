"""What a comparison of frameworks needs, each file made once: networks by Keras, inputs, answers in float64, ONNX.

    python -m benchmarks.peers.files FOLDER NETWORK BATCH predict|run|gradient

makes those of one task (`benchmarks.peers` calls it so, in a process that ends before anything is timed).
"""

import json
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

KERAS_NETWORKS = {
    name.lower(): name
    for name in (
        *("VGG16", "ResNet50", "MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "DenseNet121"),
        *("InceptionV3", "Xception"),
    )
}
SIDES = {"lenet5": 28, "unet": 128, "inceptionv3": 299, "xception": 299}  # of the images; the others take 224
OF_PIXELS = {"mobilenetv3small", "efficientnetb0"}  # they take 0 to 255, and scale that themselves
LAYER = "layer-"
CLASS = 0  # whose gradient is asked for, before the softmax
TIMES_EXPECTED = 8  # as in `convlab.compare`: an answer is wrong that errs by more than 8 times what is expected


@dataclass(frozen=True)
class Task:
    """What every contender is asked: so many images through a network.

    `what`: "predict", for the output; "run", for the values of all layers; "gradient", for that of a class's value
    before the softmax by the input.
    """

    folder: Path
    network: str
    batch: int
    what: str

    @property
    def name(self) -> str:
        """As in "vgg16, batch 1, predict"."""
        return f"{self.network}, batch {self.batch}, {self.what}"

    @property
    def record(self) -> bool:
        """Whether the values of all layers are asked for."""
        return self.what == "run"

    @property
    def network_file(self) -> Path:
        """The network, saved by Keras."""
        if self.network == "lenet5":
            return Path(__file__).resolve().parents[2] / "weights" / "lenet5_fashion_mnist.h5"
        return self.folder / f"{self.network}.h5"

    @property
    def own_folder(self) -> Path:
        """Where the task's own files are."""
        return self.folder / f"{self.network}-{self.batch}-{self.what}"

    @property
    def onnx_file(self) -> Path:
        """The network with this batch, its outputs named as the layers."""
        return self.own_folder / "network.onnx"

    @cached_property
    def x(self) -> Any:
        """The input, (N, H, W, C) float32."""
        return np.load(self.own_folder / "x.npy")

    @cached_property
    def channels_first(self) -> Any:
        """The input, (N, C, H, W), contiguous."""
        return np.ascontiguousarray(self.x.transpose(0, 3, 1, 2))

    @cached_property
    def allowed(self) -> dict[str, float]:
        """Name of each output -> the largest relative L2 error of a right answer."""
        return json.loads((self.own_folder / "allowed.json").read_text(encoding="utf-8"))


def make(task: Task) -> None:
    """Make the files of a task that are not there yet."""
    if not task.network_file.exists():
        save_keras_network(task.network, task.network_file)
    if not (task.own_folder / "allowed.json").exists():
        task.own_folder.mkdir(parents=True, exist_ok=True)
        x = images(task.network, task.batch)
        np.save(task.own_folder / "x.npy", x)
        save_answers(task, x)
    if task.what != "gradient" and not task.onnx_file.exists():
        save_onnx(task)


def images(network: str, batch: int) -> Any:
    """Return what goes in, (N, H, W, C) float32: made-up pictures, or noise for a single layer."""
    from benchmarks.keras.random_weights import picture

    if network.startswith(LAYER):
        pixels, channels, _ = layer_sizes(network)
        return np.random.default_rng(0).standard_normal((batch, pixels, pixels, channels), np.float32)
    pictures = np.concatenate([picture(side(network), side(network), seed) for seed in range(batch)])
    if network == "lenet5":
        return pictures[..., :1] / 255
    return pictures if network in OF_PIXELS else pictures / 127 - 1


def layer_sizes(network: str) -> tuple[int, int, int]:
    """Return image side, channels in and out of "layer-56-128-256"."""
    pixels, channels, filters = map(int, network.removeprefix(LAYER).split("-"))
    return pixels, channels, filters


def save_keras_network(name: str, path: Path) -> None:
    """Build a network of keras.applications, a U-Net or a single layer with random weights; let Keras save it."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    from benchmarks.keras.random_weights import randomise

    network = keras_layer(name) if name.startswith(LAYER) else keras_network(name)
    randomise(network, images(name, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_suffix(".part.h5")
    network.save(made)
    made.rename(path)


def keras_network(name: str) -> Any:
    """Return a network without trained weights."""
    from benchmarks.keras.networks import build
    from benchmarks.keras.unet import unet

    return unet() if name == "unet" else build(KERAS_NETWORKS[name], (side(name), side(name)), top=True)


def side(network: str) -> int:
    """Return how many pixels high and wide the images are."""
    return SIDES.get(network, 224)


def keras_layer(name: str) -> Any:
    """Return a network of one convolution as VGG has them: 3 x 3, as large as its input, with ReLU."""
    import keras

    pixels, channels, filters = layer_sizes(name)
    convolution = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")
    return keras.Sequential([keras.Input((pixels, pixels, channels)), convolution])


def save_answers(task: Task, x: Any) -> None:
    """Write what convlab computes in float64, and how far a right answer in float32 may lie from it.

    That is `TIMES_EXPECTED` times what `convlab.compare` expects: the distance of two runs side by side, one with
    noise of the size of rounding errors added to every layer's values. Where such noise takes a value past ReLU's
    kink, all that the gradient brings there is lost or gained: as large a share of the values as the noise is of
    them, and of the gradient's L2 norm the root of that.
    """
    import convlab
    from convlab.comparison.rounding import SINGLE, expected_errors

    model = convlab.load(task.network_file)
    few = x if task.network == "lenet5" else x[:1]  # one picture shows it, unless there are but ten classes
    expected = expected_errors(model, dict.fromkeys(model.inputs, few), SINGLE)
    double = x.astype(np.float64)
    if task.what == "gradient":
        [source] = model.inputs
        exact = {task.what: convlab.gradients(model, model.run(double), CLASS, to=source)[source]}
        allowed = {task.what: TIMES_EXPECTED * sqrt(max(expected.values()))}
    else:
        [output] = model.outputs
        exact = dict(model.run(double)) if task.record else {output: model.predict(double)}
        allowed = {name: TIMES_EXPECTED * expected[name] for name in exact}
    np.savez(task.own_folder / "answers.npz", **exact)
    (task.own_folder / "allowed.json").write_text(json.dumps(allowed, indent=1), encoding="utf-8")


def save_onnx(task: Task) -> None:
    """Let PyTorch export the network with its outputs."""
    import warnings

    import torch

    import convlab
    from benchmarks.as_torch import as_torch

    warnings.simplefilter("ignore")  # of what it exports, the answers are checked
    network, x = as_torch(convlab.load(task.network_file), task.record), torch.from_numpy(task.channels_first)
    made = task.onnx_file.with_suffix(".part")
    names = {"input_names": ["x"], "output_names": list(task.allowed)}
    with torch.no_grad():
        torch.onnx.export(network, (x,), str(made), dynamo=False, **names)
    made.rename(task.onnx_file)


if __name__ == "__main__":
    folder, network, batch, what = sys.argv[1:]
    make(Task(Path(folder), network, int(batch), what))
