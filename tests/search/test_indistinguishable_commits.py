"""Commits that no trial can distinguish, compared with the definition."""

from __future__ import annotations

from graphs import histories, line
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.search import Dag
from bisect_tool.search.indistinguishable_commits import block


@given(histories(20), st.data())
@settings(max_examples=300, deadline=None)
def test_a_block_has_the_same_testable_descendants(parents, data):
    dag = Dag(parents)
    commits = st.integers(0, len(parents) - 1)
    skipped = data.draw(st.sets(commits))
    commit = data.draw(commits)
    descendants = [dag.descendants(each) - skipped for each in range(len(parents))]
    alike = tuple(each for each in range(len(parents)) if descendants[each] == descendants[commit])
    assert block(dag, commit, sorted(skipped)) == alike


def test_block_of_a_line_is_the_skips_and_the_testable_commit_after_them():
    dag = Dag(line(8))
    assert block(dag, 5, [3, 4]) == (3, 4, 5)
    assert block(dag, 3, [3, 4]) == (3, 4, 5)
    assert block(dag, 2, [3, 4]) == (2,)
    assert block(dag, 6, []) == (6,)
