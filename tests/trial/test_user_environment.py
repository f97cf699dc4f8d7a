"""Which variables of the user reach a trial, and how their paths change."""

from __future__ import annotations

from pathlib import Path

import pytest

from bisect_tool.trial.user_environment import command_environment, own_paths, paths_inside, withheld

TREE = Path("/worktree")


@pytest.mark.parametrize(
    "name",
    [
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "PYTEST_ADDOPTS",
        "GIT_SSH_COMMAND",
        "GIT_AUTHOR_NAME",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_KEY_0",
        "GIT_TRACE",
    ],
)
def test_variables_of_the_user_reach_a_command(name):
    assert command_environment({name: "a longer value"}, TREE, {})[name] == "a longer value"


@pytest.mark.parametrize(
    "name",
    ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX", "LICENSE_KEY", "PYTHONPYCACHEPREFIX"],
)
def test_hook_secret_and_bytecode_variables_are_removed(name):
    assert command_environment({name: "abcdef123"}, TREE, {}) == {"PWD": "/worktree"}


def test_secret_passed_by_name_reaches_a_command():
    environ = {"LICENSE_KEY": "abcdef123", "API_TOKEN": "0123456789"}
    assert withheld(environ) == ("API_TOKEN", "LICENSE_KEY")
    assert withheld(environ, ["LICENSE_KEY"]) == ("API_TOKEN",)
    passed = command_environment(environ, TREE, {}, ["LICENSE_KEY"])
    assert passed == {"PWD": "/worktree", "LICENSE_KEY": "abcdef123"}


@pytest.fixture
def checkout(tmp_path):
    """A checkout and a link to it; in it a tracked folder, a virtual environment, and a link out of it."""
    for folder in ("project/src/pkg", "project/.venv/bin", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "project")
    (tmp_path / "project" / "data").symlink_to(tmp_path / "elsewhere")
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{checkout}/src", "/worktree/src"),
        ("{checkout}/./src/", "/worktree/src"),
        ("{checkout}", "/worktree"),
        ("{link}/src", "/worktree/src"),
        ("{link}", "/worktree"),
        ("{checkout}/data", "/worktree/data"),
        ("/usr/lib:{checkout}/src:{checkout}/.venv/bin", "/usr/lib:/worktree/src:{checkout}/.venv/bin"),
        ("src", "src"),
        ("", ""),
        ("{checkout}/.venv", "{checkout}/.venv"),
        ("{checkout}-other/src", "{checkout}-other/src"),
        ("see {checkout}/src", "see {checkout}/src"),
        ("file://{checkout}/src", "file://{checkout}/src"),
    ],
)
def test_tracked_paths_of_the_checkout_become_paths_of_the_tree(checkout, value, expected):
    names = {"checkout": checkout, "link": checkout.with_name("link")}
    environ = {"PYTHONPATH": value.format_map(names)}
    own = own_paths(paths_inside(environ, checkout), ["src", "data"])
    moved = command_environment(environ, TREE, own)
    assert moved["PYTHONPATH"] == expected.format_map(names)


def test_home_that_is_a_checkout_is_unchanged(checkout):
    environ = {"HOME": str(checkout), "PROJECT_ROOT": str(checkout)}
    moved = command_environment(environ, TREE, own_paths(paths_inside(environ, checkout), []))
    assert (moved["HOME"], moved["PROJECT_ROOT"]) == (str(checkout), "/worktree")
