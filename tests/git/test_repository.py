"""Read commits, paths and trees; hostile names; the user's repository stays unchanged."""

from __future__ import annotations

import os
import subprocess

import pytest
from real_projects import ended

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.git import Repository
from bisect_tool.git.commit import pull_request
from bisect_tool.git.plumbing import Git, GitFailed


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("[Frontend] Add shutdown timeout (#34730)", 34730),
        ('Revert "[Frontend] Add shutdown timeout (#34730)" (#36628)', 36628),
        ("fix #12 without parentheses", None),
        ("odd (#) and (#x1)", None),
        ("", None),
        ("(#7) at the start", 7),
        ("Merge pull request #34730 from someone/branch", 34730),
        ("Do not Merge pull request #34730 from someone/branch", None),
        ("far too long (#12345678901234567890)", None),
    ],
)
def test_pull_requests(subject, number):
    assert pull_request(subject) == number


def test_commit_fields(project, opened):
    first = project.commit("first")
    sha = project.commit("Add a thing (#12)\n\nBecause of that.\n\nSigned-off-by: A Writer")
    found = opened().commit(sha)
    assert found.sha == sha
    assert found.parents == (first,)
    assert found.subject == "Add a thing (#12)"
    assert found.body == "Because of that.\n\nSigned-off-by: A Writer"
    assert found.author == "A Writer"
    assert found.date == "2023-11-14T22:15:20+00:00"
    assert found.pr == 12


def test_main_branch_of_the_server_takes_precedence(project, opened):
    main = project.commit("first")
    project.git("branch", "-M", "develop")
    assert opened().main_head() == main
    project.git("checkout", "-q", "-b", "mine")
    mine = project.commit("mine")
    assert opened().main_head() == mine
    project.git("update-ref", "refs/remotes/origin/main", main)
    assert opened().main_head() == main


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        (f"{'x' * 3000} (#12)", 12),
        (f"Revert {'x' * 3000} (#11) (#12)", 12),
        (f'Revert "(#11) {"x" * 3000} (#12)"', None),
        (f"{chr(0x200B) * 30_000} (#12)", 12),
    ],
)
def test_truncated_subject_keeps_its_pull_request(project, opened, subject, number):
    sha = project.commit(subject)
    found = opened().commit(sha)
    assert found.pr == number
    assert len(found.subject) <= 2000
    assert opened().by_pull_request(12, sha) == (found if number else None)


@pytest.mark.parametrize("message", ["", "\x1b[31m\x07", "\u200b \u200b"])
def test_commit_without_a_message(project, opened, message):
    (project.path / "message").write_text(message)
    project.git(
        "commit", "-q", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "-F", "message"
    )
    found = opened().commit(project.head())
    assert (found.subject, found.body, found.pr) == ("(no subject)", "", None)


def test_author_without_a_name(project, opened):
    sha = project.commit("Work at night", GIT_AUTHOR_NAME="\u200b")
    assert opened().commit(sha).author == "(no name)"


def test_unreadable_date(project, opened):
    project.commit("first")
    who = "A Writer <writer@example.org> yesterday"
    tree = project.git("rev-parse", "HEAD^{tree}").strip()
    file = project.path / "commit"
    file.write_text(f"tree {tree}\nauthor {who}\ncommitter {who}\n\nodd\n")
    sha = project.git("hash-object", "-t", "commit", "-w", "--literally", str(file)).strip()
    assert opened().commit(sha).date == "(no date)"
    assert opened().committed(sha) == 0


def test_hostile_texts_are_sanitised(project, opened):
    project.commit("base")
    subject = "\x1b]52;c;AAAA\x07\x1b[31mred \u202egnp.exe\x9b2J ::error:: [/tag] </script>"
    sha = project.commit(subject, GIT_AUTHOR_NAME="\x1b[2JEve\r")
    found = opened().commit(sha)
    text = found.subject + found.author + found.body
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 or letter == "\u202e" for letter in text)
    assert "red" in found.subject


def test_message_in_another_encoding(project, opened):
    project.git("config", "i18n.commitEncoding", "ISO-8859-1")
    project.path.joinpath("message").write_bytes("Größe (#5)".encode("latin-1"))
    project.git("add", "-A")
    project.git("commit", "-q", "-F", "message")
    assert opened().commit(project.head()).subject == "Größe (#5)"


@pytest.mark.parametrize(
    "name", ["v1", "side/branch", "größe-✓", "v1^{commit}", "main~1", ":/second", "HEAD"]
)
def test_names_of_a_commit(project, opened, name):
    first = project.commit("first")
    second = project.commit("second")
    project.git("tag", "-a", "-m", "one", "v1")
    project.git("branch", "side/branch")
    project.git("branch", "größe-✓")
    assert opened().resolve(name) == (first if name == "main~1" else second)


@pytest.mark.parametrize(
    "name",
    [
        "-h", "--all", "--output=/tmp/x", "-", "--", "no such", "", " ", "a\nb", "nul\0l", "main..HEAD",
        "^main", "HEAD:file.txt", "..", "@{u}", "\udcff", "$(touch x)", "main;id", "main -- .", "HEAD HEAD",
        "ünï",
    ],
)  # fmt: skip
def test_names_of_no_commit(project, opened, name):
    project.commit("first")
    with pytest.raises(UsageError, match="no commit"):
        opened().resolve(name)


def test_branch_named_like_an_option(project, opened):
    sha = project.commit("first")
    project.git("update-ref", "refs/heads/--all", sha)
    project.git("update-ref", "refs/heads/-h", sha)
    assert opened().resolve("--all") == sha
    assert opened().resolve("-h") == sha


def test_unknown_hash_suggests_a_fetch(project, opened):
    project.commit("first")
    for name in ("deadbeef", "f" * 40):
        with pytest.raises(UsageError, match=name) as caught:
            opened().resolve(name)
        assert "fetch" in caught.value.hint
        with pytest.raises(UsageError):
            opened().commit(name)


def test_head_of_the_current_linked_worktree(project, tmp_path):
    first = project.commit("first")
    project.commit("second")
    linked = tmp_path / "linked"
    project.git("worktree", "add", "-q", "--detach", str(linked), first)
    assert Repository.open(str(linked), tmp_path / "cache").resolve("HEAD") == first


def test_folder_inside_a_checkout_opens_the_checkout(project, opened, tmp_path, monkeypatch):
    sha = project.commit("first", {"deep/er/file": "x"})
    monkeypatch.chdir(project.path / "deep" / "er")
    assert Repository.open(".", tmp_path / "cache").resolve("main") == sha


def test_bare_repository(project, tmp_path):
    sha = project.commit("first")
    bare = tmp_path / "bare.git"
    project.git("clone", "-q", "--bare", str(project.path), str(bare))
    assert Repository.open(str(bare), tmp_path / "cache").resolve("main") == sha


def test_alternates_of_alternates(project, tmp_path):
    sha = project.commit("first")
    second = tmp_path / "second"
    project.git("clone", "-q", "--shared", str(project.path), str(second))
    alternates = second / ".git" / "objects" / "info" / "alternates"
    alternates.write_text(
        os.path.relpath(project.path / ".git" / "objects", second / ".git" / "objects") + "\n"
    )
    repository = Repository.open(str(second), tmp_path / "cache")
    assert repository.commit(sha).subject == "first"


@pytest.mark.parametrize("spec", ["nowhere", "ext::sh -c id", "-u", "", "\x1b[2J"])
def test_folder_without_repository_is_an_error(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError):
        Repository.open(spec or str(tmp_path), tmp_path / "cache")


def test_new_commits_are_found_at_once(project, opened):
    first = project.commit("first")
    repository = opened()
    second = project.commit("second")
    assert [commit.sha for commit in repository.range([first], "main").commits] == [second]


def test_changed_paths(project, opened):
    root = project.commit("root", {"a": "1", "dir/b": "1"})
    changed = project.commit("change", {"dir/b": "2", "new ü\n\t": "x"})
    project.git("rm", "-q", "a")
    removed = project.commit("remove", {})
    empty = project.commit("nothing", {})
    project.git("checkout", "-q", "-b", "side", changed)
    project.commit("side", {"side": "x"})
    project.git("checkout", "-q", "main")
    project.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    named_as_a_hash = project.commit("odd", {"0" * 40: "x"})
    repository = opened()
    expected = {
        root: ("a", "dir/b"),
        changed: ("dir/b", "new ü\n\t"),
        removed: ("a",),
        empty: (),
        project.git("rev-parse", "HEAD~").strip(): ("side",),
        named_as_a_hash: ("0" * 40,),
    }
    assert repository.changed_by(expected) == expected
    assert repository.changed_paths(changed) == expected[changed]
    assert repository.changed_by([]) == {}


def test_tree_hashes_distinguish_contents(project, opened):
    one = project.commit("one", {"src/a": "1", "src/deep/b": "1", "setup.py": "1"})
    two = project.commit("two", {"setup.py": "2"})
    repository = opened()
    before, after = (repository.tree_hashes(sha, ["src/", "setup.py", "nope", "s*"]) for sha in (one, two))
    assert before.keys() == after.keys() == {"src/", "setup.py"}
    assert before["src/"] == after["src/"]
    assert before["setup.py"] != after["setup.py"]
    assert repository.tree_hashes(one, []) == {}


def test_tree_hashes_normalise_paths(project, opened):
    sha = project.commit("one", {"src/a": "1", ":(glob)*": "1"})
    repository = opened()
    (wanted,) = repository.tree_hashes(sha, ["src/a"]).values()
    for path in ("./src/a", "src//a", "src/../src/a"):
        assert repository.tree_hashes(sha, [path]) == {path: wanted}
    assert repository.tree_hashes(sha, [":(glob)*"]).keys() == {":(glob)*"}
    assert repository.tree_hashes(sha, [":(glob)s*", "-r", "src/a/"]).keys() <= {"src/a/"}


@pytest.mark.parametrize("path", ["", ".", "..", "../src", "src/../..", "/src"])
def test_path_outside_the_tree_is_rejected(project, opened, path):
    sha = project.commit("one", {"src/a": "1"})
    with pytest.raises(UsageError, match="not a path inside the repository"):
        opened().tree_hashes(sha, [path])


def test_file_of_a_commit(project, opened):
    sha = project.commit("one", {"src/a": "text\n"})
    assert opened().file(sha, "src/a") == b"text\n"
    for path in ("src", "nope", "--help"):
        with pytest.raises(UsageError, match=path):
            opened().file(sha, path)


def test_users_repository_is_never_written(project, opened, worktrees):
    first = project.commit("first", {"a": "1"})
    second = project.commit("second", {"a": "2"})
    project.write({"a": "being edited", "untracked": "x"})
    before = project.snapshot()
    repository = opened()
    repository.range([first], "main")
    repository.changed_paths(second)
    with worktrees().slot(0) as tree:
        tree.checkout(first)
        subprocess.run(["git", "-C", tree.path, "checkout", "-q", "-b", "trial"], check=True)
        tree.checkout(second)
    assert project.snapshot() == before


def test_call_that_hangs_is_killed_with_its_children(project, tmp_path):
    mark = tmp_path / "mark"
    hang = ("-c", f"alias.hang=!sh -c 'sleep 600 & echo $! > {mark}; wait'", "hang")
    with pytest.raises(GitFailed, match="timed out after"):
        Git(git_dir=project.path / ".git").run(*hang, timeout_s=1)
    assert ended(int(mark.read_text()))


def test_without_git(project, monkeypatch, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "env").symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(empty))
    with pytest.raises(EnvironmentFailed, match="not installed"):
        Repository.open(str(project.path), tmp_path / "cache")


def test_users_environment_is_not_used(project, opened, tmp_path, monkeypatch):
    sha = project.commit("first", {"a": "1"})
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_NAMESPACE", "other")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'alias.log=!touch x'")
    assert opened().resolve("main") == sha
    assert opened().commit(sha).subject == "first"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_repository_of_another_user(project, opened, worktrees, tmp_path, monkeypatch):
    sha = project.commit("first", {"a": "1"})
    for path in (project.path, *project.path.rglob("*")):
        os.chown(path, 65534, 65534)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match="does not trust") as caught:
        opened()
    assert f"safe.directory {project.path}" in caught.value.hint
    (tmp_path / ".gitconfig").write_text(f"[safe]\ndirectory = {project.path}\n")
    with worktrees().slot(0) as tree:
        assert (tree.checkout(sha) / "a").read_text() == "1"


def test_sha256_history(project, opened, worktrees):
    subprocess.run(["rm", "-rf", project.path / ".git"], check=True)
    project.git("init", "-q", "-b", "main", "--object-format=sha256")
    first, second = project.commit("first", {"a": "1"}), project.commit("second", {"a": "2"})
    assert len(first) == 64
    assert [commit.sha for commit in opened().range([first[:10]], "main").commits] == [second]
    with worktrees().slot(0) as tree:
        assert (tree.checkout(first) / "a").read_text() == "1"


def test_repository_in_a_folder_with_an_odd_name(project, tmp_path):
    sha = project.commit("first")
    odd = tmp_path / os.fsdecode(b"o\xffdd 'name' \"x\" $(id) \xc3\xbc")
    project.path.rename(odd)
    assert Repository.open(str(odd), tmp_path / "cache").commit(sha).subject == "first"
