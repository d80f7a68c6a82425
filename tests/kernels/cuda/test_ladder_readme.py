"""The learner's page says what is so: its table, its lines of code, its numbers."""

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ladder import table as ladder_table
from convlab.simulator.recorder import recording
from convlab_kernels import Window
from convlab_kernels.cuda import METHODS, tiles
from convlab_kernels.cuda import implicit_gemm as gemm

ROOT = Path(__file__).parents[3]

PAGE = ladder_table.PAGE.read_text(encoding="utf-8")
STORY = PAGE[PAGE.index("## The ladder") :]


def test_table_is_what_the_script_prints():
    assert ladder_table.page(PAGE) == PAGE, "write it anew: python -m benchmarks.ladder --write"


def test_shown_lines_are_lines_of_their_rung():
    sources = {path.stem: path.read_text("utf-8") for path in (ROOT / "kernels/convlab_kernels/cuda").glob("*.py")}
    rungs = re.findall(r"^### \d · `(\w+)`(.*?)(?=^##|\Z)", STORY, re.MULTILINE | re.DOTALL)
    assert len(rungs) == 9
    for rung, text in rungs:
        source = "".join(
            sources.get(name, "") for name in (rung, f"{rung}_kernel", f"{rung}_transforms", rung.removesuffix("_3x"))
        )
        lines = "".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)).splitlines()
        assert lines, rung
        assert [line for line in lines if line not in source.splitlines()] == [], rung
        assert (ROOT / "kernels" / "ladder" / f"{rung}.png").exists()


@pytest.mark.parametrize(
    ("rung", "size", "written"),
    [("direct_strided", 32, 32), ("direct", 32, 4), ("tiled", 32, 4), ("blocked", 128, 4), ("implicit_gemm", 128, 4)],
)
def test_bytes_are_what_the_kernel_asks_for(rung, size, written, monkeypatch):
    """Of a product of matrices of which the block has whole tiles, 16 deep."""
    depth = 16
    x, w = np.ones((1, 1, size, depth), np.float32), np.ones((1, 1, depth, size), np.float32)
    out = np.empty((1, 1, size, size), np.float32)
    monkeypatch.setattr(
        gemm, "choose_tiling", lambda pixels, channels, steps, chip: tiles.Tiling(tiles.TILES[0], steps, 1)
    )
    with recording() as launches:
        METHODS[rung](w, Window((1, 1)), 1)(x, out)
    (launch,) = launches
    assert (launch.asked(0) + launch.asked(1)) / (out.size * depth) == ladder_table.ASKED[rung]
    assert launch.asked(3, writes=True) / out.size == written
