"""Train the LeNet-5 that ships with convlab on Fashion-MNIST and write it as Keras would: minutes on a CPU.

python -m convlab_weights.train_lenet5 --out lenet5_fashion_mnist.h5

The rate, the shifts and the absence of mirroring were chosen on the split that `--validate` makes: training on the
first 50,000 training images, judging on the last 10,000. The network that ships was then trained on all 60,000. The
test set chose nothing; this script reads it only to find the sample images.
"""

import argparse
import logging
import os
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from convlab_weights.fashion_data import DEBIAN, read_split, write_samples

BATCH = 256
PEAK_RATE = 1.5e-2  # of the one-cycle schedule
DECAY = 0.02
AVERAGING = 0.999  # share of the running average of the weights that each step keeps
SHIFT = 1  # pixels; two were worse, and so was mirroring
WEIGHTED = ("conv1", "conv2", "fc1", "fc2", "fc3")


class FlattenChannelsLast(nn.Module):
    """Flatten (N, C, H, W) in the order of (N, H, W, C), so that the dense weights fit Keras and convlab."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, H*W*C)."""
        return x.permute(0, 2, 3, 1).flatten(1)


def lenet5() -> nn.Sequential:
    """Build the network, (N, 1, 28, 28) -> (N, 10) probabilities; its names are those of the Keras file."""
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            conv1=nn.Conv2d(1, 6, 5, padding="same"),
            relu1=nn.ReLU(),
            pool1=nn.AvgPool2d(2),
            conv2=nn.Conv2d(6, 16, 5),
            relu2=nn.ReLU(),
            pool2=nn.AvgPool2d(2),
            flatten=FlattenChannelsLast(),
            fc1=nn.Linear(400, 120),
            relu3=nn.ReLU(),
            fc2=nn.Linear(120, 84),
            relu4=nn.ReLU(),
            fc3=nn.Linear(84, 10),
            softmax=nn.Softmax(dim=1),
        )
    )


def shifted(images: Tensor) -> Tensor:
    """Return (N, 28, 28) images, each moved by up to `SHIFT` pixels each way; what comes in is black."""
    windows = nn.functional.pad(images, [SHIFT] * 4).unfold(1, 28, 1).unfold(2, 28, 1)  # (N, dy, dx, 28, 28)
    dy, dx = torch.randint(2 * SHIFT + 1, (2, len(images)))
    return windows[torch.arange(len(images)), dy, dx]


def train(images: Tensor, labels: Tensor, epochs: int) -> nn.Module:
    """Return the network, its weights averaged over the training, for images (N, 28, 28) in 0-1."""
    model = lenet5().to(memory_format=torch.channels_last)  # the faster order on a CPU
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGING))
    steps = len(images) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=DECAY)
    schedule = OneCycleLR(optimizer, PEAK_RATE, total_steps=epochs * steps, pct_start=0.2)
    loss_of = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        for batch in torch.randperm(len(images))[: steps * BATCH].reshape(steps, BATCH):
            loss = loss_of(model[:-1](shifted(images[batch])[:, None]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
        print(f"epoch {epoch + 1:3} of {epochs}: loss of the last batch {loss.item():.3f}", flush=True)
    return average.module


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the share of images (N, 28, 28) whose most probable class is the label."""
    return float((model(images[:, None]).argmax(1) == labels).float().mean())


def keras_lenet5() -> Any:
    """Build the same network in Keras: images (N, 28, 28, 1), activations as layers of their own."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            layers.Input((28, 28, 1), name="input"),
            layers.Conv2D(6, 5, padding="same", name="conv1"),
            layers.ReLU(name="relu1"),
            layers.AveragePooling2D(2, name="pool1"),
            layers.Conv2D(16, 5, name="conv2"),
            layers.ReLU(name="relu2"),
            layers.AveragePooling2D(2, name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dense(120, name="fc1"),
            layers.ReLU(name="relu3"),
            layers.Dense(84, name="fc2"),
            layers.ReLU(name="relu4"),
            layers.Dense(10, name="fc3"),
            layers.Softmax(name="softmax"),
        ],
        name="lenet5",
    )


def to_keras(model: nn.Module) -> Any:
    """Return the Keras network with the weights of the PyTorch one."""
    network = keras_lenet5()
    for name in WEIGHTED:
        layer: Any = model.get_submodule(name)
        kernel = layer.weight.detach().numpy()  # (O, C, KH, KW) -> (KH, KW, C, O); (out, in) -> (in, out)
        order = (2, 3, 1, 0) if kernel.ndim == 4 else (1, 0)
        network.get_layer(name).set_weights([kernel.transpose(order), layer.bias.detach().numpy()])
    return network


def from_keras(path: Path) -> nn.Sequential:
    """Return the PyTorch network with the weights of a file that this script wrote."""
    import h5py

    model = lenet5()
    with h5py.File(path) as file, torch.no_grad():
        for name in WEIGHTED:
            group = file["model_weights"][name]
            kernel, bias = (torch.from_numpy(group[key][()]) for key in group.attrs["weight_names"])
            layer: Any = model.get_submodule(name)
            layer.weight.copy_(kernel.permute(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T)
            layer.bias.copy_(bias)
    return model


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description="Train convlab's LeNet-5 on Fashion-MNIST.")
    add = parser.add_argument
    add("--data", type=Path, default=DEBIAN, help="folder of the four idx .gz files (%(default)s)")
    add("--out", type=Path, default=Path("lenet5_fashion_mnist.h5"), help="file to write (%(default)s)")
    add("--epochs", type=int, default=30, help="passes over the training set (%(default)s)")
    add("--seed", type=int, default=0, help="for weights, order and shifts (%(default)s)")
    add("--validate", action="store_true", help="hold out 10,000 training images to judge on; write nothing")
    add("--samples", type=Path, help="only write the sample images, to this folder")
    return parser.parse_args()


def run(chosen: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if chosen.samples:
        write_samples(chosen.samples, chosen.data)
        return
    if chosen.out.suffix != ".h5" or not chosen.out.parent.is_dir():
        raise ValueError(f"--out {chosen.out}: expected a name ending in .h5 in a folder that exists")
    pixels, classes = read_split(chosen.data, "train")
    images, labels = torch.tensor(pixels / 255, dtype=torch.float32), torch.tensor(classes, dtype=torch.long)
    torch.manual_seed(chosen.seed)
    kept = len(images) - (10_000 if chosen.validate else 0)
    model = train(images[:kept], labels[:kept], chosen.epochs)
    if chosen.validate:
        print(f"right on the images held out: {accuracy(model, images[kept:], labels[kept:]):.2%}")
    else:
        to_keras(model).save(chosen.out)
        print(f"wrote {chosen.out}")


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "torch")
    logging.getLogger("absl").setLevel(logging.ERROR)  # Keras calls HDF5 legacy: it is the format wanted
    try:
        run(options())
    except (OSError, ValueError) as error:
        sys.exit(f"train_lenet5: {error}")
