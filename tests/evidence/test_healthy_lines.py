"""Lines that are left out of a log do not change the events read from it."""

import pytest

from bisect_tool.evidence import LogLine, explain_log
from bisect_tool.evidence.healthy_lines import CONTEXT_LINES, relevant_lines

HEALTHY = "(EngineCore_DP%d pid=%d) INFO 06-10 16:%02d:%02d [loggers.py:123] Running: 3 reqs, Waiting: 0"
FAILURE = [
    "Traceback (most recent call last):",
    '  File "/opt/vllm/core.py", line 7, in run',
    "    step()",
    "MemoryError: no room",
]


def healthy(count, pid=0):
    return [HEALTHY % (n % 3, 70 + pid + n % 3, n // 60 % 60, n % 60) for n in range(count)]


def blocks(lines, size=100):
    text = [f"{line}\n" for line in lines]
    return ["".join(text[at : at + size]) for at in range(0, len(text), size)]


def all_lines(lines):
    return [LogLine("log", 0.0, text, number) for number, text in enumerate(lines, 1)]


@pytest.mark.parametrize(
    "failure",
    [
        FAILURE,
        [f"(EngineCore_DP1 pid=71) {line}" for line in FAILURE],
        ["tests/t.py::test_a", *FAILURE, "FAILED"],
        ["===== FAILURES =====", "____ test_a ____", "E   KeyError: 1", "====="],
    ],
    ids=["plain", "prefixed", "in a test", "of a report"],
)
@pytest.mark.parametrize("size", [1, 100, 700])
def test_events_are_those_of_all_lines(failure, size):
    lines = [*healthy(2000), *failure, *healthy(2000, pid=10)]
    assert explain_log(relevant_lines("log", blocks(lines, size))) == explain_log(all_lines(lines))


def test_healthy_block_is_skipped():
    lines = healthy(CONTEXT_LINES + 10_000)
    kept = list(relevant_lines("log", blocks(lines)))
    assert len(kept) < CONTEXT_LINES + 300
    assert all(lines[line.number - 1] == line.text for line in kept)


def test_each_process_is_kept_once():
    lines = [*healthy(1000), HEALTHY % (9, 999, 1, 1), *healthy(1000)]
    kept = [line for line in relevant_lines("log", blocks(lines)) if "pid=999" in line.text]
    assert [line.number for line in kept] == [1001]


def test_last_line_without_a_newline_is_read():
    assert [line.text for line in relevant_lines("log", ["a\nb\n", "c"])] == ["a", "b", "c"]
