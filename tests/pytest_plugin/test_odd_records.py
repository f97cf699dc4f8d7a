"""Malformed records and logs of a trial: they are read or skipped, and never raise."""

from __future__ import annotations

import json
import os
import random
import shutil

import pytest

from bisect_tool.pytest_plugin import stream_reader
from bisect_tool.trial.cell_outcomes import SuiteExit, collect, timeline, unreadable
from bisect_tool.trial.kept_logs import keep_logs
from bisect_tool.trial.result import TrialResult, overall, unstorable

MUTATIONS = 200
NUMBERS = [float("inf"), float("-inf"), float("nan"), 1e308, -1e308, 1e400, 10**30, -1, 0, 2**63, 0.5]
TEXTS = [
    "",
    "\0",
    "..",
    "/",
    "/etc/passwd",
    "a" * 5000,
    "no-such.log",
    "\ud800",
    "\x1b[31m",
    "x\ny",
    "*",
    ".",
]
OTHERS = [None, True, [], {}, [[]], {"a": 1}, [None], [1, 2, 3], ["\0", 1e308], [float("nan"), 1.0]]
ODD = [*NUMBERS, *TEXTS, *OTHERS]

CELLS = ["test_one", "test_two", "test_three"]
CRASH = {"exception": "ValueError", "message": "no", "frames": [["a.py", 3, "f"]], "text": "E   no"}
LOG = """(EngineCore pid=7) Traceback (most recent call last):
(EngineCore pid=7)   File "a.py", line 3, in run
(EngineCore pid=7) ValueError: no
"""
PROCESS = {
    "pid": 7,
    "ppid": 1,
    "started": 5,
    "title": "engine",
    "seen": 2.0,
    "gone": 3.0,
    "ports": [1],
    "name": "e",
}


def phase(cell, outcome, **more):
    window = {"logs": ["rank.log"], "window": [1.0, 4.0], "failure": CRASH if outcome == "failed" else None}
    return {
        "event": "phase",
        "cell": cell,
        "phase": "call",
        "outcome": outcome,
        "seconds": 1.0,
        "time": 3.0,
        **window,
        **more,
    }


def records():
    return [
        {"event": "collected", "cells": CELLS, "time": 1.0},
        {"event": "start", "cell": "test_one", "time": 1.0},
        phase("test_one", "failed"),
        phase("test_one", "passed", phase="teardown", failure=None),
        {"event": "start", "cell": "test_two", "time": 3.0},
        phase("test_two", "failed", logs=[], window=None, hint="hung", failure=None),
        {"event": "start", "cell": "test_three", "time": 3.0},
        {"event": "uncollectable", "cell": "tests", "failure": CRASH, "time": 1.0},
        {"event": "finish", "exit": 1, "time": 5.0},
    ]


def paths(value, path=()):
    """The path of every value inside a JSON value, without the value itself."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def changed(value, path, new):
    """The JSON value with the value at `path` replaced."""
    copy = json.loads(json.dumps(value))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return copy


def odd_value(rng):
    """A record with one or two malformed values."""
    made = records()
    for _ in range(rng.randint(1, 2)):
        number = rng.randrange(len(made))
        made[number] = changed(made[number], rng.choice(list(paths(made[number]))), rng.choice(ODD))
    return "".join(f"{json.dumps(record)}\n" for record in made)


def odd_text(rng):
    """A report that is truncated, repeated, or contains binary data or lines that are not records."""
    whole = "".join(f"{json.dumps(record)}\n" for record in records())
    at = rng.randrange(len(whole))
    return rng.choice(
        [
            whole[:at],
            whole[at:],
            whole * 3,
            "\0" * 99,
            whole.replace("\n", "\r"),
            "[" * 5000,
            "1\n" * 99,
            "{}\n" + whole,
        ]
    )


class Trial:
    """The folder of a trial, with a report, logs and a journal."""

    def __init__(self, folder, report):
        self.folder, self.logs, self.stream = folder, folder / "logs", folder / "stream.jsonl"
        self.logs.mkdir(parents=True)
        self.stream.write_text(report, encoding="utf-8", errors="surrogatepass")
        for name in ("suite.log", "rank.log"):
            (self.logs / name).write_text(LOG)
            (self.logs / f"{name}.times").write_text(f"{len(LOG)} 2.0\n")
        (folder / "processes.jsonl").write_text(f"{json.dumps(PROCESS)}\n")

    def corrupt(self, rng):
        """Replace one of the files by something malformed."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        path = rng.choice([*files, self.logs, self.logs / "new.log", self.logs / os.fsdecode(b"\xff.log")])
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if (
            what := rng.choice(["gone", "pipe", "folder", "link", "bytes", "journal", "long numbers"])
        ) == "pipe":
            os.mkfifo(path)
        elif what == "folder":
            path.mkdir()
        elif what == "link":
            path.symlink_to(rng.choice(["/dev/zero", "nowhere", path.name, "/etc"]))
        elif what == "bytes":
            path.write_bytes(rng.randbytes(rng.choice([0, 10, 100_000])))
        elif what == "journal":
            odd = changed(PROCESS, [rng.choice(list(PROCESS))], rng.choice(ODD))
            path.write_text(f"{json.dumps(odd)}\n")
        elif what == "long numbers":
            path.write_text(LOG.replace("7", "7" * 5000).replace("3", "3" * 5000))

    def read(self):
        """Read the trial as `run_trial` does."""
        unreadable(self.stream)
        cells = collect(self.stream, self.logs, {7: 1}, SuiteExit("deadline", 6.0), CELLS)
        times = timeline(self.folder, self.logs)
        keep_logs(self.logs, cells)
        return TrialResult(
            sha="a" * 40,
            cells=cells,
            outcome=overall(cells),
            started="2026-01-01T00:00:00.000+00:00",
            seconds=1.0,
            timeline=times,
        )


@pytest.mark.timeout(120)
def test_two_hundred_odd_trials_are_read(tmp_path):
    for number in range(MUTATIONS):
        rng = random.Random(number)  # noqa: S311 - a test that can be repeated
        trial = Trial(tmp_path / str(number), rng.choice([odd_value, odd_text])(rng))
        if number % 2:
            trial.corrupt(rng)
        result = trial.read()
        assert {cell.cell for cell in result.cells} >= set(CELLS), f"mutation {number}"
        assert unstorable(result) == "", f"mutation {number}"


def test_well_formed_trial_is_read(tmp_path):
    result = Trial(tmp_path / "trial", "".join(f"{json.dumps(record)}\n" for record in records())).read()
    assert [(cell.cell, cell.outcome) for cell in result.cells] == [
        ("test_one", "failed"),
        ("test_two", "hung"),
        ("test_three", "hung"),
    ]
    assert result.cells[0].failure.root.exception == "ValueError"
    assert [process.pid for process in result.timeline] == [7]


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), 1e308, -1e308])
@pytest.mark.parametrize("path", [("seconds",), ("time",), ("window", 0), ("window", 1)])
def test_record_with_an_invalid_time_is_skipped(tmp_path, number, path):
    """Infinity was stored as null, and its record could not be read again."""
    made = [changed(record, path, number) if record.get("failure") else record for record in records()[:4]]
    result = Trial(tmp_path / "trial", "".join(f"{json.dumps(record)}\n" for record in made)).read()
    assert unstorable(result) == ""
    assert (result.cells[0].outcome, result.cells[0].reason) == (
        "errored",
        "its report lacks the record of the test itself",
    )


def test_endless_report_is_read_in_part(tmp_path, monkeypatch):
    monkeypatch.setattr(stream_reader, "_STREAM_BYTES", 8 << 20)
    trial = Trial(tmp_path / "trial", "")
    with trial.stream.open("wb") as file:
        file.truncate(1 << 40)
    assert {cell.outcome for cell in trial.read().cells} == {"errored"}
