"""`fixes` on the bundled history: reverting the culprit fixes it, reverting an unrelated change does not."""

from __future__ import annotations

import os

import pytest
from forked_cli import run_forked

from bisect_tool.json_document.document import Document

CELL = "test_external_lb_server_info[4]"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def work_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fixes")


@pytest.fixture(scope="module")
def history(bundled_history):
    return bundled_history("series")


@pytest.fixture(scope="module")
def labels(history):
    return history[1].labels


@pytest.fixture(scope="module")
def document(work_folder, history, one_rank, once):
    """The document: the culprit, which one rank shows too, and commits that vLLM's issue 36624 mentions."""
    return Document.model_validate_json(once("fixes.json", lambda: run_fixes(work_folder, history, one_rank)))


def run_fixes(work_folder, history, scenario):
    candidates = ("--revert", "118", "--revert", "121", "--pick", "revert", "--pick", "fixed")
    what = ("--repo", str(history[0]), "--scenario", str(scenario))
    arguments = ("fixes", *what, "--at", "bad", *candidates, "--verify", "fixed")
    env = {**os.environ, "BISECT_RUN_HOME": str(work_folder / "home")}
    words = (*arguments, "--cells", CELL, "--runs", "1", "--json")
    code, stdout, stderr = run_forked(words, work_folder, env, 390)
    assert code == 0, stderr
    return stdout


@pytest.fixture(scope="module")
def candidates(document):
    return {each.name.partition(" (#")[0]: each for each in document.fixes.candidates}


def name(kind, sha):
    return f"{kind} {sha[:9]}"


def test_revert_of_the_culprit_is_sufficient(document, candidates, labels):
    culprit = name("revert", labels["culprit"])
    assert document.fixes.red == (CELL,)
    assert document.fixes.smallest == (f"{culprit} (#118)",)
    assert candidates[culprit].fixed == (CELL,)


def test_revert_of_an_unrelated_change_fixes_nothing(candidates, labels):
    unrelated = candidates[name("revert", labels["unrelated-revert"])]
    assert (unrelated.fixes_all, unrelated.red) == (False, (CELL,))


def test_later_revert_also_fixes(candidates, labels):
    assert candidates[name("pick", labels["revert"])].fixes_all


def test_reapplied_change_does_not_apply_without_the_revert(candidates, labels):
    added_again = candidates[name("pick", labels["fixed"])]
    assert (added_again.sha, added_again.reason) == ("", "conflicts")
    assert added_again.conflicts


def test_forward_fix_passes(document, labels):
    assert [(each.sha, each.fixes_all) for each in document.fixes.verified] == [(labels["fixed"], True)]
