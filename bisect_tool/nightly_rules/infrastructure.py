"""Recognise infrastructure failures: sick agents, incidents and outages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.nightly_rules.incidents import without_incidents
from bisect_tool.nightly_rules.outages import without_outages
from bisect_tool.nightly_rules.sick_agents import without_sick_agents
from bisect_tool.nightly_rules.timeline import distinct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.ci_results.observation import Observation


def without_infrastructure(observations: Iterable[Observation]) -> tuple[Observation, ...]:
    """Return each trial once; failures that the infrastructure explains become infrastructure failures."""
    return without_outages(without_incidents(without_sick_agents(distinct(observations))))
