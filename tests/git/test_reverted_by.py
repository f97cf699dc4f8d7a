"""Which commit reverted a change."""

from __future__ import annotations

import pytest

from bisect_tool.fix_candidates.reverted_by import reverted_by

LINES = "".join(f"{number}\n" for number in range(20))
BROKEN = LINES.replace("5\n", "five\n", 1)


@pytest.fixture
def commit(project):
    """Make a commit with or without the change, or of something else."""

    def make(state):
        content = {"a": BROKEN if state == "broken" else LINES} if state in ("broken", "whole") else {}
        return project.commit(state, content or {"doc": f"{state}\n"})

    return make


@pytest.mark.parametrize("before", [0, 1, 2, 3, 8])
@pytest.mark.parametrize("after", [0, 1, 2, 7])
def test_reverted_line(opened, commit, before, after):
    commit("whole")
    broken = commit("broken")
    for number in range(before):
        commit(f"before {number}")
    back = head = commit("whole")
    for number in range(after):
        head = commit(f"after {number}")
    assert reverted_by(opened(), broken, head) == back


def test_last_of_several_reverts_is_found(opened, commit):
    commit("whole")
    broken = commit("broken")
    commit("whole")
    commit("broken")
    back = commit("whole")
    assert reverted_by(opened(), broken, commit("after")) == back


def test_culprit_on_a_branch_with_its_revert_on_the_mainline(project, opened, commit):
    commit("whole")
    project.git("checkout", "-q", "-b", "side")
    broken = commit("broken")
    project.git("checkout", "-q", "main")
    commit("before the merge")
    project.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
    back = commit("whole")
    assert reverted_by(opened(), broken, commit("after")) == back
