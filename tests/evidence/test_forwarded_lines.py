"""Output of a program that another one logs: its own level counts."""

import json

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
def test_failure_forwarded_by_a_launcher_is_the_root(printed, role, root):
    assert _roots(*_logged(printed), GIVEN_UP) == [(role, root)]


def test_traceback_logged_as_information_by_its_program_is_no_failure():
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
def test_innermost_level_is_that_of_the_line(line, level, text):
    parsed = parse_line(line)
    assert (parsed.level, parsed.text) == (level, text)


MILLIS, ISO = "1772755200123", "2026-03-06T00:00:00.1Z"


@pytest.mark.parametrize(
    ("row", "stamp"),
    [
        (f'{MILLIS},"2026-03-06 00:00:00,1 [INFO ] W-1-stdout MODEL_LOG - a ""b"" c",web/i-0a1', MILLIS),
        (f'{MILLIS},"a ""b"" c"', MILLIS),
        (f'| {MILLIS} | a "b" c      | web/i-0a1 |', MILLIS),
        (f'| {MILLIS} | a "b" c |', MILLIS),
        (f'{ISO}\t2026-03-06T00:00:00,1 [INFO ] W-1-stdout LOG - a "b" c\t[web/i](https://x)', ISO),
        (f'{ISO}\ta "b" c\tweb/i-0a1', ISO),
        (f'{MILLIS} [WARN ] PyProcess - W-117-model-stderr: a "b" c', MILLIS),
    ],
)
def test_exported_row_of_a_log_service_is_parsed_as_its_line(row, stamp):
    parsed = parse_line(row)
    assert (parsed.text, parsed.stamp) == ('a "b" c', stamp)


@pytest.mark.parametrize("field", ["textPayload", "message", "log"])
@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_traceback_in_records_of_one_line_each_is_one_failure(field, level):
    lines = [
        json.dumps({field: text, "severity": level, "timestamp": f"2026-01-05T10:00:0{at}Z"})
        for at, text in enumerate(TRACEBACK)
    ]
    assert _roots(*lines, GIVEN_UP) == [("Launcher", "RuntimeError: no memory is left")]


def test_wrapped_line_has_its_own_level():
    record = {"textPayload": "INFO 01-05 10:00:05 [a.py:1] ready", "severity": "ERROR"}
    parsed = parse_line(json.dumps(record))
    assert (parsed.level, parsed.text) == ("INFO", "ready")
