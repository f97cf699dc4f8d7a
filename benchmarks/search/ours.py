"""bisect-run, through its command `bisect-run simulate`."""

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
    """The output of `simulate`, as means; `trials` includes ends and confirmation, `rounds` does not."""

    accuracy: float
    wrong: float
    trials: float
    midpoints: float
    rounds: float
    calibration: tuple[Mapping[str, float], ...]

    @property
    def right_among_named(self) -> float:
        """The share of the names given that were right."""
        return self._mean("right")

    @property
    def claimed(self) -> float:
        """The confidence of the names given, on average."""
        return self._mean("claimed")

    def _mean(self, figure: str) -> float:
        named = sum(each["count"] for each in self.calibration)
        return sum(each["count"] * each[figure] for each in self.calibration) / named


def simulate(noise: Noise, *options: str | Path) -> Ours:
    """Simulate searches under noise; the options select their ranges."""
    printed = subprocess.run(
        (
            Path(sys.executable).with_name("bisect-run"),
            *("simulate", "--json"),
            *("--p-fail-bad", str(noise.p_fail_bad), "--p-fail-good", str(noise.p_fail_good)),
            *options,
        ),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    found = json.loads(printed)
    return Ours(
        found["accuracy"],
        found["wrong_rate"],
        found["trials"]["mean"],
        found["midpoint_trials"]["mean"],
        found["rounds"]["mean"],
        tuple(found["calibration"]),
    )
