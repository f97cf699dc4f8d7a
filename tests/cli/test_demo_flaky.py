"""The demo of a flaky failure: its request, and the culprit that a search on its history finds."""

from __future__ import annotations

import os

import pytest
from forked_cli import run_forked

from bisect_tool.cli import demo as command
from bisect_tool.cli import run_session
from bisect_tool.json_document.document import Document

CELL = "test_external_lb_teardown[4]"
GOOD = "10cb8ce0a1f2c53ad871ab1173ebb3362fb183d2"
BAD = "8264bc48b75afb89e5584cfc16d4fa6d527e474f"
NOT_DRAINED = "every API server has ended and none has said that the requests drained"
CULPRIT = "e3322f5459c2393f4d96eab3eee892f341281302"


@pytest.fixture
def request_of(home_of_the_demo, monkeypatch):
    """A function: the request of `demo` with these options; nothing is run."""
    started = []
    monkeypatch.setattr(run_session, "run_and_report", lambda session, *_: started.append(session.request))

    def request_for(**options):
        command.demo(**options)
        return started.pop()

    return request_for


def test_two_slots_run_only_the_flaky_cell_in_new_trials(request_of, tmp_path):
    request = request_of(flaky=True)
    assert (request.goods, request.bad) == ((GOOD,), BAD)
    assert (request.cells, request.slots, request.fresh) == ((CELL,), 2, True)
    assert request.mode.endpoint_runs == 16
    assert request.repo == str(tmp_path / "cache" / "reference-engine-flaky.git")


def test_other_cells_can_be_requested(request_of):
    assert set(request_of(flaky=True, cells=["*teardown*"]).cells) == {CELL, CELL.replace("4", "1")}


def test_request_of_the_first_history_is_unchanged(request_of, tmp_path):
    request = request_of()
    assert (request.cells, request.slots, request.fresh) == ((), 1, False)
    assert request.repo == str(tmp_path / "cache" / "reference-engine.git")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_flaky_culprit_is_named(bundled_history, quick_engine, tmp_path):
    """As in the demo, but only the culprit: 9 trials, not 50 (`simulate --candidates 1` and 20).

    tests/planner searches longer ranges, without the engine. Sixteen runs that pass at the culprit are one in
    450, and two searches of them one in 200 000.
    """
    scenario = str(quick_engine / "external_lb_dp")
    history = bundled_history("flaky")
    document = searched(history, tmp_path, scenario)
    if document.cells[CELL].culprit is None:
        document = searched(history, tmp_path, scenario)
    cell = document.cells[CELL]
    assert (cell.finding, cell.culprit.sha) == ("culprit", CULPRIT)
    assert cell.good.failed == 0
    assert cell.bad.failed >= 1
    root = document.failure.root
    assert (root.role, root.exception, root.message) == ("DPCoordinator", "RuntimeError", NOT_DRAINED)


def searched(history, home, scenario):
    repository, labels = history[0], history[1].labels
    ends = ("--good", labels["priority-engine"], "--bad", labels["culprit"])
    started = ("--scenario", scenario, "--profile", "reference", "--cells", CELL)
    how = ("--endpoint-runs", "16", "--slots", "2", "--fresh")
    words = ("--repo", str(repository), *ends, *started, *how, "--json")
    _, stdout, _ = run_forked(words, home, {**os.environ, "BISECT_RUN_HOME": str(home)}, 700)
    return Document.model_validate_json(stdout)
