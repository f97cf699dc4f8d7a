"""Missing contents of a commit's files (submodules, LFS, shallow clones), and the command that gets them."""

from __future__ import annotations

import pytest

from bisect_tool.errors import UsageError
from bisect_tool.git import Repository
from bisect_tool.git.missing_contents import cut_off, find_missing_contents

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def sentences(opened, sha):
    return [lack.sentence for lack in find_missing_contents(opened(), sha)]


def test_plain_tree_lacks_nothing(project, opened):
    sha = project.commit("first", {"a": "1", ".gitattributes": "*.py diff=python\n# *.a filter=lfs\n"})
    assert find_missing_contents(opened(), sha) == ()


def test_submodules_are_empty(project, opened):
    project.commit("first")
    for number in range(5):
        project.git("update-index", "--add", "--cacheinfo", f"160000,{number + 1:040x},lib/m{number}")
    project.git("commit", "-q", "-m", "submodules")
    (lack,) = find_missing_contents(opened(), project.head())
    assert "empty in a trial: lib/m0, lib/m1, lib/m2 and 2 more" in lack.sentence
    assert lack.command == "git submodule update --init --recursive"
    assert lack.handled.search("git submodule -q update --init || exit 125")
    assert not lack.handled.search("./check-submodule.sh")


@pytest.mark.parametrize(
    ("file", "rule", "path"),
    [
        (".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text", "deep/w.bin"),
        (".gitattributes", "models/** filter=lfs", "models/a/w"),
        (".gitattributes", "/models/w filter=lfs", "models/w"),
        ("models/.gitattributes", "*.bin filter=lfs", "models/w.bin"),
    ],
)
def test_files_of_lfs_are_pointers(project, opened, file, rule, path):
    sha = project.commit("first", {file: f"{rule}\n", path: POINTER, "other": "1"})
    (lack,) = find_missing_contents(opened(), sha)
    assert lack.sentence.startswith(f"files of Git LFS are pointers in a trial: {path};")
    assert lack.command == "git lfs pull"
    assert not lack.handled.search("/work/09-lfs.sh")


def test_rules_without_files_are_ignored(project, opened):
    sha = project.commit("first", {"models/.gitattributes": "*.bin filter=lfs\n", "w.bin": "1"})
    assert find_missing_contents(opened(), sha) == ()


@pytest.mark.parametrize("how", ["smudge", "process"])
@pytest.mark.parametrize("place", [".gitattributes", ".git/info/attributes"])
def test_filter_counts_where_the_users_git_would_run_it(project, opened, how, place):
    sha = project.commit("first", {"a.s": "1", ".gitattributes": "*.s filter=up\n"})
    if place != ".gitattributes":
        sha = project.commit("second", {".gitattributes": ""})
        project.write({place: "*.s filter=up\n"})
    assert sentences(opened, sha) == []
    project.git("config", f"filter.up.{how}", "sed s/1/2/")
    (sentence,) = sentences(opened, sha)
    assert "filter 'up' of your git configuration is not run in a trial: a.s" in sentence


@pytest.fixture
def shallow(project, tmp_path):
    """A clone with the last three of eight commits, and all their names."""
    shas = [project.commit(str(number)) for number in range(8)]
    project.git("tag", "v1", shas[0])
    clone = tmp_path / "shallow"
    project.git("clone", "-q", "--depth", "3", f"file://{project.path}", str(clone))
    return Repository.open(str(clone), tmp_path / "cache"), shas


@pytest.mark.parametrize("name", ["v1", "HEAD~7", "full"])
def test_commit_outside_a_shallow_clone_has_a_hint(shallow, name):
    repository, shas = shallow
    with pytest.raises(UsageError) as caught:
        repository.resolve(shas[0] if name == "full" else name)
    assert "git fetch --unshallow" in caught.value.hint


def test_ends_without_merge_base_in_a_shallow_clone(project, tmp_path):
    base = project.commit("base")
    project.git("checkout", "-q", "-b", "side")
    project.commit("side 1", {"side": "1"})
    side = project.commit("side 2", {"side": "2"})
    project.git("checkout", "-q", "main")
    project.commit("main 1")
    bad = project.commit("main 2")
    clone = tmp_path / "shallow"
    project.git("clone", "-q", "--depth", "1", "--no-single-branch", f"file://{project.path}", str(clone))
    with pytest.raises(UsageError, match="in this shallow clone") as caught:
        Repository.open(str(clone), tmp_path / "cache").range([side], bad)
    assert "git fetch --unshallow" in caught.value.hint
    assert base


def test_range_at_the_shallow_boundary_has_a_note(shallow):
    repository, shas = shallow
    whole = repository.range([shas[5]], shas[7])
    assert "commits before the good end are missing; git fetch --unshallow" in cut_off(repository, whole)
    assert cut_off(repository, repository.range([shas[6]], shas[7])) == ""


def test_range_across_the_shallow_boundary_has_a_note(project, tmp_path):
    """A merged branch that is longer than the clone is deep."""
    good = project.commit("good")
    project.git("checkout", "-q", "-b", "side")
    for number in range(6):
        project.commit(f"side {number}", {"side": str(number)})
    project.git("checkout", "-q", "main")
    bad = project.merge("side")
    clone = tmp_path / "shallow"
    project.git("clone", "-q", "--depth", "3", f"file://{project.path}", str(clone))
    repository = Repository.open(str(clone), tmp_path / "cache")
    note = cut_off(repository, repository.range([good], bad))
    assert "cannot be searched; git fetch --unshallow --tags" in note
