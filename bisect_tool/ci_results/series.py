"""Select the builds of a series: only results of the same kind of build can be compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNSET = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True)
class Series:
    """A rule that selects builds and their jobs.

    Attributes:
        name: the name of the series in reports.
        branch: builds of other branches are ignored.
        message: pattern that a build's message begins with; empty for any message.
        triggers: how a build may have been started (`schedule`, `webhook`, ...); empty for any way.
        excluded_environment: builds that set one of these variables are ignored.
        jobs: pattern of a whole job name; empty for all jobs.
        environment: variables whose values have to be equal for results to be compared.
    """

    name: str
    branch: str = "main"
    message: str = ""
    triggers: frozenset[str] = frozenset()
    excluded_environment: frozenset[str] = frozenset()
    jobs: str = ""
    environment: tuple[str, ...] = ()

    def has_build(self, branch: str, message: str, trigger: str, environment: Mapping[str, str]) -> bool:
        """Whether a build belongs to the series."""
        return (
            branch == self.branch
            and re.match(self.message, message) is not None
            and (not self.triggers or trigger in self.triggers)
            and not any(_is_set(environment.get(name, "")) for name in self.excluded_environment)
        )

    def has_job(self, name: str) -> bool:
        """Whether a job belongs to the series."""
        return not self.jobs or re.fullmatch(self.jobs, name) is not None

    def environment_key(self, environment: Mapping[str, str]) -> str:
        """Return the variables that must be equal for two results to be compared."""
        return " ".join(f"{name}={environment[name]}" for name in self.environment if name in environment)


def _is_set(value: str) -> bool:
    return value.strip().lower() not in _UNSET
