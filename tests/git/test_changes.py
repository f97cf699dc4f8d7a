"""What a commit changes, as far as its objects exist."""

from __future__ import annotations

import pytest

from bisect_tool.git.changes import FileChange, changes
from bisect_tool.git.requirement_pins import Pin


@pytest.fixture
def read(opened):
    def read(sha, **more):
        repository = opened()
        return changes(repository.git, sha, repository.commit(sha).parents, **more)

    return read


@pytest.fixture
def lose(project):
    """Removes the loose object that a name stands for."""

    def lose(name):
        sha = project.git("rev-parse", name).strip()
        (project.path / ".git" / "objects" / sha[:2] / sha[2:]).unlink()

    return lose


def test_changed_files_have_their_changed_lines(project, read):
    project.commit("first", {"a.txt": "one\ntwo\n", "sub/b.txt": "x\n", "gone": "1\n2\n"})
    project.git("rm", "-q", "gone")
    sha = project.commit("second", {"a.txt": "one\nthree\nfour\n", "new.bin": "\0"})
    found = read(sha)
    assert found.note == ""
    assert found.files == (
        FileChange("a.txt", 2, 1),
        FileChange("gone", 0, 2),
        FileChange("new.bin", None, None),
    )


def test_root_commit_adds_all_its_files(project, read):
    sha = project.commit("first", {"a.txt": "one\ntwo\n"})
    assert FileChange("a.txt", 2, 0) in read(sha).files


def test_mode_change_is_reported(project, read):
    project.commit("first", {"run": "#!/bin/sh\n", "b": "x\n", "link": "run"})
    (project.path / "run").chmod(0o755)
    (project.path / "link").unlink()
    (project.path / "link").symlink_to("run")
    sha = project.commit("second", {"new": ""})
    assert [(each.path, each.mode) for each in read(sha).files] == [
        ("link", "100644 -> 120000"),
        ("new", ""),
        ("run", "100644 -> 100755"),
    ]


def test_moved_file_has_both_paths(project, read):
    text = "".join(f"line {number}\n" for number in range(30))
    project.commit("first", {"old name.txt": text})
    project.git("rm", "-q", "old name.txt")
    sha = project.commit("second", {"new\tname.txt": f"{text}more\n"})
    assert read(sha).files == (FileChange("new\tname.txt", 1, 0, was="old name.txt"),)


def test_pins_of_requirements(project, read):
    project.commit("first", {"requirements.txt": "torch==2.9.0\nsix==1\n"})
    sha = project.commit("second", {"requirements.txt": "torch==2.10.0\nsix==1\n"})
    (pin,) = read(sha).pins
    assert (pin.file, pin.pin) == ("requirements.txt", Pin("torch", "torch==2.9.0", "torch==2.10.0"))


def test_submodule_is_a_pin(project, read):
    project.commit("first", {"a": "1"})
    old, new = "1" * 40, "2" * 40
    project.git("update-index", "--add", "--cacheinfo", f"160000,{old},vendor/lib")
    project.git("commit", "-q", "-m", "submodule")
    project.git("update-index", "--cacheinfo", f"160000,{new},vendor/lib")
    project.git("commit", "-q", "-m", "bump")
    (pin,) = read(project.head()).pins
    assert pin.pin == Pin("vendor/lib", "submodule 111111111", "submodule 222222222")


def test_merge_has_only_changes_that_no_parent_has(project, read):
    project.commit("base", {"a": "1\n", "b": "1\n", "c": "1\n"})
    project.git("checkout", "-q", "-b", "side")
    side = project.commit("side", {"b": "side\n"})
    project.git("checkout", "-q", "-")
    project.commit("main", {"a": "main\n"})
    project.git("merge", "-q", "--no-ff", "--no-commit", side)
    sha = project.commit("merge", {"c": "evil\n"})
    assert read(sha, of_merge=True).files == (FileChange("c", 1, 1),)
    assert [each.path for each in read(sha).files] == ["b", "c"]


def test_missing_blobs_leave_the_names(project, read, lose):
    project.commit("first", {"a": "1\n"})
    sha = project.commit("second", {"a": "2\n", "requirements.txt": "six==2\n"})
    lose(f"{sha}:a")
    found = read(sha)
    assert found.files == (FileChange("a"), FileChange("requirements.txt"))
    assert found.note.startswith("the changed lines cannot be read: ")
    assert [each.pin for each in found.pins] == [Pin("six", "", "six==2")]


def test_missing_tree_leaves_a_message(project, read, lose):
    project.commit("first", {"a": "1\n"})
    sha = project.commit("second", {"a": "2\n"})
    lose(f"{sha}^{{tree}}")
    found = read(sha)
    assert (found.files, found.pins) == ((), ())
    assert found.note.startswith("the changed files cannot be read: ")
