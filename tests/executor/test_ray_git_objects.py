"""Commits that are sent to a node without the rest of their repository."""

from __future__ import annotations

import subprocess

import pytest
from executor.user_git import new_repository

from bisect_tool.errors import UsageError
from bisect_tool.executor.ray.git_objects import Receiver, Sender
from bisect_tool.git import Repository, Worktrees


@pytest.fixture
def git(tmp_path):
    """Run git in a repository of the user."""
    return new_repository(tmp_path / "project")


@pytest.fixture
def shas(git, tmp_path):
    """Three commits, the second with a tag."""
    found = []
    for number in range(3):
        (tmp_path / "project" / "same").write_text("x" * 50_000)
        (tmp_path / "project" / "number").write_text(f"{number}\n")
        git("add", "-A")
        git("commit", "-q", "-m", f"number {number}")
        found.append(git("rev-parse", "HEAD"))
        if number == 1:
            git("tag", "-a", "-m", "first", "v1.0")
    return found


@pytest.fixture
def sender(shas, tmp_path):
    repository = Repository.open(str(tmp_path / "project"), tmp_path / "cache")
    return Sender(repository, (shas[0], shas[2]))


@pytest.fixture
def node(sender, tmp_path):
    return Receiver.at(sender.repository.spec, sender.parts(), tmp_path / "node")


def send(sender, node, sha, sent=()):
    parcels = sender.parcels([sha], node.received, sent)
    for parcel in parcels:
        node.receive(parcel)
    return parcels


def test_node_checks_out_commits_that_it_received(sender, node, shas, tmp_path):
    worktrees = Worktrees(node.repository, tmp_path / "worktrees")
    for place, sha in enumerate(shas):
        send(sender, node, sha, shas[:place])
        with worktrees.slot(0) as worktree:
            tree = worktree.checkout(sha)
            assert (tree / "number").read_text() == f"{place}\n"
            assert len((tree / "same").read_text()) == 50_000


def test_node_knows_the_history_and_its_tags(sender, node, shas, tmp_path):
    send(sender, node, shas[2])
    with Worktrees(node.repository, tmp_path / "worktrees").slot(0) as worktree:
        tree = worktree.checkout(shas[2])
        described = subprocess.run(
            ("git", "-C", str(tree), "describe"), check=True, capture_output=True, text=True
        )
    assert described.stdout.strip() == f"v1.0-1-g{shas[2][:7]}"


def test_nothing_is_sent_twice(sender, node, shas):
    assert len(send(sender, node, shas[0])) == 2
    assert send(sender, node, shas[0]) == []
    (second,) = send(sender, node, shas[1], shas[:1])
    assert len(second.packs) == 1
    assert second.name == shas[1]


def test_files_that_a_node_has_are_not_sent(sender, node, shas):
    def size(sent):
        (parcel,) = (each for each in sender.parcels([shas[1]], node.received, sent) if each.name == shas[1])
        return sum(map(len, parcel.packs))

    send(sender, node, shas[0])
    assert 0 < size(shas[:1]) < size(())


def test_commit_outside_the_history_is_sent_with_its_history(sender, node, shas, git, tmp_path):
    send(sender, node, shas[2])
    git("commit", "-q", "--allow-empty", "-m", "a revert")
    sha = git("rev-parse", "HEAD")
    send(sender, node, sha, shas)
    assert node.repository.commit(sha).parents == (shas[2],)


def test_node_does_not_use_the_users_repository(node):
    assert node.repository.parts.alternates == b""
    assert not (node.repository.git_dir / "objects" / "info" / "alternates").exists()


def test_files_that_are_left_on_a_server_are_fetched_by_the_driver(git, shas, tmp_path):
    git("config", "uploadpack.allowFilter", "true")
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    cloned = Repository.open(f"file://{tmp_path / 'project'}", tmp_path / "cache")
    assert cloned.parts.is_partial
    sender = Sender(cloned, (shas[2],))
    node = Receiver.at(cloned.spec, sender.parts(), tmp_path / "node")
    send(sender, node, shas[2])
    (tmp_path / "project").rename(tmp_path / "out of reach")
    with Worktrees(node.repository, tmp_path / "worktrees").slot(0) as worktree:
        assert (worktree.checkout(shas[2]) / "number").read_text() == "2\n"


def test_replaced_commits_are_rejected(git, shas, tmp_path):
    git("replace", shas[1], shas[0])
    repository = Repository.open(str(tmp_path / "project"), tmp_path / "cache")
    with pytest.raises(UsageError, match="replaced commits"):
        Sender(repository, (shas[2],)).parts()
