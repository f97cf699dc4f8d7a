"""Fixtures: a project for each test, and its repository and worktrees."""

from __future__ import annotations

import pytest
from real_projects import Project

from bisect_tool.git import Repository, Worktrees


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


@pytest.fixture
def opened(project, tmp_path):
    return lambda: Repository.open(str(project.path), tmp_path / "cache")


@pytest.fixture
def worktrees(opened, tmp_path):
    return lambda *sparse: Worktrees(opened(), tmp_path / "worktrees", sparse)
