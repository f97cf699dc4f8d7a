from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from reference_rank import Checkout

from bisect_tool.history.replay import Replayed, replay

if TYPE_CHECKING:
    from collections.abc import Callable

ENGINE = Path(__file__).parents[2] / "scenarios" / "reference_engine"


@pytest.fixture(scope="session")
def series() -> Path:
    return ENGINE / "series.toml"


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history") / "refengine.git"


@pytest.fixture(scope="session")
def history(series: Path, repository: Path) -> Replayed:
    return replay(series, repository)


@pytest.fixture(scope="session")
def unpack(
    history: Replayed, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A function: label of a commit -> a folder with its tree."""

    def unpack_commit(label: str) -> Path:
        tree = tmp_path_factory.mktemp(label)
        archive = tree.with_suffix(".tar")
        command = ["git", "--git-dir", str(repository), "archive", "-o", str(archive), history.labels[label]]
        subprocess.run(command, check=True, timeout=60)
        subprocess.run(["tar", "-xf", str(archive), "-C", str(tree)], check=True, timeout=60)
        return tree

    return unpack_commit


@pytest.fixture(scope="session")
def checkout(unpack: Callable[[str], Path]) -> Callable[[str], Checkout]:
    """A function: label of a commit -> its tree with kernels built."""
    done: dict[str, Checkout] = {}

    def build(label: str) -> Checkout:
        if label not in done:
            tree = unpack(label)
            native = tree / "native"
            command = [sys.executable, str(tree / "build.py"), "--out", str(native)]
            subprocess.run(command, check=True, timeout=60, capture_output=True)
            done[label] = Checkout(tree, native)
        return done[label]

    return build
