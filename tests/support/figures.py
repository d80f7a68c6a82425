"""What can be read off a figure."""


def texts(figure) -> str:
    """Return everything that is written on a figure."""
    figure.draw_without_rendering()
    return "\n".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))
