"""The live widget of a notebook: the page's modules by anywidget; they ask the kernel what they ask a server."""

import json
from typing import Any

import anywidget
import traitlets

from convlab.errors import ConvlabError
from convlab.explorer.page_files import INDEX, STYLE, bundle, text_of
from convlab.explorer.session import OutOfDateError, Session
from convlab.model.model import Model
from convlab.recording.activations import Activations


class ExplorerWidget(anywidget.AnyWidget):
    """Answers messages {id, ask, ...} by {id, answer} and bytes, or by {id, error}."""

    _esm = bundle("widget") + "\nexport default { render: $widget.render };\n"
    _css = "\n".join(text_of(name) for name in STYLE.findall(text_of(INDEX)))
    document = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: Session) -> None:
        super().__init__(document=session.document())
        self._session = session
        self.on_msg(lambda _, content, buffers: self._answer(content, buffers))

    def _answer(self, content: dict[str, Any], buffers: list[Any]) -> None:
        try:
            answer, data = self._ask(content, buffers)
            self.send({"id": content["id"], "answer": answer}, data)
        except (ConvlabError, OutOfDateError) as error:
            self.send({"id": content["id"], "error": str(error)})

    def _ask(self, content: dict[str, Any], buffers: list[Any]) -> tuple[Any, list[bytes]]:
        """Return the answer, and bytes."""
        session, generation = self._session, content.get("generation", 0)
        if content["ask"] == "values":
            return None, [session.values(generation, content["layer"])]
        if content["ask"] == "explanation":
            told = session.explanation(generation, content["layer"], content["at"], content.get("backward"))
        elif content["ask"] == "attribution":
            told = session.attribution(generation, content["method"], content["class"], content["layer"])
        else:
            told = session.open(bytes(buffers[0]))
        return json.loads(told), []


def make_widget(model: Model, acts: Activations) -> ExplorerWidget:
    """Return the widget of a network and a recording."""
    return ExplorerWidget(Session(model, acts))
