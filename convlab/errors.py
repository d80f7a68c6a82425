"""Every error convlab raises on purpose (the base of the family belongs to the kernels)."""

from convlab_kernels.errors import ConvlabError, ShapeError, UnsupportedError

__all__ = [
    "BudgetError",
    "ConvlabError",
    "DeviceMemoryError",
    "FileError",
    "ImageError",
    "LayerNameError",
    "ShapeError",
    "UnsupportedError",
    "WeightsError",
]


class WeightsError(ConvlabError, ValueError):
    """A file of weights, or a recording, that is damaged, incomplete, unsafe or made for another network."""


class ImageError(ConvlabError, ValueError):
    """A picture or matrix that cannot be read as one."""


class FileError(ConvlabError, OSError):
    """A file that cannot be written."""


class LayerNameError(ConvlabError, KeyError):
    """A name that no layer has."""

    def __str__(self) -> str:
        """Return the message itself (KeyError would show it quoted)."""
        return str(self.args[0])


class DeviceMemoryError(ConvlabError, MemoryError):
    """More than a GPU has room for."""


class BudgetError(ConvlabError, MemoryError):
    """A recording larger than the caller allowed."""
