"""Read the builds that a service lists, skip invalid ones, and explain an empty result."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.service_access import Absent
from bisect_tool.errors import BisectError, UsageError
from bisect_tool.format import count, listing
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bisect_tool.ci_results.observation import Observation
    from bisect_tool.ci_results.series import Series

_log = logging.getLogger("bisect_run.ci_results")
_NAMED = 10
_LENGTH = 100


@dataclass(frozen=True)
class ListedBuild:
    """A build of a listing: its number, its message, and whether it belongs to the series."""

    number: str
    message: str
    belongs: bool


@dataclass
class Listing:
    """Counts the builds of a series in a number of days.

    Attributes:
        service: name of the service.
        notify: called with a sentence for each build that is left out.
    """

    service: str
    series: Series
    days: int
    notify: Callable[[str], None]
    _messages: list[str] = field(default_factory=list)
    _belonging: int = 0
    _jobs: dict[str, None] = field(default_factory=dict)
    _damaged: list[BisectError] = field(default_factory=list)

    def read(
        self,
        entry: Any,  # noqa: ANN401 - JSON
        number: str,
        results: Callable[[], tuple[Observation, ...]],
    ) -> tuple[Observation, ...]:
        """Return the results of a build; none if it is gone or invalid. Field `number` names it."""
        try:
            return results()
        except (UnexpectedAnswer, Absent) as error:
            named = entry.get(number, "") if isinstance(entry, dict) else ""
            left_out = f"build {clean_line(str(named), _LENGTH)}".rstrip()
            _log.warning("%s is left out: %s", left_out, error.message)
            self.notify(f"{left_out} is left out: {error.message}")
            self._damaged.append(error)
            return ()

    def record(self, build: ListedBuild) -> None:
        """Record that a build was listed."""
        self._messages.append(build.message)
        self._belonging += build.belongs

    def record_jobs(self, names: Iterable[str]) -> None:
        """Record the jobs of a build of the series."""
        self._jobs |= dict.fromkeys(filter(None, names))

    @property
    def why_nothing(self) -> BisectError:
        """Return the error that explains why no build has a job of the series."""
        builds, branch = len(self._messages), clean_line(self.series.branch, _LENGTH)
        if self._damaged and not self._jobs:
            return UnexpectedAnswer(
                f"{count(len(self._damaged), 'build')} could not be read, and no other has a job: "
                f"{self._damaged[0].message}"
            )
        if not builds:
            return UsageError(
                f"{self.service} lists no build of branch {branch} in the {_last(self.days, 'day')}",
                "Check --branch and --days.",
            )
        if not self._belonging:
            return UsageError(
                f"no build of branch {branch} matches; "
                f"messages of the {_last(builds, 'build')}: {_names(self._messages)}",
                "Check --message, --trigger and --exclude-env.",
            )
        if not self._jobs:
            return UsageError(f"no job ran in the {_last(self._belonging, 'build')}", "Check --message.")
        return UsageError(
            f"no job in the {_last(self._belonging, 'build')} matches "
            f"{clean_line(self.series.jobs, _LENGTH)}; the jobs are: {_names(self._jobs)}",
            "--job must match the whole name: escape ( ) [ ] . * +, or add .* to it.",
        )


def _last(number: int, noun: str) -> str:
    """`last build`, `last 3 builds`."""
    return f"last {noun}" if number == 1 else f"last {count(number, noun)}"


def _names(names: Iterable[str]) -> str:
    return listing(sorted({clean_line(each, _LENGTH) for each in names}), _NAMED)
