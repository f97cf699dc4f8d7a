"""Which arguments of a plain command are files of the commit, and which are files of the user."""

from __future__ import annotations

import os

import pytest

from bisect_tool.errors import UsageError
from bisect_tool.git import Repository
from bisect_tool.options.plain_command import command_line


@pytest.fixture
def checkout(project, monkeypatch):
    """Tracked scripts at the top and in `pkg/deep`; the same untracked ones beside them."""
    for folder in ("pkg/deep/tests", "scratch"):
        (project.path / folder).mkdir(parents=True)
    script = "#!/bin/sh\n"
    tracked = ("top.sh", "both.sh", "pkg/deep/own.sh", "pkg/deep/both.sh", "pkg/deep/tests/test_x.py")
    project.commit(0, files=dict.fromkeys(tracked, script))
    for name in (*tracked, "mine.sh", "pkg/deep/mine.sh"):
        project.write_check(script, name)
    return project


@pytest.fixture
def placed(checkout, monkeypatch, tmp_path):
    def place(folder, *args):
        monkeypatch.chdir(checkout.path / folder)
        repository = Repository.open(str(checkout.path), tmp_path / "cache")
        return command_line(args, repository, checkout.head())

    return place


@pytest.mark.parametrize(
    ("folder", "word", "expected"),
    [
        (".", "./top.sh", "./top.sh"),
        (".", "./mine.sh", "{top}/mine.sh"),
        (".", "pkg/deep/mine.sh", "{top}/pkg/deep/mine.sh"),
        ("pkg/deep", "./own.sh", "pkg/deep/own.sh"),
        ("pkg/deep", "./both.sh", "pkg/deep/both.sh"),
        ("pkg/deep", "./mine.sh", "{top}/pkg/deep/mine.sh"),
        ("pkg/deep", "../../top.sh", "./top.sh"),
        ("pkg/deep", "./top.sh", "./top.sh"),
        ("pkg/deep", "pkg/deep/own.sh", "pkg/deep/own.sh"),
        ("scratch", "../pkg/deep/own.sh", "pkg/deep/own.sh"),
    ],
)
def test_path_of_the_program(placed, checkout, folder, word, expected):
    assert placed(folder, word) == (expected.format(top=checkout.path),)


@pytest.mark.parametrize(
    ("folder", "word", "expected"),
    [
        ("pkg/deep", "own.sh", "pkg/deep/own.sh"),
        ("pkg/deep", "--script=own.sh", "--script=pkg/deep/own.sh"),
        (".", "--script=mine.sh", "--script={top}/mine.sh"),
        (".", "--script=none.sh", "--script=none.sh"),
        (".", "VARIABLE=mine.sh", "VARIABLE=mine.sh"),
        ("pkg/deep", "tests/test_x.py::test_a[1]", "pkg/deep/tests/test_x.py::test_a[1]"),
        ("pkg/deep", "./tests", "pkg/deep/tests"),
        ("pkg/deep", "tests", "tests"),
        ("pkg/deep", "mine.sh::test_a", "{top}/pkg/deep/mine.sh::test_a"),
        ("pkg/deep", "top.sh", "top.sh"),
        ("pkg", "deep", "deep"),
        (".", "scratch", "scratch"),
        (".", "code", "code"),
        (".", "", ""),
    ],
)
def test_paths_in_arguments(placed, checkout, folder, word, expected):
    assert placed(folder, "sh", word) == ("sh", expected.format(top=checkout.path))


def test_links_are_not_followed(placed, checkout, tmp_path):
    """The Python of a virtual environment is a link to that of another environment."""
    python = checkout.path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/sh")
    assert placed(".", ".venv/bin/python", "-m", "pytest") == (str(python), "-m", "pytest")
    (checkout.path / "linked").symlink_to(checkout.path / "scratch")
    checkout.write_check(name="scratch/mine.sh")
    assert placed(".", "linked/mine.sh") == (str(checkout.path / "linked/mine.sh"),)


def test_relative_entry_of_path_is_relative_to_the_current_folder(placed, checkout, monkeypatch):
    monkeypatch.setenv("PATH", os.pathsep.join((".", os.environ["PATH"])))
    assert placed(".", "top.sh") == ("./top.sh",)
    assert placed("pkg/deep", "own.sh") == ("pkg/deep/own.sh",)
    assert placed(".", "mine.sh") == (str(checkout.path / "mine.sh"),)


def test_folder_outside_the_checkout_is_no_part_of_the_tree(checkout, monkeypatch, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    repository = Repository.open(str(checkout.path), tmp_path / "cache")
    for name in ("top.sh", "own.sh"):
        (elsewhere / name).write_text("")
    args = command_line(("sh", "top.sh", "own.sh"), repository, checkout.head())
    assert args == ("sh", "top.sh", str(elsewhere / "own.sh"))


def test_a_linked_worktree_is_a_checkout_too(checkout, monkeypatch, tmp_path):
    checkout.git("worktree", "add", "-q", str(checkout.path / "linked"))
    monkeypatch.chdir(checkout.path / "linked" / "pkg" / "deep")
    repository = Repository.open(str(checkout.path), tmp_path / "cache")
    assert command_line(("./own.sh",), repository, checkout.head()) == ("pkg/deep/own.sh",)


@pytest.mark.parametrize("word", ["./none.sh", "none-of-this-name", "scratch"])
def test_missing_program_is_a_usage_error(placed, word):
    with pytest.raises(UsageError, match="not found, on this machine or in the history"):
        placed(".", word)


def test_empty_program_is_a_usage_error(placed):
    with pytest.raises(UsageError, match="the command after -- is empty"):
        placed(".", "")


def test_program_that_is_not_executable_is_a_usage_error(placed, checkout):
    (checkout.path / "mine.sh").chmod(0o644)
    with pytest.raises(UsageError, match="is not executable"):
        placed(".", "./mine.sh")
