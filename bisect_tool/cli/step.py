"""`bisect-run step`: one commit, as a checker for `git bisect run`."""

from __future__ import annotations

from typing import Annotated

import typer

from bisect_tool.cli.interrupt import interruptible
from bisect_tool.errors import StepCode
from bisect_tool.evidence import classify, says
from bisect_tool.options import shared_options
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.paths import home
from bisect_tool.results.compose import compose
from bisect_tool.session import runner
from bisect_tool.session import session as sessions
from bisect_tool.session.store import Store
from bisect_tool.supervise.load import BusyWatch
from bisect_tool.terminal.output import say
from bisect_tool.terminal.progress import Progress
from bisect_tool.trial.result import CellResult
from bisect_tool.verdict import Verdict

EXAMPLES = (
    "git bisect run bisect-run step -- ./check.sh",
    "bisect-run step --rev main --pytest tests/test_api.py",
)


def step(
    rev: Annotated[str, typer.Option("--rev", metavar="REF", help="The commit to test.")] = "HEAD",
    repo: shared_options.Repo = None,
    scenario: shared_options.Scenario = None,
    profile: shared_options.Profile = None,
    cells: shared_options.Cells = None,
    pytest: shared_options.Pytest = None,
    pytest_args: shared_options.PytestArgs = None,
    python: shared_options.Python = None,
    tests_from: shared_options.TestsFrom = None,
    deadline: shared_options.Deadline = 3600.0,
    pass_env: shared_options.PassEnv = None,
    signature: Annotated[
        str,
        typer.Option(
            "--signature",
            metavar="TEXT",
            help="Bad only if the failure's signature, or a command's output, contains this text.",
        ),
    ] = "",
    command: shared_options.Command = None,
) -> int:
    """Test one commit, as the command of `git bisect run`.

    Exit codes: 0 good, 1 bad, 125 cannot be tested, 128 abort (usage error or interrupt).
    """
    here = home()
    options = RunOptions(
        goods=(),
        bad=rev,
        repo="." if repo is None else repo,
        scenario=scenario,
        profile=profile,
        pytest=tuple(pytest or ()),
        pytest_args=pytest_args,
        python=python,
        tests_from=tests_from,
        command=tuple(command or ()),
        cells=tuple(cells or ()),
        endpoint_runs=1,
        deadline_s=deadline,
        pass_env=tuple(pass_env or ()),
    )
    store = Store(here.store, say)
    session = sessions.create(resolve(options, here, say, "step"), store, here)
    with (
        interruptible() as interrupt,
        sessions.held(session),
        Progress(session, busy=BusyWatch()) as progress,
    ):
        state = runner.run(session, store, progress, interrupt.cancel)
    rows = store.trials(session.id)
    store.finish(session.id, compose(session, rows, state).to_json())
    last = rows[-1].result
    for cell in last.cells:
        why = cell.failure.signature if cell.failure else cell.reason
        say(f"{cell.cell}: {_verdict(cell, signature)}, {cell.outcome} {why}".rstrip())
    return verdict_of(last.cells, signature)


def verdict_of(cells: tuple[CellResult, ...], signature: str) -> int:
    """The exit code for `git bisect run`: bad if any cell is, good only if all are."""
    verdicts = {_verdict(cell, signature) for cell in cells}
    if Verdict.BAD in verdicts:
        return StepCode.BAD
    return StepCode.GOOD if verdicts == {Verdict.GOOD} else StepCode.SKIP


def _verdict(cell: CellResult, signature: str) -> Verdict:
    verdict = classify(cell.outcome, cell.failure, frozenset()).verdict
    if not signature or verdict is not Verdict.BAD:
        return verdict
    return Verdict.BAD if cell.failure is not None and says(cell.failure, signature) else Verdict.SKIP
