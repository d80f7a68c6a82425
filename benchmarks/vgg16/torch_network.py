"""VGG16 in PyTorch, its weights read straight from a Keras file: nothing is held twice but one kernel at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import torch
from torch import nn

CONVOLUTIONS = (2, 2, 3, 3, 3)  # of each block


def read_vgg16(path: Path) -> nn.Module:
    """Return the network of a file that Keras saved, of the model or of its weights alone."""
    with h5py.File(path) as file, torch.no_grad():
        return nn.Sequential(*_layers(file.get("model_weights", file))).eval()


class Flatten(nn.Module):
    """All numbers of (N, C, H, W) in Keras' order, (H, W, C), so that the weights need not be moved."""

    def forward(self, x: Any) -> Any:
        """Return (N, H*W*C)."""
        return x.permute(0, 2, 3, 1).flatten(1)


def _layers(weights: Any) -> Iterator[nn.Module]:
    for block, count in enumerate(CONVOLUTIONS, 1):
        for number in range(1, count + 1):
            kernel, bias = _read(weights[f"block{block}_conv{number}"])  # (KH, KW, C, O)
            layer = nn.Conv2d(*kernel.shape[2:], 3, padding=1, device="meta")
            yield _filled(layer, kernel.permute(3, 2, 0, 1).contiguous(), bias)  # (O, C, KH, KW)
            yield nn.ReLU(inplace=True)
        yield nn.MaxPool2d(2)
    yield Flatten()
    for name in ("fc1", "fc2", "predictions"):
        kernel, bias = _read(weights[name])  # (in, out)
        yield _filled(nn.Linear(*kernel.shape, device="meta"), kernel.T, bias)  # a view
        yield nn.Softmax(1) if name == "predictions" else nn.ReLU(inplace=True)


def _filled(layer: nn.Module, weight: Any, bias: Any) -> nn.Module:
    layer.load_state_dict({"weight": weight, "bias": bias}, assign=True)
    return layer


def _read(group: Any) -> list[Any]:
    """Return kernel and bias of a layer, read by HDF5 into the tensors' own memory."""
    tensors = []
    for name in group.attrs["weight_names"]:
        tensors.append(torch.empty(group[name].shape))
        group[name].read_direct(tensors[-1].numpy())
    return tensors
