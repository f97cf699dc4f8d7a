"""Which commit reverts a culprit."""

import subprocess

import pytest

from bisect_tool.git import Repository
from bisect_tool.nightly_run.reverts import reverted_by


@pytest.fixture
def commit(tmp_path):
    """Makes a commit with a message, and returns its id."""
    git = ("git", "-C", str(tmp_path / "repo"), "-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "init", "-q", str(tmp_path / "repo")], check=True)

    def make(message):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", message], check=True)
        return subprocess.run(
            [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        ).stdout.strip()

    return make


@pytest.mark.parametrize(
    ("later", "found"),
    [
        (["Tidy up"], None),
        (["Tidy up", 'Revert "Add a cache (#7)"\n\nThis reverts commit {culprit}.', "Write docs"], 1),
        (['Revert "Add a cache (#7)" (#9)', "Re-land: Add a cache (#7)"], 0),
        (['Revert "Something else"'], None),
    ],
)
def test_first_commit_that_reverts_the_culprit_is_found(commit, tmp_path, later, found):
    culprit = commit("Add a cache (#7)")
    shas = [commit(message.format(culprit=culprit)) for message in later]
    repository = Repository.open(str(tmp_path / "repo"), tmp_path / "cache")
    assert reverted_by(repository, culprit, shas[-1]) == ("" if found is None else shas[found])
