"""The failure chain of a command: what its child processes logged, and its own last error."""

from textwrap import dedent

import pytest

from bisect_tool.evidence import (
    LogLine,
    command_failure,
    command_without_good_events,
    explain_log,
    identifying_signatures,
    with_chain,
)

SERVED = """
    (EngineCore_DP0 pid=77) ERROR 11-23 09:49:34 [core.py:1] EngineCore failed to start.
    (EngineCore_DP0 pid=77) ERROR 11-23 09:49:34 [core.py:1] Traceback (most recent call last):
    (EngineCore_DP0 pid=77) ERROR 11-23 09:49:34 [core.py:1]   File "/x/engine/core.py", line 3, in start
    (EngineCore_DP0 pid=77) ERROR 11-23 09:49:34 [core.py:1] KeyError: 'page'
    Traceback (most recent call last):
      File "/x/check.py", line 9, in <module>
        wait()
    RuntimeError: Engine core initialization failed. See root cause above.
"""
CHAINED = """
    Traceback (most recent call last):
      File "/x/check.py", line 3, in load
        open(path)
    FileNotFoundError: no page

    During handling of the above exception, another exception occurred:

    Traceback (most recent call last):
      File "/x/check.py", line 9, in <module>
        load()
    LookupError: cannot load
"""
HANDLED = """
    Traceback (most recent call last):
      File "/x/check.py", line 3, in probe
        probe()
    KeyError: 'optional'
    going on without it
    Traceback (most recent call last):
      File "/x/check.py", line 9, in <module>
        run()
    ValueError: bad header
"""


def failure(output, code=1):
    texts = dedent(output).strip().splitlines()
    logged = explain_log(LogLine("suite", 1.0, text, number) for number, text in enumerate(texts, 1))
    return with_chain(command_failure(texts, code, 2.0, "suite"), logged)


def test_engine_error_is_the_root_of_the_error_of_the_check():
    found = failure(SERVED)
    assert (found.root.role, found.root.headline) == ("EngineCore_DP0", "exit code 1: KeyError: 'page'")
    assert (found.chain[-1].role, found.chain[-1].exception) == ("Command", "RuntimeError")
    assert str(found.signature).startswith("EngineCore: exit code 1: KeyError")
    assert "Command: exit code 1: RuntimeError" in str(found.other_signatures[0])
    assert {signature.exit for signature in identifying_signatures(found)} == {"exit code 1"}


def test_own_error_of_the_check_is_kept():
    found = failure(CHAINED)
    assert found.root.role == "Command"
    assert "cannot load" in found.root.message


def test_handled_exception_is_not_the_root():
    assert failure(HANDLED).root.headline == "exit code 1: ValueError: bad header"


def test_consequences_of_the_root_are_its_chain():
    output = (
        "Traceback (most recent call last):\n"
        '  File "/x/check.py", line 3, in load\n    open()\n'
        "ValueError: torn page\n"
        "(Worker_0 pid=7) ERROR 11-23 09:49:34 [w.py:1] BrokenPipeError: [Errno 32] Broken pipe\n"
    )
    assert [event.exception for event in failure(output).chain] == ["ValueError", "BrokenPipeError"]


def test_output_without_errors_gives_exit_code_and_last_line():
    found = failure("ok so far\n", code=3)
    assert found.chain == (found.root,)
    assert found.root.headline == "exit code 3: ok so far"


@pytest.mark.parametrize(
    ("output", "root"),
    [
        (
            "CUDA error: out of memory\nrun.sh: line 3: 71 Aborted   (core dumped) ./srv",
            "CUDA error: out of memory",
        ),
        ("Error: no page\n\nCaused by:\n    0: no file\n    1: no disk", "no disk"),
        ('{"level": "error", "msg": "no page"}\n{"level": "fatal", "msg": "exiting"}', "no page"),
        ("ValueError: no page\nEOFError: ran out of input", "ValueError: no page"),
        (
            "--- FAIL: TestPage (0.00s)\npanic: no page\n\ngoroutine 7 [running]:\nFAIL shop/page 0.004s",
            "panic: no page",
        ),
        ("engine-1 exited with code 137\nbye", "engine-1 exited with code 137"),
        ("- shop - ERROR - no page\nerror: creating server: nothing loaded", "no page"),
    ],
)
def test_earlier_error_is_the_root_of_the_last_one(output, root):
    found = failure(output)
    assert found.root.headline == f"exit code 1: {root}"
    assert found.chain[-1].role == "Command"
    assert found.signature.exit == "exit code 1"


@pytest.mark.parametrize(
    "output",
    [
        "ERROR probe: nothing there\n--- FAIL: TestPage (0.00s)\nFAIL",
        "main.cc:(.text+0x1): undefined reference to `page'\ncollect2: error: ld returned 1 exit status",
        "ValueError: no page\nKeyError: 'page'",
    ],
)
def test_last_error_is_kept_if_it_is_as_near_to_the_cause(output):
    assert failure(output).root.role == "Command"


def test_earlier_error_of_passing_runs_is_no_root():
    found = failure('{"level": "error", "msg": "no cache"}\nbye')
    good = [found.signature.model_copy(update={"exit": ""})]
    assert command_without_good_events(found, good).root.headline == "exit code 1: bye"
