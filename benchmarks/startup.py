"""Processor time of help, version and usage errors, compared with that of the packages that print them.

    python -m benchmarks.startup [--rounds 10]

The command lines run in turn, each in a process of its own; the least user and system time of all rounds
counts. The target is twice the time of `python -c "import typer, rich"`.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PACKAGES = 'python -c "import typer, rich"'
_LINES = (
    "--version",
    "--help",
    "run --help",
    "nightly --help",
    "no-such-command",
    "run --no-such-option",
    "run --good main",
    "run --bad main --cells x -- true",
    "explain a.log --json --markdown",
)


def measure(lines: Mapping[str, Sequence[str]], rounds: int) -> dict[str, float]:
    """The least processor seconds of each command line."""
    least = dict.fromkeys(lines, float("inf"))
    for _ in range(rounds):
        for name, argv in lines.items():
            least[name] = min(least[name], _seconds(argv))
    return least


def _seconds(argv: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(least: Mapping[str, float]) -> str:
    """The seconds, and their ratio to those of the packages."""
    rows = (f"| `{name}` | {s:.3f} | {s / least[_PACKAGES]:.2f} |" for name, s in least.items())
    return "\n".join(("| command | CPU s | relative to the first row |", "|---|---|---|", *rows))


def main() -> None:
    """Measure, and print the table."""
    words = argparse.ArgumentParser(
        prog="python -m benchmarks.startup", description=(__doc__ or "").split("\n", 1)[0]
    )
    words.add_argument("--rounds", type=int, default=10)
    rounds = words.parse_args().rounds
    program = str(Path(sys.executable).with_name("bisect-run"))
    lines = {_PACKAGES: (sys.executable, "-c", "import typer, rich")}
    lines |= {f"bisect-run {line}": (program, *line.split()) for line in _LINES}
    sys.stdout.write(f"{table(measure(lines, rounds))}\n")


if __name__ == "__main__":
    main()
