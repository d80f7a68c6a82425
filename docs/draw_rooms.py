"""The rooms of the code in their ranks, what imports what, and the picture of both in architecture.md.

`python docs/draw_rooms.py` draws it again, as docs/rooms.png, after imports have changed.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Line

DOCS = Path(__file__).parent
SOURCES = {"convlab": DOCS.parent / "convlab", "convlab_kernels": DOCS.parent / "kernels/convlab_kernels"}


class Room(NamedTuple):
    """What is in a room, in two lines of the picture, and the column where it is drawn."""

    text: str
    column: float


RANKS: tuple[dict[str, Room], ...] = (
    {"kernels": Room("windows, what CPU and\nGPU share", 2.5)},
    {
        "kernels/cpu/runtime": Room("JIT, SIMD, threads,\nthe micro-kernel", 2),
        "kernels/cuda/compiler": Room("language, compiler,\nlaunch", 3),
    },
    {
        "kernels/cpu": Room("convolutions in NumPy\nand Numba", 2),
        "kernels/cuda": Room("the ladder of GPU\nkernels", 3),
    },
    {
        "errors": Room("every error raised\non purpose", 1),
        "wording": Room("names as messages\nshow them", 0),
        "deprecation": Room("old names that\nstill work", 3.5),
    },
    {"runtime": Room("arrays, device, which\nkernels and memory", 2)},
    {
        "storage": Room("bounded HDF5, NumPy,\nzip; whole writing", 3),
        "images": Room("pictures on their\nway in", 4),
        "markup": Room("tables, mosaics\nof maps, colours", 0),
    },
    {"ops": Room("functions on arrays:\ncheck, choose, call", 2)},
    {"layers": Room("one class a layer:\nshapes, weights, call", 2)},
    {"recording": Room("activations, their\nfile and statistics", 3)},
    {"model": Room("graph, weights; run,\npredict, fusion", 2)},
    {
        "zoo": Room("networks by name", 0),
        "files": Room("Keras, PyTorch,\ndownloads", 1),
        "backward": Room("gradients over\na recording", 2),
    },
    {"loading": Room("a name or a file\nbecomes a network", 0.5)},
    {
        "attribution": Room("what an answer\nhangs on", 2),
        "explanation": Room("one number and what\nmade it", 3),
        "comparison": Room("where two recordings\ndiffer, and why", 4),
    },
    {"view": Room("arrays become\npictures", 3)},
    {
        "bench": Room("checked to be equal,\nthen timed", 3),
        "simulator": Room("a GPU in miniature", 1.5),
        "testing": Room("an assertion for tests\nof networks", 4),
    },
    {
        "judging": Room("your convolution: right,\nor which mistake", 1.5),
        "scanning": Room("a folder of pictures", 2.5),
        "explorer": Room("a page to walk\nthrough a network", 3.5),
    },
    {
        "cli": Room("the command, a file\nfor each command", 0.5),
        "check": Room("old names of\ncomparison", 4),
    },
    {"convlab": Room("what a user imports", 2)},
)
"""The rooms, lowest rank first: a room imports from its own rank and from those below."""

RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}


class Import(NamedTuple):
    """An import of one module in another, by dotted names; `when` is "eager", "lazy" (in a function) or "type"."""

    source: str
    target: str
    when: str


def modules() -> dict[str, Path]:
    """Return every module of the two packages by its dotted name."""
    found = {}
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = (package, *path.relative_to(folder).with_suffix("").parts)
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


def imports() -> list[Import]:
    """Return every import of a module of the two packages in another of them."""
    paths = modules()
    return [
        Import(source, target, when)
        for source, path in paths.items()
        for when, names in _statements(ast.parse(path.read_text(encoding="utf-8")), "eager")
        for target in sorted({_module(name, paths) for name in names} - {"", source})
    ]


def _statements(node: ast.AST, when: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the names that each import in a node brings in, and when it is carried out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield when, [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            yield when, [f"{child.module}.{alias.name}" for alias in child.names]
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _statements(child, "lazy")
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _statements(child, "type")
        else:
            yield from _statements(child, when)


def _module(name: str, paths: dict[str, Path]) -> str:
    """Return the module that a name is or stands in, "" for another package's and for the version."""
    if name == "convlab.__version__":  # set before anything is imported
        return ""
    return name if name in paths else name.rpartition(".")[0] if name.rpartition(".")[0] in paths else ""


def room(module: str) -> str:
    """Return the room in which a module lies."""
    package, *parts = module.split(".")
    if package == "convlab_kernels":
        folders = [part for part in parts if part in ("cpu", "cuda", "runtime", "compiler")]
        return "/".join(["kernels", *folders])
    return parts[0] if parts and parts[0] != "__main__" else "convlab"


def runs_up(found: Import) -> bool:
    """Return whether an import leads to a higher rank."""
    return RANK[room(found.target)] > RANK[room(found.source)]


def arrows() -> list[tuple[str, str]]:
    """Return the pairs of rooms of which the first imports the second, but for those that other pairs imply."""
    pairs = {(room(found.source), room(found.target)) for found in imports()}
    order = {name: i for i, name in enumerate(RANK)}
    direct = {name: {b for a, b in pairs if a == name and order[b] < order[a]} for name in RANK}
    below: dict[str, set[str]] = {}
    for name in RANK:  # lowest first: all that lies below those that it imports is known
        below[name] = direct[name].union(*(below[other] for other in direct[name]))
    return [(a, b) for a in RANK for b in RANK if b in direct[a] and not any(b in below[c] for c in direct[a])]


# The picture: lengths in inches, from the lower left corner.

ACROSS, UP = 1.52, 0.72  # from column to column, from rank to rank
WIDTH, HEIGHT = 1.38, 0.5  # of a box
MARGIN, PORT, LANE = 0.1, 0.2, 0.045  # around all; between arrows at one side of a box; between arrows side by side
INK, FAINT, STRIPE = "#1b1e23", "#5d646e", "#f4f5f7"
COLOURS = {"kernels": "#fde8cf", "layers": "#d6ebd9", "files": "#dbe7f8", "view": "#efe0f4", "": "#ffffff"}
GROUPS = {
    "kernels": ("kernels", "kernels/cpu", "kernels/cuda", "kernels/cpu/runtime", "kernels/cuda/compiler"),
    "layers": ("ops", "layers", "model", "recording", "backward"),
    "files": ("storage", "images", "files", "zoo", "loading"),
    "view": (
        "attribution",
        "explanation",
        "comparison",
        "view",
        "bench",
        "simulator",
        "judging",
        "scanning",
        "explorer",
        "testing",
    ),
}


def middle(name: str) -> tuple[float, float]:
    """Return where the middle of a room's box is."""
    rank = RANK[name]
    return MARGIN + WIDTH / 2 + RANKS[rank][name].column * ACROSS, MARGIN + UP * (rank + 0.5)


def free(x: float, upper: int, lower: int) -> bool:
    """Return whether a vertical line meets no box between two ranks."""
    return all(abs(x - middle(name)[0]) > WIDTH / 2 for rank in range(lower + 1, upper) for name in RANKS[rank])


def routes() -> list[list[tuple[float, float]]]:
    """Return every arrow's corners: out of the bottom of a box, along a gap between ranks, into the next's top."""
    leaving: Counter[tuple[str, bool]] = Counter()
    coming: Counter[tuple[str, bool]] = Counter()
    lanes: Counter[tuple[int, bool]] = Counter()
    lines = []
    pairs = sorted(arrows(), key=lambda pair: abs(middle(pair[0])[0] - middle(pair[1])[0]))
    straight = {a for a, b in pairs if middle(a)[0] == middle(b)[0]}
    readers = Counter(b for _, b in pairs)
    for a, b in pairs:
        (x, y), (u, v) = middle(a), middle(b)
        right, across = u > x, u != x
        if RANK[a] == RANK[b]:
            side = WIDTH / 2 if right else -WIDTH / 2
            lines.append([(x + side, y), (u - side, v)])
            continue
        if across:
            leaving[a, right] += 1
            coming[b, right] += 1
            x += PORT * leaving[a, right] * (1 if right else -1) * (a in straight)  # else from the middle
            u -= PORT * coming[b, right] * (1 if right else -1) * (readers[b] > 1)
        gap = RANK[a] if free(u, RANK[a], RANK[b]) else RANK[b] + 1
        apart = LANE * lanes[gap, right] * (-1 if coming[b, right] > 1 else 1)  # so that they do not cross
        lanes[gap, right] += across
        turn = MARGIN + UP * gap + apart
        corners = [(x, turn), (u, turn)] if across else []
        lines.append([(x, y - HEIGHT / 2), *corners, (u, v + HEIGHT / 2)])
    return lines


def draw() -> Figure:
    """Draw the rooms as boxes, one rank above another, and what they import as arrows."""
    columns = 1 + max(place.column for rooms in RANKS for place in rooms.values())
    width, height = 2 * MARGIN + (columns - 1) * ACROSS + WIDTH, 2 * MARGIN + UP * len(RANKS)
    figure = Figure(figsize=(width, height), dpi=200)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    for rank in range(0, len(RANKS), 2):
        axes.axhspan(MARGIN + UP * rank, MARGIN + UP * (rank + 1), color=STRIPE, linewidth=0)
    for corners in routes():
        style: dict[str, Any] = {"arrowstyle": "-|>,head_length=3,head_width=1.6", "color": FAINT, "linewidth": 0.9}
        axes.add_patch(FancyArrowPatch(path=Line(corners), shrinkA=0, shrinkB=0, **style))
    group = {name: key for key, names in GROUPS.items() for name in names}
    for name, place in ((name, place) for rooms in RANKS for name, place in rooms.items()):
        x, y = middle(name)
        box = (x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT
        fill = COLOURS[group.get(name, "")]
        axes.add_patch(
            FancyBboxPatch(*box, "round,pad=0,rounding_size=0.06", facecolor=fill, edgecolor=INK, linewidth=0.8)
        )
        axes.text(
            x,
            y + 0.145,
            name,
            ha="center",
            va="center",
            fontsize=8 if len(name) < 16 else 7.2,
            fontweight="bold",
            color=INK,
        )
        axes.text(x, y - 0.08, place.text, ha="center", va="center", fontsize=6.8, color=INK, linespacing=1.1)
    return figure


if __name__ == "__main__":
    drawn = " ".join(f"{a}->{b}" for a, b in arrows())  # by which a test knows an old picture
    draw().savefig(DOCS / "rooms.png", metadata={"Description": drawn}, pil_kwargs={"optimize": True})
