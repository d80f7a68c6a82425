"""What a scan is to do, the same for all its processes; and its fingerprint, which says whether two are the same."""

import hashlib
import os
import pickle
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from convlab.errors import LayerNameError, UnsupportedError
from convlab.images.resizing import Fit
from convlab.layers.base import Held
from convlab.model.graph import Graph
from convlab.model.model import Model
from convlab.recording.running_statistics import STEPS
from convlab.runtime.policy import worth_compiling
from convlab.storage.writing import new_path

SHARD = 1024  # pictures at most
PARTS, FEWEST = 32, 4  # shards of a small scan, so that all workers have some; batches of a shard at least
BATCH, ROOM = 64, 1 << 29  # pictures at most at a time, and bytes of what a network computes for them
ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of a function, another in each process


@dataclass(frozen=True)
class Job:
    """What is to be done with each shard.

    Attributes
    ----------
    model, digest : str
        The file that holds the network for the processes of this scan, and its SHA-256.
    root : str
        Where the pictures are; `array`: the file whose images they are.
    out : str or None
        The folder that the features and statistics go to; None: the statistics are handed back.
    features : dict of str to str
        The layers whose features are kept, and the folder of each.
    statistics : tuple of str
        The layers that have statistics.
    attribution : str or None
        The method whose mean over each class is kept.
    batch, shard : int
        How many pictures are computed at a time, and how many make a shard.
    threads : int
        Of each process, for kernels and for BLAS.
    compiled : bool
        Whether compiled kernels find the statistics.
    facts : dict of str to str
        What the first process is and computes with; the others are to be the same, unless `mixed`.
    by_command : bool
        Whether messages speak to somebody who typed a command.
    """

    model: str
    digest: str
    root: str
    array: bool
    out: str | None
    features: dict[str, str]
    statistics: tuple[str, ...]
    attribution: str | None
    batch: int
    shard: int
    fit: Fit
    threads: int
    compiled: bool
    mixed: bool
    by_command: bool
    facts: dict[str, str] | None = None

    @property
    def layers(self) -> list[str]:
        """The layers that are recorded."""
        return list(dict.fromkeys([*self.features, *self.statistics]))


def asked_threads() -> int:
    """Return how many threads a process of a scan has: CONVLAB_THREADS, or one.

    Not as many as there are cores: numbers may depend on it, and are not to depend on the machine.
    """
    asked = os.environ.get("CONVLAB_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) > 0 else 1


def batch_for(graph: Graph, pictures: int) -> int:
    """Return how many pictures are computed at a time: as many as keep small networks busy, and large ones modest."""
    one = 4 * sum(prod(node.output_shape) for node in graph.nodes)
    batch = BATCH
    while batch > 1 and batch * one > ROOM:
        batch //= 2
    return min(batch, pictures)


def shard_for(pictures: int, batch: int, most: int) -> int:
    """Return how many pictures make a shard: whole batches, by the pictures alone, and never by who does them."""
    return batch * min(max(-(-pictures // (PARTS * batch)), FEWEST), -(-most // batch))


def repays_kernels(model: Model, layers: Collection[str], pictures: int) -> bool:
    """Return whether compiled kernels are to find the statistics: whether all there is to do repays to load them."""
    if model.compiled is not None:
        return model.compiled
    return worth_compiling(STEPS * sum(prod(model.shapes[name.removesuffix("/pre")]) for name in layers), pictures)


def last_features(graph: Graph) -> str:
    """Return the layer before the classifier: before the last dense layer, or convolution; else the output."""
    if len(graph.outputs) > 1:
        raise LayerNameError(f"model {graph.name!r} has several outputs, {', '.join(graph.outputs)}: name a layer")
    nodes = {node.name: node for node in graph.nodes}
    last = nodes[graph.outputs[0]]
    if len(last.output_shape) > 1:  # no classes
        return last.name
    while last.inputs[0] in nodes:
        source = last.inputs[0]
        if last.layer.shapes:
            return source
        last = nodes[source]
    return graph.outputs[0]


class _Pickler(pickle.Pickler):
    """Leaves out what layers have prepared from their weights: it is made again, and may be larger than they are."""

    def reducer_override(self, value: Any) -> Any:
        return (Held, (value.weights, {})) if isinstance(value, Held) else NotImplemented


def write_model(model: Model, path: Path) -> str:
    """Write a network for the processes of a scan, and return the SHA-256 of the file.

    They read it only if it has this hash: nobody else can make them run what is pickled in it.
    """
    with new_path(path, "the network") as part, part.open("wb") as file:
        try:
            _Pickler(file, protocol=5).dump(model)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise UnsupportedError(
                f"model {model.name!r} cannot be taken to another process ({error}): the function of a Lambda layer"
                " is to be one that a module has"
            ) from None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_model(path: str, digest: str) -> Model:
    """Read what `write_model` wrote; UnsupportedError for any other file."""
    with Path(path).open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            raise UnsupportedError(f"{path}: it is not the network that this scan wrote: run the scan again")
        file.seek(0)
        model: Model = pickle.load(file)
        return model


def describe_weights(model: Model) -> str:
    """Return a hash of all weights."""
    found = hashlib.sha256()
    for layer in model.layers:
        for name, array in layer._held.weights.items():
            found.update(f"{layer.name} {name} {array.dtype} {array.shape}".encode())
            found.update(array.tobytes() if not array.flags.c_contiguous else array.data)
    return found.hexdigest()


def describe_network(model: Model) -> str:
    """Return a hash of the layers, their options, and what they take."""
    told = [f"{node.name} {node.layer!r} {node.inputs} {node.silenced}" for node in model.nodes]
    return hashlib.sha256(ADDRESS.sub("", "\n".join([*told, *model.outputs])).encode()).hexdigest()


def fingerprint(model: Model, job: Job, pictures: int, files: str) -> dict[str, Any]:
    """Return all that the numbers depend on, in words that a difference is told in."""
    return {
        "pictures": pictures,
        "files": files,
        "network": describe_network(model),
        "weights": describe_weights(model),
        "preprocessing": repr(model.preprocessing),
        "input": str(model.input_shape),
        "fit": job.fit,
        "NaN kept in place": model.propagate_nan,
        "TF32": model.tf32,
        "compiled kernels": "by the work" if model.compiled is None else model.compiled,
        "device": model.device,
        "features of": list(job.features),
        "statistics of": list(job.statistics),
        "attribution": job.attribution,
        "pictures in a batch": job.batch,
        "pictures in a shard": job.shard,
        "threads": job.threads,
        **{name: "any" if job.mixed else value for name, value in (job.facts or {}).items()},
    }


def differences(there: Mapping[str, Any], asked: Mapping[str, Any], words: tuple[str, str]) -> list[str]:
    """Return what two fingerprints differ in, with words for the one and for the other."""
    return [
        f"{name} {_short(there.get(name))} {words[0]}, {_short(asked.get(name))} {words[1]}"
        for name in dict.fromkeys([*asked, *there])
        if there.get(name) != asked.get(name)
    ]


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if re.fullmatch("[0-9a-f]{64}", text):
        return f"sha256 {text[:12]}..."
    return text if text and len(text) <= 80 else f"{text[:80]}..." if text else "nothing"
