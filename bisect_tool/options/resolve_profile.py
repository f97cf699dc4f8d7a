"""Choose the profile of a scenario: the requested one, else one that fits the commit and this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.options import projects
from bisect_tool.supervise import gpus

if TYPE_CHECKING:
    from bisect_tool.checks import Check
    from bisect_tool.git import Repository
    from bisect_tool.scenario import Scenario


ANY_PROJECT = "For other projects, use --pytest tests/, or a command after -- (-- ./check.sh)."


def resolve_profile(  # noqa: PLR0913 - the choice depends on all of them
    requested: str | None,
    scenario: Scenario | None,
    check: Check,
    repository: Repository,
    bad: str,
    *,
    elsewhere: bool = False,
) -> str | None:
    """Choose the profile to build and launch with; None if a command is run instead of a scenario.

    `elsewhere`: trials run on other machines, which are assumed to have GPUs.
    """
    if scenario is None:
        return None
    if not scenario.suite:
        return projects.choose_profile(requested, check.interpreter, scenario)
    return choose_profile(scenario, requested, repository, bad, elsewhere=elsewhere)


def choose_profile(
    scenario: Scenario, requested: str | None, repository: Repository, bad: str, *, elsewhere: bool = False
) -> str:
    """The requested profile, else one for this repository; one that uses GPUs if there are any."""
    has_gpu = elsewhere or bool(gpus.snapshot())
    if requested is not None:
        profile = scenario.profile(requested)
        if profile.needs_gpu and not has_gpu:
            raise EnvironmentFailed(
                f"profile {requested} needs an NVIDIA or AMD GPU, and none was found",
                "See `bisect-run doctor`.",
            )
        if profile.marker and not repository.tree_hashes(bad, (profile.marker,)):
            raise UsageError(
                f"profile {requested} is for an engine with {profile.marker}, which {bad[:9]} does not have",
                "Remove --profile to select one automatically, or use another --repo.",
            )
        return requested
    fitting = {
        name: profile
        for name, profile in scenario.profiles.items()
        if repository.tree_hashes(bad, (profile.marker,)) and (has_gpu or not profile.needs_gpu)
    }
    if not fitting:
        known = ", ".join(f"{name} ({profile.marker})" for name, profile in scenario.profiles.items())
        raise UsageError(
            f"{repository.spec} at {bad[:9]} is not an engine of scenario {scenario.name}",
            f"It needs one of: {known}. {ANY_PROJECT}",
        )
    return max(fitting, key=lambda name: fitting[name].needs_gpu)


def is_engine(scenario: Scenario, repository: Repository, bad: str) -> bool:
    """Whether a commit is of the scenario's engine."""
    markers = {profile.marker for profile in scenario.profiles.values()}
    return bool(repository.tree_hashes(bad, markers))
