"""Messages between driver and nodes: plain data that is pickled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bisect_tool.git.bare_repository import Parts
    from bisect_tool.trial.config import RankNode, TrialConfig
    from bisect_tool.wheels.lineage import Lineage


@dataclass(frozen=True)
class Setup:
    """The setup shared by all trials of a session.

    Attributes:
        session: Its id.
        config: Their configuration; the home and the scenario's folder are those of the driver.
        scenario: The scenario's folder, packed; empty without one.
        scenario_name: The name of the scenario's folder on a node.
        spec: The repository, as given to the driver.
        parts: The contents of a node's repository.
        variables: The variables that are passed by name, from the driver's environment.
        lease_s: The longest silence between an actor and the driver, in seconds.
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
    """One trial: see `TrialSpec`. `name` is the unique name of its folder on the node.

    `node` is this one of the nodes of a trial that spans several.
    """

    name: str
    sha: str
    cells: tuple[str, ...] | None
    slot: int
    lineage: Lineage | None
    node: RankNode | None = None


@dataclass(frozen=True)
class Parcel:
    """Packs of git objects, and the name under which a node records them."""

    name: str
    packs: tuple[bytes, ...]


@dataclass(frozen=True)
class Place:
    """The node of an actor; `address` is for the other nodes."""

    node: str
    host: str
    address: str

    def __str__(self) -> str:
        return f"Ray node {self.host} ({self.node[:8]})"


@dataclass(frozen=True)
class Progress:
    """The progress of a running trial: new phases, waits, and additions to its logs.

    `ended` is the name of the trial that ended last.
    """

    phases: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    grown: Mapping[str, bytes] = field(default_factory=dict)
    ended: str = ""


@dataclass(frozen=True)
class Ran:
    """An ended trial: its result as JSON, and its folder, packed."""

    result: str
    folder: bytes
