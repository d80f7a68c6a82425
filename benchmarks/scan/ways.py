"""One way to the features of many pictures, timed in a process of its own, which prints the seconds.

From the network loaded to the features written: reading, decoding, resizing, the network.
"""

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import convlab

BATCH = {"vgg16": 8, "lenet5": 64}
LAYER = {"vgg16": "fc2", "lenet5": "relu4"}


def ours(network: str, source: Path, out: Path, workers: int) -> float:
    model = convlab.load(network, weights=0)
    began = perf_counter()
    convlab.scan(model, source, out / "scan", layers=LAYER[network], statistics=False, workers=workers, resume=False)
    seconds = perf_counter() - began
    convlab.Scan.open(out / "scan").pack(out / "features.npy")
    return seconds


def torch(network: str, source: Path, out: Path, workers: int) -> float:
    """Time PyTorch: a DataLoader whose workers decode, a hook on the layer."""
    import torch as library
    from torch.utils.data import DataLoader, Dataset, TensorDataset

    from benchmarks.as_torch import as_torch

    model = convlab.load(network, weights=0)
    module = as_torch(model)
    names = [node.name for node in model.nodes]
    found: list[Any] = []
    module.parts[names.index(LAYER[network])].register_forward_hook(lambda _, __, y: found.append(y.numpy().copy()))
    items = _items(source) if network == "vgg16" else []

    class Pictures(Dataset):
        def __len__(self) -> int:
            return len(items)

        def __getitem__(self, number: int) -> Any:
            return library.from_numpy(_prepared(items[number]))

    began = perf_counter()
    pictures = Pictures() if network == "vgg16" else TensorDataset(library.from_numpy(_unit(np.load(source))))
    with library.inference_mode():
        for batch in DataLoader(pictures, BATCH[network], num_workers=workers):
            module((batch if network == "vgg16" else batch[0]).permute(0, 3, 1, 2))
    np.save(out / "features.npy", np.concatenate(found))
    return perf_counter() - began


def keras(network: str, source: Path, out: Path, workers: int) -> float:
    """Time Keras: a model of several outputs, and its PyDataset, whose workers decode."""
    import keras as library

    from benchmarks.scan.keras_network import as_keras

    model = convlab.load(network, weights=0)
    port = as_keras(model)
    part = library.Model(port.inputs[0], port.get_layer(LAYER[network]).output)
    items = _items(source) if network == "vgg16" else []

    class Pictures(library.utils.PyDataset):
        def __len__(self) -> int:
            return math.ceil(len(items) / BATCH[network])

        def __getitem__(self, number: int) -> tuple[Any]:
            first = number * BATCH[network]
            return (np.stack([_prepared(item) for item in items[first : first + BATCH[network]]]),)

    began = perf_counter()
    if network == "vgg16":
        found = part.predict(Pictures(workers=max(workers, 1)), verbose=0)  # threads
    else:
        found = part.predict(_unit(np.load(source)), BATCH[network], verbose=0)
    np.save(out / "features.npy", found)
    return perf_counter() - began


def _items(source: Path) -> list[Path]:
    return sorted(source.iterdir())


def _unit(images: Any) -> Any:
    """Return images (N, H, W) as LeNet takes them: (N, H, W, 1), 0 to 1."""
    return images[..., None].astype(np.float32) / np.float32(255)


def _prepared(item: Path) -> Any:
    """Return a picture as people prepare it for VGG: Pillow's bilinear, then the means taken off."""
    from PIL import Image

    with Image.open(item) as image:
        pixels = np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR), np.float32)
    return pixels[..., ::-1] - np.float32([103.939, 116.779, 123.68])


def ways() -> Iterator[Any]:
    yield from (ours, torch, keras)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scan.ways", description=__doc__.split("\n")[0])
    parser.add_argument("way", choices=[way.__name__ for way in ways()])
    parser.add_argument("network", choices=list(BATCH))
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    way = next(way for way in ways() if way.__name__ == options.way)
    print(json.dumps(way(options.network, options.source, options.out, options.workers)))


if __name__ == "__main__":
    main()
