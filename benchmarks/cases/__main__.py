"""Compare the answer of bisect-run with the right one, for every reported situation.

    python -m benchmarks.cases [NAME ...]

A case builds the smallest repository that has the situation. NAME selects cases whose name contains it. Ends
with 1 if an answer is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cases import checks, environment, failures, graphs, interrupted, noise, projects, repositories
from benchmarks.cases.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases.case import Case

CASES: tuple[Case, ...] = (
    *failures.CASES,
    *checks.CASES,
    *environment.CASES,
    *projects.CASES,
    *graphs.CASES,
    *repositories.CASES,
    *noise.CASES,
    *interrupted.CASES,
)


def rows(case: Case, folder: Path, program: str) -> Iterator[tuple[str, bool]]:
    """A row of the table for every question of a case, and whether the answer is right."""
    numbers = count()

    def project(name: str = "") -> Project:
        return Project.create(folder / f"{case.name}-{next(numbers)}{name}", program)

    for question in case.make(project):
        answer = question.ask()
        faults = "; ".join(question.expected.faults(answer))
        cells = (case.name, question.label, question.expected, answer, faults or "right")
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |", not faults


def main() -> int:
    """Ask every question, print the table, and count."""
    words = argparse.ArgumentParser(
        prog="python -m benchmarks.cases", description=(__doc__ or "").split("\n", 1)[0]
    )
    words.add_argument("names", nargs="*", help="only cases whose name has one of these in it")
    words.add_argument("--bisect-run", default=str(Path(sys.executable).with_name("bisect-run")))
    asked = words.parse_args()
    chosen = [case for case in CASES if not asked.names or any(name in case.name for name in asked.names)]
    right = total = 0
    _show("| case | question | expected | answered | |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="bisect-cases-") as folder:
        for case in chosen:
            for row, fine in rows(case, Path(folder), asked.bisect_run):
                _show(row)
                right, total = right + fine, total + 1
    _show(f"\n{right} of {total} answers to {len(chosen)} situations are right.")
    return 0 if right == total else 1


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
