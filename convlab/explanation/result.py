"""What explains one number, as it shows itself."""

from convlab.explanation.explained import Explained
from convlab.explanation.html import explanation_table
from convlab.explanation.text import explanation_text


class Explanation(Explained):
    """How one recorded number came about. `str()` of it is for reading, `as_dict()` for programs.

    What it holds is told at `Explained`.
    """

    def __str__(self) -> str:
        return explanation_text(self)

    def _repr_html_(self) -> str:
        return explanation_table(self)
