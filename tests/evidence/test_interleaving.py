"""Many processes write one stream: how their lines interleave does not change their events."""

from __future__ import annotations

import random
import re
import time
import tracemalloc
from collections import defaultdict
from functools import cache

from engine_logs import (
    DIED,
    HEALTHY,
    TREE,
    as_lines,
    broken_pipe,
    engine_core_failure,
    logged,
    prefixed,
    suite_end,
    traceback,
    worker_failure,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.evidence import Event, Failure, LogLine, SuiteFailure, explain, explain_log, read_events
from bisect_tool.evidence.reader import RECORDS_KEPT

# Each is a separate process; the last one prints without a prefix.
STREAMS = (
    worker_failure("ValueError: Free memory is less than desired", pid=31),
    engine_core_failure(pid=21),
    broken_pipe(pid=32),
    [*DIED, *logged("(APIServer pid=11325)", "a.py:1", ["two", "lines"], at="07:56:01")],
    prefixed("(ApiServer_1 pid=41)", traceback((f"{TREE}/vllm/a.py", 1, "f"), raised="KeyError: 'x'")),
    # All at the same time; another test covers stamps that contradict the order of lines.
    [
        re.sub(r"\d\d:\d\d:\d\d", "07:56:00", line)
        for line in HEALTHY
        if line.startswith("(APIServer pid=7008)")
    ],
    [*suite_end(), "loading", "", *traceback(("b.py", 2, "g"), raised="OSError: y"), "done"],
)


@st.composite
def merged(draw: st.DrawFn) -> list[LogLine]:
    """The lines of all streams, interleaved; each stream is in order, and each line has its own time."""
    chosen = draw(st.lists(st.sampled_from(range(len(STREAMS))), unique=True, min_size=1))
    left = [index for index in chosen for _ in STREAMS[index]]
    order = draw(st.permutations(left))
    position: dict[int, int] = defaultdict(int)
    lines = []
    for index in order:
        lines.append(LogLine("4-rank0", 100.0 + position[index], STREAMS[index][position[index]]))
        position[index] += 1
    return lines


def by_process(events: tuple[Event, ...]) -> dict[int | None, list[Event]]:
    found: dict[int | None, list[Event]] = defaultdict(list)
    for event in events:
        found[event.pid].append(event)
    return found


@cache
def alone() -> list[dict[int | None, list[Event]]]:
    """The events of each stream by itself."""
    return [
        by_process(read_events(LogLine("4-rank0", 100.0 + at, text) for at, text in enumerate(stream)))
        for stream in STREAMS
    ]


@settings(deadline=None)
@given(merged())
def test_events_are_independent_of_interleaving(lines):
    together = by_process(read_events(lines))
    assert together == {
        pid: events for by_pid in alone() for pid, events in by_pid.items() if pid in together
    }


@settings(deadline=None)
@given(merged())
def test_truncated_stream_raises_no_error(lines):
    for cut in range(0, len(lines), 7):
        read_events(lines[cut:])
        read_events(lines[:cut])


ANYTHING = st.text(st.one_of(st.characters(), st.integers(0xD800, 0xDFFF).map(chr)), max_size=60)


@settings(deadline=None)
@given(st.lists(st.one_of(ANYTHING, ANYTHING.map("ValueError: {}".format)), max_size=30), ANYTHING)
def test_any_text_can_be_read_explained_and_stored(texts, message):
    suite = SuiteFailure(phase="call", exception="AssertionError", message=message, time=200.0)
    failure = explain(read_events(as_lines(texts)), suite, {})
    assert Failure.model_validate_json(failure.model_dump_json()) == failure


def test_other_signatures_stored_by_an_earlier_version_are_read():
    failure = explain(read_events(as_lines(["ValueError: 1"])), None, {})
    failure = failure.model_copy(update={"other_signatures": (failure.signature,)})
    stored = failure.model_dump(mode="json")
    stored["beside"] = stored.pop("other_signatures")
    assert Failure.model_validate(stored) == failure


GRAMMAR = st.sampled_from(
    [
        "Traceback (most recent call last):",
        "  + Exception Group Traceback (most recent call last):",
        '  File "a.py", line 1, in f',
        '  File "a.py", line 1',
        "    code()",
        "ValueError: x",
        "  | ExceptionGroup: x (1 sub-exception)",
        "  +-+---------------- 1 ----------------",
        "    +------------------------------------",
        "During handling of the above exception, another exception occurred:",
        '"""',
        "",
        "Process EngineCore_DP0:",
        "BrokenPipeError: [Errno 32] Broken pipe",
        "(Worker pid=1) Traceback (most recent call last):",
        "(Worker pid=1) OSError: y",
        "(Worker pid=1) ERROR 11-23 07:56:00 [a.py:1] Traceback (most recent call last):",
        "(Worker pid=1) ERROR 11-23 07:56:00 [a.py:1] done",
    ]
)


@settings(deadline=None)
@given(st.lists(GRAMMAR, max_size=40))
def test_shuffled_tracebacks_can_be_read_and_explained(texts):
    failure = explain(read_events(as_lines(texts)), None, {})
    assert failure.chain[0] == failure.root


def test_hundred_thousand_interleaved_lines_take_seconds():
    generator = random.Random(7)  # noqa: S311 -- nothing secret
    tails = [list(reversed(stream * 300)) for stream in STREAMS]
    lines = []
    while len(lines) < 100_000:
        tail = generator.choice(tails)
        text = (
            tail.pop() if tail else "(EngineCore_DP0 pid=9) INFO 11-23 07:56:00 [core.py:1] Running: 3 reqs"
        )
        lines.append(LogLine("4-rank0", 100 + len(lines) / 1000, text))
    start = time.process_time()
    events = read_events(lines)
    failure = explain(events, None, {})
    seconds = time.process_time() - start
    assert failure.root.severity == "error"
    assert seconds < 60, f"{seconds:.1f} s"


def test_endless_errors_are_bounded():
    def flood():
        for number in range(6_000):
            yield LogLine(
                "s", float(number), f"(Worker_DP0 pid={number}) ValueError: number {number} {'x' * 500}"
            )

    tracemalloc.start()
    try:
        events = read_events(flood())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(events) <= 4 * RECORDS_KEPT
    assert events[0].pid == 0
    assert events[-1].pid == 5_999
    assert peak < 30e6, f"{peak / 1e6:.0f} MB"


def test_line_of_megabytes_is_truncated():
    (event,) = read_events([LogLine("s", 1.0, "ValueError: " + "x" * 5_000_000)])
    assert len(event.message) <= 500


def test_long_lines_are_not_kept():
    def flood():
        yield LogLine("s", 1.0, "Traceback (most recent call last):")
        for number in range(50):
            yield LogLine("s", 1.0, f"{number} {'x' * 200_000}")
            yield LogLine("s", 1.0, f"2026-01-01T00:00:00Z ERROR {number} {'y' * 200_000}")

    tracemalloc.start()
    try:
        explain_log(flood())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10e6, f"{peak / 1e6:.0f} MB"
