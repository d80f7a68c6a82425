"""Write docs/keras_files.md, the table of writers and layers, from the records: `python make_keras_table.py`."""

import json
import tempfile
from pathlib import Path

from keras_writers.archive import RECORDS, unpack
from keras_writers.cases import by_kind
from keras_writers.networks import ARCHITECTURES, SMALL

FILE = Path(__file__).parents[2] / "docs" / "keras_files.md"
HEAD = """# Files of Keras that load

Each Keras below wrote files of every layer over its options, and computed them. A number says how many cases of a
layer (its options one by one, those that change nothing included) are in its files: all of them load, and agree with
what that Keras computed, in `tests/files/keras/test_writers.py`. Where there is none, that Keras has no such layer.
Three answers are no definition and are left out there: sparsemax of Keras 3 on TensorFlow; Normalization(invert=True)
of Keras 2.10, which does not invert; and bilinear UpSampling2D of Keras 2.3, where TensorFlow 1 samples corners and
TensorFlow 2, with the same file, the centres of pixels. Keras on PyTorch pools "same" over copies of the border and
has a bicubic of its own: where a file does not say what ran it, it is computed as on TensorFlow.
It is made by `tests/references/make_keras_table.py` from the records in `tests/references/keras_writers`.
"""
FORMATS = {".h5": ".h5", ".keras": ".keras", ".weights": "JSON + .h5", ".weights.h5": "JSON + .weights.h5"}


def main():
    """Write the page."""
    FILE.write_text(page())


def page():
    """Return its text."""
    writers = [path.name.replace(".tar.xz", "") for path in sorted(RECORDS.glob("*.tar.xz"), key=version)]
    columns = [column(RECORDS / f"{writer}.tar.xz") for writer in writers]
    packages = "".join(f"- {name}: {', '.join(' '.join(item) for item in told['made with'].items())}\n"
                       for name, told in zip(writers, columns, strict=True))  # fmt: skip
    layers = rows("layer", writers, columns, [*sorted(by_kind()), "all"])
    networks = rows("network", writers, columns, [*SMALL, *ARCHITECTURES])
    return f"{HEAD}\n{packages}\n{layers}\nWhole networks, and the files in which each is read:\n\n{networks}"


def version(path):
    """Return what sorts writers by the version of Keras."""
    return [part.zfill(3) for part in path.name.replace(".tar.xz", "").split("-")[1].split(".")], path.name


def rows(head, writers, columns, names):
    """Return a table: a row for each name, a column for each writer."""
    lines = [f"| {head} | {' | '.join(writers)} |", "| --- |" + " ---: |" * len(writers)]
    lines += [f"| {name} | {' | '.join(str(column[name]) for column in columns)} |" for name in names]
    return "\n".join(lines) + "\n"


def column(archive):
    """Return row -> cell of one writer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(archive, folder)
        index = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
        cells = {kind: len(index[kind]["layers"]) for kind in by_kind()}
        networks = {name: formats(folder, f"network_{name}") for name in (*SMALL, *ARCHITECTURES)}
    counts = {kind: cells[kind] or "" for kind in cells}
    return {**counts, **networks, "all": sum(cells.values()), "made with": index["versions"]}


def formats(folder, name):
    """Return in which files a network was recorded."""
    return ", ".join(said for suffix, said in FORMATS.items() if (folder / (name + suffix)).exists())


if __name__ == "__main__":
    main()
