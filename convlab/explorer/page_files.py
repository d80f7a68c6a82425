"""The files of the page: which there are, their types, and its modules as one script."""

import re
from functools import cache
from importlib import resources

TYPES = {".css": "text/css", ".js": "text/javascript", ".html": "text/html"}  # what `mimetypes` says is the machine's
INDEX = "index.html"
STYLE = re.compile(r'[ \t]*<link rel="stylesheet" href="/page/([\w-]+\.css)">\n')
IMPORT = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"\./([\w-]+)\.js";?[ \t]*$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:(?:async )?function|class|const) (\w+))", re.MULTILINE)


@cache
def page_files() -> dict[str, tuple[str, bytes]]:
    """Return each file of the page by its name: its type, and what it holds."""
    folder = resources.files("convlab.explorer") / "page"
    return {
        file.name: (f"{kind}; charset=utf-8", file.read_bytes())
        for file in folder.iterdir()
        if (kind := TYPES.get(file.name[file.name.rfind(".") :]))
    }


def text_of(name: str) -> str:
    """Return a file of the page as text."""
    return page_files()[name][1].decode()


def bundle(entry: str) -> str:
    """Return a module and all that it imports as one script: each in a scope of its own, after those that it needs.

    What each gives to others is an object by its name, `$address` of address.js.
    """
    return "\n".join(map(_scoped, _in_order(entry)))


def _scoped(name: str) -> str:
    text = text_of(f"{name}.js")
    given = ", ".join(EXPORT.findall(text))
    body = EXPORT.sub("", IMPORT.sub(lambda found: f"const {{{found[1]}}} = {_object(found[2])};", text))
    return f"const {_object(name)} = (() => {{\n{body}\nreturn {{ {given} }};\n}})();"


def _object(name: str) -> str:
    return "$" + name.replace("-", "_")


def _in_order(entry: str) -> list[str]:
    """Return the names of a module's imports, of theirs, and its own, each once, what is needed first."""
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        for _, needed in IMPORT.findall(text_of(f"{name}.js")):
            if needed not in found:
                visit(needed)
        found[name] = None

    visit(entry)
    return list(found)
