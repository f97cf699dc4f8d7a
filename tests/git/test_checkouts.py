"""Which folders are inside another checkout of the project."""

from __future__ import annotations

from bisect_tool.git.checkouts import other_checkouts


def test_worktrees_and_clones_of_the_project_and_nothing_else(project, tmp_path):
    sha = project.commit("begin", {"src/pkg.py": ""})
    linked, clone = tmp_path / "linked", tmp_path / "clone"
    project.git("worktree", "add", "-q", "--detach", str(linked), sha)
    project.git("clone", "-q", str(project.path), str(clone))
    unrelated = tmp_path / "unrelated"
    project.git("init", "-q", str(unrelated))
    folders = [linked / "src", clone, clone / "src", unrelated, project.path / "src", tmp_path / "none"]
    assert other_checkouts(folders, project.path, [sha]) == (linked.resolve(), clone.resolve())
    assert other_checkouts(folders, linked, ["0" * 40, sha]) == (clone.resolve(), project.path.resolve())
    assert other_checkouts(folders, project.path, ["0" * 40]) == ()
