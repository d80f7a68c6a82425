"""`convlab bench`: how fast convolutions and networks are, checked for equality before they are timed."""

import argparse
from typing import Any

from convlab.cli.options import (
    add_devices,
    add_json_file,
    add_model,
    add_picture,
    check_drawn,
    command,
    load_model,
    names,
    print_json,
    write_json,
)
from convlab.errors import UnsupportedError
from convlab.loading import load
from convlab.runtime.device import check_device

TYPES = ("float32", "float64")


def add(commands: Any) -> None:
    """Say what the command takes."""
    line = "time kernels or a network, checked for equality before they are timed; exit status 1 if one is wrong"
    kinds = commands.add_parser("bench", help=line, description=line).add_subparsers(required=True, metavar="WHAT")
    _add_conv(kinds)
    _add_model(kinds)


def _add_conv(kinds: Any) -> None:
    parser = command(kinds, "conv", run_conv, "time every method on a convolution, or on those of a network")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--shape", type=_shape, metavar="H,W,C,O", help="image, input and output channels")
    what.add_argument("--network", metavar="MODEL", help="every distinct convolution of a network")
    parser.add_argument("--kernel", type=_pair, default=3, metavar="K", help="K or KH,KW (default: 3)")
    parser.add_argument("--stride", type=_pair, default=1, metavar="S", help="S or SH,SW (default: 1)")
    parser.add_argument("--padding", type=_padding, default="same", metavar="P", help="same, valid, P or PH,PW")
    parser.add_argument("--dilation", type=_pair, default=1, metavar="D", help="D or DH,DW (default: 1)")
    parser.add_argument("--groups", type=int, default=1, metavar="G", help="groups of channels (default: 1)")
    parser.add_argument("--batch", type=int, default=1, metavar="N", help="images at a time (default: 1)")
    parser.add_argument("--dtype", choices=TYPES, default="float32", help="(default: float32)")
    parser.add_argument(
        "--methods", metavar="A,B", help="only these; torch is PyTorch, torch_tf32 the same in TF32 (default: all)"
    )
    add_devices(parser)
    parser.add_argument(
        "--ladder", action="store_true", help="all kernels of the GPU in turn, and what each gains over the last"
    )
    _add_common(parser)


def _add_model(kinds: Any) -> None:
    parser = command(kinds, "model", run_model, "time a network and each of its layers")
    add_model(parser, add_devices)
    parser.add_argument("--batch", type=_whole, default=(1,), metavar="N,...", help="images at a time (default: 1)")
    parser.add_argument("--record", action="store_true", help="also time a run that records every activation")
    _add_common(parser)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="turns of each (default: 5)")
    add_picture(parser)
    add_json_file(parser)


def run_conv(arguments: argparse.Namespace) -> int:
    """Print the machine, then each case when it is done; draw where asked to; return 1 if a result is wrong."""
    from convlab.bench.convolutions import bench_conv

    check_drawn(arguments)
    if arguments.ladder:
        return run_ladder(arguments)
    if len(arguments.device) > 1:
        return run_page(arguments)
    (device,) = arguments.device
    machines: list[Any] = []

    def started(machine: Any) -> None:
        machines.append(machine)
        _say(arguments, str(machine))

    def finished(case: Any) -> None:
        _say(arguments, f"\n{case.text(machines[0])}")

    check_device(device)  # before a network is made
    report = bench_conv(
        _cases(arguments),
        names(arguments.methods),
        arguments.repeats,
        device=device,
        started=started,
        finished=finished,
    )
    _say(arguments, "\n" + "\n\n".join(report.footer()))
    return _given(report, report.as_dict(), arguments)


def _say(arguments: argparse.Namespace, text: str) -> None:
    """Print, unless JSON is what is to be printed."""
    if arguments.json is not True:
        print(text, flush=True)


def _given(report: Any, found: dict[str, Any], arguments: argparse.Namespace) -> int:
    """Give what was found as JSON, and draw the report, where asked to; return 1 if a result is wrong."""
    _give_json(found, arguments)
    if arguments.out and report.timed:
        from convlab.bench.roofline import roofline

        roofline(report, path=arguments.out)
    return 0 if report.agrees else 1


def _give_json(found: dict[str, Any], arguments: argparse.Namespace) -> None:
    if arguments.json is True:
        print_json(found)
    elif arguments.json:
        write_json(arguments.json, found)


def run_page(arguments: argparse.Namespace) -> int:
    """Print the machines, then each case on all devices when it is done; draw where asked to; as `run_conv`."""
    from convlab.bench.page import bench_page

    page = bench_page(
        _cases(arguments),
        names(arguments.methods),
        arguments.repeats,
        started=lambda begun: _say(arguments, begun.head),
        finished=lambda one: _say(arguments, f"\n{one.texts[0]}"),
    )
    _say(arguments, "\n" + "\n\n".join(page.footer))
    return _given(page, page.as_dict(), arguments)


def run_ladder(arguments: argparse.Namespace) -> int:
    """Print the GPU, then each rung when it is done; draw where asked to; return 1 if a result is wrong."""
    from convlab.bench.ladder import HEADER, NOTE, climb

    if arguments.device != ("cuda",) or arguments.network:
        raise UnsupportedError("bench: the ladder is the GPU's, on one convolution: --ladder --device cuda --shape")
    check_device("cuda")
    (case,) = _cases(arguments)

    def started(machine: Any) -> None:
        _say(arguments, f"{machine}\n\n{case.text}\n\n{HEADER}")

    def finished(step: Any, machine: Any) -> None:
        _say(arguments, step.text(case, machine))

    ladder = climb(case, names(arguments.methods), arguments.repeats, started=started, finished=finished)
    _say(arguments, f"\n{NOTE}")
    return _given(ladder.report, ladder.as_dict(), arguments)


def _cases(arguments: argparse.Namespace) -> list[Any]:
    from convlab.bench.convolutions import Case, cases_of
    from convlab_kernels.window import Window

    if arguments.network:
        return cases_of(load(arguments.network, None), arguments.batch, arguments.dtype)
    h, w, c, o = arguments.shape
    window = Window.parse(arguments.kernel, arguments.stride, arguments.padding, arguments.dilation)
    return [Case((h, w, c), o, window, arguments.groups, arguments.batch, arguments.dtype)]


def run_model(arguments: argparse.Namespace) -> int:
    """Print what each batch takes, layer by layer; return 1 if a layer is wrong."""
    from convlab.bench.network_page import bench_model_page
    from convlab.bench.networks import bench_model

    check_drawn(arguments)
    several = len(arguments.device) > 1
    arguments.device = arguments.device[0]
    bench = bench_model_page if several else bench_model
    report = bench(load_model(arguments), arguments.batch, arguments.repeats, record=arguments.record)
    _say(arguments, str(report))
    _give_json(report.as_dict(), arguments)
    if arguments.out and report.timed:
        from convlab.bench.layer_times import layer_times

        layer_times(report, path=arguments.out)
    return 0 if report.agrees else 1


def _whole(text: str) -> tuple[int, ...]:
    if not (numbers := _numbers(text)):
        raise argparse.ArgumentTypeError(f"{text!r}: give whole numbers as 1,8")
    return numbers


def _shape(text: str) -> tuple[int, ...]:
    numbers = _numbers(text)
    if len(numbers) != 4:
        raise argparse.ArgumentTypeError(f"{text!r} is no shape: give H,W,C,O as 56,56,128,256")
    return numbers


def _pair(text: str, words: str = "") -> int | tuple[int, ...]:
    numbers = _numbers(text)
    if len(numbers) not in (1, 2):
        raise argparse.ArgumentTypeError(f"{text!r}: give {words}one whole number, or two as 3,5")
    return numbers[0] if len(numbers) == 1 else numbers


def _padding(text: str) -> str | int | tuple[int, ...]:
    return text if text in ("same", "valid") else _pair(text, "same, valid, ")


def _numbers(text: str) -> tuple[int, ...]:
    """Return whole numbers between commas; none where a part is not one."""
    try:
        return tuple(map(int, text.split(",")))
    except ValueError:
        return ()
