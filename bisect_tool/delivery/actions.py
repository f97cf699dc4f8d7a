"""The actions that deliver the result of a night. Each has a line in the imperative for the dry run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.format import count
from bisect_tool.render.nightly_cause import headline, title

if TYPE_CHECKING:
    from bisect_tool.json_document.nightly import Cause

_VERBS = {"new": "open", "open": "open or update", "fixed": "close"}


@dataclass(frozen=True)
class WriteFiles:
    """Write the result of the night and of each cause into a folder."""

    folder: str
    causes: int

    @property
    def line(self) -> str:
        """What it does, and where."""
        reports = f", and reports of {count(self.causes, 'cause')}," if self.causes else ""
        return f"write nightly.json, nightly.md, nightly.html and junit.xml{reports} into {self.folder}"


@dataclass(frozen=True)
class BuildkiteAnnotation:
    """Annotate the Buildkite build that runs us."""

    style: str

    @property
    def line(self) -> str:
        """What it does, and where."""
        return f"annotate this Buildkite build (style {self.style})"


@dataclass(frozen=True)
class GithubSummary:
    """Append to the summary of the GitHub job that runs us."""

    line = "append the result to the summary of this GitHub job"


@dataclass(frozen=True)
class GithubAnnotations:
    """Print the workflow commands that annotate the GitHub job."""

    commands: tuple[str, ...]

    @property
    def line(self) -> str:
        """What it does, and where."""
        return f"print {count(len(self.commands), 'annotation')} of this GitHub job"


@dataclass(frozen=True)
class SyncIssue:
    """Open, update, close or reopen the issue of a cause.

    Its state is looked up when the action is carried out: an open cause without an issue gets one, and an
    issue closed by a person is left alone.
    """

    repository: str
    cause: Cause

    @property
    def line(self) -> str:
        """What it does, and where."""
        return f"{_VERBS[self.cause.state]} an issue in {self.repository}: {title(self.cause)}"


@dataclass(frozen=True)
class CommentOnPullRequest:
    """Comment on the pull request of a proven culprit, once."""

    repository: str
    number: int
    cause: Cause

    @property
    def line(self) -> str:
        """What it does, and where."""
        return f"comment on pull request {self.number} of {self.repository}: {title(self.cause)}"


@dataclass(frozen=True)
class ChatMessage:
    """Post a cause to the webhook, once for each state."""

    cause: Cause

    @property
    def line(self) -> str:
        """What it does, and where."""
        state = "fixed: " if self.cause.state == "fixed" else ""
        return f"post to the webhook: {state}{headline(self.cause)}"


Post = SyncIssue | CommentOnPullRequest | ChatMessage
"""Actions that notify people: the kill switch pauses them, and --max-posts limits them."""
Action = WriteFiles | BuildkiteAnnotation | GithubSummary | GithubAnnotations | Post
