"""What CuPy 14 has: names and arguments of its functions, as `cupy_14.txt` lists them.

That file was written by `python tests/support/cuda/cupy_names.py` where CuPy is installed; it need not be where
tests run.
"""

import inspect
import re
from inspect import Parameter, Signature
from pathlib import Path

RECORD = Path(__file__).with_name("cupy_14.txt")

P = Parameter
_STARS = {P.VAR_POSITIONAL: "*", P.VAR_KEYWORD: "**"}


def recorded():
    """Return {name: rest of the line} for each kind: ufunc, function, constant, method, attribute."""
    found = {}
    for line in RECORD.read_text().splitlines():
        kind, name, *rest = line.split()
        found.setdefault(kind, {})[name] = rest
    return found


def signature(words):
    """Return the signature that a line of the record is, `a axis= * dtype= **kwargs`: with = what has a default."""
    parameters, kind = [], P.POSITIONAL_OR_KEYWORD
    for word in words:
        name = word.strip("*=")
        if word == "*":
            kind = P.KEYWORD_ONLY
        elif word.startswith("**"):
            parameters.append(P(name, P.VAR_KEYWORD))
        elif word.startswith("*"):
            parameters.append(P(name, P.VAR_POSITIONAL))
            kind = P.KEYWORD_ONLY
        else:
            parameters.append(P(name, kind, default=None if word.endswith("=") else P.empty))
    return Signature(parameters)


def lines(cupy):
    """Yield the record of the CuPy that is installed."""
    for name, value in public(cupy):
        if isinstance(value, cupy.ufunc):
            yield f"ufunc {name} {value.nin} {value.nout}"
        elif callable(value) and not isinstance(value, type):
            yield " ".join(["function", name, *words_of(value)])
        elif not inspect.ismodule(value):
            yield f"constant {name}"
    for name, value in public(cupy.ndarray):
        yield " ".join(["method", name, *words_of(value)[1:]]) if callable(value) else f"attribute {name}"


def public(owner):
    return [(name, getattr(owner, name)) for name in sorted(dir(owner)) if not name.startswith("_")]


def words_of(function):
    try:
        return _words(inspect.signature(function))
    except ValueError:  # compiled: the first line of its text says it
        arguments = re.search(r"\((.*?)\)( ->|$)", (function.__doc__ or "").splitlines()[0] + "\n", re.M)
        return [re.sub(r"^(.* )?(\**\w*)(=?).*", r"\2\3", word) for word in arguments[1].split(", ") if word]


def _words(found):
    words, only = [], False
    for p in found.parameters.values():
        if p.kind is P.KEYWORD_ONLY and not only:
            words.append("*")
        only = only or p.kind in (P.KEYWORD_ONLY, P.VAR_POSITIONAL)
        words.append(_STARS.get(p.kind, "") + p.name + ("" if p.default is P.empty else "="))
    return words


if __name__ == "__main__":
    import cupy

    RECORD.write_text("".join(f"{line}\n" for line in lines(cupy)))
