"""Send problems to a peer's interpreter and read its outcomes: one JSON object a line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.search.problem import Noise, Outcome, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).resolve().parents[3]


def ask(python: Path, module: str, asked: Iterable[Problem]) -> list[Outcome]:
    """Solve problems with a module of this folder, run by the interpreter that has the peer."""
    output = subprocess.run(
        (python, "-m", module),
        cwd=ROOT,
        input="".join(f"{written(problem)}\n" for problem in asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    return [_outcome(line) for line in output.splitlines()]


def serve(solve: Callable[[Problem], Outcome]) -> None:
    """The other end of `ask`: solve what comes in."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asdict(solve(read(line)))) + "\n")


def written(problem: Problem) -> str:
    """A problem in one line."""
    return json.dumps(asdict(problem))


def read(line: str) -> Problem:
    """Parse a line of `written`."""
    found = json.loads(line)
    return Problem(**{**found, "noise": Noise(**found["noise"])})


def _outcome(line: str) -> Outcome:
    found = json.loads(line)
    return Outcome(found["named"], tuple((commit, failed) for commit, failed in found["runs"]))
