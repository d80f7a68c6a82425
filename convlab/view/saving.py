"""A figure on its way to a file."""

from pathlib import Path
from typing import Any

from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from convlab.errors import FileError
from convlab.storage.writing import check_file, new_path
from convlab.view.screen import Drawing


def save(figure: Figure, path: str | Path, software: str | None = None) -> None:
    """Write a figure in the format that its name tells; a file appears only when it is complete.

    A PNG says in itself by which `software` it was drawn, by default Matplotlib.
    """
    form = picture_format(Path(path))
    options: dict[str, Any] = {"pil_kwargs": {"compress_level": 4}} if form == "png" else {}
    if software is not None:
        options["metadata"] = {"Software": software}
    with new_path(Path(path), "the picture") as part:
        try:
            if form == "png" and isinstance(figure, Drawing) and type(figure.canvas) is FigureCanvasAgg:
                # savefig would draw a sheet twice
                figure.canvas.print_png(part, **options)  # type: ignore[no-untyped-call]
            else:
                figure.savefig(part, format=form, **options)
        except ValueError as error:
            raise FileError(f"{path}: the picture cannot be written ({error})") from None


def check_picture(path: Path) -> None:
    """Refuse a path at which no picture can be written, before it is drawn (FileError)."""
    check_file(path)
    picture_format(path)


def picture_format(path: Path) -> str:
    """Return the format that a picture's name tells, by default "png"."""
    form = path.suffix[1:].lower() or "png"
    known = FigureCanvasBase.get_supported_filetypes()
    if form not in known:
        formats = ", ".join(sorted(known))
        raise FileError(f"{path}: the picture cannot be written (format {form!r} is unknown, expected {formats})")
    return form
