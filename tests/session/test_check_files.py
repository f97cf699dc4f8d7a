"""Which files of a command are kept by their hash, and what becomes of a session when one is edited."""

from __future__ import annotations

import pytest
from projects import CHECK

from bisect_tool.checks import CommandCheck
from bisect_tool.options.check_files import as_edited, check_files
from bisect_tool.request import Request

SECRET = {"LICENSE_KEY": "abcdef123"}


@pytest.fixture
def script(tmp_path):
    """Write a file of the user's; executable unless it is said otherwise."""

    def write(name, content="exit 0\n", mode=0o755):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return str(path)

    return write


def found(*argv):
    return {file.path: file.text for file in check_files(argv, SECRET)}


def test_the_program_and_what_runs_it(script):
    check = script("check.sh")
    assert found(check) == {check: "exit 0\n"}
    assert found("sh", check, "-v") == {check: "exit 0\n"}
    assert found("timeout", "60", "env", "A=b", check) == {check: "exit 0\n"}


@pytest.mark.parametrize(
    "program", ["{0} || exit 1", "cd x && {0}; true", "'{0}' >log 2>&1", "if {0}; then exit 0; fi # {0}"]
)
def test_inside_a_shell_program(script, program):
    check = script("my check.sh" if "'" in program else "check.sh")
    assert list(found("sh", "-c", program.format(check))) == [check]


def test_a_script_by_its_name_or_its_first_line_or_as_what_a_program_runs(script):
    plain = script("check", mode=0o644)
    assert list(found("sh", plain)) == [plain]
    named = script("check.py", mode=0o644)
    assert list(found("env", "A=b", "python3", named)) == [named]
    marked = script("check", "#!/bin/sh\n", mode=0o644)
    assert list(found("env", "A=b", "sh", marked)) == [marked]


def test_what_a_check_writes_or_builds_is_no_part_of_it(script):
    log, built = script("log", mode=0o644), script("built", b"\x7fELF\0")
    assert found("pytest", "-q", "--log-file", log) == {}
    assert found("sh", "-c", f"cc -o {built} x.c && {built} > {log}") == {}
    check = script("check.sh")
    assert list(found("sh", "-c", f"{check} > {script('out.sh')}")) == [check]


def test_a_program_of_the_user_s_own_is_kept_and_one_of_the_system_is_not(script):
    built = script("built", b"\x7fELF\0")
    assert found(built) == {built: ""}
    assert found("/bin/sh", "-c", "exit 1") == {}
    assert found("sh", "-c", "/bin/true") == {}


def test_a_text_is_kept_where_it_is_short_and_without_secrets(script):
    assert list(found(script("long.sh", "x" * 5000)).values()) == [""]
    assert list(found(script("latin.sh", b"# gr\xf6\xdfer\n")).values()) == [""]
    said = found(script("secret.sh", "echo abcdef123\x1b[31m\n"))
    assert list(said.values()) == ["echo ***\n"]


@pytest.mark.parametrize("argv", [("sh", "-c", "exit '1"), ("x" * 5000,), ("",), ("sh", "/none.sh")])
def test_words_that_name_no_file(argv):
    assert found(*argv) == {}


def test_as_edited_reads_the_files_again_and_keeps_the_required_scripts(script):
    check = script("check.sh")
    before = CommandCheck(argv=(check, "a"), files=check_files((check, "a"), {}), scripts=("tools/run.sh",))
    script("check.sh", "exit 1\n")
    request = as_edited(Request(repo="/x", goods=("a" * 40,), bad="b" * 40, check=before))
    assert [file.text for file in request.check.command_files] == ["exit 1\n"]
    assert (request.check.command, request.check.scripts) == (before.argv, before.scripts)


def test_a_check_that_is_edited_before_resume(project):
    """Its trials are not counted with those of the check as it was, unless that is asked for."""
    shas = project.commits(0, 0, 0, 1, 1, 1)
    check = project.write_check()
    words = ("--good", shas[0], "--bad", shas[-1], "--budget-trials", "2", "--json", "--", "./check.sh")
    assert project.run(*words).code == 3
    project.write_check(CHECK.replace("exit", "echo edited; exit"))
    refused = project.run("resume")
    assert (refused.code, refused.stdout) == (2, "")
    assert f"{check} was edited since session" in refused.stderr
    assert "--edited-check" in refused.stderr
    assert project.run("resume", "--edited-check", "--json").code == 3
    check.unlink()
    assert "is gone" in project.run("resume").stderr
    project.write_check()
    resumed = project.run("resume", "--json")
    while resumed.code == 3:
        resumed = project.run("resume", "--json")
    assert (resumed.code, resumed.document.cells["command"].culprit.sha) == (0, shas[3])


def test_a_check_that_is_edited_after_the_end(project):
    """Nothing is run any more: the session is reported as it ended."""
    shas = project.commits(0, 1)
    project.write_check()
    words = ("--good", shas[0], "--bad", shas[1], "--json", "--", "./check.sh")
    ended = project.run(*words)
    project.write_check("#!/bin/sh\nexit 0\n")
    resumed = project.run("resume", "--json")
    assert (ended.code, resumed.code) == (0, 0)
    assert f"{ended.document.session} has already ended: reporting it again" in resumed.stderr
    assert "has already ended" not in ended.stderr
