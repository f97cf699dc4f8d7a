"""Shapes of history: merges, roots, clocks, spellings of the ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cases.case import Case, Expected, Question, search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases.project import Project

    Projects = Callable[[], Project]
    Questions = Iterator[Question]

_CODE = ("sh", "-c", "exit $(cat code)")
_NO_BUG = ("sh", "-c", "test ! -e bug")


def _touch(made: Project, file: str) -> str:
    made.commits += 1
    made.write({file: f"{made.commits}\n"})
    made.git("add", "--all")
    made.git("commit", "--quiet", "-m", f"add {file}")
    return made.head


def merge_itself(project: Projects) -> Questions:
    """Neither parent is bad: the merge is."""
    made = project()
    good = made.commit(0)
    made.git("switch", "--quiet", "--create", "topic")
    _touch(made, "t")
    made.git("switch", "--quiet", "main")
    _touch(made, "m")
    made.git("merge", "--quiet", "--no-ff", "--no-edit", "topic")
    merge = made.head
    bad = _touch(made, "tail")
    check = ("sh", "-c", "! { test -e t && test -e m; }")
    expected = Expected((0,), merge, matches=("both parents pass",))
    yield Question("both parents pass", made, search(good, bad, *check), expected)
    first = search(good, bad, *check, options=("--first-parent",))
    yield Question("--first-parent", made, first, Expected((0,), merge))


def octopus(project: Projects) -> Questions:
    """The culprit is on an arm of an octopus merge."""
    made = project()
    good = made.commit(0)
    for arm in ("one", "two", "three"):
        made.git("switch", "--quiet", "--create", arm, good)
        _touch(made, arm)
        if arm == "two":
            culprit = _touch(made, "bug")
    made.git("switch", "--quiet", "main")
    made.git("merge", "--quiet", "-m", "octopus", "one", "two", "three")
    bad = _touch(made, "tail")
    yield Question("arm", made, search(good, bad, *_NO_BUG), Expected((0,), culprit))


def joined_history(project: Projects) -> Questions:
    """Unrelated history is joined; its second commit is the culprit, elsewhere its root."""
    for root in (False, True):
        made = project()
        good = made.commit(0)
        made.git("checkout", "--quiet", "--orphan", "other")
        made.git("rm", "-rqf", ".")
        culprit = _touch(made, "bug" if root else "other")
        culprit = culprit if root else _touch(made, "bug")
        made.git("switch", "--quiet", "main")
        made.git("merge", "--quiet", "--allow-unrelated-histories", "--no-edit", "other")
        bad = _touch(made, "tail")
        label = "its root" if root else "its second commit"
        yield Question(label, made, search(good, bad, *_NO_BUG), Expected((0,), culprit))


def clocks(project: Projects) -> Questions:
    """Dates run backwards."""
    made = project()
    good = made.commit(0)
    made.commits = 30_000_000
    made.commit(0)
    made.commits = 10
    culprit = made.commit(1)
    made.commits = 0
    bad = made.commit(1)
    yield Question("clock skew", made, search(good, bad, *_CODE), Expected((0,), culprit))


def ends(project: Projects) -> Questions:
    """Tags, tildes, swapped and equal ends, a good end on a release branch."""
    made = project()
    good, base = made.series(0, 0)
    made.git("tag", "--annotate", "v1.0", "-m", "v1.0")
    made.git("switch", "--quiet", "--create", "release")
    made.commit(0)
    made.git("switch", "--quiet", "main")
    culprit, _, _ = made.series(1, 1, 1)
    found, usage = Expected((0,), culprit), Expected((2,))
    yield Question("tag and HEAD", made, search("v1.0", "HEAD", *_CODE), found)
    yield Question("tilde and @", made, search("HEAD~4", "@", *_CODE), found)
    yield Question("describe", made, search(made.git("describe", base), "main", *_CODE), found)
    yield Question("swapped", made, search("main", good, *_CODE), usage)
    yield Question("equal", made, search("main", "HEAD", *_CODE), usage)
    yield Question("a range", made, search("v1.0..main", "main", *_CODE), usage)
    yield Question("one commit", made, search(f"{culprit}~1", culprit, *_CODE), found)
    release = Expected((0, 2), culprit, or_none=True)
    yield Question("release branch", made, search("release", "main", *_CODE), release)


def first_parents(project: Projects) -> Questions:
    """A side branch that fails by itself."""
    made = project()
    good = made.commit(0)
    made.git("switch", "--quiet", "--create", "feature")
    culprit = _touch(made, "bug")
    _touch(made, "more")
    made.git("switch", "--quiet", "main")
    _touch(made, "m")
    made.git("merge", "--quiet", "--no-ff", "-m", "Merge PR #7", "feature")
    merge = made.head
    bad = _touch(made, "tail")
    yield Question("all parents", made, search(good, bad, *_NO_BUG), Expected((0,), culprit))
    first = search(good, bad, *_NO_BUG, options=("--first-parent",))
    yield Question("--first-parent", made, first, Expected((0,), merge))


def replaced(project: Projects) -> Questions:
    """History joined by `git replace --graft`."""
    made = project()
    good, _, culprit, old = made.series(0, 0, 1, 1)
    made.git("checkout", "--quiet", "--orphan", "new")
    imported, _, bad = made.series(1, 1, 1)
    made.git("replace", "--graft", imported, old)
    yield Question("graft", made, search(good, bad, *_CODE), Expected((0,), culprit))


CASES = (
    Case("merge-itself", "nushell, JAX-Toolbox#1538, Digger#79", merge_itself),
    Case("octopus", "git mailing list", octopus),
    Case("joined-history", "JAX-Toolbox#1538, subtree imports", joined_history),
    Case("clocks", "sympy#17735", clocks),
    Case("ends", "libgit2#3802, fork-dev#2601", ends),
    Case("first-parents", "Digger#79", first_parents),
    Case("replaced", "linux-history, git-replace(1)", replaced),
)
