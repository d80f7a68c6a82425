"""Who shows a figure: a notebook at the end of the cell, pyplot where the caller uses it, else whoever asks for it.

A figure that nobody keeps is gone, and pyplot keeps figures until they are closed; so pyplot is never imported here.
Where the code that calls has imported it, its author expects figures to be pyplot's: `plt.show()` shows them,
`plt.close()` closes them, `plt.title(...)` changes the last one, and the backend that was chosen draws them. That
pyplot is there is not enough: Keras, too, imports it. What is saved with `path=` outside a notebook is not kept:
loops that write a thousand files are the rule there.

A notebook shows by itself only what stands last in a cell. So a figure that pyplot does not have waits for the end of
its cell; a callback that leaves with it is all that is registered.

Where Matplotlib's backend for notebooks is at work IPython cuts figures to what is drawn on them. A page is shown
whole, as large as it was asked for, unless the user has set in IPython how figures are to be shown.
"""

import sys
import threading
from base64 import b64encode
from io import BytesIO
from typing import Any, cast

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from convlab_kernels.imports import load_module


def notebook() -> Any:
    """Return the shell of IPython that shows pictures, None where there is none (or a terminal)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if shell is not None and "image/png" in shell.display_formatter.active_types else None


class Drawing(Figure):
    """A Figure that a notebook shows once for each time that it is made or asked for."""

    _waits = False  # for the end of the cell

    def set_dpi(self, val: float) -> None:
        """Set the dots an inch, those too that Matplotlib goes back to when it saves, or closes pyplot's window."""
        super().set_dpi(val)
        self._original_dpi = val

    def _repr_png_(self) -> bytes | None:
        """Return the picture; nothing where it stands in the page already, in a window of pyplot's."""
        if self._is_pyplots() and not self._is_still():
            return None
        buffer = BytesIO()
        if self._is_still():
            # savefig would draw a sheet twice
            cast(FigureCanvasAgg, self.canvas).print_png(buffer)  # type: ignore[no-untyped-call]
        else:
            self.savefig(buffer, format="png")
        return buffer.getvalue()

    def _ipython_display_(self) -> None:
        """Note that the figure is being shown, and show it whole, or leave it to IPython if how is set there."""
        shell, whole = notebook(), None
        self._waits = False
        if shell is not None and _cuts(shell):
            whole = self._repr_png_()
        if self._is_pyplots() and self._is_still() and shell is not None:
            sys.modules["matplotlib.pyplot"].close(self)  # or its backend would show it again after the cell
        if whole is None:
            raise NotImplementedError
        shown = {"image/png": b64encode(whole).decode(), "text/plain": repr(self)}
        load_module("IPython.display").display(shown, raw=True)

    def _is_pyplots(self) -> bool:
        pyplot = sys.modules.get("matplotlib.pyplot")
        return pyplot is not None and self.canvas.manager is not None and pyplot.fignum_exists(self.number)

    def _is_still(self) -> bool:
        """Whether the canvas has no window: it is of the backend for pages of a notebook, or of the one for files."""
        return type(self.canvas) is FigureCanvasAgg


def _cuts(shell: Any) -> bool:
    """Whether IPython shows figures as that backend has it from the start: as PNG, cut to what is drawn."""
    printers = [one.type_printers.get(Figure) for one in shell.display_formatter.formatters.values()]
    found = [getattr(printer, "keywords", {}) for printer in printers if printer is not None]
    return found == [{"fmt": "png", "base64": True, "bbox_inches": "tight"}]


def present(figure: Drawing, *, saved: bool) -> None:
    """Have a figure that is finished shown where a user looks for it, if there is such a place."""
    pyplot, shell = _callers_pyplot(), notebook()
    if pyplot is not None and (shell or not saved) and threading.current_thread() is threading.main_thread():
        pyplot.figure(FigureClass=lambda *_, **__: figure)  # windows are for the main thread alone
    elif shell is not None:
        _show_after_cell(figure, shell)


def _callers_pyplot() -> Any:
    """Return pyplot if it is among the names of the code that is running, or of what called it."""
    pyplot, frame = sys.modules.get("matplotlib.pyplot"), sys._getframe(1)
    while pyplot is not None and frame is not None:
        if any(value is pyplot for names in (frame.f_globals, frame.f_locals) for value in list(names.values())):
            return pyplot
        frame = frame.f_back  # type: ignore[assignment]
    return None


def _show_after_cell(figure: Drawing, shell: Any) -> None:
    def show() -> None:
        shell.events.unregister("post_execute", show)
        if figure._waits:
            load_module("IPython.display").display(figure)

    figure._waits = True
    shell.events.register("post_execute", show)
