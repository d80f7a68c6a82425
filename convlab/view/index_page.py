"""The page of a folder of runs: what each picture is seen as, and links to all that was written."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from convlab.errors import FileError
from convlab.recording.activations import Activations
from convlab.storage.writing import new_path
from convlab.view.run_folder import Written
from convlab.wording import printable

NAME = "index.html"
MADE_BY = '<meta name="generator" content="convlab run">'
STYLE = """body{font:15px/1.5 system-ui,sans-serif;color:#1b1e23;max-width:1100px;margin:2em auto;padding:0 1em}
a{color:inherit}p,pre,figcaption{color:#6b727c}pre{color:#1b1e23}img{border:1px solid #dde1e6;background:#fff}
.network img{max-width:100%;max-height:420px}
.layers{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:1em}
figure{margin:0}figure img{width:100%;height:130px;object-fit:contain;object-position:left top}
figcaption{font-size:13px;overflow-wrap:anywhere}"""


class Entry(NamedTuple):
    """One picture: its name, what was said of it on the terminal, what was written, and what each layer is."""

    name: str
    said: Sequence[str]
    written: Written
    layers: Mapping[str, str]


def described(acts: Activations) -> dict[str, str]:
    """Return for each layer what it is: its kind and shape."""
    return {name: f"{kind} {' × '.join(map(str, acts[name].shape[1:]))}" for name, kind in acts.kinds.items()}


def check_index(folder: Path) -> None:
    """Refuse a folder whose page is not of an earlier run: it would be written over (FileError)."""
    path = folder / NAME
    if path.is_symlink() or (path.exists() and not (path.is_file() and _is_ours(path))):
        raise FileError(f"{path}: this is of no earlier run and would be replaced: name another folder")


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return MADE_BY.encode() in file.read(1000)


def write_index(folder: Path, title: str, notes: Iterable[str], entries: Sequence[Entry]) -> Path:
    """Write the page and return its path: a file that needs nothing but its neighbours, and runs nothing."""
    body = [f"<h1>{_said(title)}</h1>", *(f"<p>{_said(note)}</p>" for note in notes)]
    for entry in entries:
        body += _section(folder, entry)
    head = f'<meta charset="utf-8">{MADE_BY}<title>{_said(title)}</title><style>{STYLE}</style>'
    path = folder / NAME
    with new_path(path, "the page") as part:
        part.write_text("\n".join(["<!doctype html>", head, *body, ""]), encoding="utf-8")
    return path


def _section(folder: Path, entry: Entry) -> list[str]:
    lines = [f"<h2>{_said(entry.name)}</h2>"]
    if entry.said:
        lines.append("<pre>{}</pre>".format("\n".join(map(_said, entry.said))))
    if (drawn := entry.written.network) is not None:
        link = _link(folder, drawn)
        lines.append(
            f'<p class="network"><a href="{link}"><img loading="lazy" src="{link}" alt="all layers"></a></p>'
        )
    if (saved := entry.written.recording) is not None:
        lines.append(f'<p><a href="{_link(folder, saved)}">{_said(saved.name)}</a>: the recording</p>')
    figures = [_figure(folder, name, entry.layers[name], path) for name, path in entry.written.layers.items()]
    return [*lines, '<div class="layers">', *figures, "</div>"]


def _figure(folder: Path, name: str, what: str, path: Path) -> str:
    link = _link(folder, path)
    image = f'<img loading="lazy" src="{link}" alt="{_said(name)}">'
    return f'<figure><a href="{link}">{image}</a><figcaption><b>{_said(name)}</b> {_said(what)}</figcaption></figure>'


def _link(folder: Path, path: Path) -> str:
    return quote(path.relative_to(folder).as_posix())


def _said(text: str) -> str:
    return escape(printable(text))
