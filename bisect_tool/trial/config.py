"""The configuration of trials: of a session, of one trial, its paths; and placeholders."""

from __future__ import annotations

from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.evidence.log_settings import EngineLogs
from bisect_tool.git.repository import ignore
from bisect_tool.supervise import gpus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bisect_tool.build import Environment
    from bisect_tool.checks import Check
    from bisect_tool.paths import Home
    from bisect_tool.pytest_plugin.launch import HostAddress
    from bisect_tool.scenario import LaunchProfile, Profile, Scenario
    from bisect_tool.wheels.lineage import Lineage

_UNKNOWN = EngineLogs()


@dataclass(frozen=True)
class RankNode:
    """One node of a trial that spans several; the first one runs the suite.

    Attributes:
        index: Its number, from 0.
        address: Its address for the other nodes.
        key: The secret of the trial's nodes, in hexadecimal digits.
        others: The other nodes; empty on those themselves.
    """

    index: int
    address: str
    key: str
    others: tuple[HostAddress, ...] = ()


@dataclass(frozen=True)
class TrialConfig:
    """The check and the scenario, profile and folders it runs with; a command needs no scenario.

    `cells` are patterns for the cells of interest; none: every cell of the suite. `slots` trials run in
    parallel. `stress` is the kind of pressure, and the roles of the processes it applies to. `passed` are
    variables that are passed although they look like secrets; `own` maps paths of the user's checkout, as in
    variables, to paths relative to the tree. `devices` are the GPUs that trials may use (none: the visible
    ones); with `share_gpu`, every rank of every slot uses the first one. `assigned_gpus`: a scheduler has set
    the visible GPUs of each trial. A trial spans `nodes` machines; `node` is this one.
    """

    check: Check
    home: Home
    scenario: Scenario | None
    profile: Profile | None
    deadline_s: float
    cells: tuple[str, ...] = ()
    slots: int = 1
    stress: tuple[str, tuple[str, ...]] | None = None
    passed: tuple[str, ...] = ()
    own: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    share_gpu: bool = False
    assigned_gpus: bool = False
    nodes: int = 1
    node: RankNode | None = None

    @property
    def engine_logs(self) -> EngineLogs:
        """The known formats and patterns of the engine's logs."""
        return self.scenario.logs if self.scenario else _UNKNOWN

    @property
    def gpus_per_rank(self) -> int:
        """The number of GPUs of each server: the profile's, else one per worker if GPUs were named."""
        launch = self._launch
        if launch is None:
            return 0
        return launch.gpus_per_rank or (launch.tp_size if self.devices or self.share_gpu else 0)

    @property
    def gpus(self) -> int:
        """The number of GPUs of one trial; a check without servers gets an equal share of those named."""
        if self.share_gpu:
            return 1
        if self._launch is None:
            return len(self.devices) // self.slots
        return self._launch.dp_size * self.gpus_per_rank

    def gpus_of(self, slot: int) -> tuple[str, ...]:
        """Return the GPUs of a trial in this slot: all, if it is the only slot and chooses by itself."""
        if not self.gpus:
            return ()
        usable = self.devices or gpus.visible()
        if self.share_gpu:
            return usable[:1]
        if self.assigned_gpus or (self.check.chooses_gpus and self.slots == 1):
            return usable
        return usable[slot * self.gpus : (slot + 1) * self.gpus]

    @property
    def _launch(self) -> LaunchProfile | None:
        """How the suite's servers are started; None for a check without servers."""
        return self.profile.launch if self.profile and self.scenario and self.scenario.suite else None


@dataclass(frozen=True)
class TrialSpec:
    """One trial to run: a commit, its tree and fingerprint, the cells (None: all), a folder for its logs.

    `added` returns the paths added to the tree since its checkout; `on_wait` is called with what another run
    holds. `lineage` are the commits whose published wheels fit this one.
    """

    sha: str
    tree: Path
    fingerprint: str
    cells: tuple[str, ...] | None
    folder: Path
    slot: int
    added: Callable[[], set[str]]
    on_wait: Callable[[str], None] = ignore
    lineage: Lineage | None = None


@dataclass(frozen=True)
class TrialPaths:
    """Folders of one trial: logs, temporary files, tree, environment; and its slot."""

    folder: Path
    tree: Path
    temporary: Path
    environment: Environment | None
    slot: int = 0

    @property
    def logs(self) -> Path:
        """The folder whose `*.log` files are watched and stamped."""
        return self.folder / "logs"

    @property
    def stream(self) -> Path:
        """The streamed suite report."""
        return self.folder / "stream.jsonl"

    @property
    def complete(self) -> Path:
        """The file that the stream plugin creates when every cell has a verdict."""
        return self.folder / "stream.jsonl.complete"


_PLACEHOLDERS = ("python", "environment", "tree", "scenario", "assets", "temporary", "logs")


def check_templates(scenario: Scenario) -> None:
    """Raise UsageError if a template of a profile's `launch` has a placeholder that does not exist."""
    values = {name: f"{{{name}}}" for name in _PLACEHOLDERS}
    for profile in scenario.profiles.values():
        launch = profile.launch
        for template in (*launch.command, *launch.args, launch.model, *launch.env.values()):
            expand(template, values)


def placeholders(config: TrialConfig, place: TrialPaths) -> Mapping[str, str]:
    """Return the values of a launch's placeholders."""
    environment = place.environment
    values = (
        str(environment.python) if environment else "",
        str(environment.path) if environment else "",
        str(place.tree),
        str(config.scenario.folder) if config.scenario else "",
        str(config.home.assets),
        str(place.temporary),
        str(place.logs),
    )
    return dict(zip(_PLACEHOLDERS, values, strict=True))


def _check_shapes(template: str) -> None:
    """Reject placeholders that are not plain names: a width could use any amount of memory."""
    if any(conversion or shape for _, _, shape, conversion in Formatter().parse(template)):
        raise ValueError("a placeholder must be a plain name")


def expand(template: str, values: Mapping[str, str]) -> str:
    """Fill a template; raises UsageError for a placeholder that does not exist."""
    try:
        _check_shapes(template)
        return template.format_map(values)
    except (KeyError, IndexError, ValueError) as error:
        known = ", ".join(f"{{{name}}}" for name in values)
        raise UsageError(
            f"scenario.toml: cannot fill {template!r}: {error}", f"Placeholders: {known}."
        ) from error
