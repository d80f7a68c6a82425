"""What a run leaves behind, in memory or in a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from convlab.errors import UnsupportedError
from convlab.images.preprocessing import Preprocessing
from convlab.runtime.arrays import Array
from convlab.wording import listed


@dataclass(frozen=True, eq=False, repr=False)
class Recorded:
    """The arrays of a run and what is to be known of them; `Activations` tells of each."""

    arrays: Mapping[str, Array]
    kinds: Mapping[str, str]
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    model: str
    preprocessing: Preprocessing | None = None
    labels: tuple[str, ...] | None = None
    activation: str = "linear"
    functions: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    replaced: tuple[str, ...] = ()

    forwards: ClassVar[bool] = True
    """Whether a run of the network made it, from its input on."""

    @property
    def title(self) -> str:
        """The network's name as pictures and texts show it, with the note."""
        return f"{self.model} ({self.note})" if self.note else self.model


def check_recording(acts: object) -> None:
    """Refuse what is no recording, such as the input it would be made from; UnsupportedError."""
    if not isinstance(acts, Recorded):
        found = "an array" if hasattr(acts, "shape") and hasattr(acts, "dtype") else f"a {type(acts).__name__}"
        raise UnsupportedError(f"expected a recording, found {found}: model.run(x) makes one")


def check_forwards(acts: object) -> None:
    """Refuse what no run of a network made: what is no recording, or gradients; UnsupportedError."""
    check_recording(acts)
    if isinstance(acts, Recorded) and (not acts.forwards or acts.inputs.keys() & acts.arrays.keys()):  # from a file
        raise UnsupportedError(f"expected a recording, found {acts.note or 'gradients'}: model.run(x) makes one")


def check_runs_anew(acts: Recorded, method: str) -> None:
    """Refuse what-if, besides what is no recording, for a method that runs the network on the input again."""
    check_forwards(acts)
    if acts.replaced:
        raise UnsupportedError(
            f"{method} runs the network on the input again, where {listed(acts.replaced)} would not be replaced: take"
            " the recording before the what-if, or a method of one gradient"
        )
