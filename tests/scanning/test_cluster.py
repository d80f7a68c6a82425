"""Shards placed by Dask: the same bytes, whatever becomes of its workers, and words where the cluster is gone."""

import os
import signal
import subprocess
import sys
import time

import pytest

import convlab
from convlab.cli import main
from convlab.errors import UnsupportedError
from convlab.scanning import scanner
from convlab.scanning.cluster import Cluster
from support.scans import OPTIONS, contents, fill, in_workers, inodes

dask = pytest.importorskip("dask", reason="needs Dask: pip install '.[scale]'")
distributed = pytest.importorskip("distributed", reason="needs Dask: pip install '.[scale]'")

pytestmark = [
    pytest.mark.usefixtures("small_shards"),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:::distributed"),
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    fill(folder, 45)
    return folder


@pytest.fixture
def client():
    """Return a client of two workers, processes of one thread each."""
    settings = {"n_workers": 2, "threads_per_worker": 1, "memory_limit": "700MB", "dashboard_address": None}
    with distributed.LocalCluster(processes=True, **settings) as cluster, distributed.Client(cluster) as client:
        yield client


def settled(out):
    return {name: digest for name, digest in contents(out).items() if ".convlab-unfinished-" not in name}


def test_a_cluster_computes_the_same_bytes(lenet, pictures, digests, client, tmp_path):
    found = convlab.scan(lenet, pictures, tmp_path / "out", client=client, **OPTIONS)
    assert found.complete
    assert contents(tmp_path / "out") == digests
    before = inodes(tmp_path / "out", [name for name in digests if "/0" in name])
    convlab.scan(lenet, pictures, tmp_path / "out", workers=2, **OPTIONS)
    assert inodes(tmp_path / "out", before) == before
    assert client.status == "running"  # the caller's own


def test_the_command_takes_the_address_of_a_scheduler(pictures, client, tmp_path, capsys):
    command = ["scan", "lenet5", str(pictures), "--weights", "5", "--layers", "relu4", "--batch", "4"]
    assert main([*command, "--out", str(tmp_path / "a"), "--dask", client.scheduler.address]) == 0
    assert main([*command, "--out", str(tmp_path / "b"), "--workers", "2"]) == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_worker_that_is_killed_is_done_without(lenet, pictures, digests, client, tmp_path):
    """Dask's own worker, with SIGKILL, when the first shard is done; a nanny starts another."""
    pids = list(client.run(os.getpid).values())
    with scanner.scanning(lenet, pictures, tmp_path / "out", place=Cluster(client), **OPTIONS) as work:
        for step, _ in enumerate(work.steps()):
            if step == 0:
                os.kill(pids[0], signal.SIGKILL)
        scanner.finish(work)
    assert settled(tmp_path / "out") == digests


def test_a_process_of_the_scan_that_is_killed_does_not_take_the_worker_along(
    lenet, pictures, digests, tmp_path, monkeypatch
):
    code = """
import os, signal
from convlab.scanning import reading
read = reading.Reader._prepare
def prepare(self, source):
    if source.name == "p00013.png":
        os.kill(os.getpid(), signal.SIGKILL)
    return read(self, source)
reading.Reader._prepare = prepare
"""
    in_workers(tmp_path / "site", code, monkeypatch)
    settings = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    with distributed.LocalCluster(processes=True, **settings) as cluster, distributed.Client(cluster) as client:
        pid = list(client.run(os.getpid).values())
        with pytest.warns(UserWarning, match=r"p00013\.png: it kills what reads it"):
            found = convlab.scan(lenet, pictures, tmp_path / "out", client=client, **OPTIONS)
        assert list(client.run(os.getpid).values()) == pid
    assert list(found.errors) == ["p00013.png"]


def test_a_worker_on_another_kind_of_machine_is_refused_unless_that_is_allowed(
    lenet, pictures, digests, client, tmp_path, monkeypatch
):
    facts = Cluster.facts
    monkeypatch.setattr(Cluster, "facts", lambda *given: facts(*given) | {"processor": "another"})
    with pytest.raises(UnsupportedError, match=r"processor another in the scan, .* here: .* mixed=True lets it"):
        convlab.scan(lenet, pictures, tmp_path / "out", client=client, **OPTIONS)
    found = convlab.scan(lenet, pictures, tmp_path / "mixed", client=client, mixed=True, **OPTIONS)
    assert found.complete and found.description.fingerprint["processor"] == "any"


def test_a_cluster_needs_a_folder(lenet, pictures, client):
    with pytest.raises(UnsupportedError, match="a cluster writes what it finds into a folder"):
        convlab.scan(lenet, pictures, client=client)


def test_no_scheduler_is_told(pictures, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("convlab.scanning.cluster.PATIENCE", 1)
    command = ["scan", "lenet5", str(pictures), "--out", str(tmp_path / "out"), "--dask", "tcp://127.0.0.1:9"]
    assert main(command) == 1
    assert "tcp://127.0.0.1:9: no Dask scheduler answers there" in capsys.readouterr().err


SCHEDULER = [
    sys.executable,
    "-m",
    "distributed.cli.dask_scheduler",
    "--host",
    "127.0.0.1",
    "--port",
    "0",
    "--no-dashboard",
]


def test_a_scheduler_that_dies_ends_the_scan_which_goes_on_without(lenet, pictures, digests, tmp_path):
    told = tmp_path / "scheduler.json"
    scheduler = subprocess.Popen([*SCHEDULER, "--scheduler-file", str(told)], stderr=subprocess.DEVNULL)
    worker = None
    try:
        for _ in range(300):
            if told.exists() and told.stat().st_size:
                break
            time.sleep(0.1)
        command = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            "--scheduler-file",
            str(told),
            "--no-dashboard",
        ]
        worker = subprocess.Popen([*command, "--nthreads", "1", "--no-nanny"], stderr=subprocess.DEVNULL)
        settings = {"distributed.comm.timeouts.connect": "2s", "distributed.comm.retry.count": 0}
        with dask.config.set(settings):
            client = distributed.Client(scheduler_file=str(told), timeout=30)
            with pytest.raises(UnsupportedError, match=r"the Dask cluster failed .*: what is done is kept"):
                dies_after_a_shard(lenet, pictures, tmp_path / "out", client, scheduler)
            client.close(1)
    finally:
        for one in (worker, scheduler):
            if one is not None:
                one.kill()
                one.wait()
    convlab.scan(lenet, pictures, tmp_path / "out", **OPTIONS)
    assert settled(tmp_path / "out") == digests


def dies_after_a_shard(lenet, pictures, out, client, scheduler):
    with scanner.scanning(lenet, pictures, out, place=Cluster(client), **OPTIONS) as work:
        for _ in work.steps():
            scheduler.kill()
