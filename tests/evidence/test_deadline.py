"""Failures caused by a time limit."""

from __future__ import annotations

import pytest

from bisect_tool.evidence import Event, Failure, is_missed_deadline, signature_of
from bisect_tool.verdict import Outcome


def failure(exception: str, message: str) -> Failure:
    event = Event(
        time=0.0, source="s", role="Test", kind="test", severity="error", exception=exception, message=message
    )
    return Failure(root=event, chain=(event,), signature=signature_of(event), excerpt="")


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("TimeoutError", ""),
        ("asyncio.exceptions.TimeoutError", ""),
        (
            "requests.exceptions.ReadTimeout",
            "HTTPConnectionPool(host='127.0.0.1', port=8000): Read timed out.",
        ),
        ("subprocess.TimeoutExpired", "Command 'x' timed out after 15 seconds"),
        ("Failed", "Timeout >15.0s"),
        ("AssertionError", "not gone 15 s after SIGTERM"),
        ("AssertionError", "took 16.2s, at most 15s are allowed"),
        ("AssertionError", "assert 16.23 < 15"),
        ("AssertionError", "assert (1764.25 - 1748.02) <= 15.0"),
        ("RuntimeError", "Server failed to start in time: deadline exceeded"),
        ("", "exit code 124"),
        ("exit code 124", "no output"),
    ],
)
def test_missed_deadline(exception, message):
    assert is_missed_deadline(Outcome.FAILED, failure(exception, message))
    assert not is_missed_deadline(Outcome.PASSED, failure(exception, message))
    assert not is_missed_deadline(Outcome.INFRASTRUCTURE, failure(exception, message))


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("AssertionError", "assert 3 == 4"),
        ("AssertionError", "assert 3 < 2"),
        ("KeyError", "'time'"),
        ("KeyError", "'timeout'"),
        ("KeyError", "'deadline'"),
        ("ValueError", "bad option --timeout"),
        ("AssertionError", "assert '5 sec' == '5 s'"),
        ("ValueError", "no block 7"),
        ("torch.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB"),
        ("ConnectionRefusedError", "[Errno 111] Connection refused"),
        ("", "exit code 1"),
        ("", ""),
    ],
)
def test_another_failure(exception, message):
    assert not is_missed_deadline(Outcome.FAILED, failure(exception, message))


def test_hang_is_a_missed_deadline_with_any_message():
    assert is_missed_deadline(Outcome.HUNG, failure("", ""))
    assert is_missed_deadline(Outcome.HUNG, None)
    assert not is_missed_deadline(Outcome.FAILED, None)
