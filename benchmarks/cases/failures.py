"""Checks that fail in more than one way, and histories with an intermittent failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cases.case import Case, Expected, Question, search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases.project import Project

    Projects = Callable[[], Project]
    Questions = Iterator[Question]

_CODE = ("sh", "-c", "exit $(cat code)")
_TWO_MESSAGES = """#!/bin/sh
code=$(cat code)
[ $code = 2 ] && echo "ImportError: cannot import name spam"
[ $code = 1 ] && echo "AssertionError: 3 != 4"
exit $code
"""
_ONE_CODE = """#!/bin/sh
case $(cat code) in
  1) echo "compiler.c:3:1: error: expected ';'"; exit 1;;
  2) echo "lexer.c:9:5: error: unknown type name 'token'"; exit 1;;
esac
"""
_CHANGING_TEXT = """#!/bin/sh
[ $(cat code) = 0 ] && exit 0
echo "AssertionError: timed out after $$ ms in /tmp/pytest-$$/test_x"
echo "1 failed, $(($$ % 9)) passed in 0.$$s"
exit 1
"""
_CRASH = "#!/bin/sh\n[ $(cat code) = 1 ] && kill -ABRT $$\nexit 0\n"


def another_failure(project: Projects) -> Questions:
    """Another failure, fixed before the one at the bad end."""
    made = project()
    good, _, _, _, bad_first, *_ = made.series(0, 0, 0, 0, 2)
    made.series(2, 0, 0)
    culprit = made.commit(1, "the real one")
    check = made.script(_TWO_MESSAGES)
    suspect = Expected((3,), matches=("ImportError", "AssertionError", "--same-failure"))
    yield Question("suspect, with both failures", made, search(good, culprit, check), suspect)
    same = Expected((0,), culprit)
    yield Question("--same-failure", made, search(good, culprit, check, options=("--same-failure",)), same)
    step = ("step", "--signature", "AssertionError", "--rev")
    yield Question("step, other failure", made, (*step, bad_first, "--", check), Expected((125,)))
    yield Question("step, the failure", made, (*step, culprit, "--", check), Expected((1,)))


def another_failure_with_the_same_code(project: Projects) -> Questions:
    """A build that breaks in another file first; both end with 1, and nothing is fixed in between."""
    made = project()
    good, *_ = made.series(0, 0, 0)
    made.commit(1, "breaks the compiler")
    made.series(1, 1)
    made.commit(2, "breaks the lexer, and repairs the compiler")
    bad = made.commit(2)
    check = made.script(_ONE_CODE)
    expected = Expected((3,), matches=("expected ';'", "unknown type name"))
    yield Question("suspect, with both failures", made, search(good, bad, check), expected)


def text_that_changes_with_every_run(project: Projects) -> Questions:
    """Process ids, durations and counts in the output of the same failure."""
    made = project()
    good, _, culprit, _, bad = made.series(0, 0, 1, 1, 1)
    check = made.script(_CHANGING_TEXT)
    yield Question("no false alarm", made, search(good, bad, check), Expected((0,), culprit))


def crash(project: Projects) -> Questions:
    """The regression is a crash of the check."""
    made = project()
    good, _, culprit, bad = made.series(0, 0, 1, 1)
    check = made.script(_CRASH)
    advice = Expected((5,), matches=("SIGABRT", r"\|\| exit 1"))
    yield Question("stops, with advice", made, search(good, bad, check), advice)
    wrapped = search(good, bad, "sh", "-c", f"{check} || exit 1")
    yield Question("the advice followed", made, wrapped, Expected((0,), culprit))


def landed_reverted_landed_again(project: Projects) -> Questions:
    """A deterministic history that breaks, is fixed and breaks again."""
    made = project()
    good, _, first, *_ = made.series(0, 0, 1, 1, 0, 0, 0, 0)
    culprit = made.commit(1, 'Reapply "land feature"')
    made.commit(1)
    bad = made.commit(1)
    for slots in (1, 2, 3, 8):
        asked = search(good, bad, *_CODE, options=("--slots", str(slots), "--fresh"))
        yield Question(f"--slots {slots}", made, asked, Expected((0, 3), culprit, matches=("non-monotonic",)))
    fix = ("--find", "fix", "--bad", first, "--good", f"{culprit}~1", "--", *_CODE)
    repaired = made.git("rev-list", "--reverse", f"{first}..{culprit}").split("\n")[1]
    yield Question("--find fix", made, fix, Expected((0,), repaired))


def broken_twice(project: Projects) -> Questions:
    """A failure that is fixed and returns; only the files reveal it, not the messages."""
    made = project()
    good, *rest = made.series(0, *[1] * 5, 0, 1, 1)
    for slots in (1, 2, 3):
        asked = search(good, rest[-1], *_CODE, options=("--slots", str(slots), "--fresh"))
        expected = Expected((0, 3), rest[-2], matches=("non-monotonic",))
        yield Question(f"--slots {slots}", made, asked, expected)


def untestable_gap(project: Projects) -> Questions:
    """The first bad commit is among untestable commits."""
    made = project()
    good, *_ = made.series(0, 0, 0, 125, 125, 125, 1, 1)
    yield Question("candidates", made, search(good, made.head, *_CODE), Expected((3,)))


def older_than_the_range(project: Projects) -> Questions:
    """The good end fails already."""
    made = project()
    good, *_ = made.series(1, 1, 1, 1, 1, 1)
    yield Question("always red", made, search(good, made.head, *_CODE), Expected((4,), matches=("always",)))


def ends_that_cannot_be_tested(project: Projects) -> Questions:
    """The tip does not build; elsewhere the good end does not."""
    made = project()
    good, _, _, _, bad = made.series(0, 0, 1, 1, 125)
    yield Question("bad end", made, search(good, bad, *_CODE), Expected((3, 4)))
    other = project()
    good, _, culprit, bad = other.series(125, 0, 1, 1)
    yield Question("good end", other, search(good, bad, *_CODE), Expected((0,), culprit))


CASES = (
    Case("another-failure", "syzkaller#3855, #1051, #5561", another_failure),
    Case("another-failure-same-code", "syzkaller#5414", another_failure_with_the_same_code),
    Case("text-that-changes", "pytest and compiler output in CI", text_that_changes_with_every_run),
    Case("crash", "labeille#55, LLVM and rustc ICEs", crash),
    Case("landed-reverted-landed", "Mercurial and PyTorch practice", landed_reverted_landed_again),
    Case("broken-twice", "LLVM and Chromium practice", broken_twice),
    Case("untestable-gap", "catapult#3895", untestable_gap),
    Case("older-than-the-range", "mcp-gateway#615, libgit2#3802", older_than_the_range),
    Case("untestable-ends", "catapult#2065", ends_that_cannot_be_tested),
)
