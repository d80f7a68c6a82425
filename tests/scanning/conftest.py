"""What the tests of scans share: shards of a few pictures, and a scan that nothing disturbs."""

import pytest

import convlab
from convlab.scanning import scanner
from support.scans import OPTIONS, SHARD, contents


@pytest.fixture
def small_shards(monkeypatch):
    """Let eight pictures be a shard."""
    monkeypatch.setattr(scanner, "SHARD", SHARD)


@pytest.fixture(scope="module")
def undisturbed(lenet, pictures, tmp_path_factory):
    """Return the scan of a module's `pictures`."""
    out = tmp_path_factory.mktemp("scans") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "SHARD", SHARD)
        return convlab.scan(lenet, pictures, out, **OPTIONS)


@pytest.fixture(scope="module")
def digests(undisturbed):
    """Return what the files of that scan hold, by their paths."""
    return contents(undisturbed.folder)
