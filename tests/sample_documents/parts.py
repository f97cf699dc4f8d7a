"""Parts of a document: commits, trials, a failure chain, cells that pass and fail; and one made of them."""

from __future__ import annotations

from bisect_tool.evidence import Event, Frame, ProcessTimeline
from bisect_tool.json_document.document import (
    CellReport,
    CommitInfo,
    Cost,
    CulpritReport,
    Document,
    EndCount,
    FailureReport,
    FileChange,
    ParentRuns,
    TrialReport,
)

GOOD = "a97954b6a8fa41a162ebf58f80a1460a98e0baf0"
PARENT = "57c84ff12a3c0d5e6f708192a3b4c5d6e7f80912"
CULPRIT = "27066d1b2bd0dea89d617afa24da611d9a32e36a"
BAD = "5afb387bd43cef01d68119d017587e689b0729fa"
BROKEN = "0a208d1f5e6a7b8c9d0e1f2a3b4c5d6e7f809112"
REPO = "https://github.com/vllm-project/vllm"
ROOT_TIME = 1772755200.0
GREEN_CELLS = ("test_external_lb_server_info[1]", "test_external_lb_teardown[1]")
RED_CELLS = (
    "test_external_lb_server_info[4]",
    "test_external_lb_completion_streaming[4]",
    "test_external_lb_teardown[4]",
)


def commit(sha: str, subject: str, pr: int | None = None, author: str = "Mark McLoughlin") -> CommitInfo:
    return CommitInfo(sha=sha, subject=subject, author=author, date="2026-03-05T14:20:11+00:00", pr=pr)


COMMITS = {
    GOOD: commit(GOOD, "[Docs] Describe the scheduler's priorities (#36101)", 36101, "Ada Example"),
    PARENT: commit(PARENT, "[Bugfix] Keep the stop token out of the text (#36190)", 36190, "Ada Example"),
    CULPRIT: commit(
        CULPRIT,
        "[Frontend][Core] Add shutdown timeout - allowing in-flight requests to finish (#34730)",
        34730,
    ),
    BAD: commit(BAD, "[CI] Run the distributed tests nightly (#36210)", 36210, "Ada Example"),
    BROKEN: commit(
        BROKEN, "[BugFix] Fix engine hanging after KV cache failure (#35478)", 35478, "Ada Example"
    ),
}


def event(prerequisites: float, role: str, exception: str = "", message: str = "", **more: object) -> Event:
    fields = {"kind": "exception" if exception else "log", "severity": "error", "source": "4-rank0", **more}
    return Event(time=ROOT_TIME + prerequisites, role=role, exception=exception, message=message, **fields)


FRAMES = (
    Frame(file="vllm/v1/engine/core.py", line=1012, function="run_engine_core"),
    Frame(file="vllm/v1/executor/multiproc_executor.py", line=668, function="wait_for_ready"),
)
CHAIN = (
    event(
        0.0,
        "EngineCore_DP1",
        "Exception",
        "WorkerProc initialization failed due to an exception in a background process.",
        frames=FRAMES,
        pid=4242,
    ),
    event(
        0.0213, "Worker_DP0_TP0", "", "Parent process exited, terminating worker queues", severity="warning"
    ),
    event(0.034, "Worker_DP0_TP0", "BrokenPipeError", "[Errno 32] Broken pipe"),
    event(1.27, "Launcher", "", "Failed to start server rank 0: Server exited unexpectedly"),
    event(1.3, "Test", "Exception", "Servers failed to start", kind="test", source="suite"),
)
FAILURE = FailureReport(
    cell=RED_CELLS[0],
    sha=CULPRIT,
    root=CHAIN[0],
    chain=CHAIN,
    excerpt="(EngineCore_DP1 pid=4242) worker 0 did not come up\n(Worker_DP0_TP0 pid=4250) BrokenPipeError",
    cells=RED_CELLS,
    signature="EngineCore: Exception: WorkerProc initialization failed",
)


def trial(sha: str, purpose: str, outcomes: dict[str, str], **more: object) -> TrialReport:
    fields: dict[str, object] = {
        "outcome": "failed" if "failed" in outcomes.values() else "passed",
        "seconds": 31.4,
        "build_seconds": 0.0,
        "environment": "3f9a1c",
        "slot": 0,
        "leftovers": (),
        "log": f"/home/ada/.local/state/bisect-run/sessions/20260306-101500-1a2b/trials/{sha[:9]}",
        **more,
    }
    return TrialReport(sha=sha, purpose=purpose, cells=tuple(outcomes), outcomes=outcomes, **fields)


def process(role: str, pid: int, ready: float | None, source: str = "4-rank0") -> ProcessTimeline:
    """A process spawned at ROOT_TIME that is ready after `ready` seconds."""
    return ProcessTimeline(
        role=role,
        pid=pid,
        source=source,
        spawned=ROOT_TIME,
        ready=None if ready is None else ROOT_TIME + ready,
        exit=ROOT_TIME + 60.0,
    )


def timeline(engine: float | None, servers: float | None) -> tuple[ProcessTimeline, ...]:
    """A rank with one API server, and one with four, of which the first took the given time."""
    return (
        process("APIServer", 4101, 31.5, "1-rank0"),
        process("Launcher", 4236, None),
        process("ResourceTracker", 4237, None),
        process("EngineCore_DP0", 4240, engine),
        process("ApiServer_0", 4251, servers),
        process("ApiServer_1", 4252, None if servers is None else servers + 1.0),
        process("", 4260, None),
    )


def outcomes(red: str) -> dict[str, str]:
    return {**dict.fromkeys(GREEN_CELLS, "passed"), **dict.fromkeys(RED_CELLS, red)}


def green(runs: int = 2) -> CellReport:
    return CellReport(finding="green", good=EndCount(runs=runs, failed=0), bad=EndCount(runs=runs, failed=0))


def red(**more: object) -> CellReport:
    fields: dict[str, object] = {
        "finding": "culprit",
        "good": EndCount(runs=2, failed=0),
        "bad": EndCount(runs=2, failed=2),
        "culprit": COMMITS[CULPRIT],
        "last_good": PARENT,
        "culprit_runs": EndCount(runs=3, failed=3),
        "last_good_runs": EndCount(runs=2, failed=0),
        "candidates": (CULPRIT,),
        "signature": "EngineCore: Exception: WorkerProc initialization failed",
        **more,
    }
    return CellReport(**fields)


def document(**more: object) -> Document:
    """A session with a culprit; any field can be given another value."""
    fields: dict[str, object] = {
        "schema": 2,
        "command": "run",
        "rerun": f"bisect-run --repo {REPO} --good a97954b6a8fa --bad 5afb387bd43c --scenario external-lb-dp",
        "session": "20260306-101500-1a2b",
        "created": "2026-03-06T10:15:00+00:00",
        "scenario": "external-lb-dp",
        "profile": "vllm-cpu",
        "repo": REPO,
        "good": (GOOD,),
        "bad": BAD,
        "candidates_total": 20,
        "exit_code": 0,
        "conclusion": "culprit found",
        "cells": {**dict.fromkeys(GREEN_CELLS, green()), **dict.fromkeys(RED_CELLS, red())},
        "failure": FAILURE,
        "commits": COMMITS,
        "trials": (
            trial(BAD, "bad end", outcomes("failed"), build_seconds=12.0, seconds=43.4),
            trial(GOOD, "good end", outcomes("passed"), timeline=timeline(41.5, 73.9)),
            trial(
                CULPRIT,
                "narrow",
                outcomes("failed"),
                leftovers=("shm psm_1f2e", "process worker (pid 4250)"),
                timeline=timeline(44.3, None),
            ),
            trial(PARENT, "confirm", outcomes("passed"), timeline=timeline(42.5, 74.9)),
        ),
        "cost": Cost(trials=4, builds=1, seconds=137.6, gpu_seconds=0.0),
        "versions": {"bisect-run": "0.1.0", "python": "3.11.9", "platform": "Linux-6.8-glibc2.39"},
        **more,
    }
    return Document.model_validate(fields)


def changed(*files: FileChange, parents: tuple[str, ...] = (PARENT,), **more: object) -> CulpritReport:
    fields: dict[str, object] = {
        "parents": tuple(ParentRuns(sha=sha, trials=1, runs=3, failed=0) for sha in parents),
        "files": files,
        "files_total": len(files),
        "added": sum(each.added or 0 for each in files),
        "removed": sum(each.removed or 0 for each in files),
        **more,
    }
    return CulpritReport(**fields)
