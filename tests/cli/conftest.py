"""What tests of downloads by the command share with those of downloads."""

from support.files.flaky_server import hurry, server

__all__ = ["hurry", "server"]
