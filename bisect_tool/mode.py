"""The mode of a session: bisect, walk, repro, fixes or step, each with its own settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Budget(_Model):
    """How many trials a session may start, and for how many minutes; None is no limit."""

    trials: int | None = Field(None, ge=1)
    minutes: float | None = Field(None, gt=0)

    def is_used_up(self, trials: int, minutes: float) -> bool:
        """Whether no further trial may be started after this many trials and minutes."""
        return (self.trials is not None and trials >= self.trials) or (
            self.minutes is not None and minutes >= self.minutes
        )

    def minus(self, trials: int, minutes: float) -> Budget:
        """The remaining budget; a limit of zero or less is used up."""
        remaining = {
            "trials": None if self.trials is None else self.trials - trials,
            "minutes": None if self.minutes is None else self.minutes - minutes,
        }
        return self.model_copy(update=remaining)


UNLIMITED = Budget()


class ObservedRuns(_Model):
    """Runs of a cell at a commit, made by CI or an earlier night instead of this session."""

    cell: str
    commit: str
    passed: int = Field(ge=0)
    failed: int = Field(ge=0)


class _Search(_Model):
    """What to search for, with which confidence, and at which cost.

    `endpoint_runs` is how often the failing end is run before a cell that never failed counts as passing.
    The search ends at `confidence`, or when the `budget` is used up. With `priors`, commits are weighted by
    what they change. `confirm` reverts the culprits afterwards. With `same_failure`, a commit at which a
    command fails differently than at the failing end is skipped. `observations` are results of CI and of
    earlier nights: they change the posterior, but confirm nothing. `rerun_unlimited` is the request's command
    line without budgets, `rerun_same_failure` the one with `--same-failure`, empty if that does not apply.
    """

    first_parent: bool = False
    find: Literal["regression", "fix"] = "regression"
    endpoint_runs: int = Field(2, ge=1)
    confidence: float = Field(0.95, gt=0.5, lt=1)
    budget: Budget = UNLIMITED
    priors: bool = True
    confirm: Literal["revert"] | None = None
    same_failure: bool = False
    observations: tuple[ObservedRuns, ...] = ()
    rerun_unlimited: str = ""
    rerun_same_failure: str = ""


class Bisect(_Search):
    """Find the first bad commit of each cell between the `goods` and the request's `bad`.

    With `find="fix"`, find the first good one; then `goods` fail, and `bad` passes. `walk` is the session
    that found the other end; its trials are reused.
    """

    command: Literal["run", "demo"] = "run"
    goods: tuple[str, ...] = Field(min_length=1)
    walk: str | None = None

    @property
    def shares_trials(self) -> bool:
        """Whether other sessions may reuse its trials; the demo always runs all of its trials itself."""
        return self.command != "demo"


class Walk(_Search):
    """Walk back from the request's `bad` to a commit where its cells pass, and bisect between the two.

    With `find="fix"`, from the passing end to a commit where a cell fails. It goes back at most `limit`
    commits; None means to the first commit of the history.
    """

    command: Literal["walk"] = "walk"
    limit: int | None = Field(None, ge=1)

    @property
    def shares_trials(self) -> bool:
        """Always: the bisection reuses them."""
        return True

    def bisection(self, end: str, walk: str) -> Bisect:
        """The bisection that starts from the commit which the session `walk` found."""
        settings = {name: getattr(self, name) for name in _Search.model_fields}
        return Bisect(goods=(end,), walk=walk, **settings)


class Repro(_Model):
    """Run one commit `runs` times, alternating with `against` if given; `script` is a file to write."""

    command: Literal["repro"] = "repro"
    runs: int = Field(ge=1)
    until_fail: bool = False
    against: str | None = None
    script: str | None = None
    stress: Literal["cpu", "memory", "delay"] | None = None
    stress_roles: tuple[str, ...] = ()

    @property
    def shares_trials(self) -> bool:
        """Unless its runs are a biased sample: under stress, or stopped at the first failure."""
        return self.stress is None and not self.until_fail


class Candidate(_Model):
    """A fix candidate: a commit to revert or cherry-pick, or a patch (base64) to apply.

    `name` is how reports call it.
    """

    kind: Literal["revert", "apply", "pick"]
    name: str
    title: str
    commit: str = ""
    path: str = ""
    patch: str = ""


class FixCommit(_Model):
    """The commit `sha` with candidates (`parts`: their indices) applied to the failing commit.

    If they do not apply, `sha` is empty, `conflicts` has the files, and `why` the reason.
    """

    parts: tuple[int, ...]
    sha: str = ""
    conflicts: tuple[str, ...] = ()
    why: str = ""


class Fixes(_Model):
    """Try candidates at the failing commit, and test whether the commits of `verify` pass.

    A cell passes if it passed `runs` times. `confirms` is the bisection session whose culprits are reverted,
    and `cells` are the cells to evaluate, each with its prerequisites; empty for all.
    """

    command: Literal["fixes"] = "fixes"
    candidates: tuple[Candidate, ...] = ()
    fix_commits: tuple[FixCommit, ...] = ()
    verify: tuple[str, ...] = ()
    runs: int = Field(2, ge=1)
    confirms: str | None = None
    cells: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def shares_trials(self) -> bool:
        """Always: the effect of a candidate is the same for every session."""
        return True


class Step(_Model):
    """Run one commit, as the check of `git bisect run`."""

    command: Literal["step"] = "step"

    @property
    def shares_trials(self) -> bool:
        """Never: `git bisect run` expects each of its steps to be run."""
        return False


Mode = Annotated[Bisect | Walk | Repro | Fixes | Step, Field(discriminator="command")]
