"""Complete what a page says from a clone: full ids, commits of pull requests, reverts, test files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from bisect_tool.errors import UsageError
from bisect_tool.git.commit import FORMAT, read_commits
from bisect_tool.triage.facts import End, Fact, FixCandidate, Source, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bisect_tool.git import Commit as GitCommit
    from bisect_tool.git import Repository
    from bisect_tool.triage.facts import Commit, Triage

_MENTIONS = 50
_COMMITS = 200
"""So many commits of a page are looked up."""
_REVERT = re.compile(r"(?:\[[^\]]*\]\s*)*(?:revert|back ?out)\b", re.IGNORECASE)
_RELAND = re.compile(r"(?:\[[^\]]*\]\s*)*re-?(?:appl|add|land)\w*", re.IGNORECASE)
_SHORT = 12
_Value = TypeVar("_Value", "Commit", "Fact")


@dataclass(frozen=True)
class Clone:
    """A clone and the branch in it that changes land on."""

    repository: Repository

    @cached_property
    def head(self) -> str:
        """The newest commit of the main branch.

        Raises:
            UsageError: there is none.
        """
        return self.repository.main_head()

    def find(self, ref: str) -> str:
        """The full id of a commit, empty where there is none."""
        try:
            return self.repository.resolve(ref)
        except UsageError:  # that is the answer
            return ""

    def of_pull(self, number: int, tip: str) -> GitCommit | None:
        """The commit of a pull request in the history of `tip`."""
        return self.repository.by_pull_request(number, tip)

    def mentioning(self, number: int) -> Iterator[GitCommit]:
        """The commits of the main branch whose message mentions a pull request, the newest first."""
        words = ("--first-parent", "--fixed-strings", f"--grep=#{number}", f"--max-count={_MENTIONS}")
        yield from read_commits(self.repository.git.text("log", "-z", FORMAT, *words, self.head))


def resolved(found: Triage, repository: Repository) -> Triage:
    """The same, with what the clone knows; what it does not know stays as the page has it."""
    clone = Clone(repository)
    good, bad = _end(found.good, clone), _end(found.bad, clone)
    inside = _inside(good, bad, repository)
    tip = (clone.find(bad.commit.value) if bad.commit else "") or clone.head
    suspects = tuple(_suspect(each, clone, tip, inside) for each in found.suspects)
    known = tuple(_candidate(each, clone) for each in found.fix_candidates)
    more = tuple(_landed_since(suspects, known, clone))
    ended, final = _outcome(found, (*known, *more))
    return found.model_copy(
        update={
            "good": good,
            "bad": bad,
            "suspects": suspects,
            "fix_candidates": (*known, *more),
            "ended_by": ended,
            "final": final,
            "commits": (
                *(_commit(each, clone) for each in found.commits[:_COMMITS]),
                *found.commits[_COMMITS:],
            ),
            "notes": (*found.notes, *_unknown(found, clone)),
        }
    )


def _commit(commit: _Value, clone: Clone) -> _Value:
    sha = clone.find(commit.value)
    if not sha:
        return commit
    subject = clone.repository.commit(sha).subject
    return commit.model_copy(update={"value": sha, "subject": subject})


def _end(end: End, clone: Clone) -> End:
    return end.model_copy(update={"commit": _commit(end.commit, clone)}) if end.commit else end


def _unknown(found: Triage, clone: Clone) -> Iterator[Fact]:
    for end in (found.good, found.bad):
        if end.commit and not clone.find(end.commit.value):
            yield Fact(
                value=end.commit.value,
                certainty="stated",
                reason=f"{clone.repository.spec} has no such commit: fetch it",
                source=end.commit.source,
            )


def _inside(good: End, bad: End, repository: Repository) -> frozenset[str] | None:
    """The commits between the ends; None where they span no range here."""
    if good.commit is None or bad.commit is None:
        return None
    try:
        span = repository.range((good.commit.value,), bad.commit.value)
    except UsageError:  # that is the answer
        return None
    return frozenset(commit.sha for commit in span.commits)


def _suspect(suspect: Suspect, clone: Clone, tip: str, inside: frozenset[str] | None) -> Suspect:
    commit = clone.of_pull(suspect.pull, tip) if suspect.pull else None
    sha = commit.sha if commit else clone.find(suspect.commit) if suspect.commit else ""
    if not sha:
        return suspect.model_copy(update={"in_range": False if suspect.pull and inside is not None else None})
    subject = commit.subject if commit else clone.repository.commit(sha).subject
    within = None if inside is None else sha in inside
    return suspect.model_copy(update={"commit": sha, "subject": subject, "in_range": within})


def _candidate(candidate: FixCandidate, clone: Clone) -> FixCandidate:
    commit = clone.of_pull(candidate.pull, clone.head)
    if commit is None:
        return candidate
    evidence = Source(place=f"commit {commit.sha[:_SHORT]}", text=commit.subject)
    title = candidate.title or commit.subject
    return candidate.model_copy(
        update={"commit": commit.sha, "landed": True, "landed_source": evidence, "title": title}
    )


def _landed_since(
    suspects: tuple[Suspect, ...], known: tuple[FixCandidate, ...], clone: Clone
) -> Iterator[FixCandidate]:
    """Reverts and re-lands of the suspects that the page does not name."""
    seen = {each.pull for each in known}
    for suspect in suspects:
        if suspect.pull is None or suspect.certainty == "guess":
            continue
        for commit in reversed(list(clone.mentioning(suspect.pull))):
            again, back = _RELAND.match(commit.subject), _REVERT.match(commit.subject)
            if commit.pr is None or commit.pr in seen or commit.pr == suspect.pull or not (again or back):
                continue
            seen.add(commit.pr)
            evidence = Source(place=f"commit {commit.sha[:_SHORT]}", text=commit.subject)
            yield FixCandidate(
                pull=commit.pr,
                title=commit.subject,
                role="reland" if again else "revert",
                landed=True,
                landed_source=evidence,
                reverts=() if again else (suspect.pull,),
                reapplies=(suspect.pull,) if again else (),
                commit=commit.sha,
                certainty="derived",
                reason=f"the message of a commit on the main branch mentions #{suspect.pull}",
                source=evidence,
            )


def _outcome(found: Triage, candidates: tuple[FixCandidate, ...]) -> tuple[int | None, int | None]:
    """What ended the failure and what holds now, with the reverts and re-lands of the clone."""
    landed = [each for each in candidates if each.landed]
    fixes = {each.pull for each in candidates if each.role == "fix"}
    reverts = [each for each in landed if each.role == "revert" and not fixes & {*each.reverts}]
    ended = found.ended_by or next((each.pull for each in reverts), None)
    reverted = {number for each in candidates if each.pull == ended for number in each.reverts}
    again = [each.pull for each in landed if each.role == "reland" and reverted & {*each.reapplies}]
    return ended, next(iter(again), found.final or ended)


def not_on_main(found: Triage, repository: Repository) -> frozenset[int]:
    """The fix candidates that are not on the main branch of the clone, or not yet."""
    clone = Clone(repository)
    return frozenset(
        each.pull for each in found.fix_candidates if clone.of_pull(each.pull, clone.head) is None
    )


def paths_of_tests(found: Triage, repository: Repository) -> Mapping[str, str]:
    """Where the test files of the page are in the repository at the bad end; those that are there once."""
    files = {test.file for test in found.tests if test.file}
    if not files:
        return {}
    clone = Clone(repository)
    tip = clone.find(found.bad.commit.value) if found.bad.commit else ""
    listed = repository.git.text("ls-tree", "-r", "-z", "--name-only", tip or clone.head).split("\0")
    paths: dict[str, str] = {}
    for file in files:
        same = [path for path in listed if path == file or path.endswith(f"/{file}")]
        if len(same) == 1 or file in same:
            paths[file] = file if file in same else same[0]
    return paths
