"""What the compiler made of each GPU kernel: registers, memory, and the instructions of its hottest loop.

    python tests/support/cuda/machine_code.py [NAME ...] [--cc 9.0] [--write]

prints a table of kernels whose names begin so, for a generation of GPUs; --write writes the golden file, which has
all kernels for all generations. No GPU is needed, but the compiler: pip install "convlab-engine[compiler]".
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from importlib import import_module, metadata, util
from multiprocessing import get_context
from pathlib import Path
from pkgutil import iter_modules

import convlab_kernels.cuda
from convlab_kernels.cuda.compiler.language import Kernel
from convlab_kernels.cuda.implicit_gemm_kernel import implicit_gemm
from convlab_kernels.cuda.tiles import TILES

CAPABILITIES = (8, 0), (9, 0), (10, 0)
GOLDEN = Path(convlab_kernels.cuda.__file__).with_name("machine_code.json")
"""It is part of the package: `convlab.bench.h100` predicts times from it."""
PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"

INSTRUCTION = re.compile(r"^\s*/\*([0-9a-f]{4,})\*/\s+((?:@\S+\s+)?[A-Z][\w.]*)(.*?);")
NEVER = "@!PT"  # the condition of an instruction that keeps a place
FLOAT64 = re.compile(r"D(ADD|FMA|MUL|SETP|SET|MNMX|MMA)\b|MUFU\..*64|.*\bB?F64\b")
MOVES = "LDG", "STG", "LDS", "STS", "LDL", "STL", "LDGSTS"
KINDS = "FFMA", "HMMA", "LDSM", "BAR"


@dataclass(frozen=True)
class MachineCode:
    """One kernel for one generation of GPUs.

    `code` and `loop` count instructions: all under "all", loads and stores by their width in bits. The loop is the
    one that multiplies most, of those without a loop within that multiplies; there may be none.
    """

    threads: int
    registers: int  # of a thread
    spills: int  # bytes of registers that went to memory
    stack: int  # bytes of a thread's memory
    shared: int  # bytes of a block's memory, of the size that the code says
    dynamic: int  # and of the size that the launch says
    float64: int  # instructions
    code: dict[str, int]
    loop: dict[str, int]

    @property
    def density(self) -> float:
        """Return the share of matrix products in the loop, or where it has none, of multiply-adds."""
        return products(self.loop) / self.loop["all"] if self.loop else 0.0


def products(counts: Mapping[str, int]) -> int:
    return counts.get("HMMA.TF32", 0) + counts.get("HMMA", 0) or counts.get("FFMA", 0)


def kernels() -> dict[str, Kernel]:
    """Return all kernels of the package by name: each that a module has, alone or in a container, or makes."""
    found: dict[str, Kernel] = {}
    for kernel in (*_of_modules(), *map(implicit_gemm, TILES)):
        assert found.setdefault(kernel.name, kernel) is kernel, f"two kernels are called {kernel.name}"
    return found


def _of_modules() -> Iterator[Kernel]:
    for module in iter_modules(convlab_kernels.cuda.__path__):
        found = import_module(f"convlab_kernels.cuda.{module.name}")
        yield from _within(tuple(vars(found).values()))


def _within(value: object) -> Iterator[Kernel]:
    if isinstance(value, Kernel):
        yield value
    elif type(value) in (tuple, list, dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _within(part)


def missing() -> str:
    """Return what of the compiler is not there as pyproject.toml has it, or nothing."""
    pins = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]["compiler"]
    absent = [pin for pin in pins if pin.split("==")[1] != _version(pin.split("==")[0])]
    return f'{", ".join(absent)} not installed: pip install "convlab-engine[compiler]"' if absent else ""


def _version(distribution: str) -> str | None:
    try:
        import_module("numba_cuda")  # `pytest --light` hides it
        return metadata.version(distribution)
    except ImportError:  # PackageNotFoundError is one
        return None


def cuobjdump() -> str:
    """Return the path of NVIDIA's program that prints machine code."""
    spec = util.find_spec("nvidia")
    folders = [] if spec is None else spec.submodule_search_locations or []
    for folder in folders:
        for program in Path(folder).glob("*/bin/cuobjdump"):
            return str(program)
    found = shutil.which("cuobjdump")
    assert found is not None, 'no cuobjdump: pip install "convlab-engine[compiler]"'
    return found


def disassembled(code: bytes) -> list[tuple[int, str, str]]:
    """Return the instructions of machine code: address, operation, the rest."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.cubin")
        path.write_bytes(code)
        text = subprocess.run([cuobjdump(), "-sass", path], check=True, capture_output=True, text=True).stdout
    found = [INSTRUCTION.match(line) for line in text.splitlines()]
    return [(int(one[1], 16), _unconditional(one[2]), one[3]) for one in found if one]


def _unconditional(operation: str) -> str:
    condition, _, rest = operation.rpartition(" ")
    return "NOP" if condition.strip() == NEVER else rest


def counted(instructions: Iterable[tuple[int, str, str]]) -> dict[str, int]:
    """Count instructions by kind: all, loads and stores by width, multiply-adds, barriers."""
    counts: Counter[str] = Counter()
    for _, operation, _ in instructions:
        kind, *modifiers = operation.split(".")
        counts["all"] += 1
        if kind in MOVES:
            counts[f"{kind}.{next((bits for bits in ('128', '64') if bits in modifiers), '32')}"] += 1
        elif kind in KINDS:
            counts["HMMA.TF32" if "TF32" in modifiers else kind] += 1
    return dict(sorted(counts.items()))


def hottest(instructions: list[tuple[int, str, str]]) -> dict[str, int]:
    """Return the counts of the hottest loop: from where a branch leads back to, to the branch."""
    loops = []
    for end, operation, rest in instructions:
        target = re.findall(r"0x([0-9a-f]+)", rest) if operation.startswith("BRA") else []
        if target and (start := int(target[-1], 16)) <= end:
            counts = counted(one for one in instructions if start <= one[0] <= end)
            if products(counts):
                loops.append((start, end, counts))
    innermost = [
        (start, end, counts)
        for start, end, counts in loops
        if not any(start <= s and e <= end and (s, e) != (start, end) for s, e, _ in loops)
    ]
    return max((counts for _, _, counts in innermost), key=products, default={})


def machine_code(kernel: Kernel, capability: tuple[int, int]) -> MachineCode:
    """Compile a kernel and look at it. It takes seconds."""
    from convlab_kernels.cuda.compiler.compilation import compiled

    code, log = compiled(kernel, capability)
    instructions = disassembled(code)

    def said(pattern: str) -> int:
        return sum(map(int, re.findall(pattern, log)))

    return MachineCode(
        threads=kernel.threads,
        registers=said(r"Used (\d+) registers"),
        spills=said(r"(\d+) bytes spill"),
        stack=said(r"(\d+) bytes stack frame"),
        shared=said(r"(\d+) bytes smem"),
        dynamic=kernel.shared,
        float64=sum(FLOAT64.match(operation) is not None for _, operation, _ in instructions),
        code=counted(instructions),
        loop=hottest(instructions),
    )


def of_name(name: str, capability: tuple[int, int]) -> MachineCode:
    return machine_code(kernels()[name], capability)


def all_compiled(names: Iterable[str], capabilities: Iterable[tuple[int, int]]) -> dict[str, dict[str, MachineCode]]:
    """Return machine codes by generation, such as "9.0", and name; two processes share the work."""
    names, capabilities = sorted(names), list(capabilities)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        running = {(cc, name): pool.submit(of_name, name, cc) for cc in capabilities for name in names}
        return {f"{cc[0]}.{cc[1]}": {name: running[cc, name].result() for name in names} for cc in capabilities}


def versions() -> dict[str, str]:
    """Return what else the machine code depends on: Numba reads Python's bytecode."""
    return {"Python": f"{sys.version_info.major}.{sys.version_info.minor}", "numba": metadata.version("numba")}


def golden() -> tuple[dict[str, str], dict[str, dict[str, MachineCode]]]:
    """Return with which versions the golden file was made, and what it says."""
    file = json.loads(GOLDEN.read_text(encoding="utf-8"))
    made = file.pop("made with")
    return made, {cc: {name: MachineCode(**fields) for name, fields in codes.items()} for cc, codes in file.items()}


def write(codes: Mapping[str, Mapping[str, MachineCode]]) -> None:
    """Write the golden file, a line for each kernel."""
    parts = [f' "made with": {json.dumps(versions())}']
    for cc, of_cc in codes.items():
        lines = [f"  {json.dumps(name)}: {json.dumps(asdict(code))}" for name, code in of_cc.items()]
        parts.append(f" {json.dumps(cc)}: {{\n" + ",\n".join(lines) + "\n }")
    GOLDEN.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def table(codes: Mapping[str, MachineCode]) -> Iterator[str]:
    """Yield the lines of a table for people."""
    yield f"{'kernel':27} threads  regs spills stack shared+dynamic  code  loop  MMA%  f64  in the loop"
    for name, code in codes.items():
        rest = " ".join(f"{kind}:{count}" for kind, count in code.loop.items() if kind != "all")
        memory = f"{code.registers:5} {code.spills:6} {code.stack:5} {code.shared:6}+{code.dynamic:<7}"
        loop = f"{code.loop.get('all', 0):5} {code.density:5.0%} {code.float64:4}  {rest}"
        yield f"{name:27} {code.threads:7} {memory} {code.code['all']:5} {loop}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--cc", default="9.0", help="generation of GPUs (default: 9.0, Hopper)")
    parser.add_argument("--write", action="store_true", help="write the golden file")
    options = parser.parse_args()
    if options.write:
        assert not (absent := missing()), absent
        write(all_compiled(kernels(), CAPABILITIES))
        return
    names = [name for name in kernels() if not options.names or name.startswith(tuple(options.names))]
    major, minor = map(int, options.cc.split("."))
    for line in table(all_compiled(names, [(major, minor)])[options.cc]):
        print(line)


if __name__ == "__main__":
    main()
