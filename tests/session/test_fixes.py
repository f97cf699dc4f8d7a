"""`bisect-run fixes` on real repositories: what heals, what conflicts, what a person can get wrong."""

from __future__ import annotations

import shutil
import signal
from collections import Counter

import pytest
from projects import numbered as text

CHECK = """#!/bin/sh
# Red where a file says `bad`.
git rev-parse HEAD >> {log}
while [ -e {gate} ]; do sleep 0.05; done
! grep -q bad a b
"""


@pytest.fixture
def shas(project, log, gate):
    """Two commits break a file each, the second of which is touched again, and one is harmless."""
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
    """The command on the last commit; the checkout stays as it is.

    But for the time of an object that git would have written again: it makes that new, so that it is kept.
    """

    def contents():
        return {name: content for name, (_, content) in project.snapshot().items()}

    def run(*words):
        before = contents()
        ended = project.run("fixes", "--at", shas["again"], *words, "--json", "--", "./check.sh")
        assert contents() == before
        return ended

    return run


def told(ended):
    return {each.name.split()[1]: each for each in ended.document.fixes.candidates}


def test_a_patch_that_heals_beside_a_revert_that_does_not(project, shas, fixes, log):
    (project.path / "a").write_text(text())
    (project.path / "b").write_text(text())
    patch = project.path / "mend.patch"
    patch.write_text(project.git("diff") + "\n")
    project.git("checkout", "-q", ".")
    ended = fixes("--apply", "mend.patch", "--revert", "13")
    assert ended.code == 0, ended.stderr
    found = ended.document.fixes
    assert (found.smallest, found.red, found.runs) == (("apply mend.patch",), ("command",), 2)
    reverted = told(ended)[shas["doc"][:9]]
    assert (reverted.fixes_all, reverted.red) == (False, ("command",))
    runs = Counter(log.read_text().split())
    assert runs == {shas["again"]: 1, told(ended)["mend.patch"].sha: 2, reverted.sha: 1}
    assert ended.document.conclusion == "fixed by: apply mend.patch"


def test_what_it_tries_and_how_it_checks_come_from_one_session(project, shas, log):
    """A `repro` of something else, later at the same commit, named no culprit."""
    project.run("--good", shas["base"], "--bad", shas["b"], "--", "./check.sh")
    project.run("repro", shas["b"], "--runs", "1", "--", "true")
    at = ("fixes", "--at", shas["b"], "--json")
    assert ": -- true" in project.run(*at, "--revert", shas["doc"]).stderr
    ended = project.run(*at)
    assert "-- ./check.sh" in ended.stderr or f"-- {project.path / 'check.sh'}" in ended.stderr
    assert (ended.document.fixes.red, ended.code) == (("command",), 3)


def test_the_fewest_reverts_where_one_fits_only_after_another(shas, fixes, log):
    ended = fixes("--revert", "12", "--revert", "#13", "--revert", shas["b"][:10], "--revert", "15")
    assert ended.code == 0, ended.stderr
    needed = tuple(f"revert {shas[name][:9]} (#{pr})" for name, pr in {"again": 15, "b": 14, "a": 12}.items())
    assert ended.document.fixes.smallest == needed
    alone = told(ended)[shas["b"][:9]]
    assert (alone.sha, alone.conflicts, alone.reason) == ("", ("b",), "conflicts")
    runs = Counter(log.read_text().split())
    assert max(runs.values()) == 2, "a combination ran again"


def test_nothing_heals(fixes):
    ended = fixes("--revert", "12", "--revert", "13")
    assert ended.code == 3
    assert ended.document.fixes.smallest == ()
    assert ended.document.conclusion == "no tested combination fixes every failing cell"


def test_what_conflicts_is_not_run(fixes, log):
    ended = fixes("--revert", "14")
    assert ended.code == 3
    assert not log.exists()
    assert ended.document.conclusion == "no candidate applies to the failing commit, so nothing was run"


def test_a_fix_forward_is_verified(project, shas, log):
    (project.path / "a").write_text(text())
    (project.path / "b").write_text(text())
    project.git("commit", "-q", "-am", "Mend both (#77)")
    mended = project.head()
    words = ("--verify", "77", "--verify", shas["b"], "--json", "--", "./check.sh")
    ended = project.run("fixes", "--at", shas["again"], *words)
    assert ended.code == 0, ended.stderr
    verified = {each.sha: each.fixes_all for each in ended.document.fixes.verified}
    assert verified == {mended: True, shas["b"]: False}
    assert ended.document.conclusion == f"fixed at {mended[:9]}"


def test_a_green_commit(project, shas):
    ended = project.run("fixes", "--at", shas["base"], "--verify", "HEAD", "--json", "--", "./check.sh")
    assert ended.code == 4
    said = f"all cells pass at {shas['base'][:9]}: nothing to fix"
    assert ended.document.conclusion == said
    assert "--runs" in ended.stderr


def test_without_candidates_it_takes_the_culprit_and_what_came_after_it(project, shas):
    check = ("--json", "--", "./check.sh")
    asked = ("fixes", "--at", shas["a"], *check)
    ended = project.run(*asked)
    assert (ended.code, ended.stdout) == (2, "")
    assert "bisect first" in ended.stderr
    assert project.run("--good", shas["base"], "--bad", shas["a"], *check).code == 0
    ended = project.run(*asked)
    assert ended.code == 0, ended.stderr
    assert ended.document.fixes.smallest == (f"revert {shas['a'][:9]} (#12)",)


def test_fixes_without_a_check_uses_that_of_the_newest_session(project, shas):
    """This folder is no engine: without that, the scenario's repository would be read."""
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
    ("words", "said"),
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
def test_what_a_person_can_get_wrong(project, shas, fixes, words, said):
    project.git("checkout", "-q", "-b", "later")
    project.git("commit", "-q", "--allow-empty", "-m", "Later")
    (project.path / "empty.patch").write_text("\n")
    (project.path / "stray.patch").write_text("--- a/a\n+++ b/a\n@@ -1 +1 @@\n-never\n+there\n")
    ended = fixes(*words)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr


def test_an_interrupted_session_goes_on_and_runs_nothing_again(project, shas, log, gate, wait_for):
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
    is_told(project, shas, ended.document)
    # The commits of ours are made again, under the same names, where somebody deleted them.
    before = log.read_text()
    shutil.rmtree(project.home / "cache")
    again = project.run("resume", "--json")
    assert (again.code, log.read_text()) == (0, before), again.stderr
    assert again.document.fixes == ended.document.fixes


def is_told(project, shas, document):
    """The report, the issue and the list of sessions say what was found, and how to run it again."""
    report = project.run("report")
    assert report.code == 0
    for words in ("fixes nothing", "conflicts in b", "fixes all", "Failing cells: command", "Rerun"):
        assert words in report.stdout
    issue = project.run("report", "--markdown")
    assert issue.code == 0
    rerun = document.rerun.partition(" -- ")[0].replace(str(project.path), ".")
    for words in ("fixes nothing", "conflicts in `b`", "fixes all", "- `command`", rerun):
        assert words in issue.stdout
    assert "fixed by:" in project.run("status").stdout
    assert f"--revert {shas['b'][:12]}" in document.rerun
    assert document.rerun.startswith("bisect-run fixes --at")


def test_a_cure_of_what_fails_now_and_then_may_be_luck(project, fixes, shas):
    """The check fails at its second run alone, whatever it is run on."""
    count = project.home.parent / "count"
    project.write_check(f"#!/bin/sh\necho x >> {count}\n[ $(wc -l < {count}) -ne 2 ]\n")
    ended = fixes("--revert", shas["doc"])
    (unsteady,) = ended.document.fixes.flaky_cells
    assert (unsteady.runs, unsteady.failed) == (2, 1)
    assert unsteady.false_pass_probability > 0.5
