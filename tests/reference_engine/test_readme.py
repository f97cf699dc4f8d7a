"""The README names commits by hash, which must be those of a replay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bisect_tool.demo.patch_series import Replayed


def test_readme_names_the_commits_of_a_replay(series: Path, history: Replayed) -> None:
    text = series.with_name("README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \**([0-9a-f]{9})\** \| ([\w-]+) \|", text, re.MULTILINE))
    assert set(rows.values()) == {
        "base",
        "models-limit",
        "shutdown-timeout",
        "shutdown-docs",
        "readd-shutdown-timeout",
    }
    assert rows == {history.labels[label][:9]: label for label in rows.values()}


def test_front_page_shows_the_commits_of_a_replay(series: Path, history: Replayed) -> None:
    front = (series.parents[2] / "README.md").read_text(encoding="utf-8")
    capture = front.partition("$ bisect-run demo\n")[2].partition("```")[0]
    labels = history.labels
    assert f"{labels['good'][:9]} (good) to {labels['bad'][:9]} (bad), 20 commits" in capture
    assert re.search(rf"^Culprit +{labels['culprit'][:9]} ", capture, re.MULTILINE)
