"""Long chains, several prefixes, reused parent pids, and no evidence at all."""

from __future__ import annotations

import pytest

from bisect_tool.evidence import Event, LogLine, SuiteFailure, TableEntry, classify, explain, read_timeline
from bisect_tool.evidence.failure_chain import CHAIN_KEPT
from bisect_tool.evidence.prefix import collector_prefix
from bisect_tool.verdict import Outcome, Verdict


def died(number: int, **more) -> Event:
    """An exception of a separate process; a higher number means a later one."""
    name = "".join("abcdefghij"[int(digit)] for digit in str(number))
    fields = {
        "time": 100.0 + number,
        "source": "rank0",
        "role": "Worker",
        "kind": "exception",
        "severity": "error",
    }
    return Event(**{**fields, "exception": f"Lost{name.title()}Error", "message": f"part {name}", **more})


def seen_by_the_suite() -> SuiteFailure:
    return SuiteFailure(phase="call", exception="AssertionError", message="assert 1 == 4", time=500.0)


@pytest.mark.parametrize("events", [CHAIN_KEPT - 1, CHAIN_KEPT, CHAIN_KEPT + 20])
def test_long_chain_keeps_its_first_events_and_the_last(events):
    chain = explain([died(number) for number in range(events)], seen_by_the_suite(), {}).chain
    assert len(chain) == CHAIN_KEPT
    assert [event.time for event in chain[:-1]] == [100.0 + number for number in range(CHAIN_KEPT - 1)]
    assert chain[-1].exception == "AssertionError"


def test_short_chain_is_kept_completely():
    events = [died(number) for number in range(CHAIN_KEPT)]
    assert len(explain(events, None, {}).chain) == CHAIN_KEPT
    assert explain([*events, died(99)], None, {}).chain[-1].time == 199.0


def test_deepest_descendant_is_the_root_of_simultaneous_events():
    """The root is moved before its ancestors, but not before an unrelated process."""
    times = {10: 100.0, 11: 100.1, 12: 100.1, 30: 100.1}
    events = [died(pid, time=time, pid=pid) for pid, time in times.items()]
    root = explain(events, None, {12: 11, 11: 10, 30: 1}).root
    assert root.pid == 12
    assert explain(events, None, {30: 1}).root.pid == 10


def test_no_event_and_no_failure_of_the_suite_is_no_evidence():
    found = explain([], None, {})
    assert found.root.message == "no evidence"
    assert found.chain == (found.root,)


def test_failure_without_evidence_is_bad_until_one_has_evidence():
    signature = explain([died(1)], None, {}).signature
    assert classify(Outcome.FAILED, None, frozenset()).verdict is Verdict.BAD
    assert classify(Outcome.FAILED, None, frozenset({signature})).verdict is Verdict.SKIP


# --- prefixes -----------------------------------------------------------------------------------------------

STAMP, LATER = "2026-03-06T10:00:00Z", "2026-03-06T10:00:01Z"


def test_outermost_parts_of_nested_prefixes_are_used():
    text = f"web-1  | {STAMP} [pod/engine] {LATER} [rank3]: 7: hello"
    prefix = collector_prefix(text)
    assert text[prefix.end :] == "hello"
    assert (prefix.stamp, prefix.writer, prefix.rank) == (STAMP, "web-1", "3")


def test_step_of_a_docker_build_is_a_writer():
    text = "#12 345.1 ops.cu(112): error: no such thing"
    prefix = collector_prefix(text)
    assert (text[prefix.end :], prefix.writer) == ("ops.cu(112): error: no such thing", "#12")
    assert collector_prefix("#12 [build 5/7] RUN pip install .").end == 0
    assert collector_prefix("#12 passed").end == 0


@pytest.mark.parametrize("layers", [1, 5, 6, 7, 20])
def test_at_most_six_prefixes_are_removed(layers):
    text = f"{'[rank0]: ' * layers}hello"
    assert text[collector_prefix(text).end :] == f"{'[rank0]: ' * max(layers - 6, 0)}hello"


def test_line_without_a_prefix_is_unchanged():
    assert collector_prefix("hello 7: [rank3]: there").end == 0


# --- parents ------------------------------------------------------------------------------------------------


def entry(pid, parent, spawned, role="", gone=90.0):
    title = f"VLLM::{role}" if role else "python -c from multiprocessing.spawn import spawn_main"
    return TableEntry(pid=pid, parent=parent, spawned=spawned, gone=gone, title=title, role=role)


def test_children_of_a_reused_pid_belong_to_its_second_owner():
    """50 was an engine, then another program, whose children are no processes of the engine."""
    line = LogLine(
        source="1-rank0", time=15.0, text="(EngineCore_DP0 pid=50) INFO 11-23 09:49:33 [a.py:1] hello"
    )
    table = (
        entry(50, 1, 10.0, "EngineCore_DP0", gone=20.0),
        entry(60, 50, 12.0),
        entry(50, 1, 30.0, gone=40.0),
    )
    table += (entry(70, 50, 32.0),)
    assert [(item.pid, item.spawned) for item in read_timeline([line], table)] == [(50, 10.0), (60, 12.0)]


def test_engine_with_a_reused_pid_has_its_own_children():
    table = (entry(50, 1, 10.0, gone=20.0), entry(60, 50, 12.0), entry(50, 1, 30.0, "EngineCore_DP0"))
    table += (entry(70, 50, 32.0),)
    assert [item.pid for item in read_timeline([], table)] == [50, 70]
