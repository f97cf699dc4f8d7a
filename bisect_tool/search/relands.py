"""Find changes that were reverted and landed again, from the messages or files of their commits. Pure.

Bisection finds only one breakage of such a history. If the commit found belongs to such a change, the other
commits of the change are run to see whether there are more breakages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bisect_tool.search.dag import Dag

_REVERT = r"revert(?:s|ed|ing)?|back(?:s|ed|ing)?[ -]?out|roll(?:s|ed|ing)?[ -]?back|undo(?:es|ing)?"
_RELAND = r"(?:re[ -]?(?:land(?:s|ed|ing)?|appl(?:y|ies|ied|ying)|commit(?:s|ted|ting)?)|unrevert(?:s|ed)?)"
_FILLER = r"(?:[ :]+(?:of|the|prs?|mr|pull request|changes?|changesets?|commits?)\b)*"
_VERB = re.compile(rf"\b(?:{_REVERT}|{_RELAND})\b", re.IGNORECASE)
_LEADING = re.compile(rf"(?:partial(?:ly)? )?(?:(?P<revert>{_REVERT})|{_RELAND})\b{_FILLER}")
_TRAILING = re.compile(rf"(?: (?P<reland>{_RELAND})| again| take| try| attempt| v(?= ?\d))(?: ?\d+)?$")
_PREFIX = re.compile(
    rf"(?:\[(?!(?:{_REVERT}|{_RELAND})\b)[^\]]*\]|(?!{_REVERT}|{_RELAND})\w+(?:\([^)]*\))?!?:(?=\s)|\W)*"
)
"""Tags and types before a title, `[Bugfix]` and `fix(core):`, except those that mark a revert."""
_WORD = re.compile(r"[^\W_]+")
_BODY = re.compile(
    r"^(?:this )?reverts?:? (?:commit )?(?:\S*#(?P<number>\d+)|(?P<sha>[0-9a-f]{7,40}))\b",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBER = re.compile(r"#(\d+)\b|\bbug (\d+)\b|\b(\d{4,})\b", re.IGNORECASE)
_OWN = re.compile(r"\([#!](\d+)\)$|^merge pull request #(\d+) |^bug (\d+)\b", re.IGNORECASE)
_SHA = re.compile(r"\b[0-9a-f]{7,40}\b")
_SHA_LENGTH = 7
_MAX_DESCENDANTS = 4
"""The most descendants of the commit found that are run, however often a change was reverted."""
_TITLE_LENGTH = 32
"""The compared prefix of a title: quoted titles are truncated, and relanded ones often end differently."""


@dataclass(frozen=True)
class Message:
    """The message of a commit, and the commit that its files revert, if any."""

    sha: str
    subject: str
    body: str = ""
    restores: str = ""


@dataclass(frozen=True)
class Landing:
    """A commit that lands a change, or reverts it; changes are numbered."""

    change: int
    lands: bool


def landings(messages: Sequence[Message]) -> Mapping[str, Landing]:
    """Return the commits of every change that was reverted or relanded.

    Args:
        messages: The commits of a range, ancestors first.
    """
    if not any(each.restores or _VERB.search(each.subject) or _BODY.search(each.body) for each in messages):
        return {}
    found = _Landings()
    for each in messages:
        found.enter(each)
    return {sha: each for sha, each in found.landings.items() if each.change in found.reversed}


def in_doubt(dag: Dag, of: Mapping[str, Landing], culprit: str, *, broke_before: bool) -> tuple[str, ...]:
    """The commits whose runs show whether the change of `culprit` caused more than one breakage.

    These are its descendants without the change, latest first; then, unless the history `broke_before`, the
    last ancestor that landed the change.
    """
    own = of.get(culprit)
    if own is None:
        return ()
    place = dag.index[culprit]
    with_it, under = dag.descendants(place) - {place}, dag.ancestors([place]) - {place}
    alike = sorted((dag.index[sha] for sha in of if of[sha].change == own.change), reverse=True)
    same = [each for each in alike if of[dag.candidates[each]].lands is own.lands]
    after = [dag.candidates[each] for each in alike if each in with_it and each not in same]
    if not after:
        again = (dag.parents[dag.candidates[each]] for each in same if each in with_it)
        after = [sha for parents in again for sha in parents if dag.index.get(sha, -1) in with_it]
    before = [dag.candidates[each] for each in same if each in under]
    return tuple(dict.fromkeys((*after[:_MAX_DESCENDANTS], *([] if broke_before else before[:1]))))


@dataclass(frozen=True)
class _Title:
    """A subject without the words for revert or reland, and the meaning of these words."""

    words: str
    reverts: int
    reverses: bool

    @classmethod
    def of(cls, subject: str) -> _Title:
        rest = _without_prefix(_NUMBER.sub(" ", subject.lower()))
        reverts, reverses = 0, False
        while verb := _LEADING.match(rest):
            reverts += bool(verb["revert"])
            rest, reverses = _without_prefix(rest[verb.end() :]), True
        words = " ".join(_WORD.findall(rest))
        while end := _TRAILING.search(words):
            reverses = reverses or bool(end["reland"])
            words = words[: end.start()]
        return cls(words[:_TITLE_LENGTH], reverts, reverses)


class _Landings:
    """The landings so far, with the names that later commits use for them."""

    def __init__(self) -> None:
        self.landings: dict[str, Landing] = {}
        self.reversed: set[int] = set()
        self._named: dict[str, Landing] = {}

    def enter(self, message: Message) -> None:
        title = _Title.of(message.subject)
        names = tuple(_names(message, title))
        alike = next((self._named[name] for name in names if name in self._named), None)
        landing = Landing(alike.change if alike else len(self.landings), lands=True)
        if title.reverses or _BODY.search(message.body):
            landing = self._reversal(message, title, landing.change)
            self.reversed.add(landing.change)
        elif restoring := self._restoring(message):
            landing = restoring
            self.reversed.add(landing.change)
        self.landings[message.sha] = landing
        for name in names:
            self._named.setdefault(name, landing)

    def _reversal(self, message: Message, title: _Title, change: int) -> Landing:
        """Return the landing of a commit that reverts or relands another, found by name or by title."""
        meant = next((self._named[name] for name in _references(message) if name in self._named), None)
        if meant is None:
            lands = title.reverses and title.reverts % 2 == 0
            return self._restoring(message) or Landing(change, lands=lands)
        reverts = title.reverts % 2 == 1 or _BODY.search(message.body) is not None
        return Landing(meant.change, lands=not (reverts and meant.lands))

    def _restoring(self, message: Message) -> Landing | None:
        """Return the landing of a commit whose files revert another commit."""
        other = self.landings.get(message.restores)
        return Landing(other.change, lands=not other.lands) if other else None


def _without_prefix(text: str) -> str:
    found = _PREFIX.match(text)
    return text[found.end() :] if found else text


def _names(message: Message, title: _Title) -> Iterator[str]:
    """Yield the names of a commit in the messages of others."""
    yield f"sha {message.sha[:_SHA_LENGTH]}"
    if title.words:
        yield f"title {title.words}"
    if own := _own_number(message.subject):
        yield f"number {own}"


def _references(message: Message) -> Iterator[str]:
    """Yield the commits that a message names, those written by git and GitHub first."""
    if body := _BODY.search(message.body):
        yield f"number {body['number']}" if body["number"] else f"sha {body['sha'][:_SHA_LENGTH].lower()}"
    for sha in _SHA.findall(message.subject.lower()):
        yield f"sha {sha[:_SHA_LENGTH]}"
    for groups in _NUMBER.findall(message.subject):
        yield f"number {''.join(groups)}"


def _own_number(subject: str) -> str:
    found = _OWN.search(subject.strip())
    return next(filter(None, found.groups())) if found else ""
