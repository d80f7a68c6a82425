"""Old names that keep working for a release, with a warning that says the new one."""

from typing import Any

from convlab_kernels.caller import warn_renamed


class Renamed:
    """An attribute under its old name: what is read and set is the new one's."""

    def __init__(self, new: str) -> None:
        self._new = new

    def __set_name__(self, owner: type, name: str) -> None:
        self._old = f"{owner.__name__}.{name}"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        warn_renamed(self._old, self._new)
        return getattr(instance, self._new)

    def __set__(self, instance: Any, value: Any) -> None:
        warn_renamed(self._old, self._new)
        setattr(instance, self._new, value)
