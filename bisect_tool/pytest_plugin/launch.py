"""The schema of `launch.json`, which describes the servers that the suite starts."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bisect_tool.supervise.guardian_protocol import TOKEN_VARIABLE

if TYPE_CHECKING:
    from bisect_tool.evidence.patterns import Patterns

VARIABLE = "BISECT_RUN_LAUNCH"
KEY_VARIABLE = "BISECT_RUN_NODE_KEY"
"""The secret of the nodes of a trial, in hexadecimal digits."""

LOOPBACK = "127.0.0.1"
SigtermMode = Literal["group", "root"]


class HostAddress(BaseModel):
    """Where the program of `rank_host` listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    port: int = Field(ge=1, le=65535)


class Ports(BaseModel):
    """The slot's range of ports: `start <= port < stop`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int = Field(ge=1, le=65535)
    stop: int = Field(ge=1, le=65536)


class Launch(BaseModel):
    """One data-parallel deployment: `dp_size` servers of `tp_size` workers each.

    `env` is the servers' whole environment, updated with `rank_env[rank]` (such as its GPUs). `logs` is
    the folder of the rank logs. With `rpc_port`, the engine gets a free port for its data-parallel
    messages; `fixed_ports` are those that it always binds. Times are in seconds: `ready_s` from
    launch until every rank is healthy, `teardown_s` from SIGTERM until the last process has ended. A server
    is healthy when it answers `GET health` with 200. `engine_logs` are the fields of an `EngineLogs`.
    `address` is that of this machine for its servers; `nodes` are other machines that have ranks as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: tuple[str, ...] = Field(min_length=1)
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    rank_env: tuple[dict[str, str], ...] = ()
    model: str
    served_model: str
    dp_size: int = Field(2, ge=1)
    tp_size: int = Field(1, ge=1)
    logs: Path
    ports: Ports
    rpc_port: bool = False
    fixed_ports: tuple[int, ...] = ()
    ready_s: float = Field(gt=0)
    teardown_s: float = Field(gt=0)
    sigterm: SigtermMode = "group"
    health: str = "/health"
    engine_logs: dict[str, Any] = Field(default_factory=dict)
    address: str = LOOPBACK
    nodes: tuple[HostAddress, ...] = ()

    @cached_property
    def patterns(self) -> Patterns:
        """The known texts of the engine's logs; raises pydantic.ValidationError for other fields."""
        from bisect_tool.evidence.log_settings import EngineLogs  # noqa: PLC0415 - slow, and for servers only

        return EngineLogs.model_validate(self.engine_logs).known

    def serve(self, *flags: str) -> tuple[str, ...]:
        """The command line of a server: the common flags, and these."""
        size = ("--tensor-parallel-size", str(self.tp_size))
        return (*self.command, "serve", self.model, *self.args, *size, *flags)

    def environment(self, rank: int) -> dict[str, str]:
        """The environment of one rank's server; output is unbuffered, so that log lines appear in time."""
        env = {**self.env, "PYTHONUNBUFFERED": "1"}
        if TOKEN_VARIABLE in os.environ:  # identifies the trial's processes to the guardian
            env[TOKEN_VARIABLE] = os.environ[TOKEN_VARIABLE]
        return {**env, **(self.rank_env[rank] if rank < len(self.rank_env) else {})}


def read_launch(path: Path) -> Launch:
    """Read `launch.json`; raises OSError or pydantic.ValidationError."""
    return Launch.model_validate_json(path.read_bytes())
