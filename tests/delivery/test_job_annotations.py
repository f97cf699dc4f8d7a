"""Annotations of the CI job that runs bisect-run: Buildkite's agent, GitHub's summary and commands."""

from __future__ import annotations

import stat

import pytest
from sample_nights import cause, hostile, night

from bisect_tool.delivery import buildkite_annotation
from bisect_tool.render.workflow_commands import workflow_commands

TITLE = "test_external_lb_server_info[4] and 2 more cells failing since 27066d1b2 (PR 34730)"


@pytest.fixture
def agent(delivery, tmp_path):
    """Replace buildkite-agent by a program that writes its input to files beside it."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(end="exit 0"):
        program = folder / "buildkite-agent"
        program.write_text(
            f'#!/bin/sh\ncd {folder}\nprintf "%s\\n" "$@" > argv\nenv > env\ncat > stdin\n{end}\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        delivery.environment["PATH"] = f"{folder}:/usr/bin:/bin"
        return folder

    return put


def test_buildkite_gets_the_night_on_stdin(delivery, agent):
    folder = agent()
    delivery(night(cause()), annotate="buildkite")
    expected = ["annotate", "--context", "bisect-run main", "--style", "error"]
    assert (folder / "argv").read_text().splitlines() == expected
    assert (
        "### New: `test_external_lb_server_info[4]` and 2 more cells failing since `27066d1b2` (PR 34730)"
        in (folder / "stdin").read_text()
    )


def test_green_night_has_another_style(delivery, agent):
    folder = agent()
    delivery(night(cause("fixed")), annotate="buildkite")
    assert (folder / "argv").read_text().split()[-1] == "success"


def test_agent_gets_no_write_token(delivery, agent):
    folder = agent()
    delivery(night(), annotate="buildkite")
    environment = (folder / "env").read_text()
    assert "PATH=" in environment
    assert "BISECT_RUN_GITHUB_WRITE_TOKEN" not in environment
    assert "BISECT_RUN_SLACK_WEBHOOK" not in environment


def test_agent_that_fails_is_quoted(delivery, agent):
    agent("echo 'fatal: no access token' >&2; exit 3")
    (line,) = delivery.failing(night(), annotate="buildkite")
    assert line.endswith("buildkite-agent annotate failed (exit code 3): fatal: no access token.")


def test_no_agent_is_an_error(delivery, tmp_path):
    delivery.environment["PATH"] = str(tmp_path)
    (line,) = delivery.failing(night(), annotate="buildkite")
    assert "cannot run buildkite-agent: No such file or directory. Use it only in a Buildkite job." in line


def test_agent_that_hangs_is_ended(delivery, agent, monkeypatch):
    monkeypatch.setattr(buildkite_annotation, "_DEADLINE_S", 0.2)
    agent("exec sleep 60")
    (line,) = delivery.failing(night(), annotate="buildkite")
    assert "buildkite-agent did not finish within 0.2 s" in line


@pytest.fixture
def summary(delivery, tmp_path):
    path = tmp_path / "summary.md"
    delivery.environment["GITHUB_STEP_SUMMARY"] = str(path)
    return path


def test_summary_is_appended_to_once(delivery, summary, capsys):
    summary.write_text("Before.\n")
    for _ in range(2):
        delivery(night(cause()), annotate="github")
    text = summary.read_text()
    assert text.startswith("Before.\n\n## Nightly results of `origin/main` at `5afb387bd`\n")
    assert text.count("## Nightly results") == 1


def test_summary_is_truncated_to_githubs_limit(delivery, summary, monkeypatch, capsys):
    summary.write_text("x" * ((1 << 20) - 500) + "\n")
    delivery(night(cause()), annotate="github")
    text = summary.read_text()
    assert (1 << 20) - 400 < len(text.encode()) <= 1 << 20
    assert text.endswith("\n\n*The rest was omitted: it is too long for this page.*\n")


def test_full_summary_is_unchanged(delivery, summary, capsys):
    summary.write_text("x" * (1 << 20))
    delivery(night(cause()), annotate="github")
    assert summary.stat().st_size <= (1 << 20) + 1


def test_summary_that_is_no_file_is_an_error(delivery, summary, capsys):
    summary.mkdir()
    (line,) = delivery.failing(night(), annotate="github")
    assert "cannot write the summary of the job" in line


def test_annotations_go_to_stderr_as_commands(delivery, summary, capsys):
    delivery(night(cause()), annotate="github")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"::error title=New regression::{TITLE}%0A[Frontend][Core] Add shutdown timeout - "
        "allowing in-flight requests to finish (#34730)%0AException\n"
    )


def test_new_cause_is_an_error_and_an_open_one_a_warning():
    causes = (cause("open"), cause("fixed"), cause())
    levels = [each.split(" ")[0] for each in workflow_commands(night(*causes))]
    assert levels == ["::error", "::warning"]


def test_at_most_ten_annotations_with_new_causes_first():
    commands = workflow_commands(night(*[cause("open")] * 8, *[cause()] * 8))
    assert [each.split(" ")[0] for each in commands] == ["::error"] * 8 + ["::warning"] * 2


@pytest.mark.parametrize(
    ("exception", "data"),
    [("50%", "50%25"), ("a%0Ab", "a%250Ab"), ("a\r\n::error::b", "a ::error::b"), ("a\rb", "a b")],
)
def test_data_is_escaped(exception, data):
    (command,) = workflow_commands(night(cause(exception=exception)))
    assert command.endswith(f"%0A{data}")
    assert "\n" not in command


def test_hostile_text_is_one_command_a_line():
    commands = workflow_commands(hostile())
    assert len(commands) == 2
    for command in commands:
        assert command.startswith("::error title=New regression::")
        assert command.splitlines() == [command]
