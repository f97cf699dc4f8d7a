"""Declarations of the options that several commands take: flag, metavar, help, limits and defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from bisect_tool.max_time_limit import MAX_LIMIT_S

Repo = Annotated[
    str | None,
    typer.Option(
        "--repo",
        metavar="REPO",
        help="Repository: a checkout, a bare repository or a URL.",
        show_default=False,
    ),
]
Cells = Annotated[
    tuple[str, ...],
    typer.Option(
        "--cells",
        metavar="PATTERN",
        help="Run only the cells (tests) that match, such as '*[4]'; may be repeated.",
    ),
]
Confidence = Annotated[
    float,
    typer.Option(
        "--confidence", metavar="P", min=0.51, max=0.9999, help="Confidence at which a search stops."
    ),
]
Slots = Annotated[
    int | None,
    typer.Option(
        "--slots",
        metavar="K",
        min=1,
        max=64,
        help="Number of parallel trials. [default: 1; with --gpus, as many as the GPUs allow]",
    ),
]
BudgetMinutes = Annotated[
    float | None,
    typer.Option(
        "--budget-minutes", metavar="M", min=0.01, help="Start no new trial after this many minutes."
    ),
]
NoPriors = Annotated[
    bool, typer.Option("--no-priors", help="Treat all commits as equally likely, whatever they change.")
]
Confirm = Annotated[
    Literal["revert"] | None,
    typer.Option(
        "--confirm", help="After bisecting, revert each culprit on the bad commit and rerun its cells."
    ),
]
Pipeline = Annotated[str, typer.Option("--pipeline", metavar="ORG/SLUG", help="The pipeline on Buildkite.")]
Repository = Annotated[
    str, typer.Option("--repository", metavar="OWNER/REPO", help="The repository on GitHub.")
]
Workflow = Annotated[
    str, typer.Option("--workflow", metavar="FILE", help="The workflow on GitHub, such as nightly.yml.")
]
Branch = Annotated[str, typer.Option("--branch", metavar="NAME", help="Use only builds on this branch.")]
ExcludeEnv = Annotated[
    tuple[str, ...],
    typer.Option(
        "--exclude-env",
        metavar="NAME",
        help="Ignore builds that set this environment variable; may be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the JSON document instead of the report.")]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown to paste into an issue.")]
SessionId = Annotated[
    str, typer.Argument(metavar="SESSION", help="Session id, the beginning or end of one, or `last`.")
]
MovedTo = Annotated[
    str | None,
    typer.Option(
        "--repo",
        metavar="REPO",
        help="New location of the session's repository, if it has moved.",
        show_default=False,
    ),
]


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What is run at a commit, and in which repository."""

    repo: Repo = None
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            metavar="NAME",
            help="Bundled scenario, or path to a scenario directory. [default: external-lb-dp]",
        ),
    ] = None
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="Profile of the scenario. [default: the one that fits the repository]",
        ),
    ] = None
    wheel_url: Annotated[
        str | None,
        typer.Option(
            "--wheel-url",
            metavar="URL",
            help="Base URL of per-commit wheels, or `none` to build from source. [default: the profile's]",
        ),
    ] = None
    cells: Cells = ()
    pytest: Annotated[
        tuple[str, ...],
        typer.Option(
            "--pytest",
            metavar="PATH",
            help="Run these tests of the repository: a directory, a file or FILE::NAME; may be repeated.",
        ),
    ] = ()
    pytest_args: Annotated[
        str | None,
        typer.Option(
            "--pytest-args", metavar="OPTIONS", help="Options for pytest, such as '-m \"not slow\"'."
        ),
    ] = None
    python: Annotated[
        str | None,
        typer.Option(
            "--python",
            metavar="PATH",
            help="Interpreter for --pytest. "
            "[default: the active virtual environment's, else one built for the commits]",
        ),
    ] = None
    tests_from: Annotated[
        str | None,
        typer.Option(
            "--tests-from",
            metavar="REV",
            help="Test every commit with the --pytest files of this commit.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class TrialOptions:
    """How a trial is run; the last field is the command after `--`."""

    deadline: Annotated[
        float,
        typer.Option(
            "--deadline",
            metavar="SECONDS",
            min=0.1,
            max=MAX_LIMIT_S,
            help="Time limit for one run of a command, or of a project's tests.",
        ),
    ] = 3600.0
    pass_env: Annotated[
        tuple[str, ...],
        typer.Option(
            "--pass-env",
            metavar="NAME",
            help="Pass this environment variable even if it looks like a secret; may be repeated.",
        ),
    ] = ()
    gpus: Annotated[
        str | None,
        typer.Option(
            "--gpus",
            metavar="LIST",
            help="GPUs for trials: indices, ranges and UUIDs, such as 0-7. [default: the visible ones]",
        ),
    ] = None
    share_gpu: Annotated[
        bool, typer.Option("--share-gpu", help="Run all ranks of all parallel trials on one GPU.")
    ] = False
    command: Annotated[
        tuple[str, ...],
        typer.Argument(
            metavar="COMMAND",
            help="Command to run, given after --; exit codes mean the same as for `git bisect run`.",
        ),
    ] = ()
