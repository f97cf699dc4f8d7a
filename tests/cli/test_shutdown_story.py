"""Where the cells of the scenario `shutdown` start to fail and to pass in the reference engine's history."""

from __future__ import annotations

import os

import pytest
from forked_cli import run_forked

from bisect_tool.json_document.document import Document

IDLE = "test_idle[4_api_servers-timeout_{}]"
AT_ONCE, DRAINING = IDLE.format(0), IDLE.format(8)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def work_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shutdown")


@pytest.fixture(scope="module")
def history(bundled_history):
    return bundled_history("series")


@pytest.fixture(scope="module")
def labels(history):
    return history[1].labels


@pytest.fixture
def result_of(work_folder, history):
    """A function: scenarios, arguments of the command line, cells -> the document."""

    def run(scenarios, *arguments, cells):
        chosen = [argument for cell in cells for argument in ("--cells", cell)]
        of = (
            "--repo",
            str(history[0]),
            "--scenario",
            str(scenarios / "shutdown"),
            "--profile",
            "reference",
        )
        env = {**os.environ, "BISECT_RUN_HOME": str(work_folder / "home")}
        _, stdout, stderr = run_forked((*arguments, *of, *chosen, "--json"), work_folder, env, 390)
        assert stdout, stderr
        return Document.model_validate_json(stdout)

    return run


def test_last_commit_keeps_the_shutdown_contract(result_of, without_torch):
    """With processes that the engine itself starts; the sessions below fork them, which takes less time."""
    cells = ["test_during_start_up[4*", "test_in_flight[4*", "test_idle[headless-timeout_8]"]
    (trial,) = result_of(without_torch, "repro", "fixed", "--runs", "1", cells=cells).trials
    headless = trial.outcomes.pop("test_idle[headless-timeout_8]")
    assert (len(trial.outcomes), set(trial.outcomes.values())) == (4, {"passed"})
    assert headless == "skipped"


def test_culprit_broke_the_shutdown_of_an_idle_server(result_of, quick_engine, labels):
    """The culprit and its parent; the demo searches the whole range."""
    arguments = ("run", "--good", labels["priority-engine"], "--bad", labels["culprit"])
    cell = result_of(quick_engine, *arguments, cells=[AT_ONCE]).cells[AT_ONCE]
    assert (cell.finding, cell.culprit.sha) == ("culprit", labels["culprit"])


def test_fix_of_the_draining_is_among_commits_without_the_flag(result_of, quick_engine, labels):
    """The revert removes the flag and the re-apply restores it; commits between cannot be tested."""
    arguments = ("run", "--find", "fix", "--bad", "bad", "--good", "fixed")
    fixed = result_of(quick_engine, *arguments, cells=[DRAINING]).cells[DRAINING]
    assert fixed.finding == "candidates"
    assert fixed.candidates == (labels["revert"], labels["start-test"], labels["fixed"])
    assert {skipped.reason for skipped in fixed.skipped} == {"this commit has no --shutdown-timeout"}
