"""Choose the server, variant and torch version of the per-commit wheels for a whole range."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool import scenario as scenarios
from bisect_tool.build import lineage
from bisect_tool.build.commit_wheel import torch_pin
from bisect_tool.errors import UsageError
from bisect_tool.supervise.nvidia import cuda_version
from bisect_tool.wheels.client import Client
from bisect_tool.wheels.lineage import choose_variant, runs_on
from bisect_tool.wheels.settings import ChosenWheels, CommitWheels, base_url
from bisect_tool.wheels.tags import supported

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bisect_tool.build import BuildProfile
    from bisect_tool.git import Repository
    from bisect_tool.request import Request
    from bisect_tool.scenario import Profile

NONE = "none"
_FROM_SOURCE = f"--wheel-url {NONE} builds every commit from source"


def profile_of(request: Request) -> Profile | None:
    """The profile with which the trials of a request are built and run; None for a command."""
    if not request.scenario or not request.profile:
        return None
    profile = scenarios.load(request.scenario).profile(request.profile)
    settings = profile.build.commit_wheels
    if settings is None:
        return profile
    wheels = settings.narrowed(request.wheels) if request.wheels else None
    build = profile.build.model_copy(update={"commit_wheels": wheels})
    return profile.model_copy(update={"build": build})


def resolve_wheels(
    requested: str | None, request: Request, repository: Repository, notice: Callable[[str], None]
) -> ChosenWheels | None:
    """Choose which per-commit wheels to use; None if commits are built from source.

    Args:
        requested: the value of --wheel-url.
        request: the request, with its check and ends.
        repository: its repository.
        notice: called with a sentence about the choice.

    Raises:
        UsageError: the profile uses no per-commit wheels, or the ends need different versions of torch.
        EnvironmentFailed: the server cannot be reached.
    """
    profile = None
    if request.scenario and request.profile:
        profile = scenarios.load(request.scenario).profile(request.profile)
    settings = profile.build.commit_wheels if profile else None
    if settings is None:
        if requested is not None:
            raise UsageError(
                "--wheel-url needs a profile with `commit_wheels`", "See docs/how-to/commit-wheels.md."
            )
        return None
    assert profile is not None
    if requested == NONE:
        return None
    settings = settings.model_copy(update={"url": base_url(requested)} if requested else {})
    torch = _torch(settings, request.ends, repository)
    variant = _variant(settings, profile.build, request.ends, repository)
    which = [
        settings.url,
        *([f"variant {variant}"] if variant else []),
        *([f"torch {torch}"] if torch else []),
    ]
    notice(f"wheels of each commit: {', '.join(which)}")
    return ChosenWheels(url=settings.url, variant=variant, torch=torch)


def _torch(settings: CommitWheels, ends: Sequence[str], repository: Repository) -> str:
    """The torch version of all ends; empty if it is not pinned."""
    if not settings.torch_file:
        return settings.torch
    pins = {sha: _pin(repository, sha, settings.torch_file) for sha in ends}
    torch = settings.torch or pins[ends[-1]]
    for sha, pin in pins.items():
        if torch and pin != torch:
            raise UsageError(
                f"{sha[:9]} {f'needs torch {pin}' if pin else 'pins no torch'}, and {ends[-1][:9]} needs "
                f"torch {torch}: their wheels cannot share an environment",
                f"Use ends with the same version; {_FROM_SOURCE}.",
            )
    return torch


def _pin(repository: Repository, sha: str, path: str) -> str:
    try:
        return torch_pin(repository.file(sha, path))
    except UsageError:  # the commit does not have the file
        return ""


def _variant(settings: CommitWheels, build: BuildProfile, ends: Sequence[str], repository: Repository) -> str:
    """The variant that most ends have, among those that this machine's driver supports."""
    driver = cuda_version()
    possible = [each for each in settings.variants if runs_on(each, driver)] or [*settings.variants]
    if len(possible) == 1:
        return possible[0]
    build = build.model_copy(update={"commit_wheels": settings})
    tags = supported(build.python)
    lines = [known.shas for sha in ends if (known := lineage(repository, sha, build)) is not None]
    served: dict[str, int] = {}
    usual = set()
    with Client(settings) as client:
        default = client.find_first(lines[-1], "", tags)
        for variant in possible:
            wheels = [client.find_first(shas, variant, tags) for shas in lines]
            served[variant] = sum(wheel is not None for wheel in wheels)
            if default is not None and any(wheel and wheel.url == default.url for wheel in wheels):
                usual.add(variant)
    return choose_variant(possible, served, usual)
