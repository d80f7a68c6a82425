"""What every figure can be asked for, in one place: its title, its size, and where it goes."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypedDict

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.errors import ShapeError
from convlab.recording.recorded import check_recording
from convlab.view.figure_style import paste, retitle, root, spell_out
from convlab.view.saving import check_picture, save
from convlab.view.screen import Drawing, present
from convlab.view.sheet import settle
from convlab.wording import unknown

P = ParamSpec("P")


class Look(TypedDict, total=False):
    """What each function that draws a figure takes besides what it draws."""

    title: str
    size: tuple[float, float]
    dpi: float
    path: str | Path


LINES = """title : str, optional
    In place of the one that says what is drawn; "" for none.
size : (width, height), optional
    Of the figure, in inches; by default what it needs.
dpi : float, optional
    Dots an inch: 150 by default, fewer on very large pages.
path : optional
    Where to save the figure.
"""


def drawing(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Give a function that draws a figure what every one has (`Look`): in its signature, its help and its result."""
    signature = inspect.signature(draw)
    parameters = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in Look.__annotations__.items()
    ]
    signature = signature.replace(parameters=parameters)

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        asked = _bound(draw.__name__, signature, args, kwargs)
        if "acts" in asked:
            check_recording(asked["acts"])
        look = {name: asked.pop(name) for name in Look.__annotations__ if asked.get(name) is not None}
        _check(look, asked.get("ax"))
        own: Any = {name: value for name, value in kwargs.items() if name not in Look.__annotations__}
        figure = draw(*args, **own)
        return _finish(figure, asked.get("ax"), **look)

    drawn.__signature__ = signature  # type: ignore[attr-defined]
    drawn.__doc__ = _with_lines(draw.__doc__ or "")
    return drawn


def _bound(name: str, signature: inspect.Signature, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what each parameter of a function is given; what it does not take is refused in its name."""
    takes = sorted(signature.parameters.values(), key=lambda one: one.kind, reverse=True)  # options first
    names = [one.name for one in takes]
    if strange := [given for given in kwargs if given not in names]:
        raise TypeError(f"plot.{name}: {unknown('parameter', strange[0], names)}")
    try:
        return signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        raise TypeError(f"plot.{name}: {error}") from None


def _with_lines(doc: str) -> str:
    """Return a docstring with the lines of what every figure has, after the parameters of its own."""
    text = inspect.cleandoc(doc)
    own, raised, errors = text.partition("\nRaises\n")
    return f"{own.rstrip()}\n{LINES}{raised}{errors}"


def _check(look: dict[str, Any], ax: Axes | None) -> None:
    """Refuse what cannot be had before anything is drawn."""
    if "path" in look:
        check_picture(Path(look["path"]))
    for name in {"size", "dpi"} & look.keys():
        if ax is not None:
            raise ShapeError(f"{name}={look[name]!r} is for a figure of its own; found ax=, whose figure has its own")
    sides = [*look.get("size", ()), look.get("dpi", 1)]
    if len(sides) not in (1, 3) or not all(0 < side < 1e4 for side in sides):
        asked = ", ".join(f"{name}={look[name]!r}" for name in ("size", "dpi") if name in look)
        raise ShapeError(f"{asked}: expected size=(width, height) in inches and dpi= in dots an inch, more than 0")


def _finish(
    figure: Figure,
    ax: Axes | None,
    title: str | None = None,
    size: tuple[float, float] | None = None,
    dpi: float | None = None,
    path: str | Path | None = None,
) -> Figure:
    """Give a figure what was asked for, and bring it to where it is seen."""
    if title is not None:
        retitle(figure, ax, title)
    spell_out(figure)
    if not isinstance(figure, Drawing) or (ax is not None and figure is root(ax)):
        shown = figure  # the caller's own
    else:
        settle(figure, size, dpi)
        shown = figure if ax is None else paste(figure, ax)
    if path is not None:
        save(shown, path)
    if isinstance(shown, Drawing) and ax is None:
        present(shown, saved=path is not None)
    return shown
