"""Record the files that the installed Keras writes, and what it answers, for tests that have none.

    python tests/references/make_keras_files.py                          # the package keras
    python tests/references/make_keras_files.py tensorflow.keras         # or another: tf_keras
    python tests/references/make_keras_files.py keras --only Conv2D PReLU

writes keras_writers/records/keras-2.15.0.tar.xz, or however that Keras is called; with --only, the kinds of layers
named, or the networks, are recorded anew and the others stay. It runs under Python 3.7 and later, with TensorFlow
1.15 and later or Keras 3 on any backend: TensorFlow's answers are those that count.

What is recorded stands in keras_writers/cases.py: a new layer, or option, is a line in that list, and then a run
under each Keras. `make_keras_table.py` afterwards writes docs/keras_files.md.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from keras_writers.archive import RECORDS, pack, unpack
from keras_writers.cases import by_kind
from keras_writers.networks import record_networks
from keras_writers.recording import record_kind
from keras_writers.writer import Writer

NETWORKS = "networks"


def main():
    """Record all, or what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", nargs="?", default="keras")
    parser.add_argument("--only", nargs="+", help="kinds of layers, or the word networks")
    asked = parser.parse_args()
    writer, kinds = Writer(asked.package), by_kind()
    archive = RECORDS / (writer.name + ".tar.xz")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.only:
            unpack(archive, folder)
        for kind in asked.only or [*kinds, NETWORKS]:
            if kind == NETWORKS:
                record_networks(writer, folder)
                continue
            for old in folder.glob(kind + ".*"):
                old.unlink()
            record_kind(writer, kind, kinds[kind], folder)
        (folder / "versions.json").write_text(json.dumps(writer.versions))
        pack(folder, archive)


if __name__ == "__main__":
    main()
