"""Find failures reported by test runners other than pytest, and by the CI service at the end.

Used if no process reported a cause: a log that ends with `exit code 1` failed, whatever its other lines are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.evidence.command_failure import failed_test
from bisect_tool.evidence.complaint import last_complaint
from bisect_tool.evidence.event import Event
from bisect_tool.evidence.failure_chain import Failure
from bisect_tool.evidence.parsed_line import LAUNCHER, TEST, parse_line
from bisect_tool.evidence.signature import signature_of
from bisect_tool.evidence.traceback import bare_exception
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.evidence.line import LogLine

_BEFORE, _AFTER = 8, 8
_TESTS_KEPT = 1000
_NAME_LIMIT, _MESSAGE_LIMIT = 300, 500
# GitHub, GitLab, Buildkite, Azure, mocha's count, and a shell that prints its commands.
_ENDED = re.compile(
    r"(?:##\[error\]| +|\++ )?(?P<message>Process completed with exit code [1-9]\d*"
    r"|ERROR: Job failed: exit \w+ [1-9]\d*"
    r"|.{0,4}Error: The command exited with status -?[1-9]\d*|Bash exited with code '?[1-9]\d*"
    r"|(?<=  )[1-9]\d* failing$|(?<=\+ )exit [1-9]\d*$)"
)
_SAYS = re.compile(r"[A-Za-z]{2}")
_AT_PLACE = re.compile(r"\s+[\w./-]+\.\w+:\d+: (?P<message>\S.*)")


def named_tests(lines: Sequence[LogLine]) -> Iterator[tuple[str, Failure]]:
    """Yield each failed test that a runner names, with its failure."""
    texts = [parse_line(line.text).text for line in lines]
    named: dict[str, int] = {}
    for at, text in enumerate(texts):
        if test := failed_test(text):
            named.setdefault(clean_line(test, _NAME_LIMIT), at)
    for test, at in list(named.items())[:_TESTS_KEPT]:
        raised, message = _reason(texts[at + 1] if at + 1 < len(texts) else "") or ("", f"{test} failed")
        yield test, _failure(lines, texts, at, TEST, message, raised)


def _reason(text: str) -> tuple[str, str] | None:
    """Return (exception, message) if the line below a test's name says why it failed; that is indented."""
    if not text[:1].isspace() or not _SAYS.search(text) or failed_test(text.strip()):
        return None
    at_place = _AT_PLACE.match(text)
    return bare_exception(text.strip()) or ("", at_place["message"] if at_place else text.strip())


def job_failure(lines: Sequence[LogLine]) -> Failure | None:
    """Return the failed job that the CI service reports; None if it reports none."""
    texts = [parse_line(line.text).text for line in lines]
    found = ((at, match["message"]) for at, text in enumerate(texts) if (match := _ENDED.match(text)))
    at, message = next(found, (0, ""))
    return _failure(lines, texts, at, LAUNCHER, message) if message else None


def with_lines_before(failure: Failure, lines: Sequence[LogLine]) -> Failure:
    """Return a failure of which only an end is known, with the lines before it in the excerpt.

    If one of them says why, that is the root.
    """
    root = failure.root
    place = root.source, root.line
    at = next((at for at, line in enumerate(lines) if (line.source, line.number) == place), 0)
    explained = _with_complaint(failure, lines, at) if root.role == LAUNCHER else None
    if explained is not None:
        return explained
    if len(root.lines) > 1:
        return failure
    before = [f"    {parse_line(line.text).text}" for line in lines[max(at - _BEFORE, 0) : at]]
    head = ["Before it:", *before] if before else []
    return failure.model_copy(update={"excerpt": "\n".join((*head, failure.excerpt))})


def _with_complaint(ended: Failure, lines: Sequence[LogLine], at: int) -> Failure | None:
    """Return the failure whose end is at `at` with what its command complained of; None without that."""
    found = last_complaint(lines, at)
    if found is None:
        return None
    line = lines[found]
    root = Event(
        time=ended.root.time,
        source=line.source,
        role=ended.root.role,
        kind="log",
        severity="error",
        message=clean_line(parse_line(line.text).text.strip(), _MESSAGE_LIMIT),
        line=line.number,
    )
    around = lines[max(found - _BEFORE, 0) : found + _AFTER]
    return ended.model_copy(
        update={
            "root": root,
            "chain": (root, *ended.chain),
            "signature": signature_of(root),
            "excerpt": "\n".join(parse_line(each.text).text for each in around),
        }
    )


def _failure(  # noqa: PLR0913, PLR0917  # the parts of an event
    lines: Sequence[LogLine], texts: Sequence[str], at: int, role: str, message: str, exception: str = ""
) -> Failure:
    around = tuple(texts[max(at - _BEFORE, 0) : at + _AFTER])
    root = Event(
        time=0.0,
        source=lines[at].source,
        role=role,
        kind="exit",
        severity="error",
        exception=exception,
        message=message,
        lines=around,
        line=lines[at].number,
    )
    return Failure(root=root, chain=(root,), signature=signature_of(root), excerpt="\n".join(around))
