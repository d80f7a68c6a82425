"""How far a result is from the exact one, and by whose rounding: that of float32, of Winograd's filters, of TF32.

The class is found from the error; what a candidate says of itself counts for nothing. Rounding a factor to t bits
changes it by 0.4 * 2^-t in the root mean square, whatever the number of terms; rounding sums in float32 stays far
below that of 11 bits. So a result that lost as much as 11 bits would is not taken for Winograd's, however many terms
there are, and one that lost as much as 8 bits (bfloat16) is not taken for TF32's. float16 has TF32's 11 bits.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from convlab_kernels.minimal_filters import F2, F4


@dataclass(frozen=True)
class Distance:
    """The distance of a result from the exact one.

    Attributes
    ----------
    relative : float
        L2, by the norm of the exact result.
    share : float
        As a share of what rounding may do that computes the definition.
    loss : float
        L2, by the norm that sums of so many random terms have: what was lost of each factor.
    """

    relative: float
    share: float
    loss: float


def farthest(distances: Iterable[Distance]) -> Distance:
    """Return the largest of each measure."""
    found = list(distances)
    return Distance(*(max(getattr(one, name) for one in found) for name in ("relative", "share", "loss")))


@dataclass(frozen=True)
class ErrorClass:
    """A way to compute: how many times the definition's rounding it may err, and what it may lose of the factors."""

    name: str
    amplification: float
    loss: float

    def excess(self, found: Distance) -> float:
        """Return a distance as a share of what this class may do."""
        return max(found.share / self.amplification, found.loss / self.loss)


WINOGRAD = tuple(ErrorClass(f"F({m.outputs},3)", m.amplification, 2.0**-13) for m in (F2, F4))
CLASSES = {
    "float32": (ErrorClass("float32", 1.0, 2.0**-13), *WINOGRAD, ErrorClass("TF32", 2.0**13, 2.0**-10)),
    "float64": (ErrorClass("float64", 1.0, 2.0**-13), *WINOGRAD),
}


def class_of(found: Distance, dtype: str) -> tuple[str, float]:
    """Return the class of a distance and its share of what that class may do; above 1 where it is in none."""
    for one in CLASSES[dtype]:
        if (share := one.excess(found)) <= 1:
            return one.name, share
    return "none", share
