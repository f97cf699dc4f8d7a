"""A history of thirty nights, of three commits each: two regressions, each with its fix.

The trees are those of the bundled history; the first regression and its revert are in it. The second one is
added on top of it. One more commit of the bundled history breaks completions for a single night, and one does
not build. Two commits of each night change a file that nothing reads.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.demo.patch_series import replay
from bisect_tool.scenario import scenarios_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BRIEF, _BRIEF_FIX = "priority-api", "priority-engine"
_FIRST, _CULPRIT, _FIX = "models-limit", "shutdown-timeout", "revert-shutdown-timeout"
_QUIET_NIGHTS = 5
_LAST = "readd-shutdown-timeout"
_EDIT = ("refengine/api.py", '== "text"', '!= "text"')
_WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada Example"), ("EMAIL", "ada@example.org"), ("DATE", "1772000000 +0000"))
}


@dataclass(frozen=True)
class Month:
    """The last commit of each night, and for each culprit the commit that fixes it.

    `brief` has that of the single night: naming it is right, but optional.
    """

    nights: tuple[str, ...]
    fixes: dict[str, str]
    brief: dict[str, str]


class _Builder:
    """Commits trees in a bare repository."""

    def __init__(self, repository: Path) -> None:
        self.repository, self.head, self._number = repository, "", 0

    def git(self, *words: str, text: str = "", **variables: str) -> str:
        done = subprocess.run(
            ("git", "--git-dir", str(self.repository), *words),
            input=text,
            env={**os.environ, **_WHO, **variables},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        return done.stdout.strip()

    def night(self, tree: str, subject: str) -> tuple[str, str]:
        """Commit a tree between two commits that change nothing; returns it, and the last of the night."""
        before = self._tree_of_head() if self.head else tree
        self.commit(before, "Note what happened by day")
        middle = self.commit(tree, subject)
        return middle, self.commit(tree, "Note what happened in the evening")

    def commit(self, tree: str, subject: str) -> str:
        """Commit a tree with a new note."""
        self._number += 1
        index = str(self.repository / "month.index")
        note = self.git("hash-object", "-w", "--stdin", text=f"{self._number}\n")
        self.git("read-tree", tree, GIT_INDEX_FILE=index)
        self.git("update-index", "--add", "--cacheinfo", f"100644,{note},NOTES", GIT_INDEX_FILE=index)
        tree = self.git("write-tree", GIT_INDEX_FILE=index)
        parent = ("-p", self.head) if self.head else ()
        self.head = self.git("commit-tree", tree, *parent, text=subject)
        self.git("update-ref", "refs/heads/main", self.head)
        return self.head

    def edited(self, tree: str, path: str, old: str, new: str) -> str:
        """The tree with one file changed."""
        content = self.git("show", f"{tree}:{path}") + "\n"
        if old not in content:
            raise SystemExit(f"{path} has no {old}")
        index = str(self.repository / "month.index")
        blob = self.git("hash-object", "-w", "--stdin", text=content.replace(old, new))
        self.git("read-tree", tree, GIT_INDEX_FILE=index)
        self.git("update-index", "--cacheinfo", f"100644,{blob},{path}", GIT_INDEX_FILE=index)
        return self.git("write-tree", GIT_INDEX_FILE=index)

    def _tree_of_head(self) -> str:
        return f"{self.head}^{{tree}}"


def build(repository: Path) -> Month:
    """Build the history in a bare repository."""
    labels = replay(scenarios_root() / "reference_engine" / "series.toml", repository).labels
    builder = _Builder(repository)
    commits = dict(_plan(builder, labels))
    nights = {subject: builder.night(tree, subject) for subject, tree in commits.items()}
    fixes = {
        nights[labels[_CULPRIT]][0]: nights[labels[_FIX]][0],
        nights["Show the configuration in another form"][0]: nights["Show the configuration as before"][0],
    }
    brief = {nights[labels[_BRIEF]][0]: nights[labels[_BRIEF_FIX]][0]}
    return Month(tuple(last for _, last in nights.values()), fixes, brief)


def _plan(builder: _Builder, labels: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The subject and tree of each night's commit."""
    first = f"{labels[_FIRST]}^{{tree}}"
    for number in range(_QUIET_NIGHTS):
        yield f"Change nothing ({number + 1})", first
    head = labels[_LAST]
    mainline = builder.git("rev-list", "--first-parent", "--reverse", f"{labels[_FIRST]}..{head}").split()
    for sha in mainline:
        yield sha, f"{sha}^{{tree}}"
    broken = builder.edited(f"{head}^{{tree}}", *_EDIT)
    yield "Show the configuration in another form", broken
    yield "Describe the form", broken
    yield "Describe the form better", broken
    yield "Show the configuration as before", f"{head}^{{tree}}"
    yield "Change nothing at last", f"{head}^{{tree}}"
