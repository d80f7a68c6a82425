"""Downloads over bad connections: what is cut, half there already or not the right file."""

import hashlib
import re
from pathlib import Path

import pytest

from convlab.errors import WeightsError
from convlab.files import download
from convlab.files.download import fetch
from convlab.files.registry import Entry
from support.files.flaky_server import BODY, MD5, OTHER, Server, bytes_from, failure, names, whole

pytestmark = pytest.mark.usefixtures("hurry")


def test_a_whole_file(server: Server, tmp_path: Path):
    folder = tmp_path / "not" / "yet" / "there"
    path = fetch(server.entry, folder)
    assert path == folder / "toy.h5"
    assert whole(folder)
    assert server.asked == [None]


def test_a_file_that_is_there_is_not_asked_for(server: Server, tmp_path: Path):
    (tmp_path / "toy.h5").write_bytes(BODY)
    assert fetch(server.entry, tmp_path, lambda *_: pytest.fail("nothing to report")) == tmp_path / "toy.h5"
    assert server.asked == []
    assert whole(tmp_path)


def test_the_cache_folder_is_where_it_goes(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path))
    assert fetch(server.entry) == tmp_path / "toy.h5"


def test_a_wrong_file_in_the_cache_stays_until_the_right_one_takes_its_place(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path))
    path = tmp_path / "toy.h5"
    path.write_bytes(OTHER)

    def old(done: int, total: int | None) -> None:
        assert path.read_bytes() == OTHER

    fetch(server.entry, progress=old)
    assert whole(tmp_path)


def test_a_file_of_the_users_own_is_not_replaced(server: Server, tmp_path: Path):
    (tmp_path / "toy.h5").write_bytes(OTHER)
    with pytest.raises(WeightsError, match=r"toy\.h5: not the official toy file: md5 .*; move it away first"):
        fetch(server.entry, tmp_path)
    assert (tmp_path / "toy.h5").read_bytes() == OTHER
    assert server.asked == []


def test_a_bundled_file_needs_no_network(tmp_path: Path):
    path = fetch("lenet5", tmp_path)
    assert path.name == "lenet5_fashion_mnist.h5"
    assert path.parent != tmp_path


def test_an_unknown_name(tmp_path: Path):
    with pytest.raises(WeightsError, match="no registered weight file 'vgg-16'; did you mean 'vgg16'"):
        fetch("vgg-16", tmp_path)


def test_a_registered_name_is_looked_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(download, "lookup", {"toy": server.entry}.__getitem__)
    assert fetch("toy", tmp_path) == tmp_path / "toy.h5"
    assert whole(tmp_path)


def test_progress_counts_up_to_the_whole_and_no_half_file_is_seen(server: Server, tmp_path: Path):
    seen, files = [], []

    def look(done: int, total: int | None) -> None:
        assert not (tmp_path / "toy.h5").exists()
        seen.append((done, total))
        files.append((tmp_path / "toy.h5.part").stat().st_ino)

    server.cuts = [100_000, 50_000]
    fetch(server.entry, tmp_path, look)
    counts = [done for done, _ in seen]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert {100_000, 150_000} < set(counts)  # where each new connection went on
    assert seen[-1] == (len(BODY), len(BODY))
    assert {total for _, total in seen} == {len(BODY)}
    assert set(files) == {(tmp_path / "toy.h5").stat().st_ino}  # renamed, not copied


def test_a_connection_cut_several_times_goes_on_where_it_was(server: Server, tmp_path: Path):
    server.cuts = [100_000, 0, 50_000, 1, 0, 99_999]
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [None, *map(bytes_from, (100_000, 100_000, 150_000, 150_001, 150_001, 250_000))]


def test_more_cuts_than_tries_do_no_harm_while_bytes_come(server: Server, tmp_path: Path):
    server.cuts = [30_000] * 9
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert len(server.asked) == 10


def test_a_connection_that_is_reset(server: Server, tmp_path: Path):
    server.cuts, server.end = [100_000, 50_000], "reset"
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert len(server.asked) == 3


def test_a_connection_that_falls_silent(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    server.cuts, server.end = [100_000], "silence"
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [None, bytes_from(100_000)]


def test_a_cut_connection_without_ranges_begins_anew(server: Server, tmp_path: Path):
    server.ranges, server.cuts = False, [200_000, 100_000]
    counts = []
    fetch(server.entry, tmp_path, lambda done, _: counts.append(done))
    assert whole(tmp_path)
    assert server.asked == [None, bytes_from(200_000), bytes_from(100_000)]
    assert counts.count(0) == 3


def test_a_body_without_a_length(server: Server, tmp_path: Path):
    server.length, server.cuts = None, [100_000]
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [None, bytes_from(100_000)]


def test_an_entry_without_size_or_hash(server: Server, tmp_path: Path):
    server.cuts = [100_000]
    totals = set()
    entry = Entry("toy", "toy.h5", server.url + "/toy.h5")
    fetch(entry, tmp_path, lambda _, total: totals.add(total))
    assert (tmp_path / "toy.h5").read_bytes() == BODY
    assert totals == {len(BODY)}


def test_without_a_published_hash_that_of_the_first_download_is_kept_and_compared(server: Server, tmp_path: Path):
    entry = Entry("toy", "toy.h5", server.url + "/toy.h5")
    path, kept = fetch(entry, tmp_path), tmp_path / "toy.h5.sha256"
    first = hashlib.sha256(BODY).hexdigest()
    assert kept.read_text() == first
    assert fetch(entry, tmp_path) == path and len(server.asked) == 1
    path.write_bytes(OTHER)
    found = f"sha256 {hashlib.sha256(OTHER).hexdigest()}, expected that of the first download, {first}"
    with pytest.raises(WeightsError, match=rf"not the official toy file: {found}; move it away first"):
        fetch(entry, tmp_path)
    path.unlink()
    server.body = OTHER
    with pytest.raises(WeightsError, match=rf"what came is not the official toy file: {found}; it was deleted"):
        fetch(entry, tmp_path)
    assert kept.read_text() == first and not path.exists()


def test_a_connection_that_never_brings_anything_is_given_up(server: Server, tmp_path: Path):
    server.cuts = [100_000] + [0] * 50
    message = failure(server.entry, tmp_path)
    assert message == (
        f"{server.url}/toy.h5: the connection ended after 100,000 of 300,007 bytes, 5 times in a row; "
        "100,000 bytes are kept, run again to go on"
    )
    assert len(server.asked) == 6
    assert (tmp_path / "toy.h5.part").read_bytes() == BODY[:100_000]


def test_the_pause_grows_while_nothing_comes(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pauses = []
    monkeypatch.setattr(download, "PAUSE", 1.0)
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    server.cuts = [0, 0, 9, 0, 0, 0, 0, 0]
    failure(server.entry, tmp_path)
    assert pauses == [2, 4, 1, 2, 4, 8, 16]


def test_a_part_file_is_finished(server: Server, tmp_path: Path):
    (tmp_path / "toy.h5.part").write_bytes(BODY[:123_456])
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [bytes_from(123_456)]


def test_a_part_file_that_is_complete_needs_no_request(server: Server, tmp_path: Path):
    (tmp_path / "toy.h5.part").write_bytes(BODY)
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == []


@pytest.mark.parametrize(
    ("part", "asked"),
    [
        (OTHER[::-1][:123_456], [bytes_from(123_456), None]),
        (OTHER, [None]),
        (BODY + b"more", [None]),
        (b"", [None]),
    ],
    ids=["wrong", "wrong and complete", "too long", "empty"],
)
def test_a_bad_part_file_is_thrown_away(server: Server, tmp_path: Path, part: bytes, asked: list[str | None]):
    (tmp_path / "toy.h5.part").write_bytes(part)
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == asked


def test_a_part_file_and_a_server_that_ignores_ranges(server: Server, tmp_path: Path):
    server.ranges = False
    (tmp_path / "toy.h5.part").write_bytes(b"x" * 1000)
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [bytes_from(1000)]


def test_a_server_that_refuses_ranges(server: Server, tmp_path: Path):
    server.statuses = [416]
    (tmp_path / "toy.h5.part").write_bytes(BODY[:1000])
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [bytes_from(1000), None]


def test_a_server_that_answers_another_range(server: Server, tmp_path: Path):
    server.shift = -500
    (tmp_path / "toy.h5.part").write_bytes(BODY[:1000])
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [bytes_from(1000), None]


def test_a_file_that_changed_between_two_connections(server: Server, tmp_path: Path):
    """The first part is from the old file, the rest from the new: the mixture is fetched once anew."""
    server.body, server.cuts = bytes(300_007), [100_000]

    def change(done: int, total: int | None) -> None:
        if done == 100_000:
            server.body = BODY

    fetch(server.entry, tmp_path, change)
    assert whole(tmp_path)
    assert server.asked == [None, bytes_from(100_000), None]


def test_another_body_leaves_nothing(server: Server, tmp_path: Path):
    server.body = OTHER
    found = hashlib.md5(OTHER).hexdigest()
    assert failure(server.entry, tmp_path) == (
        f"{server.url}/toy.h5: what came is not the official toy file: md5 {found}, expected {MD5}; "
        "it was deleted; try again later or over another network"
    )
    assert names(tmp_path) == []
    assert server.asked == [None]


def test_another_body_after_a_part_file_is_tried_once_anew(server: Server, tmp_path: Path):
    server.body = OTHER
    (tmp_path / "toy.h5.part").write_bytes(OTHER[:1000])
    assert "not the official toy file" in failure(server.entry, tmp_path)
    assert names(tmp_path) == []
    assert server.asked == [bytes_from(1000), None]


@pytest.mark.parametrize("announced", [4_321, 300_008])
def test_another_length_is_refused_before_it_is_read(server: Server, tmp_path: Path, announced: int):
    """A login page in the place of the file must not cost the part that is there already."""
    server.ranges, server.length = False, announced
    (tmp_path / "toy.h5.part").write_bytes(BODY[:1000])
    message = failure(server.entry, tmp_path)
    assert f"/toy.h5: the server announces {announced:,} bytes, expected 300,007; this may be a login" in message
    assert (tmp_path / "toy.h5.part").read_bytes() == BODY[:1000]


def test_less_than_announced(server: Server, tmp_path: Path):
    """Without a size in the registry the announced one is all there is to go by."""
    server.ranges, server.length = False, 300_008
    entry = Entry("toy", "toy.h5", server.url + "/toy.h5", md5=MD5)
    assert "the connection ended after 300,007 of 300,008 bytes, 5 times in a row" in failure(entry, tmp_path)


def test_a_body_without_end_is_not_read_to_the_end(server: Server, tmp_path: Path):
    server.body, server.length = BODY * 20, None
    counts = []
    message = failure(server.entry, tmp_path, progress=lambda done, _: counts.append(done))
    assert re.search(r"official toy file: 3\d\d,\d\d\d bytes, expected 300,007", message)
    assert max(counts) < len(BODY) + download.CHUNK
    assert names(tmp_path) == []
