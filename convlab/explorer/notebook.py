"""The explorer in a notebook: the page in a frame, or with anywidget one that asks the kernel."""

from functools import cached_property
from html import escape
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from convlab.errors import UnsupportedError
from convlab.explorer.document import Shown
from convlab.explorer.export import page_of
from convlab.explorer.session import OTHERS
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.recording.recorded import check_forwards
from convlab.storage.writing import new_path

HEIGHT = 720  # pixels of the frame


class Explorer:
    """A network and a recording to walk through: it shows itself in a notebook, and `save` writes it as one file."""

    def __init__(self, model: Model, acts: Activations) -> None:
        self.model, self.acts = model, acts

    def __repr__(self) -> str:
        return f"<Explorer of {self.model.title}: save(path) writes the page, a notebook shows it>"

    @cached_property
    def _page(self) -> str:
        return page_of(Shown(self.model, self.acts, OTHERS, generation=1))

    def save(self, path: str | Path) -> None:
        """Write the page: one file that needs no server, no network and nothing installed."""
        with new_path(Path(path), "the page") as part:
            part.write_text(self._page, encoding="utf-8")

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, which can do nothing but run its script."""
        frame = f'sandbox="allow-scripts" width="100%" height="{HEIGHT}" style="border:0"'
        return f'<iframe {frame} srcdoc="{escape(self._page)}"></iframe>'

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Return the live widget where anywidget is there, else the page."""
        if find_spec("anywidget") is None:
            return {"text/plain": repr(self), "text/html": self._repr_html_()}
        return self.widget._repr_mimebundle_(**options)

    def _display_(self) -> Any:
        """Return what marimo shows in its place, which would prefer the page to the widget."""
        return SimpleNamespace(_repr_html_=self._repr_html_) if find_spec("anywidget") is None else self.widget

    @cached_property
    def widget(self) -> Any:
        """The live widget, which asks the kernel for what a file cannot hold; needs anywidget."""
        if find_spec("anywidget") is None:
            raise UnsupportedError(
                "the live widget needs anywidget: pip install anywidget; without it, show the page"
            )
        from convlab.explorer.widget import make_widget

        return make_widget(self.model, self.acts)


def explore(model: Model, acts: Activations) -> Explorer:
    """Return a page on which to walk through a network: any number of a recording down to the pixels it comes from.

    In a notebook it shows itself: with anywidget installed it asks the kernel, else it is a page that holds what can
    be looked at. `convlab explore` opens the same in a browser.

    Parameters
    ----------
    model : Model
    acts : Activations
        A recording of it; its first image is shown.

    Raises
    ------
    UnsupportedError
        For what is no recording.
    ShapeError
        For a recording of another network.
    """
    check_forwards(acts)
    model.check_made(acts)
    return Explorer(model, acts)
