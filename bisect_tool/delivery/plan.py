"""Plan the actions that deliver the result of a night. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.delivery.actions import (
    BuildkiteAnnotation,
    ChatMessage,
    CommentOnPullRequest,
    GithubAnnotations,
    GithubSummary,
    SyncIssue,
    WriteFiles,
)
from bisect_tool.delivery.repository_name import repository_name
from bisect_tool.render.nightly_cause import culprit
from bisect_tool.render.workflow_commands import workflow_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.delivery.actions import Action
    from bisect_tool.json_document.nightly import Cause, NightlyDocument
    from bisect_tool.options.delivery_options import DeliveryOptions

_ORDER = ("new", "fixed", "open")
"""News come first, since the number of posts is limited."""


def plan(night: NightlyDocument, options: DeliveryOptions, server: str) -> tuple[Action, ...]:
    """Return the actions in order: those on this machine come first.

    `server` is the URL of GitHub: culprits of repositories elsewhere get no comment.
    """
    return (*_local(night, options), *_posts(night, options, server))


def _local(night: NightlyDocument, options: DeliveryOptions) -> Iterator[Action]:
    if options.out is not None:
        yield WriteFiles(options.out, len(night.causes))
    if options.annotate == "buildkite":
        red = any(cause.state != "fixed" for cause in night.causes)
        yield BuildkiteAnnotation("error" if red else "success")
    if options.annotate == "github":
        yield GithubSummary()
        if commands := workflow_commands(night):
            yield GithubAnnotations(commands)


def _posts(night: NightlyDocument, options: DeliveryOptions, server: str) -> Iterator[Action]:
    causes = sorted(night.causes, key=lambda cause: _ORDER.index(cause.state))
    if options.github_issues is not None:
        for cause in causes:
            yield SyncIssue(options.github_issues, cause)
    if options.comment_on_culprit:
        for cause in causes:
            yield from _comment(cause, server)
    if options.slack:
        for cause in causes:
            yield ChatMessage(cause)


def _comment(cause: Cause, server: str) -> Iterator[Action]:
    commit = culprit(cause)
    if not cause.proven or cause.state == "fixed" or cause.document is None:
        return
    repository = repository_name(cause.document.origin or cause.document.repo, server)
    if repository and commit is not None and commit.pr is not None:
        yield CommentOnPullRequest(repository, commit.pr, cause)
