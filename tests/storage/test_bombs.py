"""Small files that would be gigabytes in memory: none makes a reader take more than README allows, or die."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from support.files import bombs
from support.files.bombs import Square

pytest.importorskip("resource")  # what a process took is asked of the system
TESTS = Path(__file__).parents[1]
MOST = 128 << 20  # bytes: README's 16 MiB, a few times, and what libraries keep; the bombs would take twice as many
ZEROS, TWICE, LONG, SHORT = Square(8000), Square(8000, deflations=2), Square(2000, times=16), Square(2000, times=0.5)
TOO_MANY_FILTERS = "is passed through 2 filters, expected each of 2, 1, 3 once"
NOT_A_CHUNK = "has a chunk at (0, 0) that does not unpack to its 16,000,000 bytes"


@dataclass(frozen=True)
class Bomb:
    """Which reader it is for, what writes it, and what is said of it."""

    reader: str
    write: Callable[[Path], Path]
    reason: str
    most: int = MOST


def recording(reason: str, **parts: object) -> Bomb:
    return Bomb("recording", partial(bombs.recording, **parts), reason)


BOMBS = {
    "model of zeros": Bomb(
        "model", partial(bombs.model, square=ZEROS), "the weights asked for would take 256,000,000 bytes, out of a"
    ),
    "model deflated twice": Bomb("model", partial(bombs.model, square=TWICE), TOO_MANY_FILTERS),
    "model with a long chunk": Bomb("model", partial(bombs.model, square=LONG), NOT_A_CHUNK),
    "model with a short chunk": Bomb("model", partial(bombs.model, square=SHORT), NOT_A_CHUNK),
    "archive of zeros": Bomb(
        "model", partial(bombs.archive, square=ZEROS), "the weights of its architecture would take 256,000,000 bytes"
    ),
    "archive with a long chunk": Bomb("model", partial(bombs.archive, square=LONG), NOT_A_CHUNK),
    "layer of zeros": recording("layers/fc would take 256,000,000 bytes, out of a file of", layer=ZEROS),
    "layer deflated twice": recording(TOO_MANY_FILTERS, layer=TWICE),
    "layer with a long chunk": recording(NOT_A_CHUNK, layer=LONG),
    "layer with a short chunk": recording(NOT_A_CHUNK, layer=SHORT),
    "input of zeros": recording("its inputs would take 256,000,000 bytes, out of a file of", image=ZEROS),
    "input deflated twice": recording(TOO_MANY_FILTERS, image=TWICE),
    "input with a long chunk": recording(NOT_A_CHUNK, image=LONG),
    "one input a hundred times": recording(
        "its inputs would take 400,000,000 bytes, out of a file of", image=Square(1000), inputs=100
    ),
    "picture, half transparent": Bomb("picture", partial(bombs.picture, side=3000), "read", MOST // 8 + 20 * 3000**2),
    "arrays of zeros": Bomb("arrays", bombs.arrays, "would take 256,000,128 bytes, out of a file of"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    """Return what came of reading each, and by how many bytes the process grew that read it."""
    folder = tmp_path_factory.mktemp("bombs")
    paths = [bomb.write(folder / f"{index}.keras") for index, bomb in enumerate(BOMBS.values())]
    jobs = [part for bomb, path in zip(BOMBS.values(), paths, strict=True) for part in (bomb.reader, str(path))]
    command = [sys.executable, "-m", "support.files.memory_worker", *jobs]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, cwd=TESTS).stdout.splitlines()
    answers = [line.partition(" ") for line in lines]
    return {name: (outcome, int(grown)) for name, (grown, _, outcome) in zip(BOMBS, answers, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name: str, told: dict[str, tuple[str, int]]) -> None:
    outcome, grown = told[name]
    assert outcome.startswith(("refused: ", "read"))
    assert BOMBS[name].reason in outcome
    assert grown < BOMBS[name].most
