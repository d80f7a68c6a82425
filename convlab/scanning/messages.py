"""What goes between a scan and its processes: a shard that is to be done, and what is told of it."""

from dataclasses import dataclass, field

from convlab.recording.running_statistics import ChannelStatistics


@dataclass(frozen=True)
class Request:
    """A shard to be done.

    Attributes
    ----------
    index, first : int
        Its number, and that of its first picture.
    names : list of str
        Of the pictures.
    labels : list of str or None
        Their classes.
    aside : dict of int to str
        Rows that are not to be read, and why.
    """

    index: int
    first: int
    names: list[str]
    labels: list[str] | None = None
    aside: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """What is told of a shard: all else has been written, but for statistics that nobody keeps.

    Attributes
    ----------
    index, rows : int
        Its number, and how many of its pictures are done.
    errors : tuple of (int, str)
        Which of them could not be read, and why.
    whole : bool
        Whether it is done.
    warnings : tuple of str
    statistics : dict of str to ChannelStatistics or None
        Of these pictures, where nothing is written.
    """

    index: int
    rows: int
    errors: tuple[tuple[int, str], ...]
    whole: bool = False
    warnings: tuple[str, ...] = ()
    statistics: dict[str, ChannelStatistics] | None = None
