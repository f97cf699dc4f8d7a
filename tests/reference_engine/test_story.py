"""The history has the properties that its README states."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bisect_tool.demo.patch_series import Replayed, Series

if TYPE_CHECKING:
    from collections.abc import Callable


def git(repository: Path, *words: str) -> list[str]:
    command = ["git", "--git-dir", str(repository), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()


def test_twenty_candidates(history: Replayed, repository: Path) -> None:
    assert len(history.labels) - len(Series.read(_series()).marks) >= 24
    candidates = git(repository, "rev-list", "--topo-order", "--reverse", "good..bad")
    assert len(candidates) == 20
    assert history.labels["culprit"] in candidates


def _series() -> Path:
    return Path(__file__).parents[2] / "scenarios" / "reference_engine" / "series.toml"


def test_there_is_a_merge_with_a_side_branch(history: Replayed, repository: Path) -> None:
    merges = git(repository, "rev-list", "--merges", "good..bad")
    assert merges == [history.labels["mask-merge"]]
    mainline = git(repository, "rev-list", "--first-parent", "good..bad")
    assert history.labels["mask-skip"] not in mainline


@pytest.mark.parametrize("label", ["docs-flags", "topology-docs", "shutdown-docs"])
def test_commit_of_documentation_touches_nothing_else(
    label: str, history: Replayed, repository: Path
) -> None:
    paths = git(repository, "diff-tree", "-r", "--name-only", "--no-commit-id", history.labels[label])
    assert paths
    assert all(path.startswith("docs/") for path in paths)


def test_only_two_commits_of_the_range_change_built_files(history: Replayed, repository: Path) -> None:
    changing = git(repository, "rev-list", "good..bad", "--", "csrc", "build.py")
    assert set(changing) == {history.labels["sigmoid-kernel"], history.labels["sigmoid-build"]}


def test_every_commit_builds_but_one(
    history: Replayed, unpack: Callable[[str], Path], tmp_path: Path
) -> None:
    failed = {}
    for label in (commit.label for commit in Series.read(_series()).commits):
        command = [sys.executable, str(unpack(label) / "build.py"), "--out", str(tmp_path / label)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            failed[label] = done.stderr
    assert list(failed) == ["sigmoid-kernel"]
    assert failed["sigmoid-kernel"].startswith("csrc/moe.kernel:2: error: unknown word `sigmoid`")


def test_build_is_reproducible(unpack: Callable[[str], Path], tmp_path: Path) -> None:
    tree = unpack("fixed")
    built = []
    for name in ("one", "two"):
        command = [sys.executable, str(tree / "build.py"), "--out", str(tmp_path / name)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        built.append((tmp_path / name / "kernels.bin").read_bytes())
    assert built[0] == built[1]


@pytest.mark.parametrize("label", ["culprit", "unrelated-revert"])
def test_reverts_cleanly_on_bad(label: str, history: Replayed, repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(repository), str(clone)], check=True, timeout=60)
    here = ["git", "-C", str(clone), "-c", "user.name=T", "-c", "user.email=t@example.org"]
    subprocess.run([*here, "checkout", "--quiet", history.labels["bad"]], check=True, timeout=60)
    command = [*here, "revert", "--no-edit", history.labels[label]]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    if label == "culprit":
        tree = subprocess.run(
            [*here, "rev-parse", "HEAD^{tree}"], check=True, capture_output=True, text=True, timeout=60
        ).stdout.strip()
        assert tree == git(repository, "rev-parse", f"{history.labels['revert']}^{{tree}}")[0]
