"""Find later commits that change the same functions, and the merge that brought a commit to the mainline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bisect_tool.git.range import Range
    from bisect_tool.git.repository import Repository


def merge_commit_of(span: Range, sha: str) -> str | None:
    """Return the merge by which a commit came to the mainline of `span`, which begins after that commit.

    None for a commit of the mainline itself.
    """
    above = {sha}
    for commit in span.commits:  # ancestors first
        if above.intersection(commit.parents):
            above.add(commit.sha)
    here, met = span.bad, None
    while here in span.parents and here in above:
        met, here = here, next(iter(span.parents[here]), "")
    return met if here != sha else None


def touched(repository: Repository, span: Range, sha: str) -> tuple[str, ...]:
    """Return the commits of `span` that change a function which `sha` changes, oldest first, no merges.

    A function is the name in a hunk header of `git diff`.
    """
    later = [commit.sha for commit in span.commits if len(commit.parents) == 1]
    files = repository.changed_by((sha, *later))
    own = set(files[sha])
    functions = _functions(repository, sha)
    return tuple(
        each for each in later if own.intersection(files[each]) and functions & _functions(repository, each)
    )


def _functions(repository: Repository, sha: str) -> frozenset[tuple[str, str]]:
    """The files that a commit changes against its first parent, each with the functions in it."""
    plain = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--unified=0")
    shown = repository.git.text("show", "--first-parent", "-m", "--format=", *plain, sha)
    found = set()
    file = ""
    for line in shown.splitlines():
        if line.startswith("diff --git "):
            file = line
        elif line.startswith("@@ "):
            found.add((file, line.split("@@", 2)[2].strip()))
    return frozenset(found)
