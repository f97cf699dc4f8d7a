"""Find, create and edit our issues in a repository, by the fingerprint of a cause.

Anybody can copy a fingerprint into an issue or a comment, so only those by our token's account count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from bisect_tool.ci_results.answer import Answer, read
from bisect_tool.delivery.github_api import LostAnswer
from bisect_tool.delivery.markers import (
    CANDIDATES,
    search_text,
    section_name,
    section_session,
    section_state,
)
from bisect_tool.delivery.own_account import own_account

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from bisect_tool.delivery.github_api import GithubApi

LABEL = "bisect-run"
PAUSED_LABEL = "bisect-run:paused"
_TRIES = 3
_PAUSE_S = 5.0
_Created = TypeVar("_Created")


class _Label(Answer):
    name: str = ""


class _User(Answer):
    login: str = ""


class _Issue(Answer):
    number: int
    title: str
    body: str | None = None
    state: str
    labels: tuple[_Label | str, ...] = ()
    user: _User | None = None
    pull_request: object = None


class _SearchResult(Answer):
    items: tuple[Any, ...] = ()


class _Comment(Answer):
    body: str | None = None
    user: _User | None = None


@dataclass(frozen=True)
class Issue:
    """An issue or a pull request."""

    number: int
    title: str
    body: str
    is_open: bool
    labels: frozenset[str]
    author: str
    is_pull_request: bool

    @property
    def is_paused(self) -> bool:
        """Whether a label asks us to leave it alone."""
        return PAUSED_LABEL in self.labels


class Issues:
    """The issues of one repository."""

    def __init__(self, api: GithubApi, repository: str) -> None:
        self._api = api
        self._repository = repository
        self._path = f"/repos/{repository}/issues"
        self._taken: set[int] = set()

    def find(self, name: str) -> Issue | None:
        """Find the issue of a cause by its fingerprint; the oldest of several."""
        return _oldest(_of(name, self._labelled)) or self._recent(name) or self._searched(name)

    def take_over(self, session: str, state: str, causes: Collection[str]) -> Issue | None:
        """Find the issue of the same bisection under another fingerprint.

        Its candidates were narrowed since, or it has the same `state` (the home lost the fingerprint of the
        cause). An issue is taken over once, and not if its cause is among the `causes` of tonight.
        """
        first = _oldest(
            each
            for each in self._labelled
            if (
                (each.is_open and section_state(each.body) == CANDIDATES) or section_state(each.body) == state
            )
            and each.number not in self._taken
            and section_session(each.body) == session
            and section_name(each.body) not in causes
        )
        if first is not None:
            self._taken.add(first.number)
        return first

    def get(self, number: int) -> Issue:
        """Return an issue or pull request by its number."""
        return _issue(self._api.get(f"{self._path}/{number}"))

    def create(self, name: str, title: str, body: str) -> Issue:
        """Create the issue of a cause, or return one that was created in the meantime.

        Raises:
            LostAnswer: GitHub did not answer several times.
        """
        content = {"title": title, "body": body, "labels": [LABEL]}
        created = self._create_once(
            lambda: _issue(self._api.create(self._path, content)), lambda: self._recent(name)
        )
        return self._without_duplicate(created, name)

    def edit(self, number: int, **fields: object) -> None:
        """Change an issue."""
        self._api.edit(f"{self._path}/{number}", fields)

    def comments(self, number: int) -> list[str]:
        """Return our comments on an issue or a pull request, oldest first."""
        found = (
            read(_Comment, each, "GitHub") for each in self._api.entries(f"{self._path}/{number}/comments")
        )
        return [each.body or "" for each in found if each.user and each.user.login == self._login]

    def comment(self, number: int, body: str) -> None:
        """Comment on an issue or a pull request; if the answer is lost, check whether it was posted.

        Raises:
            LostAnswer: GitHub did not answer several times.
        """
        path = f"{self._path}/{number}/comments"
        self._create_once(
            lambda: self._api.create(path, {"body": body}),
            lambda: body if body.strip() in map(_normalised, self.comments(number)) else None,
        )

    def _create_once(self, create: Callable[[], _Created], look: Callable[[], _Created | None]) -> _Created:
        """Create something once: if the answer is lost, check whether it exists before retrying."""
        lost = None
        for _ in range(_TRIES):
            try:
                return create()
            except LostAnswer as error:
                lost = error
            self._api.clock.sleep(_PAUSE_S)
            found = look()
            if found is not None:
                return found
        assert lost is not None
        raise lost

    def _without_duplicate(self, created: Issue, name: str) -> Issue:
        """Close our issue if another run created one at the same time, and return the older one."""
        first = self._recent(name)
        if first is None or first.number >= created.number:
            return created
        self.comment(created.number, f"Duplicate of #{first.number}, which was opened at the same time.\n")
        self.edit(created.number, state="closed", state_reason="not_planned")
        return first

    @cached_property
    def _labelled(self) -> tuple[Issue, ...]:
        every = map(_issue, self._api.entries(self._path, state="all", labels=LABEL))
        return tuple(filter(self._is_ours, every))

    @cached_property
    def _login(self) -> str:
        return own_account(self._api)

    def _recent(self, name: str) -> Issue | None:
        """Find the issue of a cause among the newest ones, which the search has not indexed yet."""
        page = self._api.get(self._path, state="all", sort="created", direction="desc", per_page="100")
        return _oldest(filter(self._is_ours, _of(name, map(_issue, page))))

    def _searched(self, name: str) -> Issue | None:
        query = f'"{search_text(name)}" in:body is:issue repo:{self._repository}'
        page = self._api.get("/search/issues", q=query, per_page="100")
        items = map(_issue, read(_SearchResult, page, "GitHub").items)
        return _oldest(filter(self._is_ours, _of(name, items)))

    def _is_ours(self, issue: Issue) -> bool:
        return issue.author == self._login


def _of(name: str, issues: Iterable[Issue]) -> Iterator[Issue]:
    return (each for each in issues if section_name(each.body) == name)


def _oldest(issues: Iterable[Issue]) -> Issue | None:
    found = (each for each in issues if not each.is_pull_request)
    return min(found, key=lambda issue: issue.number, default=None)


def _normalised(body: str) -> str:
    """Normalise a comment: GitHub may change its line ends."""
    return body.replace("\r\n", "\n").strip()


def _issue(answer: Any) -> Issue:  # noqa: ANN401 - JSON
    found = read(_Issue, answer, "GitHub")
    labels = (label if isinstance(label, str) else label.name for label in found.labels)
    return Issue(
        number=found.number,
        title=found.title,
        body=found.body or "",
        is_open=found.state == "open",
        labels=frozenset(labels),
        author=found.user.login if found.user else "",
        is_pull_request=found.pull_request is not None,
    )
