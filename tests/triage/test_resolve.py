"""Facts that a clone adds to a page: full ids, commits of pull requests, reverts, paths of tests."""

import os
import subprocess

import pytest

from bisect_tool.git import Repository
from bisect_tool.triage.analyse import analyse, completed
from bisect_tool.triage.next_commands import Context
from bisect_tool.triage.read_page import read_page
from bisect_tool.triage.resolve import not_on_main, paths_of_tests, resolved

SUBJECTS = (
    "Begin (#1)",
    "Add a shutdown timeout (#12)",
    "Describe it (#13)",
    'Revert "Add a shutdown timeout" (#12) (#14)',
    "Re-add the shutdown timeout, see #12 (#15)",
    "Speak of #12 (#16)",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A repository with a commit for each subject, and their ids."""
    folder = tmp_path_factory.mktemp("project")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {
        f"GIT_{role}_{what}": "ada@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    # An abbreviated id without a letter is no commit on a page, so the ids are fixed by fixed dates.
    dates = {f"GIT_{role}_DATE": "2026-03-07T08:00:00Z" for role in ("AUTHOR", "COMMITTER")}
    env = kept | who | dates | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*words):
        argv = ["git", "-C", str(folder), *words]
        return subprocess.run(
            argv, env=env, check=True, capture_output=True, text=True, timeout=60
        ).stdout.strip()

    git("init", "-q", "-b", "main", "--object-format=sha1")
    (folder / "tests" / "v1").mkdir(parents=True)
    (folder / "tests" / "v1" / "test_lb.py").write_text("def test_one(): pass\n")
    shas = []
    for subject in SUBJECTS:
        git("add", "-A")
        git("commit", "-q", "--allow-empty", "-m", subject)
        shas.append(git("rev-parse", "HEAD"))
    return folder, shas


@pytest.fixture
def read(project, tmp_path):
    folder, shas = project
    page = (
        "o/p#9 Red\n\n## Failing tests\n\n- v1/test_lb.py::test_one\n\n"
        f"Last good commit: {shas[0][:8]}\n\nFirst bad commit seen: none\n\nFirst failing build: #5 "
        f"(commit {shas[2][:8]})\n\nThe culprit is PR #12.\n\nIt may have been caused by #15.\n"
    )
    repository = Repository.open(str(folder), tmp_path / "cache")
    found = analyse(read_page(page))
    return resolved(found, repository), paths_of_tests(found, repository), shas


def test_ends_have_full_ids_and_subjects(read):
    found, _, shas = read
    assert (found.good.commit.value, found.bad.commit.value) == (shas[0], shas[2])
    assert found.bad.commit.subject == "Describe it (#13)"


def test_suspect_has_its_commit_and_is_in_the_range(read):
    found, _, shas = read
    first, second = found.suspects
    assert (first.pull, first.commit, first.in_range) == (12, shas[1], True)
    assert (second.pull, second.in_range) == (15, False)


def test_revert_and_reland_are_found_in_the_history(read):
    found, _, shas = read
    roles = {
        each.pull: (each.role, each.commit, each.landed, each.certainty) for each in found.fix_candidates
    }
    assert roles == {
        14: ("revert", shas[3], True, "derived"),
        15: ("reland", shas[4], True, "derived"),
    }
    assert (found.ended_by, found.final) == (14, 15)


def test_commands_name_resolved_commits(read):
    found, paths, shas = read
    run, fixes, *_ = completed(found, Context(repo="clone", paths=paths)).commands
    assert run.argv == (
        f"bisect-run --repo clone --good {shas[0][:12]} --bad {shas[2][:12]} "
        "--pytest tests/v1/test_lb.py::test_one"
    )
    assert fixes.argv == (
        f"bisect-run fixes --repo clone --at {shas[2][:12]} --revert 12 --verify {shas[3][:12]} "
        f"--verify {shas[4][:12]} --pytest tests/v1/test_lb.py::test_one"
    )
    assert run.ready
    assert fixes.ready


def test_pull_request_missing_in_the_clone_is_not_verified(project, tmp_path):
    repository = Repository.open(str(project[0]), tmp_path / "cache")
    page = (
        f"The culprit is PR #12.\n\nFirst bad commit: {project[1][2]}\n\n"
        "It was fixed by #14.\n\nIt was fixed by #99.\n"
    )
    found = resolved(analyse(read_page(page)), repository)
    assert not_on_main(found, repository) == {99}
    context = Context(repo="clone", lacking=not_on_main(found, repository))
    _, fixes, *_ = completed(found, context).commands
    assert f"--verify {project[1][3][:12]}" in fixes.argv
    assert "99" not in fixes.argv
    assert fixes.purpose.endswith("; add --verify for #99 if merged")


def test_commit_missing_in_the_clone_is_reported(project, tmp_path):
    repository = Repository.open(str(project[0]), tmp_path / "cache")
    found = resolved(analyse(read_page("Last good commit: c911120a\n")), repository)
    assert found.good.commit.value == "c911120a"
    assert "has no such commit: fetch it" in found.notes[-1].reason


def test_bad_end_missing_in_the_clone_is_no_error(project, tmp_path):
    repository = Repository.open(str(project[0]), tmp_path / "cache")
    page = read_page(f"First failing commit: {'a1' * 20}\n\nCulprit: PR #12\n")
    assert resolved(analyse(page), repository).suspects[0].commit == project[1][1]
