from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from reference_rank import Checkout

from bisect_tool.demo.patch_series import Replayed

ENGINE = Path(__file__).parents[2] / "scenarios" / "reference_engine"

Bundled = Callable[[str], tuple[Path, Replayed]]
Unpack = Callable[[str], Path]
Build = Callable[[str], Checkout]


@pytest.fixture(scope="session")
def series() -> Path:
    return ENGINE / "series.toml"


@pytest.fixture(scope="session")
def repository(bundled_history: Bundled) -> Path:
    return bundled_history("series")[0]


@pytest.fixture(scope="session")
def history(bundled_history: Bundled) -> Replayed:
    return bundled_history("series")[1]


@pytest.fixture(scope="session")
def unpack(history: Replayed, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Unpack:
    """A function: label of a commit -> a folder with its tree."""
    return unpacker(history, repository, tmp_path_factory)


@pytest.fixture(scope="session")
def checkout(unpack: Unpack) -> Build:
    """A function: label of a commit -> its tree with kernels built."""
    return builder(unpack)


@pytest.fixture(scope="session")
def flaky_repository(bundled_history: Bundled) -> Path:
    return bundled_history("flaky")[0]


@pytest.fixture(scope="session")
def flaky_history(bundled_history: Bundled) -> Replayed:
    return bundled_history("flaky")[1]


@pytest.fixture(scope="session")
def flaky_checkout(
    flaky_history: Replayed, flaky_repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Build:
    """As `checkout`, of the second history."""
    return builder(unpacker(flaky_history, flaky_repository, tmp_path_factory))


@pytest.fixture(scope="session")
def unpack_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Replayed, Path], Unpack]:
    """As `unpack`, of another history."""
    return lambda history, repository: unpacker(history, repository, tmp_path_factory)


def unpacker(history: Replayed, repository: Path, folders: pytest.TempPathFactory) -> Unpack:
    def unpack_commit(label: str) -> Path:
        tree = folders.mktemp(label)
        archive = tree.with_suffix(".tar")
        command = ["git", "--git-dir", str(repository), "archive", "-o", str(archive), history.labels[label]]
        subprocess.run(command, check=True, timeout=60)
        subprocess.run(["tar", "-xf", str(archive), "-C", str(tree)], check=True, timeout=60)
        return tree

    return unpack_commit


def builder(unpack: Unpack) -> Build:
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
