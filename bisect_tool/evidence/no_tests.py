"""Find that a test runner succeeded without running a test: none matched, or all were skipped. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NONE_RAN = re.compile(
    r"\W*(?:Ran 0 tests in|NO TESTS RAN|OK \(skipped=\d+\))"  # unittest
    r"|(?:=+ )?(?:no tests ran|(?:\d+ (?:skipped|deselected|warnings?),? ?)+) in [\d.]+s"  # pytest
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
    texts = _ALL_SKIPPED.sub("", "\n".join(lines)).split("\n")
    if any(_SOME_RAN.search(text) for text in texts):
        return ""
    return next((text.strip("= ") for text in texts if _NONE_RAN.match(text)), "")
