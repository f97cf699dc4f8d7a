"""Which files of a command are stored with their hash, and how an edited file affects a session."""

from __future__ import annotations

import pytest
from projects import CHECK

from bisect_tool.checks import CommandCheck
from bisect_tool.options.check_files import as_edited, check_files
from bisect_tool.request import Request

SECRET = {"LICENSE_KEY": "abcdef123"}


@pytest.fixture
def script(tmp_path):
    """Writes a file of the user, executable by default."""

    def write(name, content="exit 0\n", mode=0o755):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return str(path)

    return write


def found(*argv):
    return {file.path: file.text for file in check_files(argv, SECRET)}


def test_script_is_found_as_program_and_after_launchers(script):
    check = script("check.sh")
    assert found(check) == {check: "exit 0\n"}
    assert found("sh", check, "-v") == {check: "exit 0\n"}
    assert found("timeout", "60", "env", "A=b", check) == {check: "exit 0\n"}


@pytest.mark.parametrize(
    "program", ["{0} || exit 1", "cd x && {0}; true", "'{0}' >log 2>&1", "if {0}; then exit 0; fi # {0}"]
)
def test_script_is_found_in_a_shell_program(script, program):
    check = script("my check.sh" if "'" in program else "check.sh")
    assert list(found("sh", "-c", program.format(check))) == [check]


def test_script_is_found_by_launcher_suffix_or_shebang(script):
    plain = script("check", mode=0o644)
    assert list(found("sh", plain)) == [plain]
    with_suffix = script("check.py", mode=0o644)
    assert list(found("env", "A=b", "python3", with_suffix)) == [with_suffix]
    with_shebang = script("check", "#!/bin/sh\n", mode=0o644)
    assert list(found("env", "A=b", "sh", with_shebang)) == [with_shebang]


def test_outputs_of_a_check_are_not_its_files(script):
    log, built = script("log", mode=0o644), script("built", b"\x7fELF\0")
    assert found("pytest", "-q", "--log-file", log) == {}
    assert found("sh", "-c", f"cc -o {built} x.c && {built} > {log}") == {}
    check = script("check.sh")
    assert list(found("sh", "-c", f"{check} > {script('out.sh')}")) == [check]


def test_user_programs_are_listed_and_system_programs_are_not(script):
    built = script("built", b"\x7fELF\0")
    assert found(built) == {built: ""}
    assert found("/bin/sh", "-c", "exit 1") == {}
    assert found("sh", "-c", "/bin/true") == {}


def test_short_text_is_stored_with_masked_secrets(script):
    assert list(found(script("long.sh", "x" * 5000)).values()) == [""]
    assert list(found(script("latin.sh", b"# gr\xf6\xdfer\n")).values()) == [""]
    masked = found(script("secret.sh", "echo abcdef123\x1b[31m\n"))
    assert list(masked.values()) == ["echo ***\n"]


@pytest.mark.parametrize("argv", [("sh", "-c", "exit '1"), ("x" * 5000,), ("",), ("sh", "/none.sh")])
def test_commands_without_files(argv):
    assert found(*argv) == {}


def test_as_edited_reads_the_files_again_and_keeps_the_required_scripts(script):
    check = script("check.sh")
    before = CommandCheck(argv=(check, "a"), files=check_files((check, "a"), {}), scripts=("tools/run.sh",))
    script("check.sh", "exit 1\n")
    request = as_edited(Request(repo="/x", goods=("a" * 40,), bad="b" * 40, check=before))
    assert [file.text for file in request.check.command_files] == ["exit 1\n"]
    assert (request.check.command, request.check.scripts) == (before.argv, before.scripts)


def test_resume_rejects_an_edited_check(project):
    """Its trials are not mixed with those of the original check, unless the user allows it."""
    shas = project.commits(0, 0, 0, 1, 1, 1)
    check = project.write_check()
    args = ("--good", shas[0], "--bad", shas[-1], "--budget-trials", "2", "--json", "--", "./check.sh")
    assert project.run(*args).code == 3
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


def test_check_edited_after_the_end_is_ignored(project):
    """No trial runs: the stored result is reported."""
    shas = project.commits(0, 1)
    project.write_check()
    args = ("--good", shas[0], "--bad", shas[1], "--json", "--", "./check.sh")
    ended = project.run(*args)
    project.write_check("#!/bin/sh\nexit 0\n")
    resumed = project.run("resume", "--json")
    assert (ended.code, resumed.code) == (0, 0)
    assert f"{ended.document.session} has already ended: reporting it again" in resumed.stderr
    assert "has already ended" not in ended.stderr
