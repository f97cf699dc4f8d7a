"""Annotate the Buildkite build that runs us, with `buildkite-agent annotate`."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.paths import program_path
from bisect_tool.sanitise import clean_line
from bisect_tool.write_tokens import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 1 << 20
"""The largest annotation that Buildkite accepts, in bytes."""
_DEADLINE_S = 60


def annotate_build(text: str, style: str, watch: str, environment: Mapping[str, str]) -> None:
    """Annotate the build; replaces an earlier annotation for this watch.

    Raises:
        EnvironmentFailed: the agent is missing, or failed.
    """
    argv = ("buildkite-agent", "annotate", "--context", f"bisect-run {watch}", "--style", style)
    kept = {name: value for name, value in environment.items() if name not in NAMES}
    variables = {**kept, "PATH": program_path(environment)}
    try:
        done = subprocess.run(
            argv, input=text.encode(), env=variables, capture_output=True, timeout=_DEADLINE_S, check=False
        )
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot run buildkite-agent: {error.strerror}", "Use it only in a Buildkite job."
        ) from None
    except subprocess.TimeoutExpired:
        raise EnvironmentFailed(f"buildkite-agent did not finish within {_DEADLINE_S} s") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = clean_line(lines[-1], 200) if lines else "no output"
        raise EnvironmentFailed(f"buildkite-agent annotate failed (exit code {done.returncode}): {reason}")
