"""One search, timed in CPU seconds: `python -m benchmarks.search.choosing linear 1000000` prints JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.search import history
from bisect_tool.search import Bisection, Dag, Inference
from bisect_tool.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

SHAPES = {"linear": history.linear, "merged": history.merged}


def main(shape: str, commits: int) -> None:
    """Search for a culprit a third of the way up, with all but the first commit as candidates."""
    parents = {
        _sha(number): tuple(map(_sha, each)) for number, each in enumerate(SHAPES[shape](commits)) if number
    }
    bad_ones = _descendants(SHAPES[shape](commits), commits // 3)
    began = time.process_time()
    search = Bisection(Inference(Dag(parents), _sha(commits - 1), (_sha(0),)))
    opened = time.process_time() - began
    choices = []
    while True:
        began = time.process_time()
        chosen = search.plan(1)
        if not chosen:
            break
        choices.append(time.process_time() - began)
        failed = bad_ones[int(chosen[0], 16)]
        search = search.observe((chosen[0], Verdict.BAD if failed else Verdict.GOOD))
    sys.stdout.write(json.dumps({"open": opened, "choices": choices}))


def _sha(number: int) -> str:
    return f"{number:040x}"


def _descendants(parents: Iterable[tuple[int, ...]], culprit: int) -> list[bool]:
    """Whether each commit descends from the culprit."""
    found: list[bool] = []
    for number, each in enumerate(parents):
        found.append(number == culprit or any(found[parent] for parent in each))
    return found


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
