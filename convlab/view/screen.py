"""Who shows a figure: a notebook at the end of the cell, pyplot where the caller uses it, else whoever asks for it.

A figure that nobody keeps is gone, and pyplot keeps figures until they are closed; so pyplot is never imported here.
Where the code that calls has imported it, its author expects figures to be pyplot's: `plt.show()` shows them,
`plt.close()` closes them, `plt.title(...)` changes the last one, and the backend that was chosen draws them. That
pyplot is there is not enough: Keras, too, imports it. What is saved with `path=` outside a notebook is not kept:
loops that write a thousand files are the rule there.

A notebook shows by itself only what stands last in a cell. So a figure that pyplot does not have waits for the end of
its cell; a callback that leaves with it is all that is registered.
"""

import sys
import threading
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
        """Note that the figure is being shown, and leave it to IPython how: by what is set there, or `_repr_png_`."""
        self._waits = False
        if self._is_pyplots() and self._is_still() and notebook() is not None:
            sys.modules["matplotlib.pyplot"].close(self)  # or its backend would show it again after the cell
        raise NotImplementedError

    def _is_pyplots(self) -> bool:
        pyplot = sys.modules.get("matplotlib.pyplot")
        return pyplot is not None and self.canvas.manager is not None and pyplot.fignum_exists(self.number)

    def _is_still(self) -> bool:
        """Whether the canvas has no window: it is of the backend for pages of a notebook, or of the one for files."""
        return type(self.canvas) is FigureCanvasAgg


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
