"""Simulate a month of nights with `bisect-run nightly` on the reference engine, unattended.

    python -m benchmarks.month [--nights 30] [--bisect-run PATH] [--folder FOLDER]

Two regressions are in the history, and their fixes; one more lasts for a single night. One more cell fails by
chance; on two nights everything fails, whatever the commit. Issues are posted to a local stand-in for GitHub.
It ends with 1 unless both culprits are named once, nothing else is named but that of the single night, and
each named culprit has one issue, closed after the fix.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.month.history import Month, build
from bisect_tool.scenario import scenarios_root

_TESTS = Path(__file__).parents[2] / "tests"
_OUTAGE = range(7, 9)
_FLAKY_RATE = 0.15
_SUITE = """

import os as _os
import random as _random


@pytest.fixture(autouse=True)
def _outage() -> None:
    if _os.path.exists({outage!r}):
        raise ConnectionError("the storage of the models does not answer")


def test_lottery() -> None:
    assert _random.random() > {rate}, "drew a blank"
"""


@dataclass
class MonthResults:
    """The results of the month: culprits by the night on which they were new, and unexpected exit codes."""

    new: dict[str, int] = field(default_factory=dict)
    fixed: dict[str, int] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)


def _scenario(folder: Path, outage: Path) -> Path:
    """The bundled scenario with a cell that fails by chance, and a fixture that simulates an outage."""
    scenario = folder / "scenario"
    shutil.copytree(scenarios_root() / "external_lb_dp", scenario)
    suite = scenario / "test_external_lb_dp.py"
    suite.write_text(suite.read_text() + _SUITE.format(outage=str(outage), rate=_FLAKY_RATE))
    return scenario


def _night(words: list[str], environment: dict[str, str]) -> dict[str, object]:
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, check=False)
    found: dict[str, object] = json.loads(done.stdout) if done.stdout else {"causes": [], "cells": []}
    return {**found, "code": done.returncode}


def _note(results: MonthResults, number: int, found: dict[str, object], truth: dict[str, str]) -> None:
    """Record what a night reported."""
    causes = found["causes"]
    assert isinstance(causes, list)
    for cause in causes:
        culprit = cause["culprit"]
        if cause["state"] == "fixed":
            results.fixed.setdefault(culprit, number)
        elif cause["state"] == "new" and culprit in results.new:
            results.twice.append(culprit)
        elif cause["state"] == "new":
            results.new[culprit] = number
            if culprit not in truth:
                results.odd.append(culprit)
    if found["code"] not in (0, 1, 3):  # 3: a commit of the bundled history does not build
        results.odd.append(f"night {number} ended with {found['code']}")


def run_nights(folder: Path, nights: int, program: str) -> tuple[MonthResults, Month, object]:
    """Run the nights; returns the reported results, the truth, and the server with the issues."""
    sys.path[:0] = [str(_TESTS / "delivery"), str(_TESTS)]  # the server that the tests of delivery use
    import github_service  # type: ignore[import-not-found]  # noqa: PLC0415

    month = build(folder / "engine.git")
    outage = folder / "outage"
    scenario = _scenario(folder, outage)
    results = MonthResults()
    with github_service.github() as service:
        environment = {
            **os.environ,
            "BISECT_RUN_HOME": str(folder / "home"),
            "GITHUB_API_URL": service.url,
            "BISECT_RUN_GITHUB_WRITE_TOKEN": "token",
        }
        words = [program, "nightly", "--repo", str(folder / "engine.git"), "--scenario", str(scenario)]
        words += ["--profile", "reference", "--github-issues", github_service.REPOSITORY, "--json"]
        for number, commit in enumerate(month.nights[:nights], 1):
            outage.unlink(missing_ok=True)
            if number in _OUTAGE:
                outage.touch()
            began = time.monotonic()
            found = _night([*words, "--ref", commit], environment)
            _note(results, number, found, month.fixes | month.brief)
            sys.stderr.write(f"night {number}: {_summary(found)}, {time.monotonic() - began:.0f} s\n")
    return results, month, service


def _summary(found: dict[str, object]) -> str:
    cells, causes = found["cells"], found["causes"]
    assert isinstance(cells, list)
    assert isinstance(causes, list)
    red = [f"{each['cell']} {each['status']}" for each in cells if each["status"] != "green"]
    named = [f"{each['state']} {each['culprit'][:9]}" for each in causes]
    return "; ".join([f"exit {found['code']}", *red, *named])


def main() -> None:
    """Run the month, and print its results."""
    words = argparse.ArgumentParser(description="Run a month of nights on the reference engine.")
    words.add_argument("--nights", type=int, default=30)
    words.add_argument("--bisect-run", default=str(Path(sys.executable).with_name("bisect-run")))
    words.add_argument("--folder", type=Path)
    asked = words.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="month-"))
    folder.mkdir(parents=True, exist_ok=True)
    results, month, service = run_nights(folder, asked.nights, asked.bisect_run)
    rows = [
        f"| {each[:9]} | {results.new.get(each, '-')} | {results.fixed.get(each, '-')} |"
        for each in month.fixes | month.brief
    ]
    issues = [(each["title"], each["state"]) for each in service.issues]  # type: ignore[attr-defined]
    table = "\n".join(["| culprit | new in night | fixed in night |", "|---|---|---|", *rows])
    others = f"named twice: {results.twice or 'none'}; otherwise: {results.odd or 'none'}"
    sys.stdout.write(f"{table}\n\nissues: {issues}\n{others}\n")
    named = set(results.new) - set(month.brief) == set(month.fixes)
    right = named and set(results.new) == set(results.fixed) and not results.twice and not results.odd
    closed = len(issues) == len(results.new) and all(state == "closed" for _, state in issues)
    sys.exit(0 if right and closed else 1)


if __name__ == "__main__":
    main()
