"""bisect-run, asked through its own command: `bisect-run simulate`."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.search.problem import Noise


@dataclass(frozen=True)
class Ours:
    """What `simulate` says, as means; ends and confirmation are counted in `trials`, but not in `rounds`."""

    accuracy: float
    wrong: float
    trials: float
    midpoints: float
    rounds: float
    calibration: tuple[Mapping[str, float], ...]

    @property
    def miscalibration(self) -> float:
        """How far the claimed confidence lies from the true one, as a mean over searches."""
        searches = sum(each["count"] for each in self.calibration)
        return (
            sum(each["count"] * abs(each["claimed"] - each["right"]) for each in self.calibration) / searches
        )


def simulate(noise: Noise, *options: str | Path) -> Ours:
    """Simulate searches under noise; the options say where they take place."""
    told = subprocess.run(
        (
            Path(sys.executable).with_name("bisect-run"),
            *("simulate", "--json"),
            *("--p-fail-bad", str(noise.p_fail_bad), "--p-fail-good", str(noise.p_fail_good)),
            *options,
        ),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    found = json.loads(told)
    return Ours(
        found["accuracy"],
        found["wrong_rate"],
        found["trials"]["mean"],
        found["midpoint_trials"]["mean"],
        found["rounds"]["mean"],
        tuple(found["calibration"]),
    )
