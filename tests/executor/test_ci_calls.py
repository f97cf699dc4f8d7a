"""Calls that change something at a CI service, and their record on disk."""

from __future__ import annotations

import pytest
from replayed_service import Reply, replayed

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.executor.ci.call import Call
from bisect_tool.executor.ci.caller import Caller, LostAnswer, Refused
from bisect_tool.executor.ci.journal import FILE, Journal, Record

CALL = Call("PUT", "/retry", {"a": 1})


def send(*replies):
    """Send a call to a server with these replies; returns the answer, the waits and the request count."""
    waits = []
    with replayed({"/retry": replies}) as service:
        caller = Caller("CI", service.url, "secret", "TOKEN_NAME", "write", waits.append)
        try:
            answer = caller.send(CALL)
        except Exception as error:  # noqa: BLE001 - it is the answer
            answer = error
        return answer, waits, len(service.requests)


def test_only_rate_limited_calls_are_retried():
    limited = Reply({}, 429, {"Retry-After": "7"})
    assert send(limited, limited, Reply({"id": "2"})) == ({"id": "2"}, [7.0, 7.0], 3)


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (Reply({}, 500), LostAnswer, "CI answered with HTTP 500"),
        (Reply({}, 200, cut=True), LostAnswer, "CI did not answer"),
        (Reply({"message": "retried already"}, 422), Refused, "CI rejects the call: retried already"),
        (Reply({}, 401), UsageError, "CI does not accept the token"),
        (
            Reply({"message": "This workflow is already running"}, 403),
            Refused,
            "CI rejects the call: This workflow",
        ),
        (
            Reply({"message": "Unable to re-run this: over a month ago"}, 403),
            Refused,
            "CI rejects the call: Unable",
        ),
        (
            Reply({"message": "no scope"}, 403),
            UsageError,
            "the token has no permission for PUT /retry: no scope",
        ),
        (Reply({}, 429, {"Retry-After": "90000"}), EnvironmentFailed, "the rate limit of CI is exhausted"),
    ],
)
def test_meaning_of_an_answer(reply, error, message):
    found, waits, sent = send(reply)
    assert (type(found), waits, sent) == (error, [], 1)
    assert message in found.message


def test_answer_without_a_body():
    assert send(Reply(b"", 201)) == (None, [], 1)


def test_journal_keeps_records_before_a_crash(tmp_path):
    journal = Journal(tmp_path)
    journal.add(Record("a", call="PUT /retry"))
    journal.add(Record("b", call="POST /dispatches"))
    journal.add(Record("b", run="9"))
    journal.add(Record("b", attempt="1 job 5"))
    with (tmp_path / FILE).open("a") as file:
        file.write('{"sha": "c", "ca')
    again = Journal(tmp_path)
    assert [again.is_open(sha) for sha in "abc"] == [True, False, False]
    assert (again.attempts, again.runs) == ({"1 job 5"}, {"9": "b"})
    again.add(Record("d", call="PUT /retry"))
    assert Journal(tmp_path).is_open("d")


def test_started_build_is_recorded_until_its_job_is_known(tmp_path):
    journal = Journal(tmp_path)
    journal.add(Record("a", call="POST /builds"))
    assert journal.run("a") == ""
    journal.add(Record("a", run="9"))
    journal.add(Record("a", call="PUT /unblock"))
    assert (journal.run("a"), journal.run("b")) == ("9", "")
    journal.add(Record("a", attempt="5"))
    assert (journal.run("a"), journal.is_open("a")) == ("", False)


def test_call_without_a_result_is_closed(tmp_path):
    journal = Journal(tmp_path)
    journal.add(Record("a", call="PUT /retry"))
    journal.add(Record("a", lost=True))
    assert not journal.is_open("a")


def test_cancelled_attempt_is_not_a_started_one(tmp_path):
    journal = Journal(tmp_path)
    journal.add(Record("a", call="POST /rerun"))
    journal.add(Record("a", attempt="1 job 5"))
    journal.add(Record("a", canceled="1 job 5"))
    assert (journal.attempts, journal.is_open("a")) == (frozenset(), False)
    journal.add(Record("a", call="POST /rerun"))
    assert Journal(tmp_path).is_open("a")


def test_started_job_without_a_trial_is_unfinished(tmp_path):
    journal = Journal(tmp_path)
    for sha, attempt in (("a", "1"), ("b", "2"), ("c", "3"), ("a", "4")):
        journal.add(Record(sha, call="PUT /retry"))
        journal.add(Record(sha, attempt=attempt))
    journal.add(Record("d", call="PUT /retry"))
    journal.add(Record("c", canceled="3"))
    assert journal.unfinished({"1"}) == ("b", "a", "d")
    journal.add(Record("d", lost=True))
    assert journal.unfinished({"1", "2", "4"}) == ()
