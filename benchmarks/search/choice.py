"""CPU seconds and memory for choosing the next trial in long histories; also of `git rev-list --bisect`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.search import choosing
from benchmarks.search.history import OWN, git, repository
from benchmarks.search.measured import Measured, measured
from benchmarks.search.output import progress, table
from benchmarks.search.peers.exchange import ROOT

if TYPE_CHECKING:
    from benchmarks.search.size import Size

_HEAD = (
    *("history", "open, s", "first choice, s", "later choices: mean, s", "slowest, s", "peak, MiB"),
    *("`git rev-list --bisect`, s", "its peak, MiB", "open and first choice / git"),
)


def report(size: Size) -> str:
    """The table: one row for each shape of history."""
    return table(_HEAD, [_row("linear", size.linear), _row("merged", size.merged)])


def _row(shape: str, commits: int) -> tuple[object, ...]:
    own = measured(sys.executable, "-m", choosing.__name__, shape, str(commits), cwd=ROOT)
    found = json.loads(own.output)
    first, *later = found["choices"]
    progress(
        f"{commits} commits, {shape}: {len(later) + 1} choices in {own.cpu_seconds:.0f} s, history included"
    )
    peer = _git(shape, commits)
    return (
        f"{commits:,} commits, {shape}",
        *(f"{seconds:.3f}" for seconds in (found["open"], first, sum(later) / len(later), max(later))),
        f"{own.peak_mib:.0f}",
        f"{peer.cpu_seconds:.3f}",
        f"{peer.peak_mib:.0f}",
        f"{(found['open'] + first) / peer.cpu_seconds:.2f}",
    )


def _git(shape: str, commits: int) -> Measured:
    """Git's choice in the same history; it reads it from a commit graph, as after `git gc`."""
    with TemporaryDirectory() as name:
        folder = Path(name, "repository")
        repository(folder, choosing.SHAPES[shape](commits), numbered=False)
        git(folder, "commit-graph", "write", "--reachable")
        root = git(folder, "rev-list", "--max-parents=0", "main").strip()
        words = ("git", "rev-list", "--bisect", "main", f"^{root}")
        peer = measured(*words, cwd=folder, env={**os.environ, **OWN})
    progress(f"{commits} commits, {shape}: git chose in {peer.cpu_seconds:.1f} s")
    return peer
