"""Failures that the infrastructure explains: of agents, storms and outages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.nightly.agents import without_sick_agents
from bisect_tool.nightly.outages import without_outages
from bisect_tool.nightly.storms import without_storms
from bisect_tool.nightly.timeline import distinct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bisect_tool.sources.observation import Observation


def without_infrastructure(observations: Iterable[Observation]) -> tuple[Observation, ...]:
    """Each trial once; what the infrastructure explains counts as its failure."""
    return without_outages(without_storms(without_sick_agents(distinct(observations))))
