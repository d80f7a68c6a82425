"""Small PyTorch networks beside the same in convlab, and their weights in each format that PyTorch's users write."""

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from convlab.files.torch.weights import LayerWeights
from convlab.layers import Conv2D, Dense, Flatten, Layer, MaxPooling2D
from convlab.model.model import Model
from support.recorded import file, this_test
from support.stand_in import library

Arrays = Mapping[str, np.ndarray]
CODES = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64", "uint16": "BF16"}
VGG_SHAPE = (20, 12, 3)  # 5 x 3 pixels of 7 channels reach the Flatten
# as torchvision names VGG's: (convlab's name, PyTorch's)
VGG_NAMES = {
    "block1_conv1": "features.0",
    "block1_conv2": "features.2",
    "block2_conv1": "features.5",
    "block2_conv2": "features.7",
    "block2_conv3": "features.9",
    "block2_conv4": "features.11",
    "fc1": "classifier.0",
    "fc2": "classifier.3",
    "predictions": "classifier.6",
}


def vgg_arrays() -> dict[str, np.ndarray]:
    """Return the weights of `torch_vgg`, in its order and as PyTorch draws them: uniform, less than 1/sqrt(terms)."""
    rng, arrays = np.random.default_rng(5), {}
    for layer in vgg().layers:
        for role, shape in layer.shapes.items():
            turned = shape if role == "bias" else shape[::-1] if len(shape) == 2 else (shape[3], shape[2], *shape[:2])
            name = f"{VGG_NAMES[layer.name]}.{'weight' if role == 'kernel' else role}"
            limit = 1 / np.sqrt(np.prod(layer.shapes["kernel"][:-1]))
            arrays[name] = rng.uniform(-limit, limit, turned).astype(np.float32)
    return arrays


def torch_vgg():
    """Return a small VGG with torchvision's names; seven modules of equal shapes, two-digit numbers among them."""
    torch, nn = library("torch"), library("torch.nn")
    convolutions = [(3, 7), (7, 7), "pool", (7, 7), (7, 7), (7, 7), (7, 7), "pool"]
    features: list[object] = []
    for pair in convolutions:
        features += (
            [nn.MaxPool2d(2)]
            if pair == "pool"
            else [nn.Conv2d(pair[0], pair[1], 3, padding=1), nn.ReLU(inplace=True)]
        )
    network = nn.Module()
    network.features = nn.Sequential(*features)
    network.avgpool = nn.AdaptiveAvgPool2d((5, 3))
    network.classifier = nn.Sequential(
        nn.Linear(7 * 5 * 3, 11),
        nn.ReLU(True),
        nn.Dropout(),
        nn.Linear(11, 11),
        nn.ReLU(True),
        nn.Dropout(),
        nn.Linear(11, 4),
    )
    network.load_state_dict({name: torch.tensor(array) for name, array in vgg_arrays().items()})
    return network.eval()


def vgg() -> Model:
    """Return the same network in convlab, without weights."""
    layers: list[Layer] = []
    for name in VGG_NAMES:
        if name.startswith("block"):
            layers.append(Conv2D(name, 7, 3, padding="same", activation="relu"))
        if name in ("block1_conv2", "block2_conv4"):
            layers.append(MaxPooling2D(name[:6] + "_pool", 2))
    top = [Flatten("flatten"), Dense("fc1", 11, "relu"), Dense("fc2", 11, "relu"), Dense("predictions", 4, "softmax")]
    return Model.sequential("small-vgg", VGG_SHAPE, layers + top)


def asked(model: Model, flattened: Mapping[str, tuple[int, int, int]] | None = None) -> list[LayerWeights]:
    """Return what a model asks of a file; `flattened` by layer."""
    return [
        LayerWeights(layer.name, type(layer).__name__, layer.shapes, (flattened or {}).get(layer.name))
        for layer in model.layers
        if layer.shapes
    ]


def arrays_of(network) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def write_safetensors(path: Path, arrays: Arrays, metadata: Mapping[str, str] | None = None) -> Path:
    """Write as the package safetensors does: sorted by name; uint16 stands for the bits of bfloat16."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    data = b""
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        span = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": CODES[array.dtype.name], "shape": list(arrays[name].shape), "data_offsets": span}
        data += array.tobytes()
    return write_header(path, json.dumps(header).encode(), data)


def write_header(path: Path, header: bytes, data: bytes, length: int | None = None) -> Path:
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)
    return path


def write_npz(path: Path, arrays: Arrays) -> Path:
    np.savez(path, **arrays)
    return path


def write_compressed_npz(path: Path, arrays: Arrays) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def write_pt(path: Path, arrays: Arrays) -> Path:
    def write(path: Path) -> None:
        torch = library("torch")
        torch.save({name: torch.tensor(array) for name, array in arrays.items()}, path)

    return file("torch", (this_test(),), write, path)


def write_old_pth(path: Path, arrays: Arrays) -> Path:
    """Write what PyTorch wrote before 1.6, nested as training scripts do."""

    def write(path: Path) -> None:
        torch = library("torch")
        state = {name: torch.tensor(array) for name, array in arrays.items()}
        torch.save({"epoch": 3, "state_dict": state}, path, _use_new_zipfile_serialization=False)

    return file("torch", (this_test(),), write, path)


FORMATS: dict[str, Callable[[Path, Arrays], Path]] = {
    "small.safetensors": write_safetensors,
    "small.npz": write_npz,
    "compressed.npz": write_compressed_npz,
    "small.pt": write_pt,
    "old.pth": write_old_pth,
}


def convolutions(*names: str, channels: int = 2) -> list[LayerWeights]:
    return [LayerWeights(name, "Conv2D", {"kernel": (3, 3, channels, channels)}) for name in names]


def state(*modules: str, channels: int = 2) -> dict[str, np.ndarray]:
    """Return a kernel for each module, filled with its number."""
    return {f"{name}.weight": np.full((channels, channels, 3, 3), i, "f4") for i, name in enumerate(modules)}


def whole(*shape, seed=1):
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float32)
