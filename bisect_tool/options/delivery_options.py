"""The options that say where a night's result is delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import typer


@dataclass(frozen=True, kw_only=True)
class DeliveryOptions:
    """The channels for a night's result, and a limit on posts.

    Tokens and the webhook's URL come from the environment, because other users can see a command line.
    """

    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Write the result (JSON, Markdown, HTML, JUnit XML) and a report for each cause to DIR.",
            show_default=False,
        ),
    ] = None
    github_issues: Annotated[
        str | None,
        typer.Option(
            "--github-issues",
            metavar="OWNER/REPO",
            help=(
                "Open, update and close an issue for each cause (a culprit or set of candidates). Needs "
                "BISECT_RUN_GITHUB_WRITE_TOKEN."
            ),
            show_default=False,
        ),
    ] = None
    comment_on_culprit: Annotated[
        bool,
        typer.Option("--comment-on-culprit", help="Comment on the pull request of a proven culprit, once."),
    ] = False
    slack: Annotated[
        bool,
        typer.Option(
            "--slack", help="Post each cause to the Slack-compatible webhook BISECT_RUN_SLACK_WEBHOOK."
        ),
    ] = False
    annotate: Annotated[
        Literal["buildkite", "github"] | None,
        typer.Option("--annotate", help="Annotate the CI job that runs bisect-run."),
    ] = None
    max_posts: Annotated[
        int,
        typer.Option(
            "--max-posts",
            metavar="N",
            min=0,
            max=100,
            help="Make at most N posts to issues, pull requests and the webhook per night.",
        ),
    ] = 5
