"""The mistakes that are known: each as the convolution that somebody who made it would compute."""

from convlab.judging.hypotheses.axes import AXES
from convlab.judging.hypotheses.calls import CALLS
from convlab.judging.hypotheses.precision import PRECISION
from convlab.judging.hypotheses.tails import TAILS
from convlab.judging.hypotheses.values import VALUES
from convlab.judging.hypotheses.windows import WINDOWS

HYPOTHESES = (*WINDOWS, *AXES, *VALUES, *CALLS, *PRECISION, *TAILS)
"""What is likelier before what is less so: they are named in this order."""
