"""Every mistake on the command line has an exit code, an error and advice."""

from __future__ import annotations

import shlex

import pytest
from mistakes import MISUSES, NAMES, NO_COMMAND, REFERENCE, USAGE, WRONG

from bisect_tool.session.store import Store

SCENARIO = """
name = "own"
description = "A scenario of one's own"
suite = "suite.py"
repository = "https://example.org/engine"
[profiles.plain]
marker = "setup.py"
build.provider = "none"
launch.command = ["engine"]
launch.model = "tiny"
"""


@pytest.fixture
def filled(tmp_path, engine, project):
    """A function that fills in the names in a line: repositories, commits, a folder with wrong scenarios."""
    (tmp_path / "file").touch()
    scenarios = {
        "no_suite": (SCENARIO.replace("suite.py", "none.py"), ""),
        "odd_field": (f"colour = 'red'\n{SCENARIO}", ""),
        "short": (SCENARIO.replace("description", "# description"), ""),
        "empty_suite": (SCENARIO, "NOTHING = 1\n"),
        "broken_suite": (SCENARIO, "import nothing_of_this_name\n"),
    }
    for name, (text, suite) in scenarios.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "scenario.toml").write_text(text)
        (tmp_path / name / "suite.py").write_text(suite)
    known = {"tmp": tmp_path, "engine": engine, "project": project.path, **project.commits}
    return lambda line: line.format_map(known)


@pytest.mark.parametrize(
    ("arguments", "wrong", "advice"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_mistake(cli, filled, arguments, wrong, advice):
    ended = cli(*shlex.split(filled(arguments)))
    assert ended.err == f"error: {filled(wrong)}\n{filled(advice)}\n"
    assert (ended.code, ended.out) == (2, "")


def test_argument_that_is_not_utf_8(cli, filled):
    arguments = filled("--repo {engine} --good good --bad bad --")
    ended = cli(*shlex.split(arguments), "sh", "-c", "exit 1 # \udcff")
    assert ended.err.startswith("error: an argument is not UTF-8: ")
    assert ended.err.endswith("exit 1 # \ufffd\nUse only UTF-8.\n")
    assert (ended.code, ended.out) == (2, "")


def test_scenario_that_is_not_toml(cli, filled, tmp_path):
    (tmp_path / "short" / "scenario.toml").write_text("name = \n")
    ended = cli("scenarios", "check", tmp_path / "short")
    assert ended.err.startswith(f"error: {tmp_path}/short/scenario.toml: not TOML: ")
    assert ended.err.endswith(f"(at line 1, column 8)\n{REFERENCE}\n")
    assert (ended.code, ended.out) == (2, "")


@pytest.mark.parametrize(("arguments", "named"), MISUSES, ids=[row[0] for row in MISUSES])
def test_misuse(cli, arguments, named):
    ended = cli(*arguments.split())
    wrong, advice = ended.err.splitlines()
    assert wrong.startswith("error: ")
    assert named in wrong
    first = arguments.split()[0]
    command = "run " if first.startswith("-") else f"{first} " if first in ("plan", "report") else ""
    assert advice == USAGE.format(command)
    assert (ended.code, ended.out) == (2, "")


def test_ambiguous_session(cli, home):
    store = Store(home / "state" / "store.db")
    ids = [store.create("{}") for _ in range(2)]
    ended = cli("report", ids[0][:2])
    named = f"{ids[0][:2]} matches 2 sessions: {ids[1]}, {ids[0]}"
    assert ended.err == f"error: {named}\nUse a longer part of the id.\n"
    assert (ended.code, ended.out) == (2, "")


@pytest.mark.parametrize("ref", ["-dash", "größe", ":/Revert", "main~4", "main^{/Revert}"])
def test_odd_ref_is_taken_literally(cli, project, ref):
    ended = cli("plan", "--repo", project.path, "--good", ref, "--bad", "c8", "--", "./check.sh")
    assert (ended.code, ended.err) == (0, "")
    assert f"Good          {project.commits['c4']:.9}" in ended.out


def test_step_without_a_command_after_the_dashes_stops_git_bisect(cli, project):
    ended = cli("step", "--repo", project.path, "--rev", "c8", "--")
    assert ended.err == f"error: there is no command after --\n{NO_COMMAND}\n"
    assert (ended.code, ended.out) == (128, "")


def test_dashes_that_end_a_command_are_its_own(cli, project):
    ended = cli("plan", "--repo", project.path, "--good", "c1", "--bad", "c8", "--", "./check.sh", "--")
    assert (ended.code, ended.err) == (0, "")


def test_step_stops_git_bisect_on_a_mistake(cli, engine):
    ended = cli("step", "--repo", engine, "--rev", "nope", "--", "true")
    assert ended.err == f"error: there is no commit 'nope' in {engine}\n{NAMES}\n"
    assert (ended.code, ended.out) == (128, "")
