"""The timelines of real processes: at a healthy commit, and at the culprit, where the ranks do not start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from forked_cli import run_forked
from quick_engine import QUICK, copy_scenarios

from bisect_tool.evidence import general_role
from bisect_tool.json_document.document import Document
from bisect_tool.render.startup import sides, start_ups

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bisect_tool.demo.patch_series import Replayed
    from bisect_tool.evidence import ProcessTimeline

CELL = "test_external_lb_single_completion[4]"
# Milestones that the log or the process table has for every process of a role; a worker's handshake is not
# logged.
APPLIES = {
    "Launcher": {"spawned", "imports_done", "sigterm", "exit"},
    "EngineCore": {"spawned", "imports_done", "ready", "sigterm", "exit"},
    "Worker": {"spawned", "imports_done", "ready", "exit"},
    "DPCoordinator": {"spawned", "imports_done", "handshake", "ready", "exit"},
    "ApiServer": {"spawned", "imports_done", "handshake", "ready", "first_request", "sigterm", "exit"},
    "ResourceTracker": {"spawned", "exit"},
}
COUNTS = {
    "Launcher": 2,
    "EngineCore": 2,
    "Worker": 2,
    "DPCoordinator": 1,
    "ApiServer": 8,
    "ResourceTracker": 2,
}
NEVER_READY = {"EngineCore", "ApiServer", "DPCoordinator"}
TRIES = 4
IN_ORDER = ("spawned", "imports_done", "handshake", "ready", "first_request", "sigterm", "exit")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def tried(repository: Path, rev: str, home: Path, scenarios: Path) -> Document:
    """The document of one trial of CELL at a commit."""

    home.mkdir(exist_ok=True)

    def main(*words: str) -> str:
        code, stdout, stderr = run_forked(words, home, {**os.environ, "BISECT_RUN_HOME": str(home)}, 200)
        assert code in (0, 1), stderr
        return stdout

    which = ("--scenario", str(scenarios / "external_lb_dp"), "--profile", "reference", "--cells", CELL)
    main("step", "--repo", str(repository), "--rev", rev, *which)
    return Document.model_validate_json(main("report", "--json"))


def by_role(timeline: tuple[ProcessTimeline, ...]) -> dict[str, list[ProcessTimeline]]:
    found: dict[str, list[ProcessTimeline]] = {}
    for process in timeline:
        found.setdefault(general_role(process.role), []).append(process)
    return found


def times(process: ProcessTimeline) -> Iterator[tuple[str, float]]:
    for milestone in IN_ORDER:
        time = getattr(process, milestone)
        if time is not None:
            yield milestone, time


def test_every_process_has_every_milestone_that_applies(
    history: Replayed, repository: Path, without_torch: Path, tmp_path: Path
) -> None:
    document = tried(repository, history.labels["revert"], tmp_path, without_torch)
    processes = by_role(document.trials[0].timeline)
    assert {role: len(found) for role, found in processes.items()} == COUNTS
    for role, milestones in APPLIES.items():
        for process in processes[role]:
            known = dict(times(process))
            # The first server that accepts a connection answers it.
            unasked = {"first_request"} if role == "ApiServer" else set()
            assert known.keys() | unasked == milestones, process
            assert list(known.values()) == sorted(known.values()), process
    assert any(process.first_request for process in processes["ApiServer"])
    launchers = {process.pid: process.source for process in processes["Launcher"]}
    assert sorted(launchers.values()) == ["4-rank0", "4-rank1"]
    for process in (*processes["EngineCore"], *processes["ApiServer"], *processes["ResourceTracker"]):
        assert launchers[process.parent or 0] == process.source
    assert {row.name for row in start_ups(document)} == {
        "EngineCore [4]",
        "DPCoordinator [4]",
        "Worker [4]",
        "ApiServer [4]",
    }


def test_engine_that_does_not_start_is_never_ready(
    history: Replayed, repository: Path, tmp_path: Path
) -> None:
    """Workers that import torch are slow; API servers that are slower end before they have a role.

    They end within a tenth of a second, in which the guardian of a busy machine may not look: then the trial
    is run again.
    """
    scenarios = copy_scenarios(tmp_path, {**QUICK, "TORCH_IMPORT_S": "3"})
    for number in range(TRIES):
        document = tried(repository, history.labels["culprit"], tmp_path / f"{number}", scenarios)
        assert document.trials[0].outcome == "failed"
        processes = by_role(document.trials[0].timeline)
        seen = [process.exit for found in processes.values() for process in found]
        if all(seen) and processes.keys() >= NEVER_READY:
            break
    assert processes.keys() >= NEVER_READY
    for role in NEVER_READY:
        assert len(processes[role]) <= COUNTS[role]
        assert {process.ready for process in processes[role]} == {None}
    assert all(seen)
    assert sides(document) == (document.bad[:9],)
    assert all(bad.processes for row in start_ups(document) for (bad,) in [row.spans])
