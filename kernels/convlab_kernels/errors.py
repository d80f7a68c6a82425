"""The errors of convlab: one family, each also the built-in a caller would expect."""


class ConvlabError(Exception):
    """Anything convlab refuses to do; its message says what was found, what was expected, what to do."""


class ShapeError(ConvlabError, ValueError):
    """Sizes that do not fit together."""


class UnsupportedError(ConvlabError, NotImplementedError):
    """A correct request that convlab does not know how to serve."""
