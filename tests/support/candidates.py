"""Candidates of a benchmark in this process, where `convlab.bench.process.Remote` gives each one of its own."""


class Local:
    """What calls a candidate's methods, as `Remote` does."""

    def __init__(self, candidate):
        self.candidate = candidate

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def call(self, method, *arguments):
        """Call a method."""
        return getattr(self.candidate, method)(*arguments)


def remote(make, *arguments):
    """Make the candidate here: a stand-in for the class `Remote`."""
    return Local(make(*arguments))


def clock(call, calls, before, after):
    """Tell the same second for each call, as a GPU's clock is asked for them."""
    for _ in range(calls):
        before()
        after(call())
    return [1e-3] * calls
