"""`convlab explore`: the address it prints, the file it writes, how it ends, and what it refuses."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from convlab import cli
from convlab.cli import explore

SHIRT = str(Path(__file__).parents[2] / "weights/fashion_mnist/shirt.png")


def document(path):
    return json.loads(re.search(r'id="document">([^<]*)<', path.read_text(encoding="utf-8"))[1])


@pytest.mark.slow
def test_it_writes_a_page_whose_command_names_no_folders(tmp_path, capsys):
    assert cli.main(["explore", "lenet5", SHIRT, "--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}\n"
    told = document(tmp_path / "page.html")
    assert (told["command"], told["live"], told["generation"]) == ("convlab explore lenet5 shirt.png", False, 1)
    assert told["top"][0]["label"] == "Shirt"


def test_a_page_without_an_image_shows_the_network(tmp_path):
    assert cli.main(["explore", "vgg16", "--weights", "0", "--out", str(tmp_path / "page.html")]) == 0
    told = document(tmp_path / "page.html")
    assert (told["generation"], len(told["layers"]), told["title"]) == (0, 23, "vgg16 (random weights)")


@pytest.mark.parametrize("order", ["{0} {1} {2}", "{0} {2} {1}", "{2} {0} {1}"])
def test_options_may_stand_anywhere_and_are_part_of_the_command(order, tmp_path):
    options = f"--fit crop --span 0 255 --input-shape 28,28,1 --no-strict --out {tmp_path / 'page.html'}"
    typed = order.format("lenet5", SHIRT, options).split()
    arguments = cli._parser().parse_args(["explore", *typed])
    assert (arguments.model, arguments.image) == ("lenet5", SHIRT)
    command = explore._command(arguments, arguments.model, arguments.image)
    told = "convlab explore lenet5 shirt.png --no-strict --input-shape 28,28,1 --fit crop --span 0.0 255.0"
    assert command == told
    assert vars(cli._parser().parse_args(command.split()[1:]))["fit"] == "crop"


def test_it_writes_the_page_of_a_convolution(tmp_path):
    for arguments in ([SHIRT], []):
        assert cli.main(["explore", "--conv", *arguments, "--out", str(tmp_path / "page.html")]) == 0
        told = document(tmp_path / "page.html")
        assert told["conv"] is True
        assert ("your image" in told["pictures"]) is bool(arguments)
        assert told["command"] == " ".join(["convlab explore --conv", *(Path(one).name for one in arguments)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which network? give a MODEL, or --conv"),
        (["lenet"], "did you mean 'lenet5'?"),
        (["lenet5", "nothing.png"], "nothing.png: no such file"),
        (["--conv", "lenet5", "x.png"], "--conv takes no MODEL"),
        (["--conv", "lenet5"], "--conv takes no MODEL but a picture: found 'lenet5'"),
        (["lenet5", "--out", "nowhere/page.html"], "the folder nowhere does not exist"),
    ],
)
def test_what_it_refuses_it_refuses_in_a_line(arguments, message, capsys):
    assert cli.main(["explore", *arguments]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [*(("--port", port, "is no port") for port in ("70000", "-1", "http")), ("--out", "page.txt", "end in .html")],
)
def test_what_an_option_takes_is_said(option, value, expected, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["explore", "lenet5", option, value])
    assert ended.value.code == 2
    assert f"{option}: " in (said := capsys.readouterr().err) and expected in said and value in said


@pytest.mark.concurrency
@pytest.mark.parametrize("arguments", [["lenet5", SHIRT], ["--conv"]])
def test_ctrl_c_ends_it_though_a_client_keeps_silent(arguments, interruptible):
    command = [sys.executable, "-m", "convlab", "explore", *arguments, "--no-browser"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as running:
        port, token = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\w+)", running.stdout.readline()).groups()
        assert running.stdout.readline() == "Ctrl-C ends it.\n"
        silent = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
        silent.connect()
        asking = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
        asking.request("GET", "/api/document", headers={"Cookie": f"convlab-{port}={token}"})
        assert asking.getresponse().status == 200
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        silent.close()
    assert (running.returncode, out.strip(), err) == (0, "", "")


def test_the_browser_is_opened_at_the_address_unless_it_is_not_wanted(monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("convlab.cli.explore.webbrowser.open", opened.append)
    monkeypatch.setattr("convlab.cli.explore.Thread", AtOnce)

    def stop(server, _):
        raise KeyboardInterrupt

    monkeypatch.setattr("convlab.explorer.server.Server.serve_forever", stop)
    assert cli.main(["explore", "--conv"]) == 0
    assert opened == re.findall(r"http\S+", capsys.readouterr().out)
    assert cli.main(["explore", "--conv", "--no-browser"]) == 0
    assert len(opened) == 1


class AtOnce:
    """A thread that does what it is for when it is started."""

    def __init__(self, target, args, daemon):
        self.run = lambda: target(*args)

    def start(self):
        self.run()


def test_a_port_that_is_taken_is_named_with_what_to_do(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["explore", "lenet5", "--no-browser", "--port", str(port)]) != 0
    told = capsys.readouterr().err
    assert f"--port {port}: " in told and "leave it out for one that is free" in told
