"""The options of `simulate`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bisect_tool.errors import UsageError
from bisect_tool.options.shared_options import AsJson, Confidence, NoPriors
from bisect_tool.sanitise import clean_line

_MAX_SLOTS = 64
_SLOTS = re.compile(r"(\d{1,2})(?:\.\.(\d{1,2}))?")


@dataclass(frozen=True, kw_only=True)
class SimulateOptions:
    """The histories to search, the noise and duration of their tests, and the settings of the search."""

    candidates: Annotated[
        int | None,
        typer.Option(
            "--candidates", metavar="N", min=1, max=1_000_000, help="Search a linear history of N commits."
        ),
    ] = None
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            metavar="FILE",
            help="Search a recorded history, one JSON object per line.",
        ),
    ] = None
    cases: Annotated[
        Path | None,
        typer.Option(
            "--cases", metavar="FILE", help="The ranges of --history to search, with their culprits."
        ),
    ] = None
    p_fail_bad: Annotated[
        float,
        typer.Option("--p-fail-bad", metavar="P", min=0.0, max=1.0, help="Failure rate of bad commits."),
    ] = 1.0
    p_fail_good: Annotated[
        float,
        typer.Option("--p-fail-good", metavar="P", min=0.0, max=1.0, help="Failure rate of good commits."),
    ] = 0.0
    runs: Annotated[
        int,
        typer.Option(
            "--runs",
            metavar="N",
            min=1,
            max=1_000_000,
            help="Number of searches, divided evenly among the cases.",
        ),
    ] = 500
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Random seed.")] = 1
    confidence: Confidence = 0.95
    slots: Annotated[
        str,
        typer.Option(
            "--slots",
            metavar="K",
            help="Number of parallel trials, or a range such as 1..64.",
        ),
    ] = "1"
    endpoint_runs: Annotated[
        int,
        typer.Option(
            "--endpoint-runs",
            metavar="N",
            min=1,
            help="Number of runs after which a bad commit that has not failed counts as passing.",
        ),
    ] = 20
    trial_minutes: Annotated[
        float, typer.Option("--trial-minutes", metavar="M", min=0.01, help="Duration of a trial.")
    ] = 10.0
    trial_gpus: Annotated[
        int, typer.Option("--trial-gpus", metavar="N", min=0, help="Number of GPUs per trial.")
    ] = 2
    no_priors: NoPriors = False
    as_json: AsJson = False

    @property
    def compares_slots(self) -> bool:
        """Whether `slots` is a range."""
        return ".." in self.slots

    @property
    def slot_counts(self) -> tuple[int, ...]:
        """The numbers of slots to simulate: `1..20` is 1, 2, 4, 8, 16 and 20.

        Raises:
            UsageError: it is not a number or range from 1 to 64.
        """
        found = _SLOTS.fullmatch(self.slots)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last <= _MAX_SLOTS:
            raise UsageError(
                f"--slots: {clean_line(self.slots)!r} is not a number or range from 1 to {_MAX_SLOTS}",
                f"Use a number such as 4, or a range such as 1..{_MAX_SLOTS}.",
            )
        doubled = (first << power for power in range(_MAX_SLOTS.bit_length()))
        return (*(slots for slots in doubled if slots < last), last)
