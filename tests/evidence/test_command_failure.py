"""The failure of a plain command, read from the output of common tools."""

from __future__ import annotations

from textwrap import dedent

import pytest

from bisect_tool.evidence import command_failure, exit_text, identifying_signatures, mentions

PYTEST = """
    .FF                                                                      [100%]
    =================================== FAILURES ===================================
    ___________________________________ test_sum ___________________________________

        def test_sum():
    >       assert total([1, 2]) == 4
    E       assert 3 == 4
    E        +  where 3 = total([1, 2])

    test_a.py:3: AssertionError
    ______________________________ TestTax.test_rate _______________________________

        def test_rate(self):
    >       rates['DE']
    E       KeyError: 'DE'

    test_a.py:9: KeyError
    =========================== short test summary info ============================
    FAILED test_a.py::test_sum - assert 3 == 4
    FAILED test_a.py::TestTax::test_rate - KeyError: 'DE'
    2 failed, 1 passed in 0.12s
"""
UNITTEST = """
    F
    ======================================================================
    FAIL: test_eq (test_u.T.test_eq)
    ----------------------------------------------------------------------
    Traceback (most recent call last):
      File "/tmp/x/test_u.py", line 3, in test_eq
        def test_eq(self): self.assertEqual('foo','bar')
                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    AssertionError: 'foo' != 'bar'
    - foo
    + bar


    ----------------------------------------------------------------------
    Ran 1 test in 0.001s

    FAILED (failures=1)
"""
TRACEBACK = """
    reading 3 files
    Traceback (most recent call last):
      File "/tmp/x/t.py", line 4, in <module>
        main()
      File "/tmp/x/t.py", line 2, in main
        raise ValueError("bad header")
    ValueError: bad header
"""
BARE_ASSERT = """
    Traceback (most recent call last):
      File "/tmp/x/t.py", line 4, in <module>
        check()
      File "/tmp/x/t.py", line 3, in check
        assert total(2) == 4
               ^^^^^^^^^^^^^
    AssertionError
"""
CHAINED = """
    Traceback (most recent call last):
      File "t.py", line 2, in <module>
        load()
    ImportError: no codec

    The above exception was the direct cause of the following exception:

    Traceback (most recent call last):
      File "t.py", line 4, in <module>
        raise RuntimeError("cannot start") from error
    RuntimeError: cannot start
"""
MAKE = """
    gcc -c a.c
    a.c: In function 'main':
    a.c:1:25: error: 'x' undeclared (first use in this function)
    a.c:2:27: error: expected ';' before '}' token
    make: *** [Makefile:3: a.o] Error 1
"""
CARGO = """
    running 2 tests
    test tests::adds ... FAILED
    failures:
    ---- tests::adds stdout ----
    thread 'tests::adds' panicked at src/lib.rs:9:5:
    assertion failed
    test result: FAILED. 0 passed; 1 failed; finished in 0.00s
    error: test failed, to rerun pass `--lib`
"""


CHECKOUT = """
    expected 3 rows, found 4
    Note: switching to 'v1.0'.

    You are in 'detached HEAD' state. You can look around, make experimental
      git switch -
    Turn off this advice by setting config variable advice.detachedHead to false

    HEAD is now at 1f3c2d4 Drop the cache
"""


def failure(output, code=1):
    return command_failure(dedent(output).splitlines(), code, 1.0, "suite")


@pytest.mark.parametrize(
    ("output", "headline"),
    [
        (PYTEST, "AssertionError: assert 3 == 4 (in test_sum)"),
        (UNITTEST, "AssertionError: 'foo' != 'bar' (in test_eq)"),
        (TRACEBACK, "ValueError: bad header"),
        (BARE_ASSERT, "AssertionError: in `assert total(2) == 4`"),
        (CHAINED, "ImportError: no codec -> RuntimeError: cannot start"),
        (MAKE, "error: 'x' undeclared (first use in this function)"),
        (CARGO, "FAILED: tests::adds"),
        ("    cannot open the door\n    make: *** [Makefile:3: test] Error 2\n\n", "cannot open the door"),
        ("    1 failed, 3 passed in 0.12s", "1 failed, 3 passed in 0.12s"),
        ("", "no output"),
        ("    HEAD is now at 1f3c2d4 Drop the cache", "no output"),
        (CHECKOUT, "expected 3 rows, found 4"),
        ("    --- FAIL: TestTax (0.00s)\n    FAIL\n    FAIL x/tax 0.003s", "FAILED: TestTax"),
        ("    FAILED test_a.py::test_x - Failed: DID NOT RAISE", "Failed: DID NOT RAISE (in test_x)"),
        ("    E   OSError: no rate", "E   OSError: no rate"),
        ("    Segmentation fault (core dumped)", "SIGSEGV"),
        ("    x.sh: line 2: 123 Aborted                 (core dumped) ./prog", "SIGABRT"),
        ("    a.ts(3,5): error TS2322: no string", "error: no string"),
        ("    error[E0308]: mismatched types\n    error: could not compile `a`", "error: mismatched types"),
        ("    ./tax.go:3:5: undefined: rate", "error: undefined: rate"),
        ("    l.c:(.text+0x9): undefined reference to `g'", "undefined reference: `g'"),
        ("    thread 'main' panicked at src/main.rs:2:5:\n    no rate", "panicked: src/main.rs:2:5: no rate"),
        ("    /x/tax.js:3\n    TypeError: no rate\n        at f (/x/tax.js:3:1)", "TypeError: no rate"),
        ("    ImportError: cannot import name spam\n    bye", "ImportError: cannot import name spam"),
        ("    ==7==ERROR: AddressSanitizer: use-after-free on 0x60", "AddressSanitizer: use-after-free"),
        ("    tax: tax.c:3: main: Assertion `rate' failed.", "Assertion: `rate' failed"),
    ],
)  # fmt: skip
def test_headline_of_a_command(output, headline):
    assert failure(output).root.headline == f"exit code 1: {headline}"


def test_command_failure_of_several_tests_has_a_signature_each():
    found = failure(PYTEST)
    assert [(each.frame, each.exception) for each in identifying_signatures(found)] == [
        ("test_sum", "AssertionError"),
        ("TestTax.test_rate", "KeyError"),
    ]


def test_command_failure_has_the_frames_of_its_traceback():
    assert [frame.line for frame in failure(TRACEBACK).root.frames] == [4, 2]


def test_error_of_a_called_program_explains_the_check():
    wrapper = """
        Traceback (most recent call last):
          File "check.py", line 2, in <module>
            subprocess.check_call(["make"])
        subprocess.CalledProcessError: Command '['make']' returned non-zero exit status 2.
    """
    assert failure(dedent(MAKE) + dedent(wrapper)).signature.exception == "error"
    assert failure(wrapper).signature.exception == "subprocess.CalledProcessError"


def test_ignored_exception_is_no_failure():
    ignored = "Exception ignored in: <x>\nTraceback (most recent call last):\nKeyError: 1\nno rates today"
    assert failure(ignored).root.headline == "exit code 1: no rates today"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PYTEST, PYTEST.replace("3 == 4", "5 == 6").replace("0.12s", "1.30s")),
        ("seed 12 failed after 3.4 s in /tmp/tmpab12cd/x", "seed 7 failed after 0.1 s in /tmp/tmpzz99yy/x"),
        ("KeyError: {'a', 'b', 'c'}", "KeyError: {'c', 'a', 'b'}"),
        ("TypeError: <X at 0x7f3a> 2026-11-26T17:06:19", "TypeError: <X at 0x1b2c> 2026-01-02T03:04:05"),
        ("ValueError: tax-1.2.dev34+gabc1234", "ValueError: tax-1.2.dev35+gdef5678"),
        ("x.sh: line 2: 123 Aborted (core dumped) ./p", "x.sh: line 2: 45678 Aborted (core dumped) ./p"),
        ("stopped at step7", "stopped at step12"),
    ],
)  # fmt: skip
def test_same_failure_in_another_run(one, other):
    assert failure(one).signature == failure(other).signature


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ImportError: cannot import name spam", "AssertionError: 3 != 4"),
        ("ValueError: bad header", "ValueError: missing column"),
        ("ModuleNotFoundError: No module named 'a'", "ModuleNotFoundError: No module named 'b'"),
        ("cannot connect", "wrong result"),
        (PYTEST, MAKE),
        (BARE_ASSERT, BARE_ASSERT.replace("total(2)", "rate(2)")),
        (CHAINED, CHAINED.replace("no codec", "no font")),
    ],
)
def test_another_failure(one, other):
    assert set(identifying_signatures(failure(one))).isdisjoint(identifying_signatures(failure(other)))


def test_exit_code_distinguishes_failures():
    assert failure("no", 1).signature != failure("no", 2).signature


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (2, "exit code 2"),
        (126, "exit code 126 (not executable)"),
        (127, "exit code 127 (command not found)"),
        (128, "exit code 128"),
        (134, "exit code 134 (SIGABRT)"),
        (255, "exit code 255"),
        (-11, "SIGSEGV"),
        (-99, "signal 99"),
    ],
)
def test_exit_text(code, text):
    assert exit_text(code) == text


def test_excerpt_has_the_root_and_the_end():
    lines = ["ValueError: bad header", *(f"line {number}" for number in range(100))]
    excerpt = command_failure(lines, 1, 1.0, "suite").excerpt.splitlines()
    assert excerpt[0] == "ValueError: bad header"
    assert excerpt[-1] == "line 99"
    assert len(excerpt) <= 41


def test_excerpt_of_a_short_output_is_complete():
    assert failure(TRACEBACK).excerpt == dedent(TRACEBACK).rstrip("\n")


@pytest.mark.parametrize("text", ["exit code 1", "KeyError", "'DE'", "test_rate", "where 3 = total"])
def test_failure_mentions_its_signature_and_output(text):
    assert mentions(failure(PYTEST), text)


def test_failure_does_not_mention_other_text():
    assert not mentions(failure(PYTEST), "exit code 2")
