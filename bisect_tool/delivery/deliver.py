"""Deliver the result of a night through all channels that the options name."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Self

from bisect_tool.delivery import github_api, webhook
from bisect_tool.delivery.action_outcome import DeliveryReport, Outcome
from bisect_tool.delivery.actions import (
    BuildkiteAnnotation,
    ChatMessage,
    CommentOnPullRequest,
    GithubAnnotations,
    GithubSummary,
    Post,
    SyncIssue,
    WriteFiles,
)
from bisect_tool.delivery.allowance import Allowance
from bisect_tool.delivery.buildkite_annotation import LIMIT, annotate_build
from bisect_tool.delivery.chat_message import is_due, post_cause
from bisect_tool.delivery.clock import SYSTEM
from bisect_tool.delivery.delivered_states import Delivered
from bisect_tool.delivery.files import write_files
from bisect_tool.delivery.github_summary import append_summary
from bisect_tool.delivery.issues import Issues
from bisect_tool.delivery.pause import why_paused
from bisect_tool.delivery.plan import plan
from bisect_tool.delivery.pull_request_comment import comment_on_pull_request
from bisect_tool.delivery.sync_issue import sync_issue
from bisect_tool.errors import BisectError
from bisect_tool.file_lock import lease
from bisect_tool.format import count, listing
from bisect_tool.json_document.sanitise import sanitise
from bisect_tool.render.nightly_markdown import cut, nightly_markdown
from bisect_tool.sanitise import secret_values
from bisect_tool.terminal.writer import write_commands

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bisect_tool.delivery.actions import Action
    from bisect_tool.delivery.clock import Clock
    from bisect_tool.json_document.nightly import NightlyDocument
    from bisect_tool.options.delivery_options import DeliveryOptions
    from bisect_tool.paths import Home

_log = logging.getLogger("bisect_run.delivery")
_SERVER = "https://github.com"
_LOCK_WAIT_S = 600.0


def deliver(  # noqa: PLR0913, PLR0917 - what is delivered, where to, and how
    document: NightlyDocument,
    options: DeliveryOptions,
    environment: Mapping[str, str],
    home: Home,
    notify: Callable[[str], None],
    dry_run: bool,
    clock: Clock = SYSTEM,
) -> DeliveryReport:
    """Deliver the result of a night; with `dry_run`, print what would be done, a line for each action.

    A failed channel does not stop the others: the outcome of each action is returned, and `notify` is called
    with a line about it. Delivery is idempotent, also after a run that was killed. Secrets of the environment
    are masked.
    """
    night = sanitise(document, secret_values(environment))
    actions = plan(night, options, environment.get("GITHUB_SERVER_URL") or _SERVER)
    posts = tuple(action for action in actions if isinstance(action, Post))
    local = tuple(action for action in actions if action not in posts)
    paused = why_paused(home, environment)
    if paused and posts:
        notify(f"nothing is posted: {paused}")
    sent = _sent(home)
    for action in actions if dry_run else posts if paused else ():
        if not isinstance(action, ChatMessage) or _is_due(action, sent):
            notify(f"would {action.line}")
    if dry_run:
        if channels := _channels_after_bisecting(night, options):
            notify(f"would report what a bisection finds: {channels}")
        return DeliveryReport()
    with _Delivery(night, environment, home, Allowance(options.max_posts), clock) as delivery:
        done = _carry_out(local, delivery, notify)
        posted = () if paused else _post(posts, delivery, notify)
    if delivery.allowance.held_back:
        held_back = count(delivery.allowance.held_back, "post")
        notify(f"{held_back} left for the next night (--max-posts {options.max_posts})")
    return DeliveryReport((*done, *posted), posts if paused else ())


def _is_due(action: ChatMessage, sent: Delivered) -> bool:
    """Whether a message would be posted; if that cannot be read, posting raises the error."""
    try:
        return is_due(action.cause, sent)
    except BisectError as error:
        _log.debug("cannot read what was sent: %s", error.message)
        return True


def _channels_after_bisecting(night: NightlyDocument, options: DeliveryOptions) -> str:
    """Describe where results of tonight's bisections would be posted; empty if nowhere."""
    if not any(cell.action.startswith("bisect ") for cell in night.cells):
        return ""
    return listing(
        [
            *([f"an issue in {options.github_issues}"] if options.github_issues else []),
            *(["a comment on the culprit's pull request"] if options.comment_on_culprit else []),
            *(["a message to the webhook"] if options.slack else []),
        ]
    )


def _sent(home: Home) -> Delivered:
    return Delivered(home.state / "nightly" / "delivered.json")


def _post(
    actions: Sequence[Action], delivery: _Delivery, notify: Callable[[str], None]
) -> tuple[Outcome, ...]:
    """Carry out the actions that notify people, under the lock of the home."""
    if not actions:
        return ()
    lock = delivery.home.state / "nightly" / "delivery.lock"
    with ExitStack() as held:
        try:
            held.enter_context(lease(lock, _LOCK_WAIT_S, "another run is delivering its results", notify))
        except (BisectError, OSError) as error:
            return tuple(_announced(Outcome(action, error=_reason(error)), notify) for action in actions)
        return _carry_out(actions, delivery, notify)


def _carry_out(
    actions: Sequence[Action], delivery: _Delivery, notify: Callable[[str], None]
) -> tuple[Outcome, ...]:
    return tuple(_announced(_outcome(action, delivery), notify) for action in actions)


def _outcome(action: Action, delivery: _Delivery) -> Outcome:
    try:
        return Outcome(action, delivery.carry_out(action))
    except (BisectError, OSError) as error:
        return Outcome(action, error=_reason(error))


def _announced(outcome: Outcome, notify: Callable[[str], None]) -> Outcome:
    if outcome.line:
        notify(outcome.line)
    return outcome


def _reason(error: BisectError | OSError) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"{error.message}. {error.hint}".rstrip()


@dataclass
class _Delivery:
    """Carries out actions; a context manager that closes its connections."""

    night: NightlyDocument
    environment: Mapping[str, str]
    home: Home
    allowance: Allowance
    clock: Clock
    _closing: ExitStack = field(default_factory=ExitStack)
    _issues: dict[str, Issues] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def carry_out(self, action: Action) -> str:
        """Carry out an action; returns what was done, or empty."""
        match action:
            case WriteFiles(folder=folder):
                write_files(self.night, folder)
                return f"results are in {folder}"
            case BuildkiteAnnotation(style=style):
                annotate_build(cut(self._text, LIMIT), style, self.night.watch, self.environment)
            case GithubSummary():
                append_summary(self._text, self.environment)
            case GithubAnnotations(commands=commands):
                write_commands(commands)
            case SyncIssue(repository=repository, cause=cause):
                return sync_issue(self.night, cause, self._issues_of(repository), self.allowance)
            case CommentOnPullRequest(repository=repository):
                return comment_on_pull_request(action, self._issues_of(repository), self.allowance)
            case ChatMessage(cause=cause):
                url = self.environment[webhook.VARIABLE]
                return post_cause(self.night, cause, url, _sent(self.home), self.allowance, self.clock)
        return ""

    @property
    def _text(self) -> str:
        return nightly_markdown(self.night)

    @cached_property
    def _api(self) -> github_api.GithubApi:
        url = self.environment.get("GITHUB_API_URL") or github_api.DEFAULT_URL
        api = github_api.GithubApi(url, self.environment[github_api.TOKEN], self.clock)
        return self._closing.enter_context(api)

    def _issues_of(self, repository: str) -> Issues:
        return self._issues.setdefault(repository, Issues(self._api, repository))
