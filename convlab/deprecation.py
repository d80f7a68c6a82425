"""Old names that keep working for a release, with a warning that says the new one."""

import warnings
from typing import Any


class Renamed:
    """An attribute under its old name: what is read and set is the new one's."""

    def __init__(self, new: str) -> None:
        self._new = new

    def __set_name__(self, owner: type, name: str) -> None:
        self._told = f"{owner.__name__}.{name} is now called {self._new}; the old name goes with the next release"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        self._warn()
        return getattr(instance, self._new)

    def __set__(self, instance: Any, value: Any) -> None:
        self._warn()
        setattr(instance, self._new, value)

    def _warn(self) -> None:
        warnings.warn(self._told, DeprecationWarning, stacklevel=3)
