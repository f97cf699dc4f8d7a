"""Declarations of the options that several commands share: flag, metavar and help."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from bisect_tool.scenario import A_YEAR_S

Good = Annotated[
    list[str],
    typer.Option("--good", metavar="REF", help="A commit where the tests pass; may be repeated."),
]
Bad = Annotated[str, typer.Option("--bad", metavar="REF", help="The commit where the tests fail.")]
Repo = Annotated[
    str | None,
    typer.Option(
        "--repo",
        metavar="REPO",
        help="Repository: a checkout, a bare repository or a URL.",
        show_default=False,
    ),
]
Scenario = Annotated[
    str | None,
    typer.Option(
        "--scenario", metavar="NAME", help="Bundled scenario, or path of a scenario folder [external-lb-dp]."
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile", metavar="NAME", help="Profile of the scenario [the one that fits the repository]."
    ),
]
Cells = Annotated[
    list[str] | None,
    typer.Option(
        "--cells", metavar="PATTERN", help="Run only cells that match, such as '*[4]'; may be repeated."
    ),
]
Pytest = Annotated[
    list[str] | None,
    typer.Option(
        "--pytest",
        metavar="PATH",
        help="Tests of the repository: a folder, a file or FILE::NAME; may be repeated.",
    ),
]
PytestArgs = Annotated[
    str | None,
    typer.Option("--pytest-args", metavar="OPTIONS", help="Options for pytest, such as '-m \"not slow\"'."),
]
Python = Annotated[
    str | None,
    typer.Option(
        "--python",
        metavar="PATH",
        help="Interpreter for --pytest [the active virtual environment, else one built for each commit].",
    ),
]
TestsFrom = Annotated[
    str | None,
    typer.Option(
        "--tests-from", metavar="REF", help="Use the --pytest files of this commit at every tested commit."
    ),
]
FirstParent = Annotated[
    bool, typer.Option("--first-parent", help="Follow only the first parent of merge commits.")
]
EndpointRuns = Annotated[
    int,
    typer.Option(
        "--endpoint-runs",
        metavar="N",
        min=1,
        help="Runs of --bad before a cell that never failed counts as passing.",
    ),
]
Find = Annotated[
    Literal["regression", "fix"],
    typer.Option("--find", help="Find the first bad commit, or the first one after --bad that passes."),
]
Confidence = Annotated[
    float,
    typer.Option("--confidence", metavar="P", min=0.51, max=0.9999, help="Required confidence."),
]
BudgetTrials = Annotated[
    int | None,
    typer.Option(
        "--budget-trials", metavar="N", min=1, help="Stop after N trials and list the remaining candidates."
    ),
]
BudgetMinutes = Annotated[
    float | None,
    typer.Option("--budget-minutes", metavar="M", min=0.01, help="Start no new trial after M minutes."),
]
Slots = Annotated[int, typer.Option("--slots", metavar="K", min=1, max=64, help="Number of parallel trials.")]
NoPriors = Annotated[
    bool, typer.Option("--no-priors", help="Treat all commits as equally likely, whatever they change.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ignore results from earlier sessions.")]
Confirm = Annotated[
    Literal["revert"] | None,
    typer.Option("--confirm", help="After bisecting, revert each culprit on --bad and rerun its cells."),
]
SameFailure = Annotated[
    bool,
    typer.Option("--same-failure", help="Skip commits where the command fails in another way than at --bad."),
]
Deadline = Annotated[
    float,
    typer.Option(
        "--deadline",
        metavar="SECONDS",
        min=0.1,
        max=A_YEAR_S,
        help="Time limit for one run of a command.",
    ),
]
PassEnv = Annotated[
    list[str] | None,
    typer.Option(
        "--pass-env",
        metavar="NAME",
        help="Pass this environment variable even if it looks like a secret; may be repeated.",
    ),
]
Command = Annotated[
    list[str] | None,
    typer.Argument(metavar="COMMAND", help="Command to run, after --; exit codes as for `git bisect run`."),
]
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
AsJson = Annotated[bool, typer.Option("--json", help="Print the JSON document instead of the report.")]
