"""A check that cannot be started gives no result for a commit; at the bad end it is a usage error."""

from __future__ import annotations

import pytest

SCRIPT = "#!/bin/sh\nread -r code < code\nexit $code\n"


def commit(project, code, script=None, mode=0o755):
    """A commit with this script in `t.sh`, or with the previous one."""
    if script is not None:
        (project.path / "t.sh").write_text(script)
        (project.path / "t.sh").chmod(mode)
        project.git("add", "t.sh")
    return project.commit(code)


def test_commits_older_than_the_check_are_skipped(project):
    """Also if a launcher precedes the script."""
    shas = [commit(project, 0), commit(project, 0), commit(project, 0, SCRIPT)]
    shas += [commit(project, code) for code in (0, 1, 1)]
    ended = project.run("--good", shas[0], "--bad", shas[-1], "--json", "--", "env", "A=1", "sh", "t.sh")
    cell = ended.document.cells["command"]
    assert (ended.code, cell.finding) == (0, "culprit"), ended.stderr
    assert cell.culprit is not None
    assert cell.culprit.sha == shas[4]


def test_culprit_older_than_the_check_is_not_reported(project):
    shas = [commit(project, 0), commit(project, 0), commit(project, 1), commit(project, 1, SCRIPT)]
    shas += [commit(project, 1), commit(project, 1)]
    ended = project.run("--good", shas[0], "--bad", shas[-1], "--json", "--", "./t.sh")
    cell = ended.document.cells["command"]
    assert ended.code in (3, 4)
    assert cell.culprit is None
    assert any(
        "cannot run ./t.sh: it does not exist" in text for text in (cell.note, *map(str, cell.skipped))
    )


def test_a_commit_whose_check_does_not_start_is_skipped(project):
    """For any of the reasons in tests/supervise/test_program.py."""
    shas = [commit(project, 0, SCRIPT), commit(project, 0, SCRIPT.replace("sh\n", "sh\r\n", 1))]
    shas += [commit(project, 1, SCRIPT), commit(project, 1)]
    ended = project.run("--good", shas[0], "--bad", shas[-1], "--json", "--", "./t.sh")
    cell = ended.document.cells["command"]
    assert (ended.code, cell.culprit) == (3, None)
    assert {skip.sha for skip in cell.skipped} == {shas[1]}
    assert "Windows line ends" in cell.skipped[0].reason
    assert "./t.sh" in cell.skipped[0].reason


def test_unusable_check_at_the_bad_end_is_a_usage_error(project):
    shas = [commit(project, 0, SCRIPT), commit(project, 1, SCRIPT, 0o644)]
    ended = project.run("--good", shas[0], "--bad", shas[-1], "--json", "--", "./t.sh")
    assert (ended.code, ended.stdout) == (2, "")
    assert "cannot run ./t.sh: it is not executable" in ended.stderr
    assert "keep it outside the repository" in ended.stderr


def test_misspelt_script_is_a_usage_error(project):
    shas = project.commits(0, 1)
    ended = project.run("--good", shas[0], "--bad", shas[-1], "--", "sh", "chekc.sh")
    assert ended.code == 2
    assert "cannot run chekc.sh: it does not exist" in ended.stderr


def test_exit_code_127_of_a_shell_is_bad(project):
    """As for git. If every commit ends so, the report has the exit code."""
    shas = project.commits(0, 1)
    project.write_check("#!/bin/sh\nno-such-tool\n")
    ended = project.run("--good", shas[0], "--bad", shas[-1], "--", "./check.sh")
    assert ended.code == 4
    assert "exit code 127 (command not found)" in ended.stdout


def test_a_script_without_a_first_line_is_run_by_the_shell(project):
    shas = project.commits(0, 0, 1, 1)
    project.write_check(SCRIPT.partition("\n")[2])
    ended = project.run("--good", shas[0], "--bad", shas[-1], "--json", "--", "./check.sh")
    culprit = ended.document.cells["command"].culprit
    assert culprit is not None
    assert culprit.sha == shas[2]


def test_step_skips_a_commit_from_before_the_check(project):
    """`git bisect run` continues then; a name that no commit ever had is a usage error and stops it."""
    old = commit(project, 0)
    commit(project, 0, SCRIPT)
    project.git("checkout", "-q", old)
    assert project.run("step", "--", "./t.sh").code == 125
    assert project.run("step", "--", "sh", "t.sh").code == 125
    assert project.run("step", "--", "./no-such-check.sh").code == 128


@pytest.mark.parametrize(
    ("script", "message"),
    [("kill -SEGV $$", "was killed by SIGSEGV,"), ("exit 134", "ended with exit code 134 (SIGABRT),")],
)
def test_crash_stops_the_run_with_its_name_and_a_workaround(project, script, message):
    shas = project.commits(0, 1)
    project.write_check(f"#!/bin/sh\n{script}\n", "my check.sh")
    ended = project.run("--good", shas[0], "--bad", shas[-1], "--", "./my check.sh", "a b")
    assert ended.code == 5
    assert message in ended.stderr
    quoted = f"""-- sh -c ''"'"'{project.path}/my check.sh'"'"' '"'"'a b'"'"' || exit 1'"""
    assert quoted in ended.stderr
