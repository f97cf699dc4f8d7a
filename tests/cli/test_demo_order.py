"""The demo of an order-dependent failure: its request, and a session at its culprit."""

from __future__ import annotations

import os

import pytest
from forked_cli import run_forked

from bisect_tool.cli import demo as command
from bisect_tool.cli import run_session
from bisect_tool.errors import UsageError
from bisect_tool.json_document.document import Document

GOOD = "10cb8ce0a1f2c53ad871ab1173ebb3362fb183d2"
BAD = "c5e611db94aa85f96ab4b0e90627d93996179f15"
CULPRIT = "f45ad67781f8b6c7e8336af4295d1d5ed3462dc8"
FIRST = "test_external_lb_server_info[1]"


def test_order_demo_excludes_the_flaky_one():
    with pytest.raises(UsageError, match="cannot be used together"):
        command.demo(flaky=True, order=True)


def test_order_demo_uses_the_third_history(home_of_the_demo, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(run_session, "run_and_report", lambda session, *_: started.append(session.request))
    command.demo(order=True)
    (request,) = started
    assert (request.goods, request.bad) == ((GOOD,), BAD)
    assert (request.cells, request.slots, request.fresh) == ((), 1, False)
    assert request.repo == str(tmp_path / "cache" / "reference-engine-order.git")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_prerequisites_and_culprit_are_named(bundled_history, one_rank, tmp_path):
    """Only the culprit, and one cell of each group; `tests/planner` searches longer ranges.

    One rank shows it as well; tests/session has cells that leave several things.
    """
    repository, history = bundled_history("order")
    ends = ("--good", history.labels["token-index"], "--bad", history.labels["announced-ranks"])
    scenario = ("--scenario", str(one_rank), "--profile", "reference")
    started = (*scenario, "--cells", "*server_info*")
    words = ("--repo", str(repository), *ends, *started, "--json")
    code, stdout, stderr = run_forked(words, tmp_path, {**os.environ, "BISECT_RUN_HOME": str(tmp_path)}, 1400)
    assert code == 0, stderr
    document = Document.model_validate_json(stdout)
    red = {name: cell for name, cell in document.cells.items() if name.endswith("[4]")}
    assert len(red) == 1
    for cell in red.values():
        assert (cell.finding, cell.culprit.sha) == ("culprit", CULPRIT)
        assert (cell.order_dependent, cell.prerequisites) == (True, (FIRST,))
        assert [name.rpartition("-")[2] for name in cell.leftovers] == ["dp0"]
    assert {cell.finding for name, cell in document.cells.items() if name not in red} == {"green"}
