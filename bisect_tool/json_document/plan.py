"""The JSON document of `plan`: candidates, builds, and the expected trials and cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bisect_tool.expected_cost import ExpectedCost  # pydantic needs it at run time
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from bisect_tool.git import Commit
    from bisect_tool.session.executor_costs import ExecutorCost
    from bisect_tool.session.plan import Forecast, Plan

SCHEMA: Final = 1


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedCommit(_Model):
    """A candidate, with the prior's `weight` and `reasons`, and the native files that it changes.

    `wheel` is the commit whose published wheel is used.
    """

    sha: str
    subject: str
    pr: int | None
    weight: float
    reasons: tuple[str, ...]
    native_files: tuple[str, ...]
    wheel: str | None


class PlannedTrials(_Model):
    """Expected trials if bad commits fail with the rate `p_fail_bad`.

    `p_missed` is the probability that no run of the bad commit fails.
    """

    p_fail_bad: float
    mean: float
    p95: float
    p_missed: float


class PlannedCost(_Model):
    """Expected cost at one executor; `costs` has one for each of `trials`, and is empty without past trials.

    `missing_environments` are not built yet; `builds_timed`: past trials say how long a build takes.
    """

    executor: str
    slots: int
    past_trials: int
    missing_environments: int
    builds_timed: bool
    costs: tuple[ExpectedCost, ...]


class PlanDocument(_Model):
    """What `run` would do.

    `environments` is the maximum number needed, and `deadline_seconds` the time limit of a trial's tests.
    """

    schema_: Literal[1] = Field(SCHEMA, alias="schema")
    command: Literal["plan"] = "plan"
    repo: str
    check: str
    good: tuple[str, ...]
    bad: str
    find: Literal["regression", "fix"]
    candidates: tuple[PlannedCommit, ...]
    environments: int
    deadline_seconds: float | None
    trials: tuple[PlannedTrials, ...]
    executors: tuple[PlannedCost, ...]
    busy: str

    def to_json(self) -> str:
        """The document as indented JSON text, in ASCII."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2)


def plan_document(plan: Plan) -> PlanDocument:
    """Compose the document of a plan."""
    ends, last = tuple(commit.sha for commit in plan.goods), plan.commits[-1].sha
    return PlanDocument(
        repo=clean_line(plan.repo),
        check=clean_line(plan.check),
        good=(last,) if plan.fix else ends,
        bad=ends[0] if plan.fix else last,
        find="fix" if plan.fix else "regression",
        candidates=tuple(_commit(plan, commit) for commit in plan.commits),
        environments=plan.environments,
        deadline_seconds=plan.deadline_s,
        trials=tuple(_trials(forecast) for forecast in plan.forecasts),
        executors=tuple(_cost(each) for each in plan.costs),
        busy=plan.busy,
    )


def _commit(plan: Plan, commit: Commit) -> PlannedCommit:
    suspicion = plan.suspicions.get(commit.sha)
    wheel = plan.wheels.get(commit.sha) if plan.wheels else None
    return PlannedCommit(
        sha=commit.sha,
        subject=clean_line(commit.subject),
        pr=commit.pr,
        weight=suspicion.weight if suspicion else 1.0,
        reasons=tuple(map(clean_line, suspicion.reasons)) if suspicion else (),
        native_files=tuple(map(clean_line, plan.native.get(commit.sha, ()))),
        wheel=wheel.sha if wheel else None,
    )


def _trials(forecast: Forecast) -> PlannedTrials:
    return PlannedTrials(
        p_fail_bad=forecast.fail_bad, mean=forecast.mean, p95=forecast.p95, p_missed=forecast.missed
    )


def _cost(cost: ExecutorCost) -> PlannedCost:
    return PlannedCost(
        executor=cost.executor,
        slots=cost.slots,
        past_trials=cost.past_trials,
        missing_environments=cost.missing,
        builds_timed=cost.builds_timed,
        costs=cost.costs,
    )
