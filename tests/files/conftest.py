"""Fixtures that several tests of files share."""

import pytest

pytest.register_assert_rewrite("bad_files", "keras_files", "pictures")  # so that their assertions say what they saw

from bad_files import good  # noqa: E402
from moody_server import hurry, server  # noqa: E402

__all__ = ["good", "hurry", "server"]
