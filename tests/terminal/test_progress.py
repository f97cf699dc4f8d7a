"""Progress on a terminal and in a pipe, with a simulated clock."""

from __future__ import annotations

import io
import json
import os
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import sample_documents as documents
from rich.console import Console

from bisect_tool.expected_cost import PastTrial
from bisect_tool.planner import Belief, Purpose, State, Step
from bisect_tool.session.store import TrialRow
from bisect_tool.supervise.machine_load import Load
from bisect_tool.terminal.log_tail import CellsSeen, StreamTail
from bisect_tool.terminal.progress import Progress, render_progress
from bisect_tool.terminal.snapshot import RunningTrial, Snapshot
from bisect_tool.terminal.work_left import cost_left
from bisect_tool.trial.result import CellResult, CiJob, TrialResult
from bisect_tool.verdict import Outcome

CELLS = documents.RED_CELLS[:2]


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def result(sha, *outcomes, seconds=20.0, reason=""):
    cells = tuple(CellResult(cell=f"test[{n}]", outcome=outcome) for n, outcome in enumerate(outcomes))
    worst = outcomes[-1] if outcomes else Outcome.UNBUILDABLE
    return TrialResult(sha=sha, cells=cells, outcome=worst, started="", seconds=seconds, reason=reason)


def state(sha, purpose, remaining, steps):
    step = Step(sha, None, purpose) if sha else None
    return State(step, (), tuple(f"{n:040x}" for n in range(remaining)), steps, over=step is None)


def start(progress, slot, state):
    progress.on_decision(state)
    progress.on_trial_start(slot, state.step)


def run_two_trials(progress, clock, folder):
    """Two trials, from the first decision to the end."""
    bad = result(documents.BAD, Outcome.PASSED, Outcome.FAILED)
    skip = result(documents.BROKEN, reason="does not build: \x1b[2Jerror")
    progress.on_resume([])
    start(progress, 0, state(documents.BAD, Purpose.BAD_END, 4, 6))
    progress.on_phase(0, "build", folder)
    clock.now += 5
    progress.on_phase(0, "test", folder)
    clock.now += 15
    progress.on_trial_end(Step(documents.BAD, None, Purpose.BAD_END), bad)
    start(progress, 0, state(documents.BROKEN, Purpose.NARROW, 4, 3))
    progress.on_phase(0, "build", folder)
    clock.now += 1
    progress.on_trial_end(Step(documents.BROKEN, CELLS, Purpose.NARROW), skip)
    progress.on_decision(state(None, None, 0, 0))


def test_long_subject_is_truncated_in_a_pipe(session, tmp_path):
    output, clock = io.StringIO(), Clock()
    with Progress(session, Console(file=output, width=100), clock) as progress:
        run_two_trials(progress, clock, tmp_path)
    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    cut = [line for line in lines if "…" in line]
    assert cut
    assert cut[0].endswith("… (bad end); narrowed to 4 commits, ~6 steps left")


def test_in_a_pipe_each_event_is_a_plain_line(session, tmp_path, capsys):
    output, clock = io.StringIO(), Clock()
    with Progress(session, Console(file=output, width=200), clock) as progress:
        run_two_trials(progress, clock, tmp_path)
    bad, broken = (documents.COMMITS[sha].subject for sha in (documents.BAD, documents.BROKEN))
    assert output.getvalue().splitlines() == [
        f"[    0.0 s] 5afb387bd {bad} (bad end); narrowed to 4 commits, ~6 steps left",
        "[    0.0 s]   build",
        "[    5.0 s]   test",
        f"[     20 s] ✗ 5afb387bd  bad end   1 passed, 1 failed, 20 s  {bad}",
        f"[     20 s] 0a208d1f5 {broken} (narrow); narrowed to 4 commits, ~3 steps left, ~1 min",
        "[     20 s]   build",
        f"[     21 s] - 0a208d1f5  narrow    does not build: error, 20 s  {broken}",
    ]
    assert capsys.readouterr().out == ""


def test_existing_ci_result_is_ignored_in_the_time_left(session):
    output, existing = io.StringIO(), {"job": CiJob(attempt="1"), "seconds": 0.0}
    found = result(documents.BAD, Outcome.FAILED).model_copy(update=existing)
    with Progress(session, Console(file=output, width=200), Clock()) as progress:
        progress.on_resume([TrialRow(1, "bad end", found, shared=False)])
        progress.on_trial_end(Step(documents.BAD, None, Purpose.BAD_END), found)
        start(progress, 0, state(documents.BROKEN, Purpose.NARROW, 4, 3))
    assert output.getvalue().rstrip().endswith("~3 steps left")


def test_busy_machine_is_reported_at_the_start_and_with_each_trial(session):
    output = io.StringIO()
    busy = Load(cpus=2, load_before=8.0, load_after=8.0, others=1.5, cpu=0.6)
    ended = result(documents.BAD, Outcome.FAILED).model_copy(update={"load": busy})
    with Progress(
        session, Console(file=output, width=200), Clock(), lambda: "load 8.0 on 2 CPUs"
    ) as progress:
        progress.on_resume([])
        start(progress, 0, state(documents.BAD, Purpose.BAD_END, 4, 6))
        progress.on_trial_end(Step(documents.BAD, None, Purpose.BAD_END), ended)
    first, *_, last = output.getvalue().splitlines()
    assert "the machine is busy: load 8.0 on 2 CPUs; tests with deadlines may time out" in first
    assert "bad end   1 failed, 20 s, machine busy  " in last


def test_live_display_reports_a_busy_machine(printed):
    shown = printed(render_progress(Snapshot(began=0.0, busy="CPU pressure 60%"), 1.0), 80)
    assert shown.endswith("  the machine is busy: CPU pressure 60%\n")


def test_no_line_ends_with_a_space_if_the_subject_is_unknown(session, tmp_path):
    """`fixes` makes commits of combinations while it runs."""
    output, clock = io.StringIO(), Clock()
    unknown = result("f" * 40, Outcome.PASSED)
    with Progress(session, Console(file=output, width=60), clock) as progress:
        progress.on_resume([])
        start(progress, 0, state("f" * 40, Purpose.FIX, 4, 6))
        progress.on_trial_end(Step("f" * 40, None, Purpose.FIX), unknown)
    shown = render_progress(Snapshot(began=0.0, running=(RunningTrial(0, "f" * 9, "", "fix", 0.0),)), 1.0)
    console = Console(file=output, width=60)
    console.print(shown)
    assert all(line == line.rstrip() for line in output.getvalue().splitlines())


def test_forced_colour_does_not_make_a_pipe_a_terminal(session, tmp_path):
    output, clock = io.StringIO(), Clock()
    with Progress(session, Console(file=output, force_terminal=True), clock) as progress:
        run_two_trials(progress, clock, tmp_path)
    assert set(re.findall(r"\x1b\[[0-9;?]*[A-Za-z]", output.getvalue())) <= {
        "\x1b[2m",
        "\x1b[0m",
        "\x1b[31m",
        "\x1b[33m",
    }


def test_only_finished_trials_stay_on_a_terminal(session, tmp_path, capsys):
    output, clock, before = Terminal(), Clock(), set(threading.enumerate())
    with Progress(session, Console(file=output, width=100, force_terminal=True), clock) as progress:
        run_two_trials(progress, clock, tmp_path)
    assert set(threading.enumerate()) <= before
    text = output.getvalue()
    assert text.count("✗ ") == 1
    assert "\x1b[2J" not in text
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l"), "the cursor is shown again"
    assert text.rstrip("\n").endswith(("\x1b[2K", "\x1b[?25h", "\r")), "the live display is erased"
    assert capsys.readouterr().out == ""


def test_an_error_ends_the_display(session):
    output, before = Terminal(), set(threading.enumerate())

    def fail():
        with Progress(session, Console(file=output, force_terminal=True), Clock()):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert set(threading.enumerate()) <= before


def test_phases_name_their_commit_with_several_slots(session, tmp_path):
    output, clock = io.StringIO(), Clock()
    session = replace(session, request=session.request.model_copy(update={"slots": 2}))
    with Progress(session, Console(file=output, width=60), clock) as progress:
        for slot, sha in enumerate((documents.BAD, documents.BROKEN)):
            start(progress, slot, state(sha, Purpose.NARROW, 4, 3))
        progress.on_phase(1, "build", tmp_path)
        progress.on_phase(0, "test", tmp_path)
        progress.on_trial_end(
            Step(documents.BAD, None, Purpose.NARROW), result(documents.BAD, Outcome.PASSED)
        )
        progress.on_phase(1, "test", tmp_path)
    lines = [line[12:] for line in output.getvalue().splitlines()]
    assert lines[2:4] == ["  0a208d1f5 build", "  5afb387bd test"]
    assert lines[5] == "  0a208d1f5 test"


def test_resume_of_a_session_is_reported_once(session):
    done = [TrialRow(1, Purpose.BAD_END, result(documents.BAD, Outcome.FAILED))]
    output = io.StringIO()
    with Progress(session, Console(file=output, width=200), Clock()) as progress:
        progress.on_resume(done)
        start(progress, 0, state(documents.GOOD, Purpose.GOOD_END, 4, 4))
        progress.on_trial_end(
            Step(documents.GOOD, None, Purpose.GOOD_END), result(documents.GOOD, Outcome.PASSED)
        )
        start(progress, 0, state(documents.BROKEN, Purpose.NARROW, 4, 3))
    lines = output.getvalue().splitlines()
    assert lines[0] == "[    0.0 s] resuming with 1 finished trial"
    assert sum("resuming with" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        (1, "reusing 1 trial from earlier sessions"),
        (3, "reusing 3 trials from earlier sessions"),
    ],
)
def test_trials_of_earlier_sessions_are_reported_separately(session, shared, message):
    output, one = io.StringIO(), result(documents.BAD, Outcome.FAILED)
    with Progress(session, Console(file=output, width=200), Clock()) as progress:
        progress.on_resume(
            [TrialRow(number, "narrow", one, shared=number < shared) for number in range(shared + 1)]
        )
    assert [line[12:] for line in output.getvalue().splitlines()] == [
        message,
        "resuming with 1 finished trial",
    ]


def test_beliefs_are_printed_when_they_change(session):
    output = io.StringIO()
    first, second = (
        Belief("test_small", (("a" * 40, probability),), 0.1, probability) for probability in (0.5, 0.9)
    )
    with Progress(session, Console(file=output, width=200), Clock()) as progress:
        for belief in (first, first, second):
            progress.on_decision(replace(state(None, None, 4, 3), beliefs=(belief,)))
        progress.on_decision(state(None, None, 0, 0))
    assert [line[12:] for line in output.getvalue().splitlines()] == [
        "  small: aaaaaaaaa 50%, flaky 10%",
        "  small: aaaaaaaaa 90%, flaky 10%",
    ]


@pytest.fixture
def stream(tmp_path):
    """The report of a suite of eight cells in the middle of the third."""
    path = tmp_path / "stream.jsonl"
    events = [{"event": "collected", "cells": [f"test[{n}]" for n in range(8)]}]
    events += [{"event": "start", "cell": f"test[{n}]"} for n in range(3)]
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_live_display(printed, stream):
    subject = "[Frontend][Core] Add shutdown timeout"
    snapshot = Snapshot(
        began=100.0,
        slots=3,
        remaining=9,
        steps_left=4,
        mean_s=50.0,
        cost_left=cost_left(4, 3, (PastTrial(50.0),), searching=True),
        running=(
            RunningTrial(1, "a1ffa56a1", "Say nothing", "narrow", 165.0),
            RunningTrial(0, "27066d1b2", subject, "narrow", 160.0, "test", StreamTail(stream)),
        ),
        beliefs=(Belief("test_teardown[4]", (("27066d1b2", 0.75),), 0.25, 0.75),),
    )
    assert printed(render_progress(snapshot, 172.0), 110) == (
        "⠇ 27066d1b2  narrow, test, cell 3 of 8: test[2], 12 s  [Frontend][Core] Add shutdown timeout\n"
        "⠇ a1ffa56a1  narrow, checkout, 7.0 s  Say nothing\n"
        "  teardown[4]  ██████████████████░░░░░░  27066d1b2 75%  | flaky 25%\n"
        "  narrowed to 9 commits, ~4 steps left, ~1 min, 1 min 12 s elapsed\n"
    )


@pytest.mark.parametrize("width", [20, 40])
def test_lines_of_the_live_display_never_wrap(printed, width):
    trials = tuple(RunningTrial(slot, "27066d1b2", "long " * 30, "narrow", 0.0) for slot in range(2))
    snapshot = Snapshot(began=0.0, remaining=9, steps_left=4, running=trials)
    assert len(printed(render_progress(snapshot, 1.0), width).splitlines()) == 3


def test_tail_reads_appended_records(tmp_path):
    path = tmp_path / "stream.jsonl"
    tail = StreamTail(path)
    assert tail.poll() == CellsSeen()
    lines = [
        {"event": "collected", "cells": list(CELLS), "time": 1.0},
        {"event": "start", "cell": CELLS[0], "time": 2.0},
        {"event": "phase", "cell": CELLS[0], "phase": "setup"},
        {"event": "start", "cell": "\x1b[31m" + CELLS[1], "time": 3.0},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    seen = []
    with path.open("a") as stream:
        for start in range(0, len(text), 7):
            stream.write(text[start : start + 7])
            stream.flush()
            seen.append(tail.poll())
    assert list(dict.fromkeys(seen)) == [
        CellsSeen(),
        CellsSeen(0, 2, ""),
        CellsSeen(1, 2, CELLS[0]),
        CellsSeen(2, 2, CELLS[1]),
    ]


def test_tail_skips_invalid_records(tmp_path):
    path = tmp_path / "stream.jsonl"
    path.write_bytes(
        b'\xff\xfe\n[]\n"x"\n{"event": "collected", "cells": 3}\n{"event": "start", "cell": "a"}\n'
    )
    assert StreamTail(path).poll() == CellsSeen(1, 1, "a")


@pytest.mark.parametrize(
    "content", ["[" * 100_000 + "\n", "{" * 10 + "\n", "1\n", '"x"\n', '{"event": "start"}\n']
)
def test_tail_of_a_malformed_report_has_no_cell(tmp_path, content):
    (tmp_path / "stream").write_text(content)
    assert StreamTail(tmp_path / "stream").poll().name == ""


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_tail_of_a_special_file_does_not_block(tmp_path, make):
    make(tmp_path / "stream")
    assert StreamTail(tmp_path / "stream").poll() == CellsSeen()
