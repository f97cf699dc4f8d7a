"""Python tracebacks in every form that logs contain; real ones are printed by Python itself."""

from __future__ import annotations

import subprocess
import sys

import pytest
from engine_logs import TREE, as_lines, logged, prefixed, traceback

from bisect_tool.evidence import Event, explain, read_events

CHAINED = """
def inner():
    raise KeyError("cause")
def outer():
    try:
        inner()
    except KeyError as error:
        raise {raise_form}
outer()
"""
GROUP = """
def fail(error):
    raise error
errors = []
for error in (ValueError("first"), TypeError("second")):
    try:
        fail(error)
    except Exception as caught:
        errors.append(caught)
raise ExceptionGroup("both", errors)
"""
NESTED_GROUP = """
try:
    raise ExceptionGroup("outer", [ExceptionGroup("inner", [ValueError("deep")]), OSError(5, "shallow")])
except ExceptionGroup as group:
    raise RuntimeError("after") from group
"""
RECURSION = "def f(n):\n    return f(n + 1)\nf(0)\n"
NOTES = 'error = ValueError("noted")\nerror.add_note("a note\\nof two lines")\nraise error\n'
MULTILINE = 'raise RuntimeError("first line\\n\\nsecond: line\\n  third")\n'
EMPTY_FIRST = 'raise RuntimeError("\\n    message below")\n'
SYNTAX = 'compile("def f(:\\n  pass", "/w/slot-0/vllm/broken.py", "exec")\n'
CUT_SHORT = """
import sys
sys.stderr.write('Traceback (most recent call last):\\n  File "a.py", line 1, in f\\n')
"""
IGNORED = (
    "class A:\n    def __del__(self):\n        raise ValueError('late')\na = A()\ndel a\nprint('go on')\n"
)


def printed_by_python(code: str) -> list[str]:
    """The output of a real interpreter when `code` fails."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stderr.splitlines()


def summary(events: tuple[Event, ...]) -> list[tuple[str, str]]:
    return [(event.exception, event.message) for event in events]


WRAPPERS = {
    "plain": lambda lines: lines,
    "prefix on every line": lambda lines: prefixed("(EngineCore_DP1 pid=7)", lines),
    "logged": lambda lines: logged("(EngineCore_DP1 pid=7)", "core.py:1100", ["It failed.", *lines]),
    "coloured": lambda lines: [f"\x1b[31m{line}\x1b[0m\r" for line in lines],
    "CloudWatch": lambda lines: [f"2026-03-06T10:00:00.123-04:00   {line}" for line in lines],
    "after a stamp with a zone": lambda lines: [f"2026-03-06T10:00:00.123-04:00 {line}" for line in lines],
    "torch rank": lambda lines: [f"[rank1]: {line}" for line in lines],
    "between lines of others": lambda lines: [
        text
        for line in prefixed("(Worker_DP0 pid=8)", lines)
        for text in (
            line,
            '(Worker_DP1 pid=9)   File "x.py", line 1, in f',
            "(Worker_DP1 pid=9) ready",
            "loading...",
        )
    ],
    "with log lines of the same process": lambda lines: [
        text
        for line in prefixed("(Worker_DP0 pid=8)", lines)
        for text in (
            line,
            "(Worker_DP0 pid=8) INFO 11-23 07:56:00 [a.py:1] busy",
            "(Worker_DP0 pid=8) INFO:     on",
        )
    ],
}


@pytest.fixture(params=WRAPPERS.values(), ids=WRAPPERS.keys())
def wrap(request):
    return request.param


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('raise ValueError("alone")', [("ValueError", "alone")]),
        ("raise SystemError", [("SystemError", "")]),
        ("assert 1 == 2", [("AssertionError", "")]),
        ("import no_such_module", [("ModuleNotFoundError", "No module named 'no_such_module'")]),
        (
            CHAINED.format(raise_form="RuntimeError('b') from error"),
            [("KeyError", "'cause'"), ("RuntimeError", "b")],
        ),
        (CHAINED.format(raise_form="RuntimeError('b')"), [("KeyError", "'cause'"), ("RuntimeError", "b")]),
        (CHAINED.format(raise_form="RuntimeError('b') from None"), [("RuntimeError", "b")]),
        (
            GROUP,
            [("ValueError", "first"), ("TypeError", "second"), ("ExceptionGroup", "both (2 sub-exceptions)")],
        ),
        (
            NESTED_GROUP,
            [
                ("ValueError", "deep"),
                ("OSError", "[Errno 5] shallow"),
                ("ExceptionGroup", "inner (1 sub-exception)"),
                ("ExceptionGroup", "outer (2 sub-exceptions)"),
                ("RuntimeError", "after"),
            ],
        ),
        (RECURSION, [("RecursionError", "maximum recursion depth exceeded")]),
        (NOTES, [("ValueError", "noted")]),
        (MULTILINE, [("RuntimeError", "first line")]),
        (EMPTY_FIRST, [("RuntimeError", "message below")]),
        (SYNTAX, [("SyntaxError", "invalid syntax")]),
        (CUT_SHORT, [("", "traceback cut short")]),
    ],
    ids=lambda value: None if isinstance(value, str) else "+".join(name for name, _ in value),
)
def test_real_tracebacks(code, expected, wrap):
    assert summary(read_events(as_lines(wrap(printed_by_python(code))))) == expected


def test_frames_are_outermost_first_and_belong_to_their_exception():
    cause, effect = read_events(
        as_lines(printed_by_python(CHAINED.format(raise_form="RuntimeError('b') from error")))
    )
    assert [frame.function for frame in cause.frames] == ["outer", "inner"]
    assert [frame.function for frame in effect.frames] == ["<module>", "outer"]


def test_syntax_error_names_the_broken_file():
    (event,) = read_events(as_lines(printed_by_python(SYNTAX)))
    assert (event.frames[-1].file, event.frames[-1].line, event.frames[-1].function) == (
        "/w/slot-0/vllm/broken.py",
        1,
        "",
    )


def test_syntax_error_of_the_main_file_has_no_header(tmp_path):
    script = tmp_path / "main.py"
    script.write_text("def f(:\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    (event,) = read_events(as_lines(done.stderr.splitlines()))
    assert (event.exception, event.frames[0].file) == ("SyntaxError", str(script))


def test_remote_traceback_is_read_as_the_remote_exception():
    text = '''multiprocessing.pool.RemoteTraceback:
"""
Traceback (most recent call last):
  File "pool.py", line 125, in worker
    result = (True, func(*args, **kwds))
  File "/t/vllm/a.py", line 2, in work
ZeroDivisionError: far away
"""

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "pool.py", line 774, in get
    raise self._value
ZeroDivisionError: far away'''
    lines = ["Traceback (most recent call last):", *text.splitlines()]
    first, second = read_events(as_lines(lines))
    assert summary((first, second)) == [("ZeroDivisionError", "far away")] * 2
    assert first.frames[-1].function == "work"


def test_ignored_exception_is_a_warning():
    events = read_events(as_lines(printed_by_python(IGNORED)))
    assert [(event.exception, event.severity) for event in events] == [("ValueError", "warning")]


@pytest.mark.parametrize(
    ("level", "severity"), [("ERROR", "error"), ("WARNING", "warning"), ("INFO", "info")]
)
def test_level_of_a_logged_traceback_is_its_severity(level, severity):
    lines = logged("(Worker_DP0 pid=1)", "a.py:1", traceback(("a.py", 1, "f"), raised="OSError: x"), level)
    (event,) = read_events(as_lines(lines))
    assert (event.exception, event.severity) == ("OSError", severity)


def test_announced_process_is_the_role_of_an_unprefixed_traceback():
    lines = ["Process EngineCore_DP0:", *traceback((f"{TREE}/vllm/a.py", 1, "f"), raised="OSError: x")]
    (event,) = read_events(as_lines(lines))
    assert event.role == "EngineCore_DP0"
    assert event.lines[:2] == ("Process EngineCore_DP0:", "Traceback (most recent call last):")


def test_frames_without_a_writer_continue_the_latest_traceback():
    start, *rest = traceback((f"{TREE}/vllm/a.py", 1, "f"), raised="OSError: x")
    (event,) = read_events(as_lines([f"(Worker_DP0 pid=1) {start}", *rest]))
    assert (event.role, event.exception, event.frames[0].function) == ("Worker_DP0", "OSError", "f")


def test_two_tracebacks_in_a_row_are_two():
    lines = [
        *traceback(("a.py", 1, "f"), raised="OSError: x"),
        *traceback(("b.py", 1, "g"), raised="KeyError: 'y'"),
    ]
    assert summary(read_events(as_lines(lines))) == [("OSError", "x"), ("KeyError", "'y'")]


def test_line_after_a_traceback_is_read():
    lines = [
        *traceback(("a.py", 1, "f"), raised="OSError: x"),
        "Failed to start server rank 0: Server exited unexpectedly",
    ]
    assert [event.kind for event in read_events(as_lines(lines))] == ["exception", "exit"]


def test_long_tracebacks_keep_head_and_tail():
    lines = traceback(*((f"f{number}.py", number, "f") for number in range(1000)), raised="OSError: x")
    (event,) = read_events(as_lines(lines))
    assert (event.frames[0].line, event.frames[-1].line) == (0, 999)
    assert len(event.frames) < 60
    assert len(event.lines) <= 60
    assert event.lines[-1] == "OSError: x"


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (
            ["requests.exceptions.HTTPError: 401 Client Error"],
            ["requests.exceptions.HTTPError: 401 Client Error"],
        ),
        (["bind: Address already in use"], ["Copy", "bind: Address already in use"]),
        ([], ["Copy"]),
    ],
)
def test_single_word_is_an_exception_unless_one_follows(after, found):
    lines = ["Traceback (most recent call last):", f'  File "{TREE}/a.py", line 3, in run', "Copy", *after]
    assert [event.headline for event in read_events(as_lines(lines))] == found


@pytest.mark.parametrize(
    ("function", "root"),
    [("compile", "PTXASError: no such target"), ("rmtree", "returned non-zero exit status 255")],
)
def test_exception_explains_a_command_if_the_same_function_raised_it(function, root):
    lines = [
        "Traceback (most recent call last):",
        f'  File "{TREE}/compiler.py", line 3, in compile',
        '  File "/usr/lib/python3.12/subprocess.py", line 571, in run',
        "subprocess.CalledProcessError: Command '['ptxas']' returned non-zero exit status 255.",
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        "Traceback (most recent call last):",
        f'  File "{TREE}/compiler.py", line 9, in {function}',
        "PTXASError: no such target",
    ]
    assert root in explain(read_events(as_lines(lines)), None, {}).root.headline


def test_boxed_traceback_of_rich_is_read():
    box = [
        "\u256d\u2500\u2500 Traceback (most recent call last) \u2500\u2500\u256e",
        "\u2502 /w/run.py:8 in <module>                  \u2502",
        "\u2502 \u2771  8 \u2502 main()                            \u2502",
        "\u2502 /w/load.py:20 in load                    \u2502",
        "\u2570" + "\u2500" * 42 + "\u256f",
        "KeyError: 'weight'",
    ]
    for indent in ("", "           "):
        (event,) = read_events(as_lines([f"{indent}{line}" for line in box]))
        assert event.headline == "KeyError: 'weight'"
        assert [(frame.file, frame.line, frame.function) for frame in event.frames] == [
            ("/w/run.py", 8, "<module>"),
            ("/w/load.py", 20, "load"),
        ]


def test_equal_output_of_two_processes_is_one_exception():
    lines = [
        "Traceback (most recent call last):Traceback (most recent call last):",
        '  File "/w/run.py", line 8, in main',
        '  File "/w/run.py", line 8, in main',
        "TypeErrorTypeError: : no argument 'a'no argument 'a'",
    ]
    assert [event.headline for event in read_events(as_lines(lines))] == ["TypeError: no argument 'a'"]


def test_traceback_below_a_message_that_ends_with_a_colon_is_its_cause():
    raised = "docs.Warning: cannot import m; this was raised:", "NameError: no Any"
    lines = [line for each in raised for line in traceback(("a.py", 1, "f"), raised=each)]
    assert [event.exception for event in explain(read_events(as_lines(lines)), None, {}).chain] == [
        "NameError",
        "docs.Warning",
    ]
