"""How long trials of the reference engine last after their last verdict: passed, failed, hung, crashed.

    python -m benchmarks.ending [--runs 5] [--bisect-run PATH]

Each way to end is a cell of `trial_end_scenario`, which `bisect-run repro` runs on the good end of the demo's
history. A cell's verdict is there when its call has ended; the trial is over when its slot is free for the
next one: servers and all else that it started are gone, and what it left behind was looked at. In `teardown`
the cell itself ends the servers and looks at how they end, as the last cell of the bundled suite does; in the
others none does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from bisect_tool.demo.patch_series import replay
from bisect_tool.scenario import scenarios_root

_SCENARIO = Path(__file__).with_name("trial_end_scenario")
_WAYS = ("passed", "teardown", "failed", "hung", "crashed")


def after_verdict(trial: dict[str, object]) -> float:
    """Seconds from the end of the last call to the end of a trial of the JSON document."""
    stream = (Path(str(trial["log"])) / "stream.jsonl").read_text(encoding="utf-8")
    events = [json.loads(line) for line in stream.splitlines()]
    verdict = max(event["time"] for event in events if event.get("phase") == "call")
    began = datetime.fromisoformat(str(trial["started"])).timestamp()
    return began + float(str(trial["seconds"])) - verdict


def measure(way: str, runs: int, bisect_run: str, folder: Path) -> list[float]:
    """The seconds of each run."""
    history = replay(scenarios_root() / "reference_engine" / "series.toml", folder / "engine.git")
    asked = ("repro", history.labels["good"], "--repo", str(folder / "engine.git"), "--runs", str(runs))
    what = ("--scenario", str(_SCENARIO), "--profile", "reference", "--cells", f"test_{way}")
    done = subprocess.run(
        (bisect_run, *asked, *what, "--json"),
        env={**os.environ, "BISECT_RUN_HOME": str(folder)},
        stdout=subprocess.PIPE,
        check=False,
    )
    trials = json.loads(done.stdout)["trials"]
    wanted = {"passed": "passed", "teardown": "passed", "hung": "hung"}.get(way, "failed")
    if len(trials) != runs or any(trial["outcome"] != wanted for trial in trials):
        raise SystemExit(f"{way}: {[trial['outcome'] for trial in trials]} instead of {wanted}")
    return [after_verdict(trial) for trial in trials]


def main() -> None:
    """Measure, and print the table."""
    words = argparse.ArgumentParser(
        prog="python -m benchmarks.ending", description=(__doc__ or "").split("\n", 1)[0]
    )
    words.add_argument("--runs", type=int, default=5, help="trials of each way to end")
    words.add_argument("--bisect-run", default=str(Path(sys.executable).with_name("bisect-run")))
    asked = words.parse_args()
    lines = ["| trial | s after the last verdict, median | longest |", "|---|---|---|"]
    with tempfile.TemporaryDirectory(prefix="bisect-ending-") as folder:
        for way in _WAYS:
            seconds = measure(way, asked.runs, asked.bisect_run, Path(folder))
            lines.append(f"| {way} | {statistics.median(seconds):.1f} | {max(seconds):.1f} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
