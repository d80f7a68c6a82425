"""Fixtures of the tests that download."""

from moody_server import hurry, server

__all__ = ["hurry", "server"]
