"""`convlab convert`: a weight file of any kind becomes a whole model that Keras loads."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from convlab.cli.options import add_layout, add_lenient, add_weight_names, command, read_names
from convlab.errors import FileError, UnsupportedError
from convlab.loading import load
from convlab.model.model import Model
from convlab.wording import printable
from convlab.zoo import ZOO, zoo_name


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(
        commands,
        "convert",
        run,
        "write a model, or weights of a known architecture, as a whole model (.h5) that Keras loads",
    )
    parser.add_argument("source", type=Path, metavar="IN", help="weight file of Keras or PyTorch, or a Keras model")
    parser.add_argument("target", type=Path, metavar="OUT", help="the .h5 file to write")
    known = parser.add_mutually_exclusive_group()
    known.add_argument("--architecture", type=_network, choices=ZOO, help="whose weights IN holds")
    known.add_argument("--topology", type=Path, metavar="FILE", help="the same as JSON, as Keras' to_json writes it")
    add_layout(parser)
    add_lenient(parser)
    add_weight_names(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read, write, and print what became of what."""
    from convlab.files.keras.config.writing import described
    from convlab.files.keras.weights.writing import check_target, write_model

    source, target = arguments.source, arguments.target
    check_target(target)
    if source.exists() and target.exists() and target.samefile(source):
        raise FileError(f"{target}: this is the file to be read; give OUT another name")
    reading: dict[str, Any] = {
        "layout": arguments.layout,
        "strict": not arguments.no_strict,
        "names": read_names(arguments.names),
    }
    if arguments.architecture:
        model = load(arguments.architecture, source, **reading)
        write_model(*described(model), target)
        written = "whole model"
    else:
        model, written = _convert_model(source, target, arguments.topology, reading)
    print(f"{model.receipt}\n{printable(str(target))}: {written}, {model.receipt.totals if model.receipt else ''}")


def _network(text: str) -> str:
    return zoo_name(text) or text


def _convert_model(
    source: Path, target: Path, topology: Path | None, reading: Mapping[str, Any]
) -> tuple[Model, str]:
    """Convert a network that Keras described; return it and what was written."""
    from convlab.files.formats import holds_tensors
    from convlab.files.keras.config.reading import read_config, read_topology
    from convlab.files.keras.model import read_model
    from convlab.files.keras.weights.writing import is_loadable, write_model

    if topology is None and holds_tensors(source):
        raise UnsupportedError(
            f"{source}: weights of PyTorch do not tell the architecture; give --architecture"
            f" ({', '.join(ZOO)}) or --topology FILE"
        )
    model = load(source, topology=topology, **reading)
    config = read_topology(topology) if topology else read_config(source)
    write_model(replace(read_model(source, topology=topology), model=model), config, target)
    if is_loadable(config):
        return model, "whole model"
    return model, "weights alone (Keras no longer loads the architecture of a Keras 1 file)"
