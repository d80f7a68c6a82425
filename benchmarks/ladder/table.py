"""Print the table of kernels/README.md: what each rung of the GPU ladder needs and moves.

    python -m benchmarks.ladder [--write]

--write puts it into the page. Registers, shared memory and loops are those of the machine code for an H100, from the
golden file of tests/support/cuda; bytes are counted for one output of a 3 x 3 convolution of 256 channels, two
operations for each product.
"""

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from convlab_kernels.cuda import blocked, implicit_gemm_kernel, tiled
from convlab_kernels.cuda.tensor_core import TF32, TF32_3X
from convlab_kernels.cuda.tiles import TILES
from convlab_kernels.cuda.winograd import Winograd
from tests.support.cuda.machine_code import MachineCode, golden

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "kernels" / "README.md"
SECTOR, WARP = 32, 32
OF_MATRICES = 16 * 8 * 8 // WARP  # products of a thread in one instruction of its warp
PRODUCTS = 3 * 3 * 256  # in an output
BEGIN, END = "<!-- from here: python -m benchmarks.ladder -->\n", "<!-- to here -->\n"


@dataclass(frozen=True)
class Rung:
    """A rung: its kernels, the bytes it moves for an output, and the products of matrices it takes for one."""

    name: str
    kernels: tuple[str, ...]
    bytes: float
    terms: int = 1


def of_tile(pixels: int, channels: int) -> float:
    """Return the bytes for a product where a block reads x once for its channels, and w once for its pixels."""
    return 4 / channels + 4 / pixels


ASKED = {
    "direct_strided": SECTOR + SECTOR / WARP,
    "direct": SECTOR / WARP + 4,
    "tiled": of_tile(tiled.TILE, tiled.TILE),
    "blocked": of_tile(blocked.TILE, blocked.TILE),
    "implicit_gemm": of_tile(TILES[0].pixels, TILES[0].channels),
    "tensor_core": of_tile(next(iter(TF32)).pixels, next(iter(TF32)).channels),
    "tensor_core_3x": of_tile(next(iter(TF32_3X)).pixels, next(iter(TF32_3X)).channels),
}
"""The bytes of x and w that warps ask of memory for each product; the caches have some of them."""


def rungs() -> Iterator[Rung]:
    """Yield the rungs, with their largest tiles."""
    for name in ("direct_strided", "direct", "tiled", "blocked"):
        yield Rung(name, (name,), PRODUCTS * ASKED[name] + (SECTOR if name == "direct_strided" else 4))
    gemm = implicit_gemm_kernel.implicit_gemm(TILES[0])
    yield Rung("implicit_gemm", (gemm.name,), PRODUCTS * ASKED["implicit_gemm"] + 4)
    yield Rung("im2col", (), 3 * 9 * 4 + 4)  # x is read for each row of columns; they are written, and read
    transforms = tuple(kernel.name for kernel in Winograd.kernels)
    yield Rung("winograd", transforms, 5 * 36 / 16 * 4 + 4)  # x is read; V and M are written, and read
    for name, kernels, terms in (("tensor_core", TF32, 1), ("tensor_core_3x", TF32_3X, 3)):
        yield Rung(name, (next(iter(kernels.values())).name,), PRODUCTS * ASKED[name] + 4, terms)


def loads(code: MachineCode) -> int:
    """Return the instructions that read memory in the loop."""
    return sum(count for kind, count in code.loop.items() if kind.startswith(("LDG", "LDS")))


def row(rung: Rung, codes: Mapping[str, MachineCode]) -> str:
    found = [codes[name] for name in rung.kernels]
    cells = [f"`{rung.name}`", *("—" for _ in range(6)), "not yet measured"]
    if found:
        shared = sum(code.shared + code.dynamic for code in found) / 1024
        cells[1] = ", ".join(str(code.registers) for code in found)
        cells[2] = f"{shared:.3g} KiB" if shared else "none"
    cells[3:5] = f"{rung.bytes:,.0f}", f"{2 * PRODUCTS / rung.bytes:.2g}"
    if found and found[0].loop:
        (code,) = found
        products = code.loop.get("HMMA.TF32", 0) * OF_MATRICES / rung.terms or code.loop["FFMA"]
        cells[5:7] = f"{products / loads(code):.2g}", f"{code.density:.0%}"
    return "| " + " | ".join(cells) + " |"


def table() -> str:
    """Return the table."""
    codes = golden()[1]["9.0"]
    heads = (
        "rung", "registers", "shared memory", "bytes an output", "operations a byte", "products a load",
        "of the loop, multiplies", "of the chip's peak",
    )  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    return "\n".join(lines + [row(rung, codes) for rung in rungs()]) + "\n"


def page(text: str) -> str:
    """Return the page with the table as it is now."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    assert len(pattern.findall(text)) == 1, (
        f"{PAGE.name}: expected one table between {BEGIN.strip()} and {END.strip()}"
    )
    return pattern.sub(lambda _: f"{BEGIN}\n{table()}\n{END}", text)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ladder", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put the table into kernels/README.md")
    if parser.parse_args().write:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table(), end="")
