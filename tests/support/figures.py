"""What can be read off a figure."""

from unittest.mock import patch


def texts(figure) -> str:
    """Return everything that is written on a figure."""
    figure.draw_without_rendering()
    return "\n".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def heading(figure) -> tuple[str, ...]:
    """Return the title and the note above a figure, as if no line had been broken."""
    lies = figure.get_layout_engine()
    return tuple(" ".join(text.get_text().split("\n")) for text in (lies.title, lies.note))


def words_drawn(figure) -> list:
    """Draw a figure, and return the texts that were drawn: some are left out where they have no room."""
    from matplotlib.text import Text

    with patch.object(Text, "draw", autospec=True, side_effect=Text.draw) as draw:
        figure.canvas.draw()
    return [call.args[0] for call in draw.call_args_list]
