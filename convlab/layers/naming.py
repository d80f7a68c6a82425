"""Which layer it is whose options have no meaning."""

from collections.abc import Iterator
from contextlib import contextmanager

from convlab.errors import ShapeError, UnsupportedError


@contextmanager
def options_of(name: str) -> Iterator[None]:
    """Put the layer's name before the message of what is wrong with its options."""
    try:
        yield
    except (ShapeError, UnsupportedError) as error:
        raise type(error)(f"layer {name!r}: {error}") from None
