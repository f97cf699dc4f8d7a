"""The schema of `scenario.toml`: suite, build, launch, profiles and timeouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bisect_tool.build.profile import BuildProfile
from bisect_tool.errors import UsageError
from bisect_tool.evidence.log_settings import EngineLogs
from bisect_tool.max_time_limit import MAX_LIMIT_S
from bisect_tool.parse_untrusted import parse_toml

_PACKAGE = Path(__file__).parent
_REFERENCE = "See docs/reference/scenario.md."


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Timeouts(_Model):
    """Deadlines in seconds; every one of them ends a wait."""

    trial: float = Field(1800, gt=0, le=MAX_LIMIT_S, description="a whole trial")
    idle: float = Field(300, gt=0, le=MAX_LIMIT_S, description="no log line from any process")
    ready: float = Field(360, gt=0, le=MAX_LIMIT_S, description="from launch until every rank is healthy")
    teardown: float = Field(15, gt=0, le=MAX_LIMIT_S, description="from SIGTERM to the end of a server")
    grace: float = Field(
        3, gt=0, le=MAX_LIMIT_S, description="from SIGTERM to SIGKILL for remaining processes"
    )


class LaunchProfile(_Model):
    """How one data-parallel rank is started.

    `command`, `args` and `env` may use `{python}` (the environment's interpreter), `{tree}` (the commit's
    worktree), `{environment}` (the environment's folder), `{scenario}` (this scenario's folder), `{assets}`
    (a writable folder kept between trials) and `{logs}` (the folder of the trial's logs).
    """

    command: tuple[str, ...] = Field(min_length=1)
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    model: str
    served_model: str = ""
    dp_size: int = Field(2, ge=1)
    tp_size: int = Field(1, ge=1)
    rpc_port: bool = Field(default=False, description="pass --data-parallel-rpc-port with a port of the slot")
    fixed_ports: tuple[int, ...] = Field((), description="ports that the engine always binds")
    gpus_per_rank: int = Field(0, ge=0)
    sigterm: Literal["group", "root"] = "group"
    health: str = Field(
        "/health", pattern="^/", description="the path that a server answers with 200 once it is ready"
    )


class RayNeeds(_Model):
    """What a trial needs of each node of a Ray cluster besides its GPUs."""

    cpus: float = Field(1, ge=0, description="CPUs; Ray sets OMP_NUM_THREADS to this number")
    resources: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="custom resources of the cluster, such as `{ a100 = 1 }`"
    )
    nodes: int = Field(1, ge=1, description="nodes that a trial spans; each runs an equal share of its ranks")


_NO_SERVER = LaunchProfile(command=("false",), model="none")


class Profile(_Model):
    """One way to build and launch the engine, with its resources and timeouts."""

    marker: str = Field(
        "",
        description="a path that every commit of this profile's repositories has; empty: any",
    )
    needs_gpu: bool = False
    sparse: tuple[str, ...] = Field((), description="paths to check out; empty: everything")
    build: BuildProfile
    launch: LaunchProfile = Field(_NO_SERVER, description="how a suite's servers are started")
    timeouts: Timeouts = Timeouts()
    tiny_model: bool = Field(default=False, description="make the tiny random-weight model in {assets}")
    ray: RayNeeds | None = Field(None, description="what a trial needs of a node with --executor ray")

    @model_validator(mode="after")
    def _equal_nodes(self) -> Profile:
        if self.launch.dp_size % self.nodes:
            raise ValueError(f"`ray.nodes` must divide `launch.dp_size`, which is {self.launch.dp_size}")
        return self

    @property
    def nodes(self) -> int:
        """The number of nodes that a trial spans with --executor ray."""
        return self.ray.nodes if self.ray else 1


class Scenario(_Model):
    """A folder with `scenario.toml` and a pytest suite; without a suite, the repository's own tests."""

    name: str
    description: str
    suite: str = Field("", description="the suite's file; empty: tests of the repository, by --pytest")
    repository: str = Field("", description="where the engine's history can be cloned from")
    paths: tuple[str, ...] = Field(
        (), description="paths under test; commits that change them are more likely culprits"
    )
    logs: EngineLogs = Field(EngineLogs(), description="the format and the meaning of the engine's logs")
    profiles: dict[str, Profile] = Field(min_length=1)
    profiles_of: str = Field(
        "",
        description="directory of a scenario whose profiles are used unless overridden here",
    )
    folder: Path = Path()

    @model_validator(mode="after")
    def _complete(self) -> Scenario:
        if self.suite and not all("launch" in profile.model_fields_set for profile in self.profiles.values()):
            raise ValueError("a scenario with a `suite` needs a `launch` in every profile")
        return self

    @property
    def suite_path(self) -> Path:
        """The suite's file."""
        return self.folder / self.suite

    def profile(self, name: str) -> Profile:
        """The profile called `name`; raises UsageError with the existing names."""
        try:
            return self.profiles[name]
        except KeyError:
            known = ", ".join(self.profiles)
            raise UsageError(f"scenario {self.name} has no profile {name!r}", f"Profiles: {known}.") from None


def scenarios_root() -> Path:
    """The folder of the bundled scenarios, in an installed wheel or in a checkout."""
    installed = _PACKAGE / "_scenarios"
    return installed if installed.is_dir() else _PACKAGE.parent / "scenarios"


def available(root: Path | None = None) -> dict[str, Path]:
    """Names and folders of the bundled scenarios."""
    base = root or scenarios_root()
    return {path.parent.name.replace("_", "-"): path.parent for path in sorted(base.glob("*/scenario.toml"))}


def load(spec: str) -> Scenario:
    """Load a scenario by name (`external-lb-dp`) or by the path of its folder.

    Raises:
        UsageError: there is no such scenario, or its file is invalid.
    """
    folder = available().get(spec.replace("_", "-")) or Path(spec)
    file = folder / "scenario.toml"
    if folder.is_dir() and not file.is_file():
        raise UsageError(
            f"no scenario.toml in {spec}",
            "`bisect-run scenarios` lists the bundled ones; see docs/how-to/own-scenario.md for your own.",
        )
    if not file.is_file():
        raise UsageError(
            f"no such scenario: {spec}", f"Use {', '.join(available())}, or the path to a scenario directory."
        )
    return read(file)


def read(file: Path) -> Scenario:
    """Read one `scenario.toml`; raises UsageError with the name of the invalid field."""
    try:
        # Strict JSON mode rejects strings as numbers, but accepts lists as tuples.
        scenario = Scenario.model_validate_json(
            json.dumps(_with_inherited_profiles(file), default=str), strict=True
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        is_unknown = first["type"] == "extra_forbidden"
        problem = "unknown field" if is_unknown else first["msg"].removeprefix("Value error, ")
        raise UsageError(
            f"{file}: {field}: {problem}" if field else f"{file}: {problem}", _REFERENCE
        ) from error
    scenario = scenario.model_copy(update={"folder": file.parent.resolve()})
    if scenario.suite and not scenario.suite_path.is_file():
        raise UsageError(
            f"{file}: suite {scenario.suite} does not exist", "Use a pytest file in the scenario directory."
        )
    return scenario


def _with_inherited_profiles(file: Path, visited: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The file's content, with the profiles of the scenario that `profiles_of` names, recursively."""
    table = _table(file)
    other_folder = table.get("profiles_of", "")
    if other_folder == "":
        return table
    chain = (*visited, file.resolve())
    other = file.parent / str(other_folder) / "scenario.toml"
    if not other.is_file():
        raise UsageError(
            f"{file}: profiles_of: {other_folder} has no scenario.toml",
            "Use the path to a scenario directory, relative to this one.",
        )
    if other.resolve() in chain:
        raise UsageError(
            f"{file}: profiles_of: {other_folder} takes its profiles from this scenario", _REFERENCE
        )
    profiles = _with_inherited_profiles(other, chain).get("profiles")
    return {**table, "profiles": _merge_tables(profiles, table.get("profiles", {}))}


def _table(file: Path) -> dict[str, Any]:
    try:
        return parse_toml(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{file}: not TOML: {error}", _REFERENCE) from error


def _merge_tables(base: Any, override: Any) -> Any:  # noqa: ANN401 - TOML
    """Merge tables recursively; other values of `override` replace those of `base`."""
    if not isinstance(base, dict) or not isinstance(override, dict):
        return override
    return {**base, **{key: _merge_tables(base.get(key), value) for key, value in override.items()}}
