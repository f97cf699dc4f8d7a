"""Find that a test runner ran no test: none matched, all were skipped, or it could not start. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PYTEST = r"(?:=+ )?(?:no tests ran|(?:\d+ (?:skipped|deselected|warnings?),? ?)+) in [\d.]+s"
_NONE_RAN = re.compile(
    r"\W*(?:Ran 0 tests in|NO TESTS RAN|OK \(skipped=\d+\))"  # unittest
    rf"|{_PYTEST}"
    r"|No tests were found!!!"  # ctest
    r"|testing: warning: no tests to run|ok\s.*\[no tests to run\]|\?\s.*\[no test files\]"  # go
    r"|running 0 tests$"  # cargo
    r"|Tests: +(?:\d+ (?:skipped|todo), )+\d+ total|No tests found, exiting with code 0"  # jest
    r"|No test files found, exiting with code 0"  # vitest
    r"|\s*0 passing\b"  # mocha
    r"|\S tests 0$"  # node
    r"|0 examples, 0 failures|0 runs, 0 assertions|No tests executed!"  # rspec, minitest, phpunit
    r"|(?:\[\w+\] )?(?:Tests run: 0,|No tests to run)"  # surefire
    r"|\[=+\] Running 0 tests|No test matches the given testcase filter",  # googletest, dotnet
    re.IGNORECASE,
)
_NOT_STARTED = re.compile(
    rf"{_PYTEST}|.*\bpy\.?test(?:\.exe|\.py)?: error: "  # pytest
    r"|ERROR: Missing required plugins: |ImportError: Error importing plugin |.*: No module named pytest$"
    r"|NO TESTS RAN$"  # unittest
    r"|No tests were found!!!"  # ctest
    r"|No tests? (?:files )?found, exiting with code 1"  # jest, vitest
    r"|\s*Error: No test files found"  # mocha
    r"|error: no tests to run"  # nextest
    r"|(?:> )?No tests found for given includes"  # gradle
    r"|.*No tests were executed!|No tests executed!"  # surefire, phpunit
    r"|npm (?:ERR!|error) [Mm]issing script: |error Command \".+\" not found\."  # npm, yarn
    r"|g?make: \*\*\* No rule to make target [`'][^']*'\. +Stop\.|ninja: error: unknown target "
    r"|error: no test target named "  # cargo
)
"""What runners print before they fail for lack of a test, a script, a target, an option or a plugin."""
_INTERRUPTED = re.compile(r"!+ Interrupted: \d+ errors? during collection !+")
_COLLECTED = re.compile(
    rf"{_INTERRUPTED.pattern}|collected \d+ items? / "
    r"|(?:=+ )?(?:\d+ (?:errors?|warnings?|skipped|deselected),? ?)+in "
)
"""How pytest counts the files that it could not read, if it then runs no test."""
_SOME_RAN = re.compile(
    r"\b[1-9]\d* (?:tests?|passed|passing|failed|xfailed|xpassed|errors?|examples|runs|specs|assertions)\b"
    r"|Tests run: +[1-9]|(?:tests|pass|passed:|ok:|out of) +[1-9]"
    r"|ok\s+\S+\s+(?:\(cached\)|[\d.]+s)(?!.*\[no tests)|ok [1-9]\d*\b(?!.*# skip)|.*\bPASSED in\b",
    re.IGNORECASE,
)
_ALL_SKIPPED = re.compile(r"Ran (?P<count>\d+) tests? in .*\n\n?(?=OK \(skipped=(?P=count)\))")
"""unittest counts skipped tests as tests that ran."""


def no_test_ran(lines: Iterable[str]) -> str:
    """Return the line with which a test runner says that it ran no test; empty if it ran one.

    `lines` are the output of a command that succeeded. It may have started several runners.
    """
    return _first_match(_ALL_SKIPPED.sub("", "\n".join(lines)).split("\n"), _NONE_RAN)


def no_test_started(lines: Iterable[str]) -> str:
    """Return the line with which a test runner says why it failed before any test; empty if it ran one."""
    texts = tuple(lines)
    if interrupted := next((text for text in texts if _INTERRUPTED.match(text)), ""):
        rest = (text for text in texts if not _COLLECTED.match(text))
        return "" if any(map(_SOME_RAN.search, rest)) else interrupted.strip("! ")
    return _first_match(texts, _NOT_STARTED)


def _first_match(texts: Sequence[str], pattern: re.Pattern[str]) -> str:
    if any(_SOME_RAN.search(text) for text in texts):
        return ""
    return next((text.strip("= ") for text in texts if pattern.match(text)), "")
