"""Long and slow transfers: bounded memory, truncated bodies, endless answers."""

import tracemalloc
from threading import Event

import pytest
from local_server import serving
from replayed_service import Reply

from bisect_tool import transfer_timeout
from bisect_tool.ci_results import http
from bisect_tool.ci_results.download_url import download
from bisect_tool.errors import EnvironmentFailed


def test_long_log_keeps_its_start_and_end(connect, monkeypatch):
    monkeypatch.setattr(http, "_LOG_HEAD", 1 << 16)
    monkeypatch.setattr(http, "_LOG_TAIL", 2 << 16)
    log = b"first" + b"." * (1 << 20) + b"last \xff"
    with connect({"/log": [Reply(log)]}) as (client, service, _):
        text = client.log(f"{service.url}/log").decode("utf-8", "replace")
    head, cut, tail = text.split("\n")
    assert head.startswith("first.")
    assert tail.endswith(".last \ufffd")
    assert cut == f"[{len(log) - len(head) - len(tail)} bytes left out]"
    assert len(head) + len(tail) <= 3 << 16


def test_log_of_200_mb_is_read_in_bounded_memory(connect):
    block = b"." * (1 << 20)

    def log():
        yield b"first"
        for _ in range(200):
            yield block
        yield b"last"

    with connect({"/log": [Reply(log)]}) as (client, service, _):
        tracemalloc.start()
        try:
            found = client.log(f"{service.url}/log")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert found.startswith(b"first.")
    assert found.endswith(b".last")
    assert b" bytes left out]" in found
    assert len(found) < 40 << 20
    assert peak < 120 << 20


def test_truncated_log_is_requested_again(connect):
    with connect({"/log": [Reply(b"half of it", cut=True), Reply(b"all of it")]}) as (client, service, _):
        assert client.log(f"{service.url}/log") == b"all of it"


@pytest.mark.parametrize(
    ("limit", "body", "reason"),
    [
        ("STALL_S", b".", r"less than 64 KiB in 0 s, after 0 KiB"),
        ("DEADLINE_S", b"." * transfer_timeout.CHUNK, r"not complete after 0 s, with \d+ KiB"),
    ],
)
def test_endless_body_is_an_error(connect, monkeypatch, limit, body, reason):
    """Each byte renews the timeout of `requests`."""
    monkeypatch.setattr(transfer_timeout, limit, 0.3)
    over = Event()

    def drip():
        while not over.wait(0.01):
            yield body

    with connect({"/log": [Reply(drip)]}) as (client, service, _):
        url = f"{service.url}/log"
        with pytest.raises(EnvironmentFailed, match=f"Buildkite is too slow: {url}: {reason}"):
            client.log(f"{url}?signature=secret")
        over.set()
    assert len(service.requests) == 1


def test_endless_header_is_an_error(monkeypatch):
    monkeypatch.setattr(transfer_timeout, "STALL_S", 0.3)
    over = Event()

    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not over.wait(0.01):
            handler.wfile.write(b".")

    with serving(answer) as url:
        with pytest.raises(EnvironmentFailed, match=r"127.0.0.1 is too slow: .*/junit.xml: less than 64 KiB"):
            download(f"{url}/junit.xml", 1000)
        over.set()
