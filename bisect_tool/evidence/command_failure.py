"""Find why a plain command failed, from its exit code or signal and its output.

The output can be that of any tool, so several searches are tried in order; the first that finds anything
decides:

1. tests that a test runner names (pytest, unittest, go, cargo, googletest, ctest, TAP, jest, ...), and
   exceptions below their summary
2. a crash: a sanitizer's report, a panic, the shell's message about a signal
3. the last exception, in a traceback or on a line of its own
4. errors of compilers and linkers
5. the last line that does not summarise the lines above it

Searches 1, 2 and 4 may find several failures: two runs failed the same way if they have one in common.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bisect_tool.evidence.event import Event, Frame
from bisect_tool.evidence.exit_codes import exit_text
from bisect_tool.evidence.failure_chain import Failure
from bisect_tool.evidence.signature import Signature, normalise
from bisect_tool.evidence.traceback import FeedResult, TracebackReader, bare_exception, is_header, last_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bisect_tool.evidence.traceback import Link

ROLE = "Command"
NO_OUTPUT = "no output"
_EXCERPT_LINES = 40
_BEFORE, _AFTER = 10, 10
_SIGNATURES_KEPT = 500
_MESSAGE_LIMIT = 500


@dataclass(frozen=True)
class _Finding:
    """A failure in the output, with the index of its line and its test."""

    line: int
    exception: str
    message: str = ""
    test: str = ""
    frames: tuple[Frame, ...] = ()

    def signature(self, ended: str) -> Signature:
        return Signature(
            role=ROLE,
            exit=ended,
            exception=self.exception,
            message=_identity(self.exception, self.message),
            frame=self.test,
        )


def command_failure(lines: Sequence[str], code: int, time: float, source: str) -> Failure:
    """Return the failure of a command that ended with exit code `code` (a signal if negative) at `time`.

    `lines` is its output, cleaned and without secrets; `source` is the name of its log.
    """
    ended = exit_text(code)
    found = _findings(lines) or (_last_line(lines),)
    root = found[0]
    event = Event(
        time=time,
        source=source,
        role=ROLE,
        kind="exit",
        severity="error",
        exit=ended,
        exception=root.exception,
        message=f"{root.message} (in {root.test})"
        if root.message and root.test
        else root.message or root.test,
        frames=root.frames,
        lines=tuple(lines[-_EXCERPT_LINES:]),
    )
    signatures = tuple(dict.fromkeys(each.signature(ended) for each in found[:_SIGNATURES_KEPT]))
    return Failure(
        root=event,
        chain=(event,),
        signature=signatures[0],
        other_signatures=signatures[1:],
        excerpt="\n".join(_excerpt(lines, root.line)),
    )


def reported_as_failed(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the tests that the output of a command reports as failed, whatever its exit code."""
    return tuple(dict.fromkeys(found.test for found in _tests(lines, _exceptions(lines))))


def failed_test(text: str) -> str:
    """Return the failed test that a line of a runner other than pytest names; else empty."""
    match = next((found for pattern in _TESTS if (found := pattern.match(text))), None)
    return "" if match is None or _CONSEQUENCE.match(text) else match["test"].strip()


def is_consequence(text: str) -> bool:
    """Whether a line is about the consequences of an earlier failure, or a summary."""
    return _CONSEQUENCE.match(text) is not None


# Lines about the consequences of an earlier failure, and summaries: never the cause.
_CONSEQUENCE = re.compile(
    r"\W*$"
    r"|=+ .* =+$|_+ .* _+$|!+ .* !+$"
    r"|(?:=+ )?(?:\d+ (?:failed|passed|errors?|skipped|warnings?|deselected|xfailed|xpassed)\b,? ?)+"
    r"|Ran \d+ tests?|FAILED \([\w=, ]+\)$|FAIL(?:ED)?$|FAIL\s+\S+\s+[\d.]+s$|ok\s+\S+\s+[\d.]+s$"
    r"|test result: |Tests?:? +(?:Suites: )?\d+ |\d+% tests passed|Total Test time|Errors while running CTest"
    r"|g?make(?:\[\d+\])?: |ninja: |npm (?:ERR!|error)|error Command failed|ERROR: InvocationError"
    r"|.*\b(?:exit|exited|returned)\b.{0,20}\b(?:code|status|non-zero)\b|.*\bld returned 1\b"
    r"|error: (?:could not compile|aborting due to|build failed|test failed)|For more information about"
    r"|\s*\d+ files? changed,|\d+ errors? (?:generated|found)|Found \d+ errors?|compilation terminated"
    r"|BUILD FAILED|FAILURE: Build |\*\* \w+ FAILED \*\*|\(\d+ failures?\)|Process completed",
    re.IGNORECASE,
)
_CHECKOUT = re.compile(
    r"^(?:(?:Previous )?HEAD (?:is now at|position was) [0-9a-f]{4,} .*"
    r"|Note: switching to '(?s:.)*?^Turn off this advice by setting config variable advice\.\w+ to false)$",
    re.MULTILINE,
)
"""The output of git for a checkout, which differs at every commit and is never the cause."""
_CALLED_PROCESS = "subprocess.CalledProcessError"

_TESTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"--- FAIL: (?P<test>\S+)",
        r"test (?P<test>\S+) \.\.\. FAILED$",
        r"\[  FAILED  \] (?P<test>[\w/]+\.[\w/]+)",
        r"\s*\d+ - (?P<test>\S+) \((?:Failed|Timeout|Not Run|SEGFAULT|\w*Exception\w*|Subprocess \w+)\)",
        r"not ok \d+\s*(?:- )?(?P<test>(?!.*# (?:TODO|SKIP)).+)",
        r"\s*\u25cf (?P<test>.+ \u203a .+)",  # jest
        r"\[ERROR\]\s+(?P<test>\w+(?:\.\w+)+):\d+",
        r"(?P<test>\S+ > .+) FAILED$",
        r"\d+\) (?P<test>\w+(?:\\\w+)*::\w+)",
        r"rspec \S+_spec\.rb\S* # (?P<test>.+)",
        r"(?P<test>[A-Z]\w*(?:::\w+)*#test_\S+) \[\S+:\d+\]:$",  # minitest
        r"\s*FAIL \[ *[\d.]+s\](?: \( *\d+/\d+\))? (?P<test>\S.*)",  # nextest
        r"\d\d:\d\d \+\d+(?: ~\d+)?(?: -\d+): (?P<test>.+) \[E\]$",  # dart
    )
)
_PYTEST = re.compile(r"(?:FAILED|ERROR) (?P<test>\S*?(?:\.py\b|::).*?)(?: - (?P<message>.*))?$")
_HEADING = re.compile(
    r"_{3,} (?:ERROR at (?:setup|teardown) of |ERROR collecting )?(?P<pytest>\S.*?) _{3,}$"
    r"|(?:FAIL|ERROR): (?P<unittest>\w+) \(.*\)"
    r"|(?P<end>=+ \S.* =+$|Ran \d+ tests? in )"
)
_MARGIN = re.compile(r"E {2,}(?=\S)")

_SIGNALS = {
    "Segmentation fault": "SIGSEGV",
    "Aborted": "SIGABRT",
    "Bus error": "SIGBUS",
    "Floating point exception": "SIGFPE",
    "Illegal instruction": "SIGILL",
    "Killed": "SIGKILL",
    "Trace/breakpoint trap": "SIGTRAP",
}
_SHELL_SIGNAL = re.compile(
    rf"(?:.*: line \d+: +\d+ |g?make.*\] )?(?P<signal>{'|'.join(_SIGNALS)})(?: *\(core dumped\).*|\s.*)?$"
)
_CRASHES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:==\d+==)?\s*ERROR: (?P<exception>\w+Sanitizer): (?P<message>[\w-]+)",
        r"(?P<exception>Fatal Python error): (?P<message>.+)",
        r"(?P<exception>panic): (?P<message>.+)",
        r"thread '.*'(?: \(\d+\))? (?P<exception>panicked) at (?P<message>.+)",
        r"terminate called after throwing an instance of '(?P<exception>[^']+)'",
        r"(?:.*: )?(?P<exception>Assertion) (?P<message>[`'].+ failed)",
    )
)
_EXCEPTION_NAME = r"(?:[\w$]+\.)*(?:[A-Z]\w*)?(?:Error|Exception)"
_EXCEPTIONS = tuple(
    re.compile(pattern)
    for pattern in (
        r'Exception in thread "[^"]*" (?P<exception>[\w.$]+)(?:: (?P<message>.*))?$',
        r"\S+:\d+:in .*?: (?P<message>.*) \((?P<exception>[A-Z]\w*(?:::\w+)*)\)$",
        r"\s*(?:Uncaught |Caused by: )?(?P<exception>" + _EXCEPTION_NAME + r")(?: \[\w+\])?: (?P<message>.+)",
    )
)
_ERROR_CODE = r"(?:\[\w+\]| [A-Z]+\d+)?"
_COMPILERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:.*?[:)] )?(?:internal compiler |fatal )?(?P<exception>error)"
        + _ERROR_CODE
        + r": (?P<message>.+)",
        r".*(?P<exception>undefined reference) to (?P<message>.+)",
        r"(?:\./)?[\w./-]+\.go:\d+:\d+: (?P<message>.+)",
        r"(?P<exception>CMake Error) at (?P<message>\S+):\d+",
        r"(?P<exception>fatal|ERROR|Error): (?P<message>.+)",
    )
)


def _findings(lines: Sequence[str]) -> tuple[_Finding, ...]:
    """Return the findings of the first search that has any, the root first; else empty."""
    exceptions = _exceptions(lines)
    caught = [found for found in exceptions if found.exception != _CALLED_PROCESS]
    searches: tuple[Callable[[], Iterable[_Finding]], ...] = (
        lambda: _with_later(_tests(lines, caught), lines, caught),
        lambda: [*_matches(_CRASHES, lines), *_signals(lines)],
        lambda: caught[-1:],
        lambda: _matches(_COMPILERS, lines),
        lambda: exceptions[-1:],
    )
    return next((found for search in searches if (found := tuple(search()))), ())


def _matches(patterns: Iterable[re.Pattern[str]], lines: Sequence[str]) -> Iterator[_Finding]:
    for index, text in enumerate(lines):
        if _CONSEQUENCE.match(text):
            continue
        match = next((found for pattern in patterns if (found := pattern.match(text))), None)
        if match is not None:
            named = match.groupdict()
            message = named.get("message") or ""
            if message.endswith(":") and index + 1 < len(lines):  # Rust prints the message on the next line
                message = f"{message} {lines[index + 1]}"
            yield _Finding(index, named.get("exception") or "error", message, named.get("test") or "")


def _signals(lines: Sequence[str]) -> Iterator[_Finding]:
    """Yield the shell's messages about programs that a signal ended."""
    for index, text in enumerate(lines):
        if match := _SHELL_SIGNAL.match(text):
            yield _Finding(index, _SIGNALS[match["signal"]])


def _last_line(lines: Sequence[str]) -> _Finding:
    """Return the last line, the weakest evidence: it names neither exception nor test."""
    kept = _CHECKOUT.sub(lambda match: "\n" * match[0].count("\n"), "\n".join(lines)).split("\n")
    nonempty = [index for index, text in enumerate(kept) if text.strip()]
    informative = [index for index in nonempty if not _CONSEQUENCE.match(lines[index])]
    index = next(reversed(informative or nonempty), None)
    return _Finding(0, "", NO_OUTPUT) if index is None else _Finding(index, "", lines[index].strip())


def _tests(lines: Sequence[str], exceptions: Sequence[_Finding]) -> list[_Finding]:
    """Return the failed tests, each with the exception below its heading."""
    shown = dict(_sections(lines, exceptions))
    summary = [
        _from_summary(index, match) for index, text in enumerate(lines) if (match := _PYTEST.match(text))
    ]
    if summary:
        return [replace(shown.get(found.test, found), test=found.test) for found in summary]
    if shown:
        return [replace(found, test=test) for test, found in shown.items()]
    return [replace(found, exception="FAILED") for found in _matches(_TESTS, lines)]


def _with_later(
    tests: Sequence[_Finding], lines: Sequence[str], exceptions: Sequence[_Finding]
) -> list[_Finding]:
    """Return failed tests, and the exceptions below their summary: what the command did next failed, too."""
    if not tests:
        return []
    ends = (
        index
        for index, text in enumerate(lines)
        if _PYTEST.match(text) or ((heading := _HEADING.match(text)) and heading["end"])
    )
    last = max(ends, default=len(lines))
    return [*tests, *(found for found in exceptions if found.line > last)]


def _from_summary(index: int, match: re.Match[str]) -> _Finding:
    """Return the finding of a line of pytest's summary; a truncated message is dropped."""
    test = ".".join(match["test"].split("::")[1:]) or match["test"]
    exception, message = _split_exception(match["message"] or "FAILED")
    return _Finding(index, exception, "" if message.endswith("...") else message, test)


def _sections(lines: Sequence[str], exceptions: Sequence[_Finding]) -> Iterator[tuple[str, _Finding]]:
    """Yield each test with a heading, and the exceptions below it: pytest's `E` lines, or a traceback."""
    headings = [(index, match) for index, text in enumerate(lines) if (match := _HEADING.match(text))]
    ends = [*(index for index, _ in headings), len(lines)][1:]
    for (start, match), end in zip(headings, ends, strict=False):
        test = match["pytest"] or match["unittest"]
        if not test:
            continue
        below = _margin_errors(lines, start, end) or [each for each in exceptions if start < each.line < end]
        if below:
            yield test, _join(below)


def _margin_errors(lines: Sequence[str], start: int, end: int) -> list[_Finding]:
    """Return the exceptions in a part of pytest's report: each block of `E` lines has one."""
    blocks: list[list[int]] = []
    for index in range(start, end):
        if _MARGIN.match(lines[index]):
            if not blocks or blocks[-1][-1] != index - 1:
                blocks.append([])
            blocks[-1].append(index)
    return [_from_block(lines, block) for block in blocks]


def _from_block(lines: Sequence[str], block: Sequence[int]) -> _Finding:
    texts = [_MARGIN.sub("", lines[index]) for index in block]
    named = next((text for text in texts if text.startswith("assert ") or bare_exception(text)), texts[0])
    return _Finding(block[texts.index(named)], *_split_exception(named))


def _split_exception(text: str) -> tuple[str, str]:
    """Split a line of pytest into exception and message; pytest leaves out the name AssertionError."""
    if text.startswith("assert "):
        return "AssertionError", text
    exception, message = last_line(text) or ("error", text)
    return exception, message or ""


def _join(found: Sequence[_Finding]) -> _Finding:
    """Join a chain of exceptions into one finding."""
    first, *rest = found
    led_to = (f" -> {each.exception}: {each.message}".rstrip(": ") for each in rest)
    return replace(first, message="".join((first.message, *led_to)))


def _exceptions(lines: Sequence[str]) -> list[_Finding]:
    """Return every exception in a traceback or on a line of its own, in order."""
    found: list[_Finding] = []
    inside: set[int] = set()
    for start, traced in _tracebacks(lines):
        inside.update(range(start, traced.line + 1))
        if not _is_ignored(lines, start):
            found.append(traced)
    found += [bare for bare in _matches(_EXCEPTIONS, lines) if bare.line not in inside]
    return sorted(found, key=lambda each: each.line)


def _is_ignored(lines: Sequence[str], start: int) -> bool:
    return start > 0 and lines[start - 1].startswith("Exception ignored")


def _tracebacks(lines: Sequence[str]) -> Iterator[tuple[int, _Finding]]:
    """Yield the index of the first line and the finding of every Python traceback."""
    reader: TracebackReader | None = None
    start = 0
    for index, text in enumerate((*lines, "")):
        over = index == len(lines) or (reader is not None and reader.raised and _HEADING.match(text))
        if reader is not None and (over or reader.feed(text) is FeedResult.CLOSED):
            if traced := _from_traceback(reader.links(), lines, start, index):
                yield start, traced
            reader = None
        if reader is None and is_header(text):
            reader, start = TracebackReader(), index
            reader.feed(text)


def _from_traceback(links: Sequence[Link], lines: Sequence[str], start: int, end: int) -> _Finding | None:
    named = [link for link in links if link.exception]
    if not named:
        return None
    index = next((at for at in range(end - 1, start, -1) if lines[at].startswith(named[-1].exception)), start)
    code = "" if named[-1].message else _code(lines, start, index)
    last = replace(named[-1], message=named[-1].message or code)
    return _join(
        [_Finding(index, link.exception, link.message, frames=link.frames) for link in (*named[:-1], last)]
    )


def _code(lines: Sequence[str], start: int, index: int) -> str:
    """Return the line of code above an exception without a message, as "in `assert total(2) == 4`"."""
    above = next((at for at in range(index - 1, start, -1) if lines[at].strip(" ^~")), start)
    code = lines[above]
    return f"in `{code.strip()}`" if code.startswith("    ") else ""


_STAMP = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?")
_VERSION = re.compile(r"\bv?\d+(?:\.\d+)+(?:[.+-]?\w+)*")
_BRACES = re.compile(r"(?P<open>[{\[(])(?P<items>[^{}\[\]()]*, [^{}\[\]()]*)(?P<close>[}\])])")
_DIGITS = re.compile(r"(?<=[A-Za-z_])\d+|\d+(?=[A-Za-z_])")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def _identity(exception: str, message: str) -> str:
    """Reduce a message to what all runs of the same failure have in common.

    Times, numbers, paths and ids are replaced. The order in a set or list does not count, nor do the values
    that a failed assertion shows. If only the last line is known, digits within words are replaced as well.
    """
    text = _VERSION.sub("<n>", _STAMP.sub("<time>", message))
    if exception.endswith("AssertionError"):
        text = "assert" if text.startswith("assert ") else _QUOTED.sub("<text>", text)
    text = normalise(_BRACES.sub(_sorted, text))
    return text if exception else _DIGITS.sub("<n>", text)


def _sorted(match: re.Match[str]) -> str:
    items = sorted(match["items"].split(", "))
    return f"{match['open']}{', '.join(items)}{match['close']}"


def _excerpt(lines: Sequence[str], root: int) -> list[str]:
    """Return the last lines, preceded by those around the root if it is not among them."""
    first = max(len(lines) - _EXCERPT_LINES, 0)
    if root >= first:
        return list(lines[first:])
    first = max(len(lines) - (_EXCERPT_LINES - _BEFORE - _AFTER), root + _AFTER)
    return [*lines[max(root - _BEFORE, 0) : root + _AFTER], "[...]", *lines[first:]]
