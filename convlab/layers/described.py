"""What a layer is called, and what it does in a sentence."""

from inspect import getdoc


class Described:
    """What is said of a layer where it is shown."""

    @property
    def kind(self) -> str:
        """The name of its class; of a layer around another, of both."""
        return type(self).__name__

    @property
    def says(self) -> str:
        """What it does, in a sentence: the first of its class' own description."""
        return (getdoc(type(self)) or "").partition("\n")[0]
