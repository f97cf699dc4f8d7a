"""`bisect-run run`: name the first bad commit of every cell that is red."""

from __future__ import annotations

from bisect_tool.cli.run_session import drive
from bisect_tool.home import home
from bisect_tool.options import declared
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.session import session as sessions
from bisect_tool.session.store import Store
from bisect_tool.terminal.output import say


def run(
    good: declared.Good,
    bad: declared.Bad,
    repo: declared.Repo = None,
    scenario: declared.Scenario = None,
    profile: declared.Profile = None,
    cells: declared.Cells = None,
    pytest: declared.Pytest = None,
    pytest_args: declared.PytestArgs = None,
    python: declared.Python = None,
    tests_from: declared.TestsFrom = None,
    first_parent: declared.FirstParent = False,
    find: declared.Find = "regression",
    endpoint_runs: declared.EndpointRuns = 2,
    confidence: declared.Confidence = 0.95,
    budget_trials: declared.BudgetTrials = None,
    budget_minutes: declared.BudgetMinutes = None,
    slots: declared.Slots = 1,
    no_priors: declared.NoPriors = False,
    fresh: declared.Fresh = False,
    confirm: declared.Confirm = None,
    same_failure: declared.SameFailure = False,
    deadline: declared.Deadline = 3600.0,
    pass_env: declared.PassEnv = None,
    as_json: declared.AsJson = False,
    command: declared.Command = None,
) -> int:
    """Name the first bad commit of every red cell (the default)."""
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
