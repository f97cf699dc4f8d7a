"""The flaky test as a program, run in a checkout: `python -m benchmarks.search.peers.checker JOURNAL JUDGE`.

The journal's first line is the problem; a line is added for every run of the test.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.search.history import NUMBER_FILE
from benchmarks.search.peers.exchange import read, written
from benchmarks.search.peers.git import JUDGES
from benchmarks.search.problem import FlakyTest, Problem, Run


def start(journal: Path, problem: Problem) -> None:
    """Start a journal without runs."""
    journal.write_text(written(problem) + "\n", encoding="utf-8")


def runs(journal: Path) -> tuple[Run, ...]:
    """The runs in a journal."""
    lines = journal.read_text(encoding="utf-8").splitlines()[1:]
    return tuple((commit, failed) for commit, failed in map(json.loads, lines))


def main(journal: Path, judge: str) -> int:
    """Judge the commit that is checked out; 1 is bad."""
    problem = read(journal.read_text(encoding="utf-8").splitlines()[0])
    test = FlakyTest(problem, earlier=len(runs(journal)))
    commit = int(Path(NUMBER_FILE).read_text(encoding="ascii"))
    bad = JUDGES[judge](lambda: test.fails(commit))
    with journal.open("a", encoding="utf-8") as added:
        added.writelines(f"{json.dumps(run)}\n" for run in test.runs)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
