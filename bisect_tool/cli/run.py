"""`bisect-run run`: name the first bad commit of every cell that is red."""

from __future__ import annotations

from bisect_tool import session as sessions
from bisect_tool.cli import options
from bisect_tool.cli.drive import drive
from bisect_tool.cli.output import say
from bisect_tool.home import home
from bisect_tool.resolve import resolve
from bisect_tool.store import Store
from bisect_tool.words import Words


def run(
    good: options.Good,
    bad: options.Bad,
    repo: options.Repo = None,
    scenario: options.Scenario = None,
    profile: options.Profile = None,
    cells: options.Cells = None,
    pytest: options.Pytest = None,
    pytest_args: options.PytestArgs = None,
    python: options.Python = None,
    tests_from: options.TestsFrom = None,
    first_parent: options.FirstParent = False,
    find: options.Find = "regression",
    endpoint_runs: options.EndpointRuns = 2,
    confidence: options.Confidence = 0.95,
    budget_trials: options.BudgetTrials = None,
    budget_minutes: options.BudgetMinutes = None,
    slots: options.Slots = 1,
    no_priors: options.NoPriors = False,
    fresh: options.Fresh = False,
    confirm: options.Confirm = None,
    same_failure: options.SameFailure = False,
    deadline: options.Deadline = 3600.0,
    pass_env: options.PassEnv = None,
    as_json: options.AsJson = False,
    command: options.Command = None,
) -> int:
    """Name the first bad commit of every red cell (the default)."""
    words = Words(
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
    session = sessions.create(resolve(words, here, say), store, here)
    return drive(session, store, as_json)
