"""The second history: the first one with a flaky culprit."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from reference_rank import START, Checkout, matrix, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from bisect_tool.demo.patch_series import Replayed

Checkouts = Callable[[str], Checkout]

PINNED = {
    "good": "10cb8ce0a1f2c53ad871ab1173ebb3362fb183d2",
    "bad": "8264bc48b75afb89e5584cfc16d4fa6d527e474f",
    "culprit": "e3322f5459c2393f4d96eab3eee892f341281302",
}
ODDS = (3 / 4) ** 4


def git(repository: Path, *words: str) -> list[str]:
    command = ["git", "--git-dir", str(repository), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()


def test_hashes_are_those_that_the_documentation_names(flaky_history: Replayed) -> None:
    assert {name: flaky_history.labels[name] for name in PINNED} == PINNED
    assert flaky_history.head == PINNED["bad"]


def test_readme_names_its_ends(flaky_history: Replayed, series: Path) -> None:
    text = series.with_name("README.md").read_text(encoding="utf-8")
    section = text.partition("## The second history")[2].partition("\n## ")[0]
    labels = flaky_history.labels
    assert set(re.findall(r"`([0-9a-f]{9})`", section)) == {
        labels[name][:9] for name in ("good", "bad", "culprit")
    }


def test_flaky_history_equals_the_first_up_to_its_culprit(
    history: Replayed, flaky_history: Replayed, flaky_repository: Path
) -> None:
    other = {label for label, sha in flaky_history.labels.items() if history.labels[label] != sha}
    following = {"token-index", "announced-ranks", "revert-report", "shutdown-docs"}
    assert other == {"shutdown-timeout", "culprit", "bad", *following}
    assert len(git(flaky_repository, "rev-list", "good..bad")) == 20


def test_flaky_culprit_has_the_same_metadata(
    repository: Path, history: Replayed, flaky_repository: Path, flaky_history: Replayed
) -> None:
    show = ("log", "-1", "--format=%an %ae %ad %s")
    assert git(repository, *show, history.labels["culprit"]) == git(
        flaky_repository, *show, flaky_history.labels["culprit"]
    )


DRAWS = """
from dataclasses import replace
from refengine.config import ParallelConfig

def anyone_speaks(servers):
    rank = ParallelConfig(api_process_count=servers)
    return any(replace(rank, api_process_rank=i).speaker == i for i in range(servers))

print(sum(not anyone_speaks(4) for _ in range(20_000)) / 20_000, all(anyone_speaks(1) for _ in range(100)))
"""


def test_four_servers_have_no_speaker_in_one_of_three_runs(flaky_checkout: Checkouts) -> None:
    """Every server draws the speaker by itself; 0.02 is six standard deviations."""
    done = subprocess.run(
        [sys.executable, "-c", DRAWS],
        env=flaky_checkout("culprit").environment(),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    no_speaker, single = done.stdout.split()
    assert float(no_speaker) == pytest.approx(ODDS, abs=0.02)
    assert single == "True"


@pytest.mark.slow
def test_one_api_server_ends_without_errors(flaky_checkout: Checkouts, tmp_path: Path) -> None:
    """tests/cli/test_demo_flaky.py ends four of them, with and without the culprit."""
    with matrix(flaky_checkout("bad"), tmp_path, 1) as servers:
        for server in servers:
            server.wait_until_up()
            wait_for(lambda log=server.log: "Starting refengine server" in log(), START)
        assert [server.terminate("group") for server in servers] == [0, 0]
        assert [server.problems() for server in servers] == [[], []]
