"""`bisect-run run`: name the first bad commit of every cell that is red."""

from __future__ import annotations

from bisect_tool.cli.run_session import drive
from bisect_tool.options import shared_options
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.paths import home
from bisect_tool.session import session as sessions
from bisect_tool.session.store import Store
from bisect_tool.terminal.output import say

EXAMPLES = (
    "bisect-run run --good v0.8.0 --bad main",
    "bisect-run run --good v2.1 --bad HEAD -- ./check.sh",
)


def run(
    good: shared_options.Good,
    bad: shared_options.Bad,
    repo: shared_options.Repo = None,
    scenario: shared_options.Scenario = None,
    profile: shared_options.Profile = None,
    cells: shared_options.Cells = None,
    pytest: shared_options.Pytest = None,
    pytest_args: shared_options.PytestArgs = None,
    python: shared_options.Python = None,
    tests_from: shared_options.TestsFrom = None,
    first_parent: shared_options.FirstParent = False,
    find: shared_options.Find = "regression",
    endpoint_runs: shared_options.EndpointRuns = 2,
    confidence: shared_options.Confidence = 0.95,
    budget_trials: shared_options.BudgetTrials = None,
    budget_minutes: shared_options.BudgetMinutes = None,
    slots: shared_options.Slots = 1,
    no_priors: shared_options.NoPriors = False,
    fresh: shared_options.Fresh = False,
    confirm: shared_options.Confirm = None,
    same_failure: shared_options.SameFailure = False,
    deadline: shared_options.Deadline = 3600.0,
    pass_env: shared_options.PassEnv = None,
    as_json: shared_options.AsJson = False,
    command: shared_options.Command = None,
) -> int:
    """Find the first bad commit of every failing cell (the default)."""
    options = RunOptions(
        goods=tuple(good),
        bad=bad,
        repo=repo,
        scenario=scenario,
        profile=profile,
        pytest=tuple(pytest or ()),
        pytest_args=pytest_args,
        python=python,
        tests_from=tests_from,
        command=tuple(command or ()),
        cells=tuple(cells or ()),
        first_parent=first_parent,
        find=find,
        endpoint_runs=endpoint_runs,
        confidence=confidence,
        budget_trials=budget_trials,
        budget_minutes=budget_minutes,
        slots=slots,
        priors=not no_priors,
        fresh=fresh,
        confirm=confirm,
        same_failure=same_failure,
        deadline_s=deadline,
        pass_env=tuple(pass_env or ()),
    )
    here = home()
    store = Store(here.store, say)
    session = sessions.create(resolve(options, here, say), store, here)
    return drive(session, store, as_json)
