"""From the words of a command line to a request in which every name is resolved."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bisect_tool import scenario as scenarios
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.history import Range, Repository
from bisect_tool.home import Home
from bisect_tool.request import CommandCheck, PytestCheck, Request, SuiteCheck
from bisect_tool.scenario import Scenario
from bisect_tool.supervise.gpus import snapshot

DEFAULT_SCENARIO = "external-lb-dp"


@dataclass(frozen=True)
class Words:
    """What was written on the command line, unresolved."""

    goods: tuple[str, ...]
    bad: str
    repo: str | None = None
    scenario: str | None = None
    profile: str | None = None
    pytest_file: str | None = None
    tests_from: str | None = None
    command: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    first_parent: bool = False
    endpoint_runs: int = 2
    deadline_s: float = 3600.0


@dataclass(frozen=True)
class Resolved:
    """A request with the repository it is about and the range it searches."""

    request: Request
    repository: Repository
    range: Range


def resolve(words: Words, home: Home, command: str = "run") -> Resolved:
    """Resolve a command line.

    Raises:
        UsageError: a ref, scenario, profile or file does not exist, or two options contradict each other.
        EnvironmentFailed: a repository cannot be cloned, or the profile needs a GPU and there is none.
    """
    _check_kind(words)
    scenario = None if words.command else scenarios.load(words.scenario or DEFAULT_SCENARIO)
    repository = open_repository(words.repo, scenario, home)
    bad = repository.resolve(words.bad)
    goods = tuple(dict.fromkeys(repository.resolve(good) for good in words.goods))
    span = repository.range(goods, bad, words.first_parent)
    profile = choose_profile(scenario, words.profile, repository, bad) if scenario else None
    request = Request(
        repo=str(repository.spec),
        goods=goods,
        bad=bad,
        first_parent=words.first_parent,
        check=_check(words, repository, bad),
        scenario=None if scenario is None else words.scenario or DEFAULT_SCENARIO,
        profile=profile,
        cells=words.cells,
        endpoint_runs=words.endpoint_runs,
        deadline_s=words.deadline_s,
        rerun=rerun(words, repository, goods, bad, profile),
        command=command,
    )
    return Resolved(request, repository, span)


def open_repository(spec: str | None, scenario: Scenario | None, home: Home) -> Repository:
    """The repository asked for; else the current folder's, if it holds the scenario's engine; else its URL."""
    if spec is not None or scenario is None:
        return Repository.open(spec or ".", home.cache)
    here = Path.cwd()
    markers = {profile.marker for profile in scenario.profiles.values()}
    if any((folder / marker).exists() for folder in (here, *here.parents) for marker in markers):
        return Repository.open(".", home.cache)
    return Repository.open(scenario.repository, home.cache)


def choose_profile(scenario: Scenario, asked: str | None, repository: Repository, bad: str) -> str:
    """The profile asked for, else the one made for this repository: with GPUs where there are some."""
    gpus = len(snapshot())
    if asked is not None:
        if scenario.profile(asked).needs_gpu and gpus == 0:
            raise EnvironmentFailed(
                f"profile {asked} needs an NVIDIA GPU and this machine shows none", "`bisect-run doctor` says more."
            )
        return asked
    fitting = {
        name: profile
        for name, profile in scenario.profiles.items()
        if repository.tree_hashes(bad, (profile.marker,)) and (gpus or not profile.needs_gpu)
    }
    if not fitting:
        known = ", ".join(f"{name} ({profile.marker})" for name, profile in scenario.profiles.items())
        raise UsageError(
            f"{repository.spec} at {bad[:9]} is not an engine that scenario {scenario.name} knows",
            f"It looks for one of: {known}. For any other project give a command: -- ./check.sh",
        )
    return max(fitting, key=lambda name: fitting[name].needs_gpu)


def _check_kind(words: Words) -> None:
    if words.command and (words.scenario or words.pytest_file or words.cells or words.profile):
        raise UsageError(
            "a command after -- goes without --scenario, --profile, --pytest and --cells", "Leave one of them out."
        )
    if words.tests_from and not words.pytest_file:
        raise UsageError("--tests-from says where the file of --pytest comes from", "Add --pytest FILE.")


def _check(words: Words, repository: Repository, bad: str) -> SuiteCheck | PytestCheck | CommandCheck:
    if words.command:
        return CommandCheck(argv=words.command)
    if words.pytest_file is None:
        return SuiteCheck()
    source = repository.resolve(words.tests_from) if words.tests_from else None
    file = words.pytest_file.split("::")[0]
    if not repository.tree_hashes(source or bad, (file,)):
        raise UsageError(f"there is no {file} at {(source or bad)[:9]}", "Give the path from the repository's root.")
    return PytestCheck(file=file, tests_from=source)


def rerun(words: Words, repository: Repository, goods: Sequence[str], bad: str, profile: str | None) -> str:
    """The command line that runs the same bisection again, quoted for a shell."""
    parts = ["bisect-run", "--repo", str(repository.spec)]
    parts += [part for good in goods for part in ("--good", good[:12])] + ["--bad", bad[:12]]
    parts += ["--first-parent"] if words.first_parent else []
    parts += ["--scenario", words.scenario] if words.scenario else []
    parts += ["--profile", profile] if profile else []
    parts += ["--pytest", words.pytest_file] if words.pytest_file else []
    parts += ["--tests-from", words.tests_from] if words.tests_from else []
    parts += [part for cell in words.cells for part in ("--cells", cell)]
    parts += ["--", *words.command] if words.command else []
    return shlex.join(parts)
