"""The request: what a command was asked to do, with every name resolved; stored with the session."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SuiteCheck(_Model):
    """The scenario's own pinned suite."""

    kind: Literal["suite"] = "suite"


class PytestCheck(_Model):
    """A test file of the engine's own repository, or the test `name` in it; maybe pinned."""

    kind: Literal["pytest"] = "pytest"
    file: str
    name: str = ""
    tests_from: str | None = None


class CheckFile(_Model):
    """A file of a command that is the same at every commit: its absolute path, its SHA-256 in hex.

    `text` is what it holds where that is short, without secrets; else empty.
    """

    path: str
    sha256: str
    text: str = ""


class ProjectCheck(_Model):
    """The tests of any Python project: `targets` are files and folders, or tests in them (`FILE::NAME`).

    They are those of each commit, or pinned from `tests_from`. `args` are options of pytest. `python` is the
    absolute path of the interpreter, None for an environment built from each commit; `checkout` is the folder
    of the user's own checkout, which an editable install of that interpreter may point into.
    """

    kind: Literal["project"] = "project"
    targets: tuple[str, ...] = Field(min_length=1)
    tests_from: str | None = None
    args: tuple[str, ...] = ()
    python: str | None = None
    checkout: str | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The files and folders of the targets, from the top of the repository."""
        return tuple(dict.fromkeys(target.partition("::")[0] for target in self.targets))


class CommandCheck(_Model):
    """A command run in the commit's worktree; its exit code is read as `git bisect run` reads it.

    `scripts` are the files that it cannot run without, relative to the worktree or absolute.
    """

    kind: Literal["command"] = "command"
    argv: tuple[str, ...]
    files: tuple[CheckFile, ...] = ()
    scripts: tuple[str, ...] = ()


Check = Annotated[SuiteCheck | PytestCheck | ProjectCheck | CommandCheck, Field(discriminator="kind")]


def targets(check: Check) -> tuple[str, ...]:
    """What --pytest named; nothing where it is no check of the repository's own tests."""
    if isinstance(check, PytestCheck):
        return (f"{check.file}::{check.name}" if check.name else check.file,)
    return check.targets if isinstance(check, ProjectCheck) else ()


class Repetition(_Model):
    """How often `repro` runs one commit, or in turn that and `against`; `script` is a file to write."""

    runs: int = Field(ge=1)
    until_fail: bool = False
    against: str | None = None
    script: str | None = None
    stress: Literal["cpu", "memory", "delay"] | None = None
    stress_roles: tuple[str, ...] = ()


class Candidate(_Model):
    """A fix candidate: a commit to revert or pick, or a patch (base64) to apply; reports call it `name`."""

    kind: Literal["revert", "apply", "pick"]
    name: str
    title: str
    commit: str = ""
    path: str = ""
    patch: str = ""


class FixCommit(_Model):
    """Candidates, by number, put together on the failing commit: `sha`, or the files that conflict."""

    parts: tuple[int, ...]
    sha: str = ""
    conflicts: tuple[str, ...] = ()
    why: str = ""


class Fixes(_Model):
    """What `fixes` tries at the failing commit; it also tests whether the commits of `verify` pass.

    `confirms` is the bisection whose culprits it reverts, and `cells` are the cells that are then evaluated,
    each with the cells that have to run before it. If empty, every cell.
    """

    candidates: tuple[Candidate, ...]
    fix_commits: tuple[FixCommit, ...]
    verify: tuple[str, ...] = ()
    confirms: str | None = None
    cells: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class Request(_Model):
    """One bisection: full commit ids, the check, and how many runs prove something.

    `scenario` is a name or a folder's path, None for a command, and `scenario_sha256` what it held when the
    session began (empty in older ones). `deadline_s` limits one trial of a command.
    `rerun` is the command line that asks the same again, `rerun_unlimited` the same without budgets, and
    `rerun_same_failure` that with `--same-failure`: a failure of a command that differs from those at the
    failing end is skipped then (`same_failure`). It is empty where that is no option.
    The answer is given at `confidence`, or when a budget is used up; `priors` tells suspects apart by what
    they change, and `fresh` leaves the trials of earlier sessions aside. To find a fix, `goods` are the
    commits that still fail and `bad` is the one that passes. `confirm` reverts the culprits in the end.
    `pass_env` are variables that trials get although their names look like secrets.
    """

    repo: str
    goods: tuple[str, ...]
    bad: str
    first_parent: bool = False
    check: Check
    scenario: str | None = None
    profile: str | None = None
    cells: tuple[str, ...] = ()
    find: Literal["regression", "fix"] = "regression"
    endpoint_runs: int = Field(2, ge=1)
    confidence: float = Field(0.95, gt=0.5, lt=1)
    budget_trials: int | None = Field(None, ge=1)
    budget_minutes: float | None = Field(None, gt=0)
    slots: int = Field(1, ge=1)
    priors: bool = True
    fresh: bool = False
    confirm: Literal["revert"] | None = None
    same_failure: bool = False
    deadline_s: float = Field(3600, gt=0)
    pass_env: tuple[str, ...] = ()
    repetition: Repetition | None = None
    fixes: Fixes | None = None
    scenario_sha256: str = ""
    rerun: str = ""
    rerun_unlimited: str = ""
    rerun_same_failure: str = ""
    command: str = "run"
