"""What passing runs print as well is no root, of a cell and of a command."""

from bisect_tool.evidence import (
    Event,
    LogLine,
    SuiteFailure,
    command_failure,
    command_without,
    explain,
    explain_log,
    signature_of,
    with_chain,
    without,
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


def test_the_next_cause_is_the_root():
    failure = explain([event(1.0, NOISE), event(2.0, "torn page")], SEEN, {})
    assert failure.root.message == NOISE
    left = without(failure, GOOD)
    assert [each.message for each in left.chain] == ["torn page", "assert 500 == 200"]
    assert left.signature == signature_of(left.root)
    assert NOISE not in left.excerpt


def test_what_stood_before_the_noise_comes_back():
    """A broken pipe is left out as older than a cause that turns out to be none."""
    pipe = event(1.0, "broken", exception="BrokenPipeError")
    failure = explain([pipe, event(5.0, NOISE)], SEEN, {})
    assert pipe not in failure.chain
    assert without(failure, GOOD).root == pipe


def test_what_the_suite_saw_is_left_where_all_else_is_noise():
    assert without(explain([event(1.0, NOISE)], SEEN, {}), GOOD).root.role == "Test"


def test_other_failures_stay_as_they_are():
    failure = explain([event(1.0, "torn page")], SEEN, {})
    assert without(failure, GOOD) is failure


def test_noise_identifies_no_failure():
    failure = explain([event(1.0, "torn page"), event(2.0, NOISE)], SEEN, {})
    assert without(failure, GOOD).signatures.isdisjoint(GOOD)


def command(*texts):
    logged = explain_log(LogLine("suite", 1.0, text, number) for number, text in enumerate(texts, 1))
    return with_chain(command_failure(texts, 1, 2.0, "suite"), logged)


def test_a_command_is_explained_by_what_it_said_itself():
    failure = command(
        "(Worker pid=3) ERROR 11-23 09:49:34 [w.py:1] OSError: no statistics", "ValueError: bad header"
    )
    assert failure.root.role == "Worker"
    good = frozenset({failure.signature.model_copy(update={"exit": ""})})
    left = command_without(failure, good)
    assert left.root.headline == "exit code 1: ValueError: bad header"
    assert left.signature.exception == "ValueError"
    assert "bad header" in left.excerpt


def test_the_next_process_below_a_command_is_the_root():
    noise = "(Worker pid=3) ERROR 11-23 09:49:34 [w.py:1] OSError: no statistics"
    cause = "(Engine pid=4) ERROR 11-23 09:49:35 [w.py:1] KeyError: 'page'"
    failure = command(noise, cause, "RuntimeError: server returned 500")
    good = frozenset({failure.signature.model_copy(update={"exit": ""})})
    left = command_without(failure, good)
    assert [event.headline for event in left.chain] == [
        "exit code 1: KeyError: 'page'",
        "exit code 1: RuntimeError: server returned 500",
    ]
    assert left.signature.role == "Engine"


def test_the_end_of_a_command_is_never_noise():
    failure = command("ValueError: bad header")
    good = frozenset({failure.signature.model_copy(update={"exit": "", "role": "Launcher"})})
    assert command_without(failure, good).root == failure.root
