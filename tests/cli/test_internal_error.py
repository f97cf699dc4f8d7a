"""An internal error is recorded in its session, so that it can be found after the terminal was closed."""

import errno

import pytest

from bisect_tool.cli import run_session


@pytest.fixture
def fails(monkeypatch):
    """Make the session loop raise an error."""

    def with_error(error):
        def run(*_):
            raise error

        monkeypatch.setattr(run_session.runner, "run", run)

    return with_error


@pytest.fixture
def run(cli, project):
    """Run a bisection of the project, in this process."""
    arguments = ("run", "--repo", project.path, "--good", "c1", "--bad", "c8", "--", "./check.sh")
    return lambda: cli(*arguments)


def test_internal_error_is_kept_in_the_state_and_the_log(cli, fails, run, home):
    fails(RuntimeError("a bug of ours"))
    ended = run()
    assert ended.code == 70
    assert "the session can be resumed: bisect-run resume" in ended.err
    (log,) = home.glob("state/sessions/*/bisect-run.log")
    text = log.read_text(encoding="utf-8")
    assert "ERROR bisect_run.errors" in text
    assert "RuntimeError: a bug of ours" in text
    assert text.splitlines()[-1].endswith("exit code 70")
    status = cli("status", "last")
    assert "the last run ended with an internal error" in " ".join(status.out.split())
    report = cli("report")
    assert "So far" in report.out
    assert f"Details: {log}" in report.err
    document = cli("report", "--json").out
    assert '"exit_code": 70' in document
    assert '"resumable": true' in document


def test_full_disk_is_no_internal_error(cli, fails, run):
    fails(OSError(errno.ENOSPC, "No space left on device"))
    assert run().code == 5
    assert '"exit_code": 5' in cli("report", "--json").out


@pytest.mark.parametrize(
    ("error", "words"),
    [(MemoryError(), "used up: MemoryError"), (OSError(errno.EMFILE, "Too many open files"), "open files")],
)
def test_machine_without_memory_or_files_is_no_internal_error(fails, run, error, words):
    fails(error)
    ended = run()
    assert ended.code == 5
    assert words in ended.err
    assert "internal error" not in ended.err


def test_rerun_session_clears_the_internal_error(cli, fails, run):
    fails(RuntimeError("a bug of ours"))
    assert run().code == 70
    fails(run_session.TrialAborted("by SIGTERM"))
    assert cli("resume").code == 143
    assert "internal error" not in cli("status", "last").out
