"""`run --confirm revert`: after the bisection its culprits are reverted on the bad end."""

from __future__ import annotations

import random
import shlex
import signal
import sys
from collections import Counter
from contextlib import closing

import pytest
from projects import numbered as text

from bisect_tool.planner import CellConclusion, EndCounts, Finding
from bisect_tool.session import confirmation
from bisect_tool.session.store import Store

CHECK = """#!/bin/sh
# Red if a file contains `bad`; reverts wait until the gate is removed.
git rev-parse HEAD >> {log}
case "$(git log -1 --format=%s)" in
Revert*) touch {gate}.met; while [ -e {gate} ]; do sleep 0.05; done ;;
esac
! grep -q bad a b
"""
TESTS = """
import pytest


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_file(name):
    assert "bad" not in open(name).read()
"""


@pytest.fixture
def commit(project, log, gate):
    """Makes a commit of the given files, in a project that has the check."""
    project.write_check(CHECK.format(log=log, gate=gate))
    return project.commit_files


@pytest.fixture
def history(commit):
    """The second commit breaks `a`; two harmless ones follow."""
    base = commit("Base", a=text(), b=text(), c=text())
    broken = commit("Break a (#12)", a=text((5, "bad")))
    commit("Document", doc="words\n")
    return base, broken, commit("Document more", doc="more words\n")


def bisect(project, good, bad, *options):
    return project.run("--good", good, "--bad", bad, "--confirm", "revert", *options, "--", "./check.sh")


def stored(project):
    """The commits of the trials of each session, oldest session first."""
    with closing(Store(project.home / "state" / "store.db")) as store:
        return [[row.result.sha for row in store.trials(row.id)] for row in reversed(store.sessions())]


def test_revert_of_the_culprit_fixes_the_cell(project, history, log):
    base, broken, bad = history
    before = {name: content for name, (_, content) in project.snapshot().items()}
    ended = bisect(project, base, bad, "--json")
    assert {name: content for name, (_, content) in project.snapshot().items()} == before
    assert ended.code == 0, ended.stderr
    document = ended.document
    assert (document.command, document.exit_code, document.resumable) == ("run", 0, False)
    assert document.cells["command"].culprit.sha == broken
    assert f"confirming: reverting {broken[:9]} on {bad[:9]}" in ended.stderr
    found = document.confirmation
    (revert,) = found.fixes.candidates
    assert (revert.commit, revert.fixes_all, revert.fixed) == (broken, True, ("command",))
    assert found.conclusion == f"fixed by: revert {broken[:9]} (#12)"
    assert found.cost.trials == found.fixes.runs == 2
    assert document.commits[revert.sha].subject == 'Revert "Break a (#12)"'
    runs = Counter(log.read_text().split())
    assert runs[revert.sha] == 2
    assert runs[bad] == [trial.sha for trial in document.trials].count(bad), "the bad end ran again"
    report = project.run("report").stdout
    assert f"Reverted   on {bad[:9]}: fixes command" in report, "the last session is the bisection"
    assert "--confirm revert" in report
    other = project.run("report", found.session, "--json").document
    assert (other.command, other.fixes) == ("fixes", found.fixes)


def test_revert_does_not_fix_a_cell_with_a_second_breakage(project, commit):
    """The culprit stays the culprit."""
    base = commit("Base", a=text(), b=text(), c=text())
    broken = commit("Break a", a=text((5, "bad")))
    bad = commit("Break b", b=text((9, "bad")))
    ended = bisect(project, base, bad, "--json")
    document = ended.document
    assert (ended.code, document.cells["command"].culprit.sha) == (0, broken)
    (revert,) = document.confirmation.fixes.candidates
    assert (revert.fixes_all, revert.red) == (False, ("command",))


def test_conflicting_revert_is_reported_with_its_files_and_not_run(project, commit, log):
    base = commit("Base", a=text(), b=text(), c=text())
    broken = commit("Break a", a=text((5, "bad")))
    bad = commit("Break it more", a=text((5, "really bad")))
    ended = bisect(project, base, bad, "--json")
    assert ended.code == 0, ended.stderr
    (revert,) = ended.document.confirmation.fixes.candidates
    assert (revert.commit, revert.sha, revert.conflicts) == (broken, "", ("a",))
    assert set(log.read_text().split()) == {base, broken, bad}


def test_revert_that_changes_nothing_suggests_another_search(project, commit):
    """The culprit was reverted already, and another commit breaks the cell now."""
    base = commit("Base", a=text(), b=text(), c=text())
    broken = commit("Break a", a=text((5, "bad")))
    commit("Break b", b=text((9, "bad")))
    bad = commit("Fix a", a=text())
    ended = bisect(project, base, bad, "--json")
    (revert,) = ended.document.confirmation.fixes.candidates
    assert (ended.code, ended.document.cells["command"].culprit.sha) == (0, broken)
    assert (revert.sha, revert.reason) == ("", "changes nothing")
    (search,) = ended.document.confirmation.searches
    assert (search.culprit, search.commit.sha, search.rerun) == (broken, bad, "")
    assert "is older and was hidden by the culprit" in project.run("report").stdout


def test_search_after_a_reverted_culprit_starts_at_its_fix(project, commit):
    """Commits after the fix are untestable; the suggested search finds the failure of the bad end."""
    base = commit("Base", a=text(), b=text(), c=text(), doc="words\n")
    broken = commit("Break a", a=text((5, "bad")))
    fixed = commit("Fix a", a=text(), doc="untestable\n")
    commit("Document", doc="untestable still\n")
    other = commit("Break b", b=text((9, "bad")), doc="words\n")
    bad = commit("Document more", doc="more words\n")
    project.write_check("#!/bin/sh\ngrep -q untestable doc && exit 125\n! grep -q bad a b\n")
    document = bisect(project, base, bad, "--json").document
    assert document.cells["command"].culprit.sha == broken
    (search,) = document.confirmation.searches
    assert (search.culprit, search.commit.sha) == (broken, fixed)
    assert f"--good {fixed[:12]} --bad {bad[:12]}" in search.rerun
    report = " ".join(project.run("report").stdout.split())
    assert "the failure at the bad commit is a later one: continue the search from this commit" in report
    assert f"Next search {search.rerun}" in report
    assert fixed[:9] in project.run("report", "--markdown").stdout
    project.write_check("#!/bin/sh\n! grep -q bad a b\n")
    args = shlex.split(search.rerun)[1:]
    at = args.index("--confirm")
    again = project.run(*args[:at], "--json", *args[at:])
    assert again.document.cells["command"].culprit.sha == other


@pytest.mark.slow
def test_revert_of_each_of_two_culprits_fixes_its_own_cell(project):
    commit = project.commit_files
    base = commit("Base", a=text(), b=text(), c=text(), **{"test_pair.py": TESTS})
    first = commit("Break a", a=text((5, "bad")))
    second = bad = commit("Break b", b=text((9, "bad")))
    args = ("--good", base, "--bad", bad, "--pytest", "test_pair.py", "--python", sys.executable)
    quick = ("--endpoint-runs", "1", "--confidence", "0.6")
    ended = project.run(*args, *quick, "--confirm", "revert", "--json")
    assert ended.code == 0, ended.stderr
    assert ended.document.confirmation.conclusion == f"fixed by: revert {second[:9]} and revert {first[:9]}"
    found = ended.document.confirmation
    fixed = {each.commit: (each.fixed, each.red) for each in found.fixes.candidates}
    one, other = "test_pair.py::test_file[a]", "test_pair.py::test_file[b]"
    assert fixed == {first: ((one,), (other,)), second: ((other,), (one,))}
    assert found.fixes.smallest == (f"revert {second[:9]}", f"revert {first[:9]}")
    trials = project.run("report", found.session, "--json").document.trials
    assert {cell for trial in trials if not trial.shared for cell in trial.cells} == {one, other}
    assert all(trial.shared == (trial.sha == bad) for trial in trials)


@pytest.fixture
def confirming(project, history, gate, wait_for):
    """The command line during the first run of the revert, which ends once the gate is removed."""
    base, _, bad = history
    gate.touch()
    process = project.fork("--good", base, "--bad", bad, "--confirm", "revert", "--json", "--", "./check.sh")
    wait_for(gate.with_name(f"{gate.name}.met").exists)
    return process


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_session_interrupted_during_confirmation_is_resumed(project, confirming, log, gate, name):
    """The ID of either session resumes both."""
    assert project.run("status").stdout.count("running") == 2
    confirming.send_signal(signal.Signals[name])
    stdout, stderr = confirming.communicate(timeout=60)
    assert stdout == ""
    first, second = stored(project)
    assert second == []
    bisection = project.run("report", "--json").document
    assert (bisection.command, bisection.exit_code, bisection.resumable) == ("run", 130, True)
    assert bisection.conclusion == "not finished: culprit found, but not yet confirmed"
    assert bisection.cells["command"].culprit is not None
    if name == "SIGINT":
        assert (confirming.returncode, f"bisect-run resume {bisection.session}" in stderr) == (130, True)
    assert "resumable" in project.run("status", bisection.session).stdout
    with closing(Store(project.home / "state" / "store.db")) as store:
        confirms = store.sessions()[0].id
    gate.unlink()
    ended = project.run("resume", bisection.session if name == "SIGINT" else confirms, "--json")
    assert ended.code == 0, ended.stderr
    both = f"{confirms} confirms the result of {bisection.session}: resuming both"
    assert (both in ended.stderr) == (name == "SIGKILL")
    assert (ended.document.session, ended.document.resumable) == (bisection.session, False)
    assert ended.document.confirmation.fixes.candidates[0].fixes_all
    assert "resumable" not in project.run("status").stdout
    assert stored(project) == [first, [ended.document.confirmation.fixes.candidates[0].sha] * 2]
    ran = log.read_text()
    again = project.run("resume", "--json")
    assert (again.stdout, log.read_text()) == (ended.stdout, ran)
    assert len(stored(project)) == 2


def test_session_interrupted_before_confirmation_is_resumed(project, history, log, wait_for):
    base, _, bad = history
    pause = log.with_name("pause")
    pause.touch()
    check = CHECK.format(log=log, gate=pause)
    project.write_check(check.replace("! grep", f"while [ -e {pause} ]; do sleep 0.05; done\n! grep"))
    process = project.fork("--good", base, "--bad", bad, "--confirm", "revert", "--", "./check.sh")
    wait_for(log.exists)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert stored(project) == [[]]
    pause.unlink()
    ended = project.run("resume", "--json")
    assert (ended.code, ended.document.confirmation.fixes.candidates[0].fixes_all) == (0, True)


def test_session_cannot_be_resumed_during_its_confirmation(project, confirming, gate):
    second = project.run("resume")
    assert (second.code, "is being run by another process" in second.stderr) == (5, True)
    gate.unlink()
    _, stderr = confirming.communicate(timeout=60)
    assert confirming.returncode == 0, stderr


def test_budget_covers_bisection_and_confirmation(project, history):
    base, _, bad = history
    needed = len(bisect(project, base, bad, "--json").document.trials)
    ended = bisect(project, base, bad, "--budget-trials", str(needed + 1), "--json")
    document = ended.document
    assert (ended.code, document.resumable) == (0, True)
    assert (
        f"used up before all reverts were tested; resume with: bisect-run resume {document.session}"
        in ended.stderr
    )
    assert document.confirmation.cost.trials == 1
    assert document.confirmation.conclusion == "not finished: not all candidates were tested"
    resumed = project.run("resume", "--json").document
    assert (resumed.resumable, resumed.confirmation.cost.trials) == (False, 2)
    assert resumed.confirmation.fixes.candidates[0].fixes_all


def test_a_bisection_that_a_budget_stopped_is_not_confirmed(project, history):
    base, _, bad = history
    ended = bisect(project, base, bad, "--budget-trials", "1", "--json")
    assert (ended.code, ended.document.confirmation) == (3, None)
    assert "nothing confirmed yet: the budget was used up" in ended.stderr
    assert len(stored(project)) == 1


def test_nothing_to_confirm(project, history):
    base, broken, bad = history
    (project.path / "check.sh").write_text("#!/bin/sh\nexit 0\n")
    ended = bisect(project, base, bad, "--json")
    assert (ended.code, ended.document.confirmation, len(stored(project))) == (4, None, 1)
    assert ended.stderr.count("nothing to confirm: no culprit is named\n") == 1
    (project.path / "check.sh").write_text("#!/bin/sh\ngrep -q bad a\n")
    fixed = project.run(
        "--find", "fix", "--bad", base, "--good", bad, "--confirm", "revert", "--json", "--", "./check.sh"
    )
    assert (fixed.code, fixed.document.cells["command"].culprit.sha) == (0, broken)
    assert fixed.document.confirmation is None
    assert fixed.stderr.count("nothing to confirm: the search was for a fix") == 1


def test_unknown_value_of_confirm_is_a_usage_error(project, history):
    base, _, bad = history
    ended = project.run("--good", base, "--bad", bad, "--confirm", "prayer", "--", "./check.sh")
    assert (ended.code, ended.stdout) == (2, "")
    assert "revert" in ended.stderr


@pytest.mark.parametrize(
    ("broken", "confidence", "times"),
    [
        ([(4, 4)], 0.95, 2),
        ([(3, 3)], 0.95, 3),
        ([(16, 8)], 0.95, 6),
        ([(4, 4), (16, 5)], 0.95, 13),
        ([(16, 8)], 0.99, 10),
        ([(40, 2)], 0.95, 30),
    ],
)
def test_rare_failures_need_more_passes(broken, confidence, times):
    found = [conclusion(EndCounts(*runs)) for runs in broken]
    assert confirmation.passes(found, confidence) == times


@pytest.mark.parametrize("rate", [0.15, 0.3, 0.5])
def test_useless_revert_is_rarely_reported_as_fix(rate):
    """A cell that still fails at its old rate passes all runs about as rarely as requested."""
    rng = random.Random(1)  # noqa: S311
    false_passes = []
    for _ in range(400):
        runs = [rng.random() < rate for _ in range(16)]
        broken = EndCounts(len(runs) + 3, sum(runs) + 3)  # selected: the culprit's own runs that failed
        false_passes.append((1 - rate) ** confirmation.passes([conclusion(broken)], 0.95))
    assert sum(false_passes) / len(false_passes) < (0.13 if rate < 0.3 else 0.08)


def conclusion(broken):
    counts = EndCounts(1, 1)
    return CellConclusion("cell", Finding.CULPRIT, counts, counts, culprit="c", broken=broken)
