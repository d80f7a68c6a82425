"""Fixtures that several tests of files share."""

from support.files.bad_files import good
from support.files.flaky_server import hurry, server

__all__ = ["good", "hurry", "server"]
