"""Lines that are read as a run give the same events as lines that are parsed one by one."""

import pytest

from bisect_tool.evidence import LogLine, read_events, reader

STACK = [
    "Traceback (most recent call last):",
    '  File "/opt/env/lib/python3.12/site-packages/vllm/core.py", line 7, in run',
    "    step(\tx)",
    "    ^^^^",
    '  File "/opt/engine/model.py", line 9, in step',
    "    raise Kept('Traceback')",
    '      File "/opt/remote.py", line 1, in quoted',
    "MemoryError: no room",
]
PREFIXES = [
    "",
    "(Worker_DP0 pid=7) ",
    "(Worker_DP0 pid=7) ERROR 06-10 16:45:05 [core.py:1] ",
    "Jun 10 16:45:05 host vllm[1]: ",
    "\x1b[36m(RayWorker pid=7)\x1b[0m ",
    "[rank3]: ",
    "[default3]:",
    "app says: ",
]


def stamped(texts):
    return [f"2026-03-06T05:11:{at % 60:02}.{at:07}Z stderr F {text}" for at, text in enumerate(texts)]


def without_runs(lines):
    def none(*_):
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "start_run", none)
        return read_events(lines)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    "between",
    [
        None,
        "(Other pid=9) INFO 06-10 16:45:05 [a.py:1] healthy",
        "    (Other pid=9) ValueError: indented",
        "    ERROR 06-10 16:45:06 [b.py:2] glued",
        "ValueError: bare",
        "",
        "Traceback (most recent call last):",
        '    File "/a.py", line 1, in f [repeated 3x across cluster]',
    ],
)
def test_reading_runs_changes_no_event(prefix, between):
    for place in range(1, len(STACK)):
        texts = [f"{prefix}{text}" for text in STACK]
        if between is not None:
            texts.insert(place, between)
        lines = [LogLine("log", 1.0, text, number) for number, text in enumerate(texts + texts, 1)]
        assert read_events(lines) == without_runs(lines)


@pytest.mark.parametrize("between", ["2026-03-06T05:11:xx.0000003Z stderr F     code", "    code", "2026"])
def test_times_within_the_prefix_may_differ(between):
    texts = stamped([*STACK, "ValueError: later", *STACK])
    texts.insert(4, between)
    lines = [LogLine("log", 0.0, text, number) for number, text in enumerate(texts, 1)]
    assert read_events(lines) == without_runs(lines)
    assert [event.time % 60 for event in read_events(lines)] == pytest.approx([0.0, 8.0000008, 9.0000009])


def test_log_with_the_same_prefix_is_separate():
    lines = [LogLine("a", 1.0, text) for text in STACK[:3]]
    lines += [LogLine("b", 1.0, "    of another log"), LogLine("a", 1.0, STACK[-1])]
    (event,) = read_events(lines)
    assert event.exception == "MemoryError"
    assert "    of another log" not in event.lines


def test_dissimilar_record_among_many_is_kept():
    flood = [LogLine("a", 1.0, f"ValueError: number {number}") for number in range(9000)]
    flood[4500] = LogLine("a", 1.0, "torch.OutOfMemoryError: CUDA out of memory.")
    assert "torch.OutOfMemoryError" in {event.exception for event in read_events(flood)}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_stack_is_read_as_a_run(prefix, monkeypatch):
    taken = []

    class Counting(reader.StackRun):
        __slots__ = ()

        def take(self, line):
            if super().take(line):
                taken.append(line.text)
                return True
            return False

    monkeypatch.setattr("bisect_tool.evidence.traceback_lines.StackRun", Counting)
    read_events([LogLine("log", 1.0, f"{prefix}{text}") for text in STACK])
    assert len(taken) >= 2
