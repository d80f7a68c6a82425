"""What stands for a notebook: the few things of IPython that figures are shown by, and cells to run in it."""

import sys
from types import ModuleType, SimpleNamespace

from matplotlib.figure import Figure


class Notebook:
    """IPython as `sys.modules` knows it; `cell` returns the figures that a cell of code shows, in their order."""

    def __init__(self, formats=("text/plain", "image/png"), png=None):
        """Take the formats that are shown, and what makes a PNG of a Figure in place of its own `_repr_png_`."""
        self.waiting, self.shown = [], []
        self.names = {}
        self.events = SimpleNamespace(
            register=lambda _, call: self.waiting.append(call), unregister=lambda _, call: self.waiting.remove(call)
        )
        formatters = {"image/png": SimpleNamespace(type_printers={Figure: png} if png else {})}
        self.display_formatter = SimpleNamespace(active_types=list(formats), formatters=formatters)
        ipython, pages = ModuleType("IPython"), ModuleType("IPython.display")
        ipython.get_ipython, ipython.version_info, pages.display = lambda: self, (9, 0), self.display
        sys.modules.update({"IPython": ipython, "IPython.display": pages})

    def display(self, figure, raw=False):
        """Show a figure as IPython does, or what is ready to be shown."""
        if raw:
            self.shown.append(figure)
            return
        try:
            getattr(figure, "_ipython_display_", self._not_implemented)()
        except NotImplementedError:
            if getattr(figure, "_repr_png_", object)() is not None:
                self.shown.append(figure)

    @staticmethod
    def _not_implemented():
        raise NotImplementedError

    def cell(self, code, last=None):
        """Run code, show the value of what stands last, call what waits for the end; a backend shows its figures."""
        self.shown = []
        exec(code, self.names)
        if last is not None:
            self.display(eval(last, self.names))
        for call in self.waiting[:]:
            call()
        self.flush()
        return self.shown

    def flush(self):
        """Do as Matplotlib's backend for notebooks does after a cell: show pyplot's figures, and close them."""
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            for number in pyplot.get_fignums():
                self.display(pyplot.figure(number))
            pyplot.close("all")
