"""Solve the same problems with the real commands, in a real repository."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.search.history import OWN, git, linear, repository
from benchmarks.search.peers import checker
from benchmarks.search.peers.environment import command, interpreter
from benchmarks.search.peers.exchange import ROOT
from benchmarks.search.peers.git import QUORUM
from benchmarks.search.problem import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.search.problem import Problem

_DEADLINE = 300
"""Seconds for one search, of which the longest takes some ten."""


@dataclass(frozen=True)
class Real:
    """A checkout of a linear history whose commits carry their numbers, and the journal of its test."""

    folder: Path
    journal: Path

    def git_bisect(self, problem: Problem, judge: str) -> Outcome:
        """Run `git bisect run` with the flaky test under one of the judges."""
        return self._bisect(problem, self._check(judge))

    def quorum(self, problem: Problem) -> Outcome:
        """Run `git bisect run` with the recipe of git_bisectlib."""
        arguments = "".join(f", {name}={value}" for name, value in QUORUM.items())
        words = " ".join(map(str, self._check("single")))
        recipe = self.journal.with_name("recipe.py")
        recipe.write_text(f"from bisectlib import test\n\ntest({words!r}{arguments})\n", encoding="utf-8")
        return self._bisect(problem, (str(interpreter()), str(recipe)))

    def bayesect(self, problem: Problem) -> Outcome:
        """Run `git bayesect run` and read the commit to which it converged."""
        checker.start(self.journal, problem)
        bayesect = str(command("git_bayesect"))
        self._run(bayesect, "start", "--old", self._sha(0), "--new", "main")
        output = self._run(bayesect, "run", *self._check("single"))
        short = output.rpartition("converged to ")[2].split()[0]
        return Outcome(self._number(short), checker.runs(self.journal))

    def _bisect(self, problem: Problem, check: tuple[str, ...]) -> Outcome:
        checker.start(self.journal, problem)
        self._run("git", "bisect", "start", "main", self._sha(0))
        self._run("git", "bisect", "run", *check)
        named = self._number("refs/bisect/bad")
        self._run("git", "bisect", "reset")
        return Outcome(named, checker.runs(self.journal))

    def _check(self, judge: str) -> tuple[str, ...]:
        return (sys.executable, "-m", checker.__name__, str(self.journal), judge)

    def _sha(self, number: int) -> str:
        return git(self.folder, "rev-list", "--reverse", "main").split()[number]

    def _number(self, rev: str) -> int:
        return int(git(self.folder, "show", f"{rev}:number"))

    def _run(self, *words: str) -> str:
        return subprocess.run(
            words,
            cwd=self.folder,
            env={**os.environ, **OWN, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=_DEADLINE,
            check=True,
        ).stdout


@contextmanager
def made(candidates: int) -> Iterator[Real]:
    """A temporary repository with a good end and this many commits after it."""
    with TemporaryDirectory() as name:
        folder = Path(name, "repository")
        repository(folder, linear(candidates + 1), numbered=True)
        git(folder, "checkout", "--quiet", "--force", "--detach", "main")
        yield Real(folder, Path(name, "journal"))
