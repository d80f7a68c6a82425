"""The explorer's server while a test runs: the command's own runs until somebody interrupts it."""

from contextlib import contextmanager
from threading import Thread

from convlab.explorer.server import Server


@contextmanager
def serving(session):
    """Serve a session while the block runs."""
    with Server(session) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
