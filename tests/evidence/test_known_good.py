"""Events that also occur in passing runs are no root of a cell or command."""

from bisect_tool.evidence import (
    Event,
    LogLine,
    SuiteFailure,
    command_failure,
    command_without_good_events,
    explain,
    explain_log,
    failure_without_good_events,
    signature_of,
    with_chain,
)

NOISE = "cannot open the statistics page"
SEEN = SuiteFailure(phase="call", exception="AssertionError", message="assert 500 == 200", time=9.0)


def event(time, message, **fields):
    usual = {
        "source": "0",
        "role": "Worker",
        "kind": "exception",
        "severity": "error",
        "exception": "OSError",
    }
    return Event(**{**usual, "time": time, "message": message, **fields})


GOOD = frozenset({signature_of(event(0.0, NOISE))})


def test_next_cause_becomes_the_root():
    failure = explain([event(1.0, NOISE), event(2.0, "torn page")], SEEN, {})
    assert failure.root.message == NOISE
    left = failure_without_good_events(failure, GOOD)
    assert [each.message for each in left.chain] == ["torn page", "assert 500 == 200"]
    assert left.signature == signature_of(left.root)
    assert NOISE not in left.excerpt


def test_event_before_a_removed_root_is_the_root_again():
    """A broken pipe is older than the root, which is removed because it also occurs in passing runs."""
    pipe = event(1.0, "broken", exception="BrokenPipeError")
    failure = explain([pipe, event(5.0, NOISE)], SEEN, {})
    assert pipe not in failure.chain
    assert failure_without_good_events(failure, GOOD).root == pipe


def test_failure_of_the_suite_is_kept_if_all_events_are_removed():
    assert failure_without_good_events(explain([event(1.0, NOISE)], SEEN, {}), GOOD).root.role == "Test"


def test_other_failures_are_unchanged():
    failure = explain([event(1.0, "torn page")], SEEN, {})
    assert failure_without_good_events(failure, GOOD) is failure


def test_events_of_passing_runs_identify_no_failure():
    failure = explain([event(1.0, "torn page"), event(2.0, NOISE)], SEEN, {})
    assert failure_without_good_events(failure, GOOD).signatures.isdisjoint(GOOD)


def command(*texts):
    logged = explain_log(LogLine("suite", 1.0, text, number) for number, text in enumerate(texts, 1))
    return with_chain(command_failure(texts, 1, 2.0, "suite"), logged)


def test_command_is_explained_by_its_own_error():
    failure = command(
        "(Worker pid=3) ERROR 11-23 09:49:34 [w.py:1] OSError: no statistics", "ValueError: bad header"
    )
    assert failure.root.role == "Worker"
    good = frozenset({failure.signature.model_copy(update={"exit": ""})})
    left = command_without_good_events(failure, good)
    assert left.root.headline == "exit code 1: ValueError: bad header"
    assert left.signature.exception == "ValueError"
    assert "bad header" in left.excerpt


def test_next_process_of_a_command_becomes_the_root():
    noise = "(Worker pid=3) ERROR 11-23 09:49:34 [w.py:1] OSError: no statistics"
    cause = "(Engine pid=4) ERROR 11-23 09:49:35 [w.py:1] KeyError: 'page'"
    failure = command(noise, cause, "RuntimeError: server returned 500")
    good = frozenset({failure.signature.model_copy(update={"exit": ""})})
    left = command_without_good_events(failure, good)
    assert [event.headline for event in left.chain] == [
        "exit code 1: KeyError: 'page'",
        "exit code 1: RuntimeError: server returned 500",
    ]
    assert left.signature.role == "Engine"


def test_end_of_a_command_is_always_kept():
    failure = command("ValueError: bad header")
    good = frozenset({failure.signature.model_copy(update={"exit": "", "role": "Launcher"})})
    assert command_without_good_events(failure, good).root == failure.root
