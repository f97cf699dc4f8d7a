"""`bisect-run repro`: how often one commit fails, and how."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from bisect_tool.cli.run_session import drive
from bisect_tool.options import shared_options
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.paths import home
from bisect_tool.session import session as sessions
from bisect_tool.session.store import Store
from bisect_tool.terminal.output import say

EXAMPLES = (
    "bisect-run repro main --runs 50",
    "bisect-run repro main --compare v0.8.0 -- ./check.sh",
)


def repro(
    rev: Annotated[str, typer.Argument(metavar="REV", help="The commit to run.")],
    runs: Annotated[
        int, typer.Option("--runs", metavar="N", min=1, help="Number of runs, with --compare of each commit.")
    ] = 20,
    until_fail: Annotated[
        bool, typer.Option("--until-fail", help="Stop after the first failing run.")
    ] = False,
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare",
            metavar="REV2",
            help="Alternate with runs of this commit and compare the failure rates.",
        ),
    ] = None,
    stress: Annotated[
        Literal["cpu", "memory", "delay"] | None,
        typer.Option("--stress", help="Put the machine under load, or delay processes, to provoke races."),
    ] = None,
    stress_role: Annotated[
        list[str] | None,
        typer.Option(
            "--stress-role",
            metavar="ROLE",
            help="Process role that --stress delay pauses, such as Worker; may be repeated.",
        ),
    ] = None,
    script: Annotated[
        str | None,
        typer.Option(
            "--script", metavar="FILE", help="Write a bash script that does the same without bisect-run."
        ),
    ] = None,
    repo: shared_options.Repo = None,
    scenario: shared_options.Scenario = None,
    profile: shared_options.Profile = None,
    cells: shared_options.Cells = None,
    pytest: shared_options.Pytest = None,
    pytest_args: shared_options.PytestArgs = None,
    python: shared_options.Python = None,
    tests_from: shared_options.TestsFrom = None,
    slots: shared_options.Slots = 1,
    deadline: shared_options.Deadline = 3600.0,
    pass_env: shared_options.PassEnv = None,
    as_json: shared_options.AsJson = False,
    command: shared_options.Command = None,
) -> int:
    """Run one commit many times to measure how often it fails.

    Exits with 1 if any run failed, else with 0.
    """
    options = RunOptions(
        goods=(),
        bad=rev,
        repo=repo,
        scenario=scenario,
        profile=profile,
        pytest=tuple(pytest or ()),
        pytest_args=pytest_args,
        python=python,
        tests_from=tests_from,
        command=tuple(command or ()),
        cells=tuple(cells or ()),
        slots=slots,
        priors=False,
        deadline_s=deadline,
        pass_env=tuple(pass_env or ()),
        runs=runs,
        until_fail=until_fail,
        compare=compare,
        script=script,
        stress=stress,
        stress_roles=tuple(stress_role or ()),
    )
    here = home()
    store = Store(here.store, say)
    session = sessions.create(resolve(options, here, say, "repro"), store, here)
    return drive(session, store, as_json)
