"""The root of generated failures: correct in at least 98 of 100, and never later than its consequences."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.evidence import Event, explain

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.evidence.generated import FAMILIES, generate, misses

COUNT = 40 * len(FAMILIES)
RESOLUTION_S = 1.0


def test_root_is_found_in_98_of_100():
    missed = misses(range(COUNT))
    listing = "\n".join(f"{made.name}: {made.root!r}, answered {answer!r}" for made, answer in missed)
    assert len(missed) <= 0.02 * COUNT, listing


@pytest.mark.parametrize("family", range(len(FAMILIES)))
def test_generated_root_is_never_later_than_its_consequences(family):
    for number in range(family, COUNT, 2 * len(FAMILIES)):
        failure = generate(number).failure()
        assert failure is not None
        assert all(event.time >= failure.root.time - RESOLUTION_S for event in failure.chain), number


HEADLINES = (
    ("ValueError", "x"),
    ("torch.OutOfMemoryError", "CUDA out of memory"),
    ("", "Engine core proc EngineCore_DP1 died unexpectedly, shutting down client."),
    ("", "resource_tracker: There appear to be 1 leaked shared_memory objects to clean up at shutdown"),
    ("BrokenPipeError", "[Errno 32] Broken pipe"),
    ("Exception", "WorkerProc initialization failed due to an exception. See stack trace for root cause."),
    ("vllm.v1.engine.exceptions.EngineDeadError", "EngineCore encountered an issue."),
    ("", "Worker proc VllmWorker-1 died unexpectedly, shutting down executor."),
    ("", "Parent process exited, terminating worker queues"),
    ("", "an error that nobody knows"),
)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Reports of some processes, in any order and at any time."""
    found = []
    for _ in range(draw(st.integers(1, 8))):
        exception, message = draw(st.sampled_from(HEADLINES))
        leaked = "leaked" in message
        found.append(
            Event(
                time=100 + draw(st.integers(0, 80)) / 8,
                source=draw(st.sampled_from(("a", "b"))),
                role=draw(st.sampled_from(("EngineCore_DP0", "Worker_TP1", "APIServer"))),
                pid=draw(st.sampled_from((None, 7, 8, 9))),
                kind="leak" if leaked else "exception" if exception else "log",
                severity="warning" if leaked else draw(st.sampled_from(("error", "error", "info"))),
                exception=exception,
                message=message,
            )
        )
    return found


@settings(deadline=None, max_examples=300)
@given(events())
def test_no_root_is_later_than_its_consequences(reported):
    failure = explain(reported, None, {8: 7, 9: 8})
    assert all(event.time >= failure.root.time - RESOLUTION_S for event in failure.chain)
