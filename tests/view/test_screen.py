"""A figure is shown once, wherever it is made: by a notebook, or by pyplot where it is used; nobody else keeps it.

Each case is a program of its own, for pyplot and IPython are there for the whole of one. `support.notebook` stands
for IPython; `test_notebook.py` runs the real one where it is.
"""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

START = """
import gc, sys, warnings, weakref
import numpy as np
import convlab
from support.notebook import Notebook
warnings.simplefilter("error")
acts = convlab.Activations({"a": np.ones((1, 3, 4, 2))}, {"a": "Conv2D"}, {"x": np.ones((1, 3, 4, 2))}, {}, "net")
def draw(**options):
    return convlab.plot.feature_maps(acts, "a", **options)
"""
PYPLOT = """
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
"""
NOTEBOOK = """
book = Notebook()
book.names.update(draw=draw, plt=sys.modules.get("matplotlib.pyplot"), book=book)
"""
CELLS = [
    ("", "draw()", 1),
    ("draw()", None, 1),  # what stands before a semicolon
    ("fig = draw()", None, 1),
    ("for _ in range(3): draw()", None, 3),
    ("fig = draw()", "fig", 1),
    ("fig = draw(); book.display(fig); book.display(fig)", None, 2),  # as often as it is asked for
    ("fig = draw(path='a.png')", None, 1),
    ("draw().axes[0].set_title('x')", None, 1),
]


def passes(folder, *parts):
    """Run a program, and show what it says where it fails."""
    code = "\n".join(dedent(part) for part in parts)
    tests = Path(__file__).parents[1]
    program = f"import sys; sys.path.insert(0, {str(tests)!r})\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("pyplot", ["", PYPLOT], ids=["alone", "pyplot"])
def test_a_notebook_shows_each_figure_once(tmp_path, pyplot):
    passes(
        tmp_path,
        START,
        pyplot,
        NOTEBOOK,
        f"""
        for code, last, times in {CELLS!r}:
            assert len(book.cell(code, last)) == times, (code, last)
        assert len(book.cell("", "fig")) == 1  # in a later cell, too
        assert book.cell("1 + 1") == []
        """,
    )


def test_nothing_is_left_behind_in_a_notebook(tmp_path):
    passes(
        tmp_path,
        START,
        NOTEBOOK,
        """
        before = list(book.waiting)
        assert len(book.cell("draw()")) == 1
        assert book.waiting == before
        figure = weakref.ref(book.shown.pop())
        gc.collect()
        assert figure() is None
        assert "matplotlib.pyplot" not in sys.modules
        """,
    )


def test_figures_are_shown_in_the_order_in_which_they_were_made(tmp_path):
    passes(
        tmp_path,
        START,
        NOTEBOOK,
        """
        titles = [figure.get_layout_engine().words[0] for figure in book.cell("[draw(title=t) for t in 'abc']")]
        assert titles == ["a", "b", "c"]
        """,
    )


def test_a_notebook_shows_a_figure_as_large_as_it_was_asked_for(tmp_path):
    """The backend for notebooks has IPython cut figures to what is drawn; what else is set there is obeyed."""
    passes(
        tmp_path,
        START,
        PYPLOT,
        """
        from base64 import b64decode
        from functools import partial
        from io import BytesIO
        from PIL import Image
        for kind, whole in (("png", True), ("retina", False)):
            book = Notebook(png=partial(print, fmt=kind, base64=True, bbox_inches="tight"))
            book.names.update(draw=draw)
            (shown,) = book.cell("fig = draw(size=(4, 3), dpi=80)")
            if whole:
                assert Image.open(BytesIO(b64decode(shown["image/png"]))).size == (320, 240)
                assert shown["text/plain"] == "<Drawing size 320x240 with 1 Axes>"
            else:
                assert shown is book.names["fig"]
            assert plt.get_fignums() == []
        """,
    )


def test_dots_stay_when_pyplot_lets_go_of_a_figure(tmp_path):
    passes(
        tmp_path,
        START,
        PYPLOT,
        """
        from PIL import Image
        figure = draw(size=(4, 3), dpi=80)
        plt.close(figure)
        figure.savefig("a.png")
        assert figure.dpi == 80 and Image.open("a.png").size == (320, 240)
        """,
    )


def test_show_and_close_of_pyplot_are_obeyed_in_a_notebook(tmp_path):
    passes(
        tmp_path,
        START,
        PYPLOT,
        NOTEBOOK,
        """
        plt.show = lambda: book.flush()
        assert len(book.cell("draw(); plt.show(); draw()")) == 2
        assert book.cell("draw(); plt.close()") == []
        assert len(book.cell("fig, ax = plt.subplots(); draw(ax=ax)")) == 1
        assert len(book.cell("draw(); plt.title('mine')")) == 1
        """,
    )


def test_in_a_program_figures_are_pyplots_where_it_is_used(tmp_path):
    passes(
        tmp_path,
        START,
        PYPLOT,
        """
        figure = draw(dpi=80, size=(7, 4))
        assert [plt.figure(number) for number in plt.get_fignums()] == [figure] == [plt.gcf()]
        assert figure.get_size_inches().tolist() == [7, 4] and figure.dpi == 80
        plt.close(figure)
        kept = weakref.ref(figure)
        del figure
        gc.collect()
        assert kept() is None
        """,
    )


def test_a_program_that_saves_keeps_nothing(tmp_path):
    """Pyplot would warn of the twenty-first figure."""
    passes(
        tmp_path,
        START,
        PYPLOT,
        """
        for number in range(25):
            draw(path=f"{number}.png")
        assert plt.get_fignums() == []
        """,
    )
    assert len(list(tmp_path.iterdir())) == 25


@pytest.mark.parametrize("start", ["", "__import__('matplotlib.pyplot')"], ids=["alone", "imported by a library"])
def test_a_program_that_does_not_use_pyplot_keeps_nothing(tmp_path, start):
    passes(
        tmp_path,
        START,
        start,
        """
        for _ in range(25):
            draw()  # pyplot would warn
        figure = draw()
        kept = weakref.ref(figure)
        del figure
        gc.collect()
        assert kept() is None
        pyplot = sys.modules.get("matplotlib.pyplot")
        assert pyplot is None or pyplot.get_fignums() == []
        """,
    )


def test_a_function_that_imports_pyplot_uses_it(tmp_path):
    passes(
        tmp_path,
        START,
        """
        def main():
            from matplotlib import pyplot
            pyplot.switch_backend("agg")
            for number in (1, 2):
                draw()
            return pyplot.get_fignums()
        assert main() == [1, 2]
        """,
    )


def test_ipython_in_a_terminal_shows_words(tmp_path):
    passes(
        tmp_path,
        START,
        PYPLOT,
        """
        book = Notebook(formats=["text/plain"])
        figure = draw()
        try:
            figure._ipython_display_()
        except NotImplementedError:
            pass
        else:
            raise AssertionError("IPython prints nothing")
        assert plt.get_fignums() == [1]  # nobody has seen it yet
        """,
    )


def test_what_fails_is_not_shown(tmp_path):
    passes(
        tmp_path,
        START,
        PYPLOT,
        """
        for wrong in ({"path": "no/such/folder/a.png"}, {"size": (1, 0)}, {"channels": [5]}):
            try:
                draw(**wrong)
            except convlab.ConvlabError:
                continue
            raise AssertionError(wrong)
        assert plt.get_fignums() == []
        """,
    )


def test_a_thread_keeps_its_figures_to_itself(tmp_path):
    """Windows are for the main thread, and a server that draws must not collect figures."""
    passes(
        tmp_path,
        START,
        PYPLOT,
        """
        from threading import Thread
        worker = Thread(target=draw)
        worker.start()
        worker.join()
        assert plt.get_fignums() == []
        """,
    )
