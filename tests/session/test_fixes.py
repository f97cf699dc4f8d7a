"""`bisect-run fixes` on real repositories: fixes, conflicts, usage errors."""

from __future__ import annotations

import shutil
import signal
from collections import Counter

import pytest
from projects import numbered as text

CHECK = """#!/bin/sh
# Red if a file contains `bad`.
git rev-parse HEAD >> {log}
while [ -e {gate} ]; do sleep 0.05; done
! grep -q bad a b
"""


@pytest.fixture
def shas(project, log, gate):
    """Two commits break a file each, the second of which is changed again, and one is harmless."""
    project.write_check(CHECK.format(log=log, gate=gate))
    commit = project.commit_files
    return {
        "base": commit("Base (#1)", a=text(), b=text()),
        "a": commit("Break a (#12)", a=text((5, "bad"))),
        "doc": commit("Document (#13)", doc="words\n"),
        "b": commit("Break b (#14)", b=text((9, "bad"))),
        "again": commit("Touch b (#15)", b=text((9, "really bad"))),
    }


@pytest.fixture
def fixes(project, shas):
    """Runs the command on the last commit; the contents of the checkout must stay.

    Times may change: git updates that of an existing object instead of writing it again.
    """

    def contents():
        return {name: content for name, (_, content) in project.snapshot().items()}

    def run(*args):
        before = contents()
        ended = project.run("fixes", "--at", shas["again"], *args, "--json", "--", "./check.sh")
        assert contents() == before
        return ended

    return run


def by_name(ended):
    return {each.name.split()[1]: each for each in ended.document.fixes.candidates}


def test_patch_fixes_and_revert_does_not(project, shas, fixes, log):
    (project.path / "a").write_text(text())
    (project.path / "b").write_text(text())
    patch = project.path / "fix.patch"
    patch.write_text(project.git("diff") + "\n")
    project.git("checkout", "-q", ".")
    ended = fixes("--apply", "fix.patch", "--revert", "13")
    assert ended.code == 0, ended.stderr
    found = ended.document.fixes
    assert (found.smallest, found.red, found.runs) == (("apply fix.patch",), ("command",), 2)
    reverted = by_name(ended)[shas["doc"][:9]]
    assert (reverted.fixes_all, reverted.red) == (False, ("command",))
    runs = Counter(log.read_text().split())
    assert runs == {shas["again"]: 1, by_name(ended)["fix.patch"].sha: 2, reverted.sha: 1}
    assert ended.document.conclusion == "fixed by: apply fix.patch"


def test_candidates_and_check_come_from_the_same_session(project, shas, log):
    """A later `repro` with another check at the same commit has no culprit."""
    project.run("--good", shas["base"], "--bad", shas["b"], "--", "./check.sh")
    project.run("repro", shas["b"], "--runs", "1", "--", "true")
    at = ("fixes", "--at", shas["b"], "--json")
    assert ": -- true" in project.run(*at, "--revert", shas["doc"]).stderr
    ended = project.run(*at)
    assert "-- ./check.sh" in ended.stderr or f"-- {project.path / 'check.sh'}" in ended.stderr
    assert (ended.document.fixes.red, ended.code) == (("command",), 3)


def test_fewest_reverts_include_one_that_applies_only_after_another(shas, fixes, log):
    ended = fixes("--revert", "12", "--revert", "#13", "--revert", shas["b"][:10], "--revert", "15")
    assert ended.code == 0, ended.stderr
    needed = tuple(f"revert {shas[name][:9]} (#{pr})" for name, pr in {"again": 15, "b": 14, "a": 12}.items())
    assert ended.document.fixes.smallest == needed
    alone = by_name(ended)[shas["b"][:9]]
    assert (alone.sha, alone.conflicts, alone.reason) == ("", ("b",), "conflicts")
    runs = Counter(log.read_text().split())
    assert max(runs.values()) == 2, "a combination ran again"


def test_no_candidate_fixes_the_cell(fixes):
    ended = fixes("--revert", "12", "--revert", "13")
    assert ended.code == 3
    assert ended.document.fixes.smallest == ()
    assert ended.document.conclusion == "no tested combination fixes every failing cell"


def test_conflicting_candidate_is_not_run(fixes, log):
    ended = fixes("--revert", "14")
    assert ended.code == 3
    assert not log.exists()
    assert ended.document.conclusion == "no candidate applies to the failing commit, so nothing was run"


def test_a_fix_forward_is_verified(project, shas, log):
    (project.path / "a").write_text(text())
    (project.path / "b").write_text(text())
    project.git("commit", "-q", "-am", "Fix both (#77)")
    fixed = project.head()
    args = ("--verify", "77", "--verify", shas["b"], "--json", "--", "./check.sh")
    ended = project.run("fixes", "--at", shas["again"], *args)
    assert ended.code == 0, ended.stderr
    verified = {each.sha: each.fixes_all for each in ended.document.fixes.verified}
    assert verified == {fixed: True, shas["b"]: False}
    assert ended.document.conclusion == f"fixed at {fixed[:9]}"


def test_green_commit_has_nothing_to_fix(project, shas):
    ended = project.run("fixes", "--at", shas["base"], "--verify", "HEAD", "--json", "--", "./check.sh")
    assert ended.code == 4
    conclusion = f"all cells pass at {shas['base'][:9]}: nothing to fix"
    assert ended.document.conclusion == conclusion
    assert "--runs" in ended.stderr


def test_default_candidate_is_the_culprit_of_a_bisection(project, shas):
    check = ("--json", "--", "./check.sh")
    command = ("fixes", "--at", shas["a"], *check)
    ended = project.run(*command)
    assert (ended.code, ended.stdout) == (2, "")
    assert "bisect first" in ended.stderr
    assert project.run("--good", shas["base"], "--bad", shas["a"], *check).code == 0
    ended = project.run(*command)
    assert ended.code == 0, ended.stderr
    assert ended.document.fixes.smallest == (f"revert {shas['a'][:9]} (#12)",)


def test_fixes_without_a_check_uses_that_of_the_newest_session(project, shas):
    """The folder is no engine: otherwise the scenario's repository would be read."""
    check = ("--json", "--", "./check.sh")
    assert project.run("--good", shas["base"], "--bad", shas["a"], *check).code == 0
    ended = project.run("fixes", "--at", shas["a"][:10], "--json")
    assert ended.code == 0, ended.stderr
    assert f"-- {project.path / 'check.sh'}\n" in ended.stderr.splitlines(keepends=True)[0]
    assert "github.com" not in ended.stderr
    assert ended.document.fixes.smallest[0].startswith(f"revert {shas['a'][:9]}")
    assert ended.document.rerun.endswith(f"-- {project.path / 'check.sh'}")
    again = project.run("fixes", "--at", shas["a"], "--repo", str(project.path), "--revert", "13")
    assert (again.code, "ends with (#13)" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--revert", "99"], "ends with (#99)"),
        (["--revert", "f" * 40], "there is no commit"),
        (["--revert", "later"], "not in the history"),
        (["--pick", "nowhere"], "there is no commit"),
        (["--verify", "nowhere"], "there is no commit"),
        (["--verify", "#99"], "no commit on the main branch of"),
        (["--apply", "gone.patch"], "cannot be read: No such file"),
        (["--apply", "."], "cannot be read: Is a directory"),
        (["--apply", "empty.patch"], "is empty"),
        (["--apply", "check.sh"], "does not apply at"),
        (["--apply", "stray.patch"], "does not apply at"),
        (["--revert", "12", "--runs", "0"], "--runs"),
    ],
)
def test_wrong_candidates_are_usage_errors(project, shas, fixes, args, message):
    project.git("checkout", "-q", "-b", "later")
    project.git("commit", "-q", "--allow-empty", "-m", "Later")
    (project.path / "empty.patch").write_text("\n")
    (project.path / "stray.patch").write_text("--- a/a\n+++ b/a\n@@ -1 +1 @@\n-never\n+there\n")
    ended = fixes(*args)
    assert (ended.code, ended.stdout) == (2, "")
    assert message in ended.stderr


def test_interrupted_session_is_resumed_without_repeated_trials(project, shas, log, gate, wait_for):
    reverts = [word for number in ("12", "14", "15") for word in ("--revert", number)]
    gate.touch()
    process = project.fork("fixes", "--at", shas["again"], *reverts, "--json", "--", "./check.sh")
    wait_for(log.exists)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, ""), stderr
    assert "resume" in stderr
    gate.unlink()
    project.run("report", "--json")
    ended = project.run("resume", "--json")
    assert ended.code == 0, ended.stderr
    assert len(ended.document.fixes.smallest) == 3
    assert_reported(project, shas, ended.document)
    # Deleted fix commits are made again, with the same SHAs.
    before = log.read_text()
    shutil.rmtree(project.home / "cache")
    again = project.run("resume", "--json")
    assert (again.code, log.read_text()) == (0, before), again.stderr
    assert again.document.fixes == ended.document.fixes


def assert_reported(project, shas, document):
    """Report, issue and list of sessions have the result and the rerun line."""
    report = project.run("report")
    assert report.code == 0
    for line in ("fixes nothing", "conflicts in b", "fixes all", "Failing cells: command", "Rerun"):
        assert line in report.stdout
    issue = project.run("report", "--markdown")
    assert issue.code == 0
    rerun = document.rerun.partition(" -- ")[0].replace(str(project.path), ".")
    for line in ("fixes nothing", "conflicts in `b`", "fixes all", "- `command`", rerun):
        assert line in issue.stdout
    assert "fixed by:" in project.run("status").stdout
    assert f"--revert {shas['b'][:12]}" in document.rerun
    assert document.rerun.startswith("bisect-run fixes --at")


def test_fix_of_a_flaky_cell_has_a_false_pass_probability(project, fixes, shas):
    """Only the second run of the check fails, at any commit."""
    count = project.home.parent / "count"
    project.write_check(f"#!/bin/sh\necho x >> {count}\n[ $(wc -l < {count}) -ne 2 ]\n")
    ended = fixes("--revert", shas["doc"])
    (flaky,) = ended.document.fixes.flaky_cells
    assert (flaky.runs, flaky.failed) == (2, 1)
    assert flaky.false_pass_probability > 0.5
