"""Downloads that are interrupted, resumed or invalid, from a local server."""

from __future__ import annotations

import hashlib
import threading

import pytest

from bisect_tool import transfer_timeout
from bisect_tool.errors import ExitCode
from bisect_tool.wheels.client import Missing, Unavailable
from bisect_tool.wheels.download import download

BODY = bytes(range(256)) * 5000
CHUNK = 1 << 16
PATH = "/sha/engine-1.0%2Bgabc-py3-none-any.whl"


@pytest.fixture
def get(server, client, tmp_path):
    """Download the file into one place, where an earlier try may have left a part."""
    server.files[PATH], server.etags[PATH] = BODY, '"one"'
    part = tmp_path / "a.whl.part"

    def run(check=lambda: None, **settings):
        return download(client, f"{server.url}{PATH}", part, check, **settings), part.read_bytes()

    run.part = part
    return run


@pytest.fixture
def interrupted(get, server):
    """A part of the file that a killed run left."""

    def stop():
        if get.part.exists() and get.part.stat().st_size:
            raise KeyboardInterrupt

    server.cut[PATH] = [5 * CHUNK]
    with pytest.raises(KeyboardInterrupt):
        get(stop)
    server.seen.clear()


def test_file_arrives_with_its_checksum_and_the_plus_stays_quoted(get, server, client):
    assert get() == (hashlib.sha256(BODY).hexdigest(), BODY)
    assert server.seen == [(PATH, "", "")]
    assert client.waits == []
    assert [path.name for path in get.part.parent.iterdir()] == [get.part.name]


def test_broken_connection_is_continued_where_it_ended(get, server, client):
    server.cut[PATH] = [6 * CHUNK, 7 * CHUNK]
    assert get()[1] == BODY
    assert server.seen == [
        (PATH, "", ""),
        (PATH, f"bytes={6 * CHUNK}-", '"one"'),
        (PATH, f"bytes={13 * CHUNK}-", '"one"'),
    ]
    assert client.waits == [1.0, 2.0]


def test_part_of_a_killed_run_is_continued(get, interrupted, server):
    size = get.part.stat().st_size
    assert 0 < size < len(BODY)
    assert get()[1] == BODY
    ((path, byte_range, condition),) = server.seen
    # The thread of an interrupted transfer may still write the chunk that it holds.
    assert (path, condition) == (PATH, '"one"')
    assert byte_range in {f"bytes={size}-", f"bytes={size + CHUNK}-"}


def test_file_that_changed_meanwhile_is_downloaded_again(get, interrupted, server):
    server.files[PATH], server.etags[PATH] = BODY[::-1], '"two"'
    assert get()[1] == BODY[::-1]
    assert server.seen[0][2] == '"one"'


def test_server_without_ranges_sends_all_again(get, interrupted, server):
    server.ranges = False
    assert get()[1] == BODY


def test_file_without_a_strong_validator_is_never_continued(get, server):
    server.etags[PATH] = 'W/"weak"'
    server.cut[PATH] = [6 * CHUNK + 1000]
    assert get()[1] == BODY
    assert server.seen == [(PATH, "", ""), (PATH, "", "")]


def test_date_of_the_file_serves_as_a_validator(get, server):
    server.etags[PATH], date = "", "Fri, 06 Mar 2026 07:00:00 GMT"
    server.headers[PATH] = {"Last-Modified": date}
    server.cut[PATH] = [6 * CHUNK + 1000]
    assert get()[1] == BODY
    assert server.seen[1] == (PATH, f"bytes={6 * CHUNK}-", date)


def test_part_that_is_longer_than_the_file_is_discarded(get, interrupted, server):
    server.files[PATH] = BODY[:1000]
    assert get()[1] == BODY[:1000]


@pytest.mark.parametrize("range_of", ["bytes 5-9/10", "", "bytes 0-1/99999999999999999999"])
def test_another_range_than_the_requested_one_is_not_appended(get, interrupted, server, range_of):
    server.headers[PATH] = {"Content-Range": range_of}
    with pytest.raises(Unavailable, match="a different byte range"):
        get()


def test_repeatedly_interrupted_download_is_infrastructure_and_resumable(get, server, client):
    server.cut[PATH] = [CHUNK] * 9
    with pytest.raises(Unavailable, match=r"4 tries") as error:
        get()
    assert error.value.exit_code is ExitCode.ENVIRONMENT
    assert get.part.stat().st_size == 4 * CHUNK
    assert client.waits == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_missing_file_is_no_fault_of_the_server(get, server, client, status):
    server.faults[PATH] = [status]
    with pytest.raises(Missing, match=str(status)):
        get()
    assert client.waits == []


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 401, 400])
def test_other_status_codes_are_errors_of_the_server(get, server, status):
    server.faults[PATH] = [status] * 4
    with pytest.raises(Unavailable, match=f"HTTP {status}"):
        get()
    server.faults[PATH] = [status]
    assert get()[1] == BODY


def test_file_above_the_limit_is_refused(get, server):
    with pytest.raises(Unavailable, match="longer than"):
        get(limit=1 << 20)


def test_compressed_file_is_refused(get, server):
    server.headers[PATH] = {"Content-Encoding": "gzip"}
    with pytest.raises(Unavailable, match="compressed"):
        get()


def test_redirects_without_end_are_the_servers_fault(get, server):
    server.faults[PATH] = [302] * 99
    server.headers[PATH] = {"Location": PATH}
    with pytest.raises(Unavailable, match="TooManyRedirects"):
        get()


def test_unreachable_server_is_unavailable(client, tmp_path):
    with pytest.raises(Unavailable, match="cannot be reached: ConnectionError"):
        download(client, "http://127.0.0.1:9/a.whl", tmp_path / "part", lambda: None)


@pytest.fixture
def dripping(server, monkeypatch):
    """A server that sends three chunks, and then a byte at a time: each renews a timeout of requests."""
    monkeypatch.setattr(transfer_timeout, "STALL_S", 1.0)
    server.cut[PATH], server.drips = [3 * CHUNK], {PATH}
    yield server
    server.over.set()


def test_a_download_that_makes_no_progress_is_given_up_and_continued_later(get, dripping, client):
    with pytest.raises(Unavailable, match=r"is too slow: .*-any.whl: less than 64 KiB in 1 s, after 192 KiB"):
        get()
    assert (client.waits, get.part.stat().st_size) == ([], 3 * CHUNK)
    dripping.drips = set()
    assert get()[1] == BODY
    assert dripping.seen[-1] == (PATH, f"bytes={3 * CHUNK}-", '"one"')


def test_data_after_an_abandoned_download_is_not_written(get, dripping, monkeypatch):
    with pytest.raises(Unavailable):
        get()
    left = [thread for thread in threading.enumerate() if thread.name == "transfer"]
    dripping.over.set()
    for thread in left:
        thread.join(60)
    assert get.part.stat().st_size == 3 * CHUNK


def test_a_download_without_progress_can_be_interrupted(get, dripping, monkeypatch):
    monkeypatch.setattr(transfer_timeout, "STALL_S", 3600.0)

    def stop():
        if get.part.exists() and get.part.stat().st_size == 3 * CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(stop)


def test_a_list_that_makes_no_progress_is_given_up(server, client, monkeypatch):
    monkeypatch.setattr(transfer_timeout, "STALL_S", 0.3)
    server.list("a" * 40, "", [])
    (path,) = server.files
    server.cut[path], server.drips = [1], {path}
    server.files[path] += b" " * 10_000
    with pytest.raises(Unavailable, match=r"is too slow: .*/metadata.json: less than 64 KiB"):
        client.find("a" * 40, "", ())
    server.over.set()
    assert (len(server.seen), client.waits) == (1, [])
