"""Resolve `--gpus` into GPU names, and into the number of parallel trials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.sanitise import clean_line
from bisect_tool.supervise.gpus import VARIABLES

if TYPE_CHECKING:
    from bisect_tool.scenario import LaunchProfile

_RANGE = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")
_UUID = re.compile(r"(?:GPU|MIG|SIM)-[0-9a-zA-Z/-]+")
_MAX_SLOTS = 64


def parse_gpus(text: str | None) -> tuple[str, ...]:
    """Parse a list of GPUs, such as `0-3,6` or `GPU-5a1c,MIG-77f0`; empty without text.

    Raises:
        UsageError: it is not a list of indices, ranges and UUIDs, or names a GPU twice.
    """
    names = tuple(name for part in text.split(",") for name in _names(part.strip())) if text else ()
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        raise UsageError(f"--gpus names GPU {duplicate} twice", "Name each GPU once.")
    return names


def _names(part: str) -> tuple[str, ...]:
    if _UUID.fullmatch(part):
        return (part,)
    found = _RANGE.fullmatch(part)
    if found is None or int(found[1]) > int(found[2] or found[1]):
        raise UsageError(
            f"--gpus: {clean_line(part)!r} is not a GPU",
            "Use indices, ranges and UUIDs, such as 0-3,GPU-5a1c,MIG-77f0; `nvidia-smi -L` lists them.",
        )
    return tuple(str(index) for index in range(int(found[1]), int(found[2] or found[1]) + 1))


def require_selectable(
    profile: str | None, launch: LaunchProfile | None, gpus: tuple[str, ...], *, share: bool
) -> None:
    """Reject `--gpus` and `--share-gpu` if the profile itself sets the GPUs of its servers.

    Raises:
        UsageError: it does, for example because it is for machines without GPUs.
    """
    flag = "--gpus" if gpus else "--share-gpu" if share else ""
    variable = next((name for name in VARIABLES if launch and name in launch.env), "")
    if flag and variable:
        raise UsageError(
            f"{flag} has no effect with profile {profile}, which sets {variable} for its servers",
            f"Remove {flag}, or use another --profile; `bisect-run doctor` lists the GPUs of this machine.",
        )


def parallel_trials(
    requested: int | None, gpus: tuple[str, ...], launch: LaunchProfile | None, *, share: bool
) -> int:
    """The requested number of slots; else as many as the named GPUs allow; else one."""
    if requested is not None:
        return requested
    if not gpus or share or launch is None or launch.fixed_ports:
        return 1
    need = launch.dp_size * (launch.gpus_per_rank or launch.tp_size)
    return min(max(len(gpus) // need, 1), _MAX_SLOTS)
