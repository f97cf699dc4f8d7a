"""A bisection with an unknown end, which a walk back finds; a budget interrupts both."""

from __future__ import annotations


def test_a_walk_and_its_bisection_are_resumed_beyond_their_budget(project):
    """The walk runs 9, 8, 7, 5 and twice 1; none of its trials is repeated."""
    shas = project.commits(*[0] * 4, *[1] * 6)
    project.write_check()
    first = project.run("--bad", "main", "--budget-trials", "3", "--json", "--", "./check.sh")
    assert (first.code, first.document.conclusion) == (
        3,
        "the budget was used up before a passing commit was found",
    )
    ended = project.run("resume", first.document.session, "--json")
    while ended.document.resumable:
        ended = project.run("resume", ended.document.session, "--json")
    document = ended.document
    assert ended.code == 0, ended.stderr
    assert document.good == (shas[1],)
    assert document.cells["command"].culprit.sha == shas[4]
    ran = [shas.index(trial.sha) for trial in document.trials]
    assert ran[:6] == [9, 8, 7, 5, 1, 1]
    assert f"--good {shas[1][:12]} --bad {shas[9][:12]}" in document.rerun


def test_without_a_passing_commit_the_search_ends_at_the_root(project):
    shas = project.commits(1, 1, 1)
    project.write_check()
    ended = project.run("--bad", "main", "--json", "--", "./check.sh")
    assert ended.code == 4
    assert (
        ended.document.conclusion
        == f"no passing commit found; searched back to the first commit, {shas[0][:9]}"
    )


def test_a_failing_end_is_found_for_a_fix(project):
    shas = project.commits(1, 1, 1, 0, 0, 0)
    project.write_check()
    ended = project.run("--find", "fix", "--good", "main", "--json", "--", "./check.sh")
    assert ended.code == 0, ended.stderr
    assert ended.document.bad == shas[1]
    assert ended.document.cells["command"].culprit.sha == shas[3]
