"""What can be read off a figure."""


def texts(figure) -> str:
    """Return everything that is written on a figure."""
    figure.draw_without_rendering()
    return "\n".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def heading(figure) -> tuple[str, ...]:
    """Return the title and the note above a figure, as if no line had been broken."""
    lies = figure.get_layout_engine()
    return tuple(" ".join(text.get_text().split("\n")) for text in (lies.title, lies.note))
