"""The commits that a document mentions, if git cannot read one of them."""

from __future__ import annotations

import logging

import sample_documents as documents

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.json_document.commits import parents_outside
from bisect_tool.planner import CellConclusion, State
from bisect_tool.planner.types import EndCounts, Finding

RUNS = EndCounts(1, 0)


def test_parent_that_git_cannot_read_is_left_out_and_logged(session, monkeypatch, caplog):
    def fail(sha):
        raise EnvironmentFailed(f"git cat-file failed: no {sha[:9]}")

    monkeypatch.setattr(session.repository, "commit", fail)
    caplog.set_level(logging.WARNING, "bisect_run")
    conclusion = CellConclusion("test", Finding.CULPRIT, RUNS, RUNS, documents.CULPRIT)
    commits = {commit.sha: commit for commit in session.range.commits if commit.sha != documents.PARENT}
    assert parents_outside(session, State(None, (conclusion,), (), 0), commits) == {}
    why = f"git cat-file failed: no {documents.PARENT[:9]}"
    assert caplog.messages == [f"the parent {documents.PARENT} of a culprit is left out: {why}"]
