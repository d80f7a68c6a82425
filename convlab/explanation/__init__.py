"""One number of a recording explained: what was added up, and from where."""

from convlab.explanation.explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
