"""`convlab fetch`, over a connection that is cut."""

import sys
from pathlib import Path

import pytest

from convlab.cli import main
from convlab.files import registry
from support.files.flaky_server import BODY, Server, whole


@pytest.mark.usefixtures("hurry")
def test_fetch_resumes_shows_a_bar_and_prints_the_path(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(registry, "entries", lambda: {"toy": server.entry})
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    server.cuts = [100_000, 50_000]
    assert main(["fetch", "toy", "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path / 'toy.h5'}\n"
    assert f"toy: 100%|██████████| {len(BODY) / 1024:.0f}k" in captured.err
    assert whole(tmp_path)
    assert len(server.asked) == 3
