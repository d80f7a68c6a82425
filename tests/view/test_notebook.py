"""A real notebook shows figures as `test_screen.py` says: only where Jupyter's own tools are installed."""

from base64 import b64decode
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("nbconvert")
pytest.importorskip("ipykernel")

START = """
import numpy as np
import convlab
acts = convlab.Activations({"a": np.ones((1, 3, 4, 2))}, {"a": "Conv2D"}, {"x": np.ones((1, 3, 4, 2))}, {}, "net")
draw = lambda **options: convlab.plot.feature_maps(acts, "a", **options)
"""
PYPLOT = """
%matplotlib inline
import matplotlib.pyplot as plt
"""
SIZED = "draw(size=(4, 3), dpi=80);"
CELLS = {
    SIZED: 1,
    "draw()": 1,
    "draw();": 1,
    "fig = draw()": 1,
    "fig": 1,
    "for _ in range(3): draw()": 3,
    "display(draw()); draw()": 2,
    "draw(path='a.png')": 1,
    "acts": 0,
}
OF_PYPLOT = {
    "draw(); plt.show(); draw();": 2,
    "plt.subplots(); draw(ax=plt.gca());": 1,
    "draw(); plt.close()": 0,
}


@pytest.mark.slow
@pytest.mark.parametrize(("start", "cells"), [("", CELLS), (PYPLOT, CELLS | OF_PYPLOT)], ids=["alone", "pyplot"])
def test_each_figure_is_shown_once(tmp_path, monkeypatch, start, cells):
    import nbformat
    from nbconvert.preprocessors import ExecutePreprocessor

    roots = [str(Path(convlab.__file__).parents[1]) for convlab in map(__import__, ("convlab", "convlab_kernels"))]
    monkeypatch.setenv("PYTHONPATH", ":".join(roots))
    code = [start + START, *cells]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in code])
    ExecutePreprocessor(timeout=100).preprocess(book, {"metadata": {"path": tmp_path}})
    pictures = [
        [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
        for cell in book.cells[1:]
    ]
    assert dict(zip(cells, map(len, pictures), strict=True)) == cells
    with Image.open(BytesIO(b64decode(pictures[list(cells).index(SIZED)][0]))) as picture:
        assert picture.size == (320, 240)  # not cut to what is drawn
