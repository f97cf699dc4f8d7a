"""-v before and after a command's name, BISECT_RUN_LOG_LEVEL, and the path of the log after an error."""

from __future__ import annotations

import pytest
import sample_documents as documents

from bisect_tool.diagnostics import LOG_FILE, open_log
from bisect_tool.errors import EnvironmentFailed

FIRST = "INFO bisect_run.cli [MainThread] bisect-run "


def stop(monkeypatch, folder, error):
    """Make `status` open a session's log and fail."""

    def home():
        open_log(folder)
        raise error

    monkeypatch.setattr("bisect_tool.paths.home", home)


@pytest.mark.parametrize(
    "arguments",
    [
        ("-v", "status"),
        ("--verbose", "status"),
        ("status", "-v"),
        ("status", "--verbose"),
        ("-v", "scenarios", "list"),
        ("scenarios", "-v", "list"),
        ("scenarios", "list", "-v"),
    ],
)
def test_verbose_shows_the_log_on_stderr_and_changes_nothing_else(cli, arguments):
    ended = cli(*arguments)
    assert ended.code == 0
    assert FIRST in ended.err
    plain = cli(*(argument for argument in arguments if not argument.startswith("-")))
    assert (ended.code, ended.out, "") == (plain.code, plain.out, plain.err)


def test_without_a_command_verbose_is_run(cli):
    ended = cli("-v", "--good", "x")
    assert FIRST in ended.err
    assert "Missing option '--bad'" in ended.err


@pytest.mark.parametrize("arguments", [("-v",), ("-v", "--help"), ("--help", "-v"), ("-v", "--version")])
def test_verbose_with_help_and_version(cli, arguments):
    ended = cli(*arguments)
    assert ended.code == 0
    assert "-v, --verbose" in ended.out or ended.out.startswith("bisect-run ")


@pytest.mark.parametrize("command", ["run", "explain", "scenarios", "step"])
def test_help_of_each_command_has_verbose(cli, command):
    assert "-v, --verbose" in cli(command, "--help").out


def test_verbose_after_the_check_belongs_to_the_check(cli):
    """Arguments after -- belong to the command, and the value of an option to the option."""
    for arguments in (("--", "./check.sh", "-v"), ("--pytest-args", "-v")):
        ended = cli("plan", "--good", "nowhere", "--bad", "nowhere", "--repo", "/nowhere", *arguments)
        assert FIRST not in ended.err
        assert ended.code == 2


def test_level_that_does_not_exist_is_a_usage_error(cli, monkeypatch):
    monkeypatch.setenv("BISECT_RUN_LOG_LEVEL", "loud")
    ended = cli("status")
    assert (ended.code, ended.out) == (2, "")
    wrong, advice = ended.err.splitlines()
    assert wrong == "error: invalid BISECT_RUN_LOG_LEVEL: 'loud'"
    assert advice == "Use one of debug, info, warning, error."


def test_level_applies_to_verbose(cli, monkeypatch):
    monkeypatch.setenv("BISECT_RUN_LOG_LEVEL", "warning")
    assert cli("-v", "status").err == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [(EnvironmentFailed("the machine failed", "Repair it."), 5), (RuntimeError("no idea"), 70)],
)
def test_failure_names_the_log_with_its_traceback(cli, monkeypatch, tmp_path, error, code):
    stop(monkeypatch, tmp_path, error)
    ended = cli("status")
    assert ended.code == code
    assert ended.err.splitlines()[-1] == f"Details: {tmp_path / LOG_FILE}"
    text = (tmp_path / LOG_FILE).read_text()
    assert f"{type(error).__name__}: {error}" in text
    assert text.splitlines()[-1].endswith(f"exit code {code}")


def test_failure_without_a_session_names_no_log(cli, monkeypatch):
    def home():
        raise EnvironmentFailed("the machine failed", "Repair it.")

    monkeypatch.setattr("bisect_tool.paths.home", home)
    ended = cli("-v", "status")
    assert ended.code == 5
    assert ended.err.count("the machine failed") == 1  # as a message, not as a log record as well
    assert "Details" not in ended.err


@pytest.mark.parametrize(("code", "named"), [(5, True), (130, False), (0, False)])
def test_report_of_a_session_that_the_environment_ended_names_its_log(cli, monkeypatch, home, code, named):
    document = documents.document(exit_code=code)
    monkeypatch.setattr("bisect_tool.json_document.stored_session.document_of", lambda *_: document)
    log = home / "state" / "sessions" / document.session / LOG_FILE
    assert cli("report").err == ""  # an older session has none
    log.parent.mkdir(parents=True)
    log.touch()
    assert cli("report").err == (f"Details: {log}\n" if named else "")
