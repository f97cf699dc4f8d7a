"""Accuracy and speed of evidence: known logs, collectors' prefixes, generated failures.

    python -m benchmarks.evidence [FOLDER] [--generated N] [--size MB] [--quick]

FOLDER holds logs with the truth about each (see `known`); without one, only generated failures and the speed
on a healthy log are measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.evidence.generated import FAMILIES, misses
from benchmarks.evidence.known import known_table, read, wrapper_table
from benchmarks.evidence.speed import healthy, repeated, speed_table
from benchmarks.search.output import progress, show, table


def main() -> int:
    """Print the tables."""
    words = argparse.ArgumentParser(
        prog="python -m benchmarks.evidence", description=(__doc__ or "").split("\n", 1)[0]
    )
    words.add_argument("folder", nargs="?", type=Path, help="known logs: NAME.log beside NAME.json")
    words.add_argument(
        "--generated", type=int, default=1100, metavar="N", help="how many failures to generate"
    )
    words.add_argument("--size", type=float, default=50, metavar="MB", help="of the logs that are timed")
    words.add_argument("--quick", action="store_true", help="a smoke test; its figures mean little")
    asked = words.parse_args()
    generated, size, rounds = (22, 1.0, 1) if asked.quick else (asked.generated, asked.size, 3)
    logs = read(asked.folder) if asked.folder else ()
    if asked.folder and not logs:
        sys.stderr.write(f"{asked.folder} holds no NAME.json beside NAME.log\n")
        return 2
    if logs:
        show("Known logs", known_table(logs))
        show("Prefixes of collectors", wrapper_table(logs))
        progress("known logs")
    show("Generated failures", *_generated(generated))
    progress("generated failures")
    bytes_ = int(size * 1e6)
    timed = [("mix of the known logs", repeated("\n".join(log.text for log in logs), bytes_))] if logs else []
    timed.append(("healthy, with one failure", healthy(bytes_, failing=True)))
    timed.append(("healthy", healthy(bytes_, failing=False)))
    with tempfile.TemporaryDirectory() as folder:
        show("Speed", speed_table(Path(folder), timed, rounds))
    return 0


def _generated(count: int) -> tuple[str, ...]:
    """How many of the generated failures are right, and the others."""
    missed = misses(range(count))
    summary = f"{count - len(missed)} of {count} roots are right, over {len(FAMILIES)} families."
    rows = [(made.name, f"`{made.root}`", f"`{found}`") for made, found in missed]
    return (summary, table(("failure", "root", "answered"), rows)) if rows else (summary,)


if __name__ == "__main__":
    sys.exit(main())
