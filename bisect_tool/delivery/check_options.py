"""Check the delivery options and the environment variables that they need."""

from __future__ import annotations

import os
from shutil import which
from typing import TYPE_CHECKING

from bisect_tool.delivery import github_api, github_summary, webhook
from bisect_tool.delivery.repository_name import NAME
from bisect_tool.errors import UsageError
from bisect_tool.paths import expanded
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bisect_tool.options.delivery_options import DeliveryOptions

_TOKEN_HINT = "It needs permission to write issues and, for --comment-on-culprit, pull requests."  # noqa: S105


def check_delivery(
    options: DeliveryOptions, environment: Mapping[str, str], *, dry_run: bool = False
) -> None:
    """Check the options before a night begins; a dry run needs no variables.

    Raises:
        UsageError: a name is malformed, or a variable is missing; the message says which.
    """
    if options.out is not None and not _is_writable(expanded(options.out)):
        raise UsageError(
            f"cannot write to --out {clean_line(options.out, 200)}", "Check that it is a writable directory."
        )
    if options.github_issues is not None and not NAME.fullmatch(options.github_issues):
        raise UsageError(
            f"--github-issues {clean_line(options.github_issues, 100)} is not OWNER/REPO",
            "Example: my-team/engine.",
        )
    if not dry_run:
        _check_environment(options, environment)


def _check_environment(options: DeliveryOptions, environment: Mapping[str, str]) -> None:
    if options.github_issues or options.comment_on_culprit:
        flag = "--github-issues" if options.github_issues else "--comment-on-culprit"
        _require(environment, github_api.TOKEN, flag, _TOKEN_HINT)
    if options.slack:
        _require(environment, webhook.VARIABLE, "--slack", "Set it to the address of the incoming webhook.")
        if not environment[webhook.VARIABLE].lower().startswith(("https://", "http://")):
            raise UsageError(
                f"{webhook.VARIABLE} is not an https URL", "Use a URL that begins with https://."
            )
    if options.annotate == "buildkite" and not which("buildkite-agent", path=environment.get("PATH", "")):
        raise UsageError("--annotate buildkite needs buildkite-agent", "Use it only in a Buildkite job.")
    if options.annotate == "github":
        _require(
            environment, github_summary.VARIABLE, "--annotate github", "GitHub Actions sets it for its jobs."
        )


def _is_writable(folder: Path) -> bool:
    """Whether it is a writable folder, or can be created."""
    try:
        there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
        return there.is_dir() and os.access(there, os.W_OK)
    except OSError:  # a name that is too long, or a folder that may not be read
        return False


def _require(environment: Mapping[str, str], variable: str, flag: str, hint: str) -> None:
    if not environment.get(variable):
        raise UsageError(f"{flag} needs {variable}, which is not set", hint)
