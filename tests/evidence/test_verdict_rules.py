"""The verdict of an outcome: by the failure under investigation, by another one, or none."""

from __future__ import annotations

import pytest
from engine_logs import (
    DIED,
    FIVE,
    LEAK,
    TREE,
    as_lines,
    broken_pipe,
    engine_core_failure,
    suite_end,
    traceback,
    worker_failure,
)

from bisect_tool.evidence import Failure, SuiteFailure, classify, explain, identifying_signatures, read_events
from bisect_tool.verdict import Outcome, Verdict

TEARDOWN = SuiteFailure(
    phase="call",
    exception="AssertionError",
    message="assert not ('4-rank0: leaked shared_memory',)",
    time=200.0,
)


def failure_of(lines, suite: SuiteFailure | None = None) -> Failure:
    return explain(read_events(as_lines(list(lines))), suite, {})


CASCADE = failure_of([*engine_core_failure(), *broken_pipe(), *suite_end()])


def planted(raised: str) -> Failure:
    """Another failure of a worker, with the same consequences as every failure of a worker."""
    return failure_of([*worker_failure(raised), *engine_core_failure(), *broken_pipe(), *suite_end()])


def test_passed_is_good():
    assert classify(Outcome.PASSED, None, frozenset()).verdict is Verdict.GOOD


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.HUNG])
@pytest.mark.parametrize("failure", [CASCADE, None])
def test_any_failure_is_bad_while_none_is_investigated(outcome, failure):
    assert classify(outcome, failure, frozenset()).verdict is Verdict.BAD


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.ERRORED, "the suite could not run"),
        (Outcome.UNBUILDABLE, "unbuildable"),
        (Outcome.INFRASTRUCTURE, "infrastructure"),
        (Outcome.SKIPPED, "skipped by the suite"),
    ],
)
@pytest.mark.parametrize("investigated", [frozenset(), frozenset({CASCADE.signature})])
def test_outcome_without_a_verdict_is_skipped(outcome, reason, investigated):
    judgement = classify(outcome, None, investigated)
    assert (judgement.verdict, judgement.reason) == (Verdict.SKIP, reason)


def test_same_signature_is_bad():
    again = failure_of([*broken_pipe(pid=932), *engine_core_failure(pid=921), *suite_end()])
    assert classify(Outcome.FAILED, again, frozenset({CASCADE.signature})).verdict is Verdict.BAD


@pytest.mark.parametrize(
    "raised",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        "ImportError: cannot import name 'x' from 'vllm.y'",
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='hub', port=443): Max retries",
        "huggingface_hub.errors.HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://hub/api",
        "OSError: [Errno 28] No space left on device",
    ],
)
def test_other_failure_with_the_same_cascade_is_skipped(raised):
    failure = planted(raised)
    judgement = classify(Outcome.FAILED, failure, frozenset(identifying_signatures(CASCADE)))
    assert judgement.verdict is Verdict.SKIP
    assert judgement.reason == f"another failure: {failure.signature}"
    assert raised.partition(":")[0] in judgement.reason


def test_investigated_exception_is_found_after_an_earlier_one():
    noise = traceback((f"{TREE}/vllm/noise.py", 1, "f"), raised="ValueError: noise")
    cause = worker_failure("RuntimeError: the bug")
    alone = failure_of(cause)
    both = failure_of([*noise, *cause])
    assert both.signature != alone.signature
    assert classify(Outcome.FAILED, both, frozenset({alone.signature})).verdict is Verdict.BAD


def test_symptoms_of_one_teardown_match_each_other():
    both, one, other = (
        failure_of([*DIED, *LEAK], TEARDOWN),
        failure_of(LEAK, TEARDOWN),
        failure_of(DIED, TEARDOWN),
    )
    investigated = frozenset(identifying_signatures(both))
    for failure in (both, one, other):
        assert classify(Outcome.FAILED, failure, investigated).verdict is Verdict.BAD


def test_exit_of_a_server_identifies_no_failure():
    messages = {signature.message for signature in identifying_signatures(failure_of(FIVE))}
    assert not {message for message in messages if "exited unexpectedly" in message or "Servers" in message}


def test_hang_matches_only_a_hang_on_the_same_thing():
    def hang(what: str) -> Failure:
        return explain((), SuiteFailure(phase="call", exception="Hang", message=what, time=9.0), {})

    investigated = frozenset({hang("call did not end (deadline)").signature})
    assert classify(Outcome.HUNG, hang("call did not end (idle)"), investigated).verdict is Verdict.BAD
    assert classify(Outcome.HUNG, hang("GET /health was not 200"), investigated).verdict is Verdict.SKIP


def test_failed_without_evidence_is_skipped_under_investigation():
    assert classify(Outcome.FAILED, None, frozenset({CASCADE.signature})).reason == "failed without evidence"
