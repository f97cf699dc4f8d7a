"""What a program printed counts, at whatever level another one logged it."""

import pytest

from bisect_tool.evidence import LogLine, explain_log
from bisect_tool.evidence.parsed_line import parse_line

TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/env/lib/python3.11/site-packages/proj/run.py", line 12, in run',
    "    pool.allocate()",
    "RuntimeError: no memory is left",
)
CRASH = (
    "Fatal Python error: Segmentation fault",
    "",
    "Current thread 0x00007f1a (most recent call first):",
    '  File "/w/kernels.py", line 300 in compile',
)
GIVEN_UP = "2026-01-05 10:00:09,100 - __main__ - ERROR - the server ended"


def _roots(*lines):
    found = explain_log(LogLine("log", 0.0, text, number) for number, text in enumerate(lines, 1))
    return [(each.failure.root.role, each.failure.root.headline) for each in found]


def _logged(lines):
    return [f"2026-01-05 10:00:05,{at:03} - __main__ - INFO - {line}" for at, line in enumerate(lines)]


@pytest.mark.parametrize(
    ("printed", "role", "root"),
    [
        (TRACEBACK, "Launcher", "RuntimeError: no memory is left"),
        (CRASH, "Launcher", "Fatal Python error: Segmentation fault"),
        (
            [f"[2026-01-05 10:00:05 TP1] it failed: {TRACEBACK[0]}", *TRACEBACK[1:]],
            "Scheduler_TP1",
            "RuntimeError: no memory is left",
        ),
        (
            [f"(Worker pid=7) ERROR 01-05 10:00:05 [worker.py:7] {line}" for line in TRACEBACK],
            "Worker",
            "RuntimeError: no memory is left",
        ),
        ([f"[rank3]: {line}" for line in TRACEBACK], "Rank_3", "RuntimeError: no memory is left"),
    ],
)
def test_a_failure_that_a_launcher_forwards_is_the_root(printed, role, root):
    assert _roots(*_logged(printed), GIVEN_UP) == [(role, root)]


def test_a_traceback_that_its_own_program_logged_is_not_a_failure():
    first, *rest = TRACEBACK
    assert _roots(*_logged([first]), *rest, GIVEN_UP) == [("Launcher", "the server ended")]


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ("2026-01-05 10:00:05,1 - run - ERROR - INFO 01-05 10:00:05 [a.py:1] ready", "INFO", "ready"),
        ("2026-01-05 10:00:05,1 - run - INFO - ready", "INFO", "ready"),
        ("[1588766574.1] [node:3966:0] sock.c:325 UCX  ERROR no route", "ERROR", "no route"),
        ("[node:3966:0:3966] ib_mlx5_log.c:139  Transport retry count", "", "Transport retry count"),
    ],
)
def test_the_innermost_level_is_that_of_the_line(line, level, text):
    parsed = parse_line(line)
    assert (parsed.level, parsed.text) == (level, text)


@pytest.mark.parametrize(
    "row",
    [
        '1772755200123,"2026-03-06 00:00:00,123 [INFO ] W-1-m-stdout MODEL_LOG - a ""b"" c",web/i-0a1',
        '1772755200123,"a ""b"" c"',
        '| 1772755200123 | a "b" c      | web/i-0a1 |',
        '| 1772755200123 | a "b" c |',
    ],
)
def test_a_row_that_a_log_service_exported_is_read_as_its_line(row):
    parsed = parse_line(row)
    assert (parsed.text, parsed.stamp) == ('a "b" c', "1772755200123")
