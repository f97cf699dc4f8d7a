"""Kinds of check commands, including those that cannot start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cases.case import Case, Expected, Question, search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases.project import Project

    Projects = Callable[[], Project]
    Questions = Iterator[Question]

_EXIT = "exit $(cat code)\n"
_TYPO = "#!/bin/sh\npyhton3 -c \"exit(int(open('code').read()))\"\n"
_DAEMON = f"#!/bin/sh\n(setsid sleep 300 >/dev/null 2>&1 &)\n{_EXIT}"
_STALE = """#!/bin/sh
mkdir -p build
[ -f build/out.o ] || cp code build/out.o
chmod 500 build; mkdir -p ro/x; chmod 000 ro; ln -sf /etc link
git update-index --assume-unchanged code; git config core.bare false; git config core.worktree /tmp
exit $(cat build/out.o)
"""
_MOVES = """#!/bin/sh
git -c user.name=x -c user.email=x@x commit -q --allow-empty -m x
git tag -f moved >/dev/null; git branch -f main HEAD~1
exit $(cat code)
"""


def _simple(project: Projects) -> tuple[Project, str, str, str]:
    made = project()
    good, _, culprit, _, bad = made.series(0, 0, 1, 1, 1)
    return made, good, culprit, bad


def typing_error(project: Projects) -> Questions:
    """A typo inside the script: it ends with 127 at every commit."""
    made, good, _, bad = _simple(project)
    asked = search(good, bad, made.script(_TYPO))
    yield Question("always 127", made, asked, Expected((4,), matches=("127",)))


def check_that_appears(project: Projects) -> Questions:
    """The check is tracked, and added within the range."""
    made = project()
    good, *_ = made.series(0, 0, 0)
    made.commit(0, "add t.sh", {"t.sh": f"#!/bin/sh\n{_EXIT}"})
    made.commit(0)
    culprit = made.commit(1)
    made.series(1, 1)
    yield Question("culprit after it", made, search(good, made.head, "./t.sh"), Expected((0,), culprit))
    other = project()
    good, _, culprit = other.series(0, 0, 1)
    other.commit(1, "add t.sh", {"t.sh": f"#!/bin/sh\n{_EXIT}"})
    other.series(1, 1)
    inconclusive = Expected((3, 4), culprit, or_none=True)
    yield Question("culprit before it", other, search(good, other.head, "./t.sh"), inconclusive)


def mode_only(project: Projects) -> Questions:
    """The culprit only removes the execute permission of a script."""
    made = project()
    good = made.commit(0, files={"run.sh": "#!/bin/sh\nexit 0\n"})
    made.commit(0)
    made.git("update-index", "--chmod=-x", "run.sh")
    (made.path / "run.sh").chmod(0o644)
    made.git("commit", "--quiet", "-m", "mode")
    culprit = made.head
    bad = made.commit(0)
    called = search(good, bad, "sh", "-c", "./run.sh")
    yield Question("within a check", made, called, Expected((0,), culprit, matches=("644",)))
    cannot = Expected((2,), matches=("executable",))
    yield Question("the check itself", made, search(good, bad, "./run.sh"), cannot)


def absent_files(project: Projects) -> Questions:
    """The check reads a file that only the user's checkout has."""
    made, good, _, bad = _simple(project)
    made.write({"local.env": "CODE=code\n"})
    asked = search(good, bad, "sh", "-c", ". ./local.env; exit $(cat $CODE)")
    yield Question("untracked", made, asked, Expected((4,), matches=("local.env",)))
    full = search(good, bad, "sh", "-c", f". {made.path}/local.env; exit $(cat $CODE)")
    found = Expected((0,), made.git("rev-parse", f"{bad}~2"))
    yield Question("by its full path", made, full, found)


def rules_that_appear(project: Projects) -> Questions:
    """The rule of a Makefile, and a script run by a shell, are newer than the culprit."""
    made = project()
    good = made.commit(0, files={"Makefile": "all:\n\ttrue\n"})
    culprit = made.commit(1)
    late = {"Makefile": "test:\n\texit $$(cat code)\n", "tool/t.sh": _EXIT}
    made.commit(1, "add the rule", late)
    bad = made.commit(1)
    inconclusive = Expected((3, 4), culprit, or_none=True)
    yield Question("make", made, search(good, bad, "make", "test"), inconclusive)
    yield Question("sh", made, search(good, bad, "sh", "tool/t.sh"), inconclusive)
    yield Question("timeout", made, search(good, bad, "timeout", "9", "sh", "tool/t.sh"), inconclusive)


def spellings(project: Projects) -> Questions:
    """Scripts without `#!`, without execute permission, with a missing interpreter, with CRLF."""
    made, good, culprit, bad = _simple(project)
    found, usage = Expected((0,), culprit), Expected((2,))
    yield Question("no #!", made, search(good, bad, made.script(_EXIT, "bare.sh")), found)
    plain = Path(made.script(f"#!/bin/sh\n{_EXIT}", "plain.sh"))
    plain.chmod(0o644)
    yield Question(
        "not executable", made, search(good, bad, str(plain)), Expected((2,), matches=("executable",))
    )
    missing = made.script(f"#!/no/such/interpreter\n{_EXIT}", "missing.sh")
    expected = Expected((2,), matches=("/no/such/interpreter",))
    yield Question("no interpreter", made, search(good, bad, missing), expected)
    windows = made.script("#!/bin/sh\r\nexit $(cat code)\r\n", "windows.sh")
    yield Question("CRLF", made, search(good, bad, windows), Expected((2, 4)))
    yield Question("one quoted word", made, search(good, bad, 'sh -c "exit $(cat code)"'), usage)
    yield Question("nothing after --", made, search(good, bad), Expected((2,), matches=("after --",)))
    yield Question("empty word after --", made, search(good, bad, ""), usage)
    reads = made.script(f"#!/bin/sh\nread x\n{_EXIT}", "reads.sh")
    yield Question("reads stdin", made, search(good, bad, reads), found)
    yield Question("leaves a daemon", made, search(good, bad, made.script(_DAEMON, "daemon.sh")), found)


def what_a_check_leaves(project: Projects) -> Questions:
    """Stale artefacts, unreadable folders, a changed configuration; commits and moved branches."""
    made, good, culprit, bad = _simple(project)
    stale = search(good, bad, made.script(_STALE, "stale.sh"))
    yield Question("stale artefacts", made, stale, Expected((0,), culprit))
    moves = search(good, bad, made.script(_MOVES, "moves.sh"), options=("--fresh",))
    yield Question("moves branches", made, moves, Expected((0,), culprit))


CASES = (
    Case("typing-error", "git 48af1fdee3", typing_error),
    Case("check-appears", "aitoolsguidebook.com, git bisect stuck", check_that_appears),
    Case("rules-that-appear", "GitCat#114, make and shells", rules_that_appear),
    Case("mode-only", "colibri#835", mode_only),
    Case("absent-files", "untracked .env files", absent_files),
    Case("spellings", "checks as people write them", spellings),
    Case("leavings", "stale .o, .pyc and generated files", what_a_check_leaves),
)
