"""`convlab explore`: a network in a browser, or as one file to send to somebody."""

import argparse
import shlex
import webbrowser
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from convlab.cli.inputs import HELP, prepared
from convlab.cli.options import (
    add_fit,
    add_labels,
    add_model_options,
    add_span,
    add_weight_names,
    command,
    load_model,
)
from convlab.cli.terminal import progress_shown
from convlab.errors import UnsupportedError
from convlab.model.model import Model
from convlab.runtime.arrays import Array
from convlab.storage.writing import check_file, new_path
from convlab.wording import asked_by_command, printable
from convlab.zoo import ZOO


def add(commands: Any) -> None:
    """Say what the command takes."""
    parser = command(
        commands, "explore", run, "open a network in the browser: point at any number, walk to the pixels"
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help=f"{', '.join(ZOO)}, or a model Keras saved")
    parser.add_argument("image", metavar="IMAGE", nargs="?", help=f"{HELP}; or dropped on the page")
    parser.add_argument(
        "--conv", action="store_true", help="no network: a picture and a kernel of your own, with the window moving"
    )
    parser.add_argument("--out", type=_page, metavar="PAGE.html", help="write the page as one file, start no server")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="of the server (default: one that is free)"
    )
    own = len(parser._actions)
    for add_option in (add_model_options, add_weight_names, add_labels, add_fit, add_span):
        add_option(parser)
    parser.set_defaults(reading=parser._actions[own:])
    parser.intermixed = True  # type: ignore[attr-defined]


def run(arguments: argparse.Namespace) -> None:
    """Show the page, or write it."""
    if arguments.out:
        check_file(arguments.out)
    if arguments.conv:
        _explore_convolution(arguments)
    elif arguments.model is None:
        raise UnsupportedError("explore: which network? give a MODEL, or --conv for a convolution without any")
    else:
        _explore_network(arguments)


def _explore_convolution(arguments: argparse.Namespace) -> None:
    from convlab.explorer.conv import ConvPage

    if arguments.image is not None:
        raise UnsupportedError(
            f"explore --conv takes no MODEL: give the picture alone, found {arguments.model!r}, too"
        )
    if arguments.model in ZOO and not Path(arguments.model).exists():
        raise UnsupportedError(
            f"explore --conv takes no MODEL but a picture: found {arguments.model!r}; leave out one of the two"
        )
    told = _command(arguments, "--conv", arguments.model)  # the first thing that is named is the picture
    page = ConvPage(arguments.model, command=told, live=not arguments.out)
    if arguments.out:
        _write(page.html(), arguments.out)
    else:
        _serve(page, "a convolution", arguments)


def _explore_network(arguments: argparse.Namespace) -> None:
    from convlab.explorer.document import Shown
    from convlab.explorer.export import page_of
    from convlab.explorer.session import Session, first_image

    model = load_model(arguments)
    acts = None
    lines: list[str] = []
    if arguments.image is not None:
        inputs, lines = first_image(*prepared(model, arguments.image, arguments))
        acts = model.run(inputs)
    told = _command(arguments, arguments.model, arguments.image)
    if arguments.out:
        shown = Shown(model, acts, told, lines, generation=0 if acts is None else 1)
        with progress_shown("layer") as progress:
            page = page_of(shown, progress)
        _write(page, arguments.out)
        return
    others = _command(arguments, arguments.model, "IMAGE")
    read = partial(_read, model, arguments)
    _serve(Session(model, acts, command=told, others=others, told=lines, read=read), model.title, arguments)


def _read(model: Model, arguments: argparse.Namespace, path: Path) -> tuple[dict[str, Array], list[str]]:
    """Read a file that was dropped on the page as the command would."""
    with asked_by_command():  # it runs in a thread of the server
        return prepared(model, str(path), arguments)


def _command(arguments: argparse.Namespace, *parts: str | None) -> str:
    """Return what was typed, but for where the page goes; in a page that is passed on, files by their names alone."""
    given = [*filter(None, parts), *_options(arguments)]
    return shlex.join(["convlab", "explore", *((Path(part).name for part in given) if arguments.out else given)])


def _options(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the options that were given of those that say how network and picture are read."""
    for action in arguments.reading:
        value = getattr(arguments, action.dest)
        if value != action.default:
            yield action.option_strings[0]
            if action.dest == "input_shape":
                yield ",".join(map(str, value))
            elif action.nargs != 0:
                yield from map(str, value if isinstance(value, list) else [value])


def _write(page: str, path: Path) -> None:
    with new_path(path, "the page") as part:
        part.write_text(page, encoding="utf-8")
    print(printable(str(path)))


def _serve(session: Any, title: str, arguments: argparse.Namespace) -> None:
    """Serve until Ctrl-C, which is how this ends, and no error."""
    from convlab.explorer.server import Server

    try:
        server = Server(session, arguments.port)
    except OSError as error:
        raise UnsupportedError(
            f"--port {arguments.port}: {error.strerror}; give another, or leave it out for one that is free"
        ) from None
    with server:
        print(f"{printable(title)}: {server.address}\nCtrl-C ends it.", flush=True)
        if not arguments.no_browser:
            Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()
        try:
            server.serve_forever(0.2)
        except KeyboardInterrupt:
            print()


def _page(text: str) -> Path:
    if not text.lower().endswith((".html", ".htm")):
        raise argparse.ArgumentTypeError(f"a browser opens pages whose names end in .html, found {text}")
    return Path(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535, or 0 for a free one")
    return int(text)
