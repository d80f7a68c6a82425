"""The page as one file: no server, no network, nothing from outside; what it holds is packed layer by layer."""

import gzip
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

from convlab.errors import ConvlabError
from convlab.explorer.attributions import HELD, attributed, told_attribution
from convlab.explorer.document import Shown, document
from convlab.explorer.packing import packed_explanations
from convlab.explorer.page_files import INDEX, STYLE, bundle, text_of
from convlab.explorer.strict import as_json
from convlab.explorer.values import EXACT, Encoded, exact, recorded, rounded
from convlab.recording.activations import Activations

EVERY = 20_000  # numbers of a network up to which each of them is explained in the file
SCRIPT = re.compile(r'[ \t]*<script type="module" src="/page/([\w-]+)\.js"></script>\n')
HEAD = re.compile(r'(?<=<meta charset="utf-8">)')
LESS = "\\u003c"  # how JSON says "<", which might begin the end of a script

Chunks = dict[str, bytes]


def page_of(shown: Shown, progress: Callable[[int, int], None] = lambda _done, _whole: None) -> str:
    """Return the page of a network and a recording as HTML; `progress` hears how many layers are done of how many."""
    told = document(shown)
    chunks = {} if shown.acts is None else dict(_chunks(shown, shown.acts, told, progress))
    return assembled(told, chunks)


def assembled(told: dict[str, Any], chunks: Chunks) -> str:
    """Return the page that holds a document and chunks, which are bytes by their names."""
    html = text_of(INDEX)
    style = "\n".join(text_of(name) for name in STYLE.findall(html))
    script = "\n".join(bundle(name) for name in SCRIPT.findall(html))
    plain = as_json(told).replace("<", LESS)
    data = [f'<script type="application/json" id="document">{plain}</script>']
    data += [
        f'<script type="application/octet-stream" id="{name}">{_packed(part)}</script>'
        for name, part in chunks.items()
    ]
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src blob: data:;"
        " base-uri 'none'; form-action 'none'"
    )
    html = STYLE.sub("", html)
    html = HEAD.sub(lambda _: f'\n    <meta http-equiv="Content-Security-Policy" content="{policy}">', html)
    html = html.replace("</head>", f"<style>{style}</style>\n  </head>")
    return SCRIPT.sub(lambda _: "\n".join([*data, f'<script type="module">{script}</script>\n']), html)


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _packed(data: bytes) -> str:
    return b64encode(gzip.compress(data, 6, mtime=0)).decode()


def _chunks(
    shown: Shown, acts: Activations, told: dict[str, Any], progress: Callable[[int, int], None]
) -> Iterator[tuple[str, bytes]]:
    """Yield each chunk, and say in the document how the numbers of each layer are written."""
    arrays = {name: array for name in shown.places if (array := recorded(acts, name)) is not None}
    size = sum(array.size for array in arrays.values())
    for done, (name, array) in enumerate(arrays.items()):
        progress(done, len(arrays))
        place = shown.places[name]
        encoded: Encoded = exact(array) if size <= EXACT else rounded(array)
        told["layers"][place]["encoding"] = encoded.encoding
        yield f"values-{place}", encoded.data
        if told["layers"][place]["explains"]:
            yield f"explanations-{place}", as_json(packed_explanations(shown, acts, name, size <= EVERY)).encode()
    if attributions := _attributions(shown, acts, told):
        yield "attributions", as_json(attributions).encode()


def _attributions(shown: Shown, acts: Activations, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what speaks for the first class, in the layer that Grad-CAM takes and at the input; where it can be."""
    found = []
    for method in HELD if told["top"] else ():
        try:
            made = attributed(shown.model, acts, method, told["top"][0]["channel"], None)
            at_pixels = made.layer not in shown.model.inputs  # there the values are the pixels'
            found.append(told_attribution(made, shown.places, pixels=at_pixels))
        except ConvlabError:
            continue
    return found
