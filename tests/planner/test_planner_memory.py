"""A failure while the kernel killed a process for lack of memory is no evidence against a commit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from worlds import GOOD, World, line, simulate

from bisect_tool.planner import Finding, Step
from bisect_tool.supervise.machine_load import Load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.trial.result import TrialResult

QUIET = Load(cpus=2, load_before=0.1, load_after=0.1, others=0.0, cpu=0.01)


@dataclass(frozen=True)
class ShortOfMemory(World):
    """Memory runs out in the first runs of some commits, and every cell fails then."""

    kills: Mapping[str, int] = field(default_factory=dict)

    def trial(self, step: Step, earlier: int) -> TrialResult:
        killed = earlier < self.kills.get(step.sha, 0)
        load = replace(QUIET, oom_kills=int(killed))
        return super().trial(step, earlier).model_copy(update={"load": load})


def world(kills: Mapping[str, int], overrides: Mapping[str, list[str]]) -> ShortOfMemory:
    return ShortOfMemory(line(16), {"cell": "c10"}, overrides, kills=kills)


def test_good_commits_that_run_out_of_memory_once_are_rerun():
    shas = [f"c{place}" for place in range(10)] + [GOOD]
    found = simulate(world(dict.fromkeys(shas, 1), {sha: ["failed", "passed"] for sha in shas})).of("cell")
    assert (found.finding, found.culprit) == (Finding.CULPRIT, "c10")


def test_good_commits_that_always_run_out_of_memory_are_skipped():
    shas = ["c7", "c8", "c9"]
    found = simulate(world(dict.fromkeys(shas, 1000), {sha: ["failed"] for sha in shas})).of("cell")
    assert found.finding is Finding.CANDIDATES
    assert set(found.candidates) >= {*shas, "c10"}
    assert "memory ran out, and the kernel killed a process" in {reason for _, reason in found.skipped}


def test_passes_count_whatever_the_kernel_killed():
    found = simulate(world({f"c{place}": 1000 for place in range(10)}, {})).of("cell")
    assert (found.finding, found.culprit) == (Finding.CULPRIT, "c10")


def test_commit_that_uses_up_the_memory_is_found():
    found = simulate(world({f"c{place}": 1000 for place in range(10, 16)}, {})).of("cell")
    assert (found.finding, found.culprit) == (Finding.CULPRIT, "c10")


def test_one_kill_at_the_bad_end_does_not_hide_the_failure():
    found = simulate(world({"c15": 1}, {})).of("cell")
    assert (found.finding, found.culprit) == (Finding.CULPRIT, "c10")
