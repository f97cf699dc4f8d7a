"""What driver and nodes send each other; plain data that is pickled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.git.bare import Parts
    from bisect_tool.trial.config import TrialConfig
    from bisect_tool.wheels.lineage import Lineage


@dataclass(frozen=True)
class Setup:
    """What all trials of a session share.

    Attributes:
        session: Its id.
        config: Their configuration; the home and the scenario's folder are those of the driver.
        scenario: The scenario's folder, packed; empty without one.
        scenario_name: What the scenario's folder is called on a node.
        spec: The repository, as the driver knows it.
        parts: What the repository of a node is made of.
        variables: The variables that are passed by name, from the driver's environment.
        lease_s: How long an actor goes on without a word of the driver, and the driver without one of it.
    """

    session: str
    config: TrialConfig
    scenario: bytes
    scenario_name: str
    spec: str
    parts: Parts
    variables: Mapping[str, str]
    lease_s: float


@dataclass(frozen=True)
class Order:
    """One trial: see `TrialSpec`. `name` is that of its folder on the node, used once."""

    name: str
    sha: str
    cells: tuple[str, ...] | None
    slot: int
    lineage: Lineage | None


@dataclass(frozen=True)
class Parcel:
    """Packs of git objects, and the name under which a node remembers that it has them."""

    name: str
    packs: tuple[bytes, ...]


@dataclass(frozen=True)
class Place:
    """Where an actor runs."""

    node: str
    host: str

    def __str__(self) -> str:
        return f"Ray node {self.host} ({self.node[:8]})"


@dataclass(frozen=True)
class Progress:
    """What is new of a running trial: the phases it entered, what it waits for, and what its logs grew by.

    `ended` is the name of the trial that ended last.
    """

    phases: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    grown: Mapping[str, bytes] = field(default_factory=dict)
    ended: str = ""


@dataclass(frozen=True)
class Ran:
    """A trial that has ended: its result as JSON, and its folder, packed."""

    result: str
    folder: bytes
