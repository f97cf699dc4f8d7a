"""`prune` from the command line: removed and kept files, and the report of a pruned session."""

from __future__ import annotations

import json

import pytest
from sample_documents import culprit

from bisect_tool.paths import Home
from bisect_tool.session.store import Store


@pytest.fixture
def ended(home):
    """A session that has ended, with a log."""
    here = Home(home / "state", home / "cache")
    store = Store(here.store)
    name = store.create("{}")
    store.finish(name, culprit().model_copy(update={"session": name}).to_json())
    log = here.session(name) / "bisect-run.log"
    log.parent.mkdir(parents=True)
    log.write_text("x" * 5000)
    return log


def test_nothing_of_this_month_is_removed(cli, ended):
    pruned = cli("prune")
    assert (pruned.code, pruned.err) == (0, "")
    assert pruned.out.startswith("Nothing to remove, ")
    assert ended.exists()


def test_dry_run_removes_nothing(cli, ended):
    pruned = cli("prune", "--older-than", "0", "--dry-run")
    assert pruned.out.startswith("Would remove the logs of 1 session: ")
    assert ended.exists()


def test_pruned_session_is_still_reported_and_listed(cli, ended):
    before = cli("report", "last")
    document = json.loads(cli("prune", "--older-than", "0", "--json").out)
    assert [(item["kind"], item["reason"]) for item in document["removed"]] == [("logs", "age")]
    assert not ended.exists()
    after = cli("report", "last")
    assert (after.code, after.out) == (0, before.out)
    assert "were removed by `bisect-run prune`" in after.err
    assert "removed" not in before.err
    (listed,) = json.loads(cli("status", "--json").out)["sessions"]
    assert (listed["logs_bytes"], listed["logs_pruned"] != "") == (0, True)


def test_invalid_size(cli):
    pruned = cli("prune", "--max-size", "many")
    assert (pruned.code, pruned.out) == (2, "")
    assert "'many' is not a size" in pruned.err


def test_a_size(cli, ended):
    pruned = cli("prune", "--max-size", "1K")
    assert "last used just now, over --max-size" in pruned.out
    assert "above --max-size" in pruned.out, "the store stays"
    assert not ended.exists()


def test_unreadable_store_keeps_only_logs(cli, home, ended):
    """As on a full disk, where environments must be removable."""
    environment = home / "cache" / "environments" / "f1" / "file"
    environment.parent.mkdir(parents=True)
    environment.write_text("x")
    for file in (home / "state").glob("store.db*"):
        file.unlink()
    (home / "state" / "store.db").mkdir()
    pruned = cli("prune", "--older-than", "0", "--json")
    assert pruned.code == json.loads(pruned.out)["exit_code"] == 5
    assert "The logs of sessions are kept" in pruned.err
    assert not environment.parent.exists()
    assert ended.exists()
