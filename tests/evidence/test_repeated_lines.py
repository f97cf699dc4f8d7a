"""Blocks in the middle of a long log that only repeat earlier lines are skipped."""

import pytest

from bisect_tool.evidence import LogLine, explain_log, read_events, repeated_lines
from bisect_tool.evidence.healthy_lines import CONTEXT_LINES, relevant_lines
from bisect_tool.evidence.repeated_lines import with_end_marked

SIZE, LOOPS = 100, 600
LOOP = [
    "(EngineCore_DP0 pid=%d) INFO 06-10 16:%02d:00 [core.py:1] starting",
    "(EngineCore_DP0 pid=%d) ERROR 06-10 16:%02d:01 [core.py:2] Traceback (most recent call last):",
    '(EngineCore_DP0 pid=%d) ERROR 06-10 16:%02d:01 [core.py:2]   File "/opt/vllm/core.py", line 7, in run',
    "(EngineCore_DP0 pid=%d) ERROR 06-10 16:%02d:01 [core.py:2]     step()",
    "(EngineCore_DP0 pid=%d) ERROR 06-10 16:%02d:01 [core.py:2] MemoryError: no room",
]
NEW = [line.replace("MemoryError: no room", "KeyError: 'weights'") for line in LOOP]


@pytest.fixture(autouse=True)
def short_ends(monkeypatch):
    monkeypatch.setattr(repeated_lines, "HEAD", 20_000)
    monkeypatch.setattr(repeated_lines, "TAIL", 20_000)


def failing(number, lines=LOOP):
    return [line % (100 + number, number % 60) for line in lines]


def loop(count=LOOPS, first=0):
    return [line for number in range(first, first + count) for line in failing(number)]


def blocks(lines):
    text = [f"{line}\n" for line in lines]
    return ["".join(text[at : at + SIZE]) for at in range(0, len(text), SIZE)]


def relevant(lines):
    kept = list(relevant_lines("log", blocks(lines)))
    assert all(lines[line.number - 1] == line.text for line in kept)
    assert [line.number for line in kept] == sorted({line.number for line in kept})
    return kept


def signatures_of(lines):
    return [(found.test, found.failure.root, found.failure.signature) for found in explain_log(lines)]


def all_lines(lines):
    return [LogLine("log", 0.0, text, number) for number, text in enumerate(lines, 1)]


def test_repeated_failure_is_read_at_both_ends():
    lines = loop()
    kept = relevant(lines)
    assert len(kept) < len(lines) * 2 / 3
    assert (kept[0].number, kept[-1].number) == (1, len(lines))
    assert signatures_of(kept) == signatures_of(all_lines(lines))


@pytest.mark.parametrize("within", range(0, SIZE, 17))
def test_other_failure_in_the_middle_is_read_completely(within):
    half = LOOPS * len(LOOP) // 2 + within
    lines = loop()
    lines[half:half] = failing(7, NEW)
    numbers = {line.number for line in relevant(lines)}
    assert numbers.issuperset(range(half - CONTEXT_LINES + SIZE, half + len(NEW) + CONTEXT_LINES - SIZE))


def test_other_failure_across_blocks_has_its_first_lines():
    lines = loop()
    at = 15 * SIZE - 2
    lines[at:at] = failing(7, NEW)
    (event,) = [event for event in read_events(relevant(lines)) if event.exception == "KeyError"]
    assert [frame.function for frame in event.frames] == ["run"]
    assert event.line == at + 2


@pytest.mark.parametrize("line", ["FAILED tests/t.py::test_17 - KeyError: 17", "tests/t.py::test_17 FAILED"])
def test_test_whose_name_differs_in_its_number_is_read(line):
    before = line.replace("17", "4")
    lines = [*loop(200), before, *loop(200, 200), line, *loop(300, 400)]
    assert {test for test, *_ in signatures_of(relevant(lines))} >= {
        "tests/t.py::test_4",
        "tests/t.py::test_17",
    }


def test_section_of_a_test_whose_name_differs_in_its_number_is_read():
    def section(number):
        code = ">       assert answers[the_name_of_the_question] == expected"
        return [f"_______ test_{number} _______", code, f"E   KeyError: {number}", f"t.py:{number}: KeyError"]

    sections = [line for number in range(900) for line in section(number)]
    summary = ["===== short test summary info =====", "FAILED t.py::test_450 - KeyError: 450"]
    lines = ["===== FAILURES =====", *sections, *summary]
    (answer,) = [each for each in explain_log(relevant(lines)) if each.test == "t.py::test_450"]
    assert answer.failure.root.message == "450"
    assert [frame.line for frame in answer.failure.root.frames] == [450]


def test_short_log_is_read_line_by_line():
    lines = loop(40)
    assert relevant(lines) == all_lines(lines)


def test_end_starts_at_the_block_of_its_first_character(monkeypatch):
    monkeypatch.setattr(repeated_lines, "TAIL", 5)
    assert list(with_end_marked(["aaa", "bb", "cc", "dd"])) == [
        ("aaa", False),
        ("bb", True),
        ("cc", True),
        ("dd", True),
    ]
    assert list(with_end_marked([])) == []
