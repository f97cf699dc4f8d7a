"""Messages to and from the guardian: plain data that survives JSON unchanged."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bisect_tool.supervise.machine_load import Load

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_VARIABLE = "BISECT_RUN_TOKEN"  # noqa: S105 - a mark on processes, not a secret
SPEC_FILE = "spec.json"
RESULT_FILE = "result.json"
FAILED = b"1"
"""The message of a failed guardian to its caller, instead of its result's digest."""
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""Exceptions of reading a record that is truncated, empty, or written by another program."""
SECONDS_LIMIT = 1e11
"""About 3,000 years: more than any valid duration or time since 1970."""
_TOKEN = re.compile(r"[0-9a-f]{24}")
_WHOLE_LIMIT = 1 << 63
_ROLE = re.compile(r"\w+::(\S+)")
_NAMED = re.compile(r"(?!MainThread|Thread)([A-Z][A-Za-z]{4,}(?:_\w+)?)")
"""The kernel's name of a process that set one for its role; names of programs are in lower case."""


class Reason(StrEnum):
    """Why a guarded program ended.

    COMPLETE: its report was complete, so it was not waited for. LOST: the guardian itself was killed, and its
    caller ended the program.
    """

    EXITED = "exited"
    DEADLINE = "deadline"
    IDLE = "idle"
    CANCELLED = "cancelled"
    PARENT_GONE = "parent-gone"
    COMPLETE = "complete"
    LOST = "lost"


@dataclass(frozen=True)
class ProcessInfo:
    """One process of a trial; `(pid, started)` is its identity, since pids are reused.

    `started` is in clock ticks since boot (field 22 of proc_pid_stat(5)), `seen` and `gone` in epoch seconds,
    `ppid` its parent when it was first seen. `ended_by` is the strongest signal that was sent to it. `name`
    is the kernel's.
    """

    pid: int
    ppid: int
    started: int
    title: str
    seen: float
    gone: float | None = None
    ports: tuple[int, ...] = ()
    ended_by: str = ""
    name: str = ""

    @property
    def identity(self) -> tuple[int, int]:
        """Key that is unique among the processes of this machine since boot."""
        return self.pid, self.started

    @property
    def role(self) -> str:
        """Role in the title, such as `Worker_DP1` or `ENGINE::Worker_DP1`; else empty."""
        match = _ROLE.match(self.title) or _NAMED.fullmatch(self.name)
        return match.group(1) if match else ""


@dataclass(frozen=True)
class Leftovers:
    """What a trial did not clean up itself.

    `processes`: those that outlived the suite (if that was ended: those that outlived the grace period);
    `ports`: still listened on after the sweep; `shm`: entries of /dev/shm, which have been removed.
    """

    processes: tuple[ProcessInfo, ...] = ()
    ports: tuple[int, ...] = ()
    shm: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Leftovers()


@dataclass(frozen=True)
class GuardianSpec:
    """One program to run under a guardian.

    `stdout` receives stdout and stderr of `argv`; `watch` is a folder whose `*.log` count as activity and get
    a `.times` sidecar (as `stdout` does); `folder` is for the guardian's own records. `idle_s` None: no idle
    limit. When `complete` exists, the report is complete, and the program has a few seconds to exit. `token`
    marks the environment of every process of the tree.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    stdout: Path
    watch: Path
    folder: Path
    deadline_s: float
    idle_s: float | None = None
    grace_s: float = 3.0
    complete: Path | None = None
    token: str = field(default_factory=lambda: os.urandom(12).hex())

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, record: str | bytes) -> GuardianSpec:
        """The inverse of `to_json`; raises one of UNREADABLE for anything else."""
        raw: dict[str, Any] = json.loads(record)
        paths = {name: Path(raw[name]) for name in ("cwd", "stdout", "watch", "folder")}
        complete = raw.get("complete") and Path(raw["complete"])
        return cls(**{**raw, **paths, "complete": complete, "argv": tuple(raw["argv"])})

    def pinned(self) -> GuardianSpec:
        """Return a copy for this process; its folders stay the same if the program replaces them by links."""
        pins = {folder: _pin(folder) for folder in {self.folder, self.watch, self.stdout.parent}}
        stdout = pins[self.stdout.parent] / self.stdout.name
        return replace(self, folder=pins[self.folder], watch=pins[self.watch], stdout=stdout)

    def without_env(self) -> GuardianSpec:
        """Return a copy for the disk: an environment has secrets."""
        return replace(self, env={})


@dataclass(frozen=True)
class GuardianResult:
    """How it ended.

    `exit_code` is negative for a signal, and None if unknown; `ended` is when the program ended or its end
    was forced (epoch seconds), `seconds` the duration with the sweep (monotonic). `parents` maps every pid to
    the parent when it was first seen. `load` is the machine's other load; None if the guardian was killed.
    `not_started` is why the program could not be started; empty if it was.
    """

    reason: Reason
    exit_code: int | None
    seconds: float
    ended: float
    leftovers: Leftovers = Leftovers()
    parents: Mapping[int, int] = field(default_factory=dict)
    load: Load | None = None
    not_started: str = ""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, record: str | bytes) -> GuardianResult:
        """The inverse of `to_json`; raises one of UNREADABLE for anything else."""
        raw: dict[str, Any] = json.loads(record)
        left = raw["leftovers"]
        code = raw["exit_code"]
        return cls(
            reason=Reason(raw["reason"]),
            exit_code=None if code is None else whole(code),
            seconds=seconds(raw["seconds"]),
            ended=seconds(raw["ended"]),
            leftovers=Leftovers(
                processes=tuple(process_info(process) for process in left["processes"]),
                ports=tuple(whole(port) for port in left["ports"]),
                shm=tuple(text(name) for name in left["shm"]),
            ),
            parents={int(pid): whole(parent) for pid, parent in raw["parents"].items()},
            load=_load(raw.get("load")),
            not_started=text(raw.get("not_started", "")),
        )


def _pin(folder: Path) -> Path:
    return Path(f"/proc/self/fd/{os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)}")


def digest(record: str | bytes) -> bytes:
    """Return the SHA-256 of a result, which its caller gets through the socket: a trial can write files."""
    return hashlib.sha256(record.encode() if isinstance(record, str) else record).hexdigest().encode()


def marked(env: Mapping[str, str], token: str) -> dict[str, str]:
    """Return the environment with a token added to those of the outer guardians."""
    return {**env, TOKEN_VARIABLE: f"{env.get(TOKEN_VARIABLE, '')} {token}".strip()}


def _load(raw: Mapping[str, Any] | None) -> Load | None:
    if raw is None:
        return None
    figures: dict[str, Any] = {name: seconds(value) for name, value in raw.items() if value is not None}
    return Load(**{**figures, "oom_kills": whole(raw.get("oom_kills", 0))})


def process_info(raw: Mapping[str, Any]) -> ProcessInfo:
    """Read a ProcessInfo from its JSON object; raises one of UNREADABLE for anything else."""
    gone = raw.get("gone")
    return ProcessInfo(
        pid=whole(raw["pid"]),
        ppid=whole(raw["ppid"]),
        started=whole(raw["started"]),
        title=text(raw["title"]),
        seen=seconds(raw["seen"]),
        gone=None if gone is None else seconds(gone),
        ports=tuple(whole(port) for port in raw.get("ports", ())),
        ended_by=text(raw.get("ended_by", "")),
        name=text(raw.get("name", "")),
    )


def whole(value: object) -> int:
    """Return a valid process id or tick count; else raise ValueError."""
    if type(value) is not int or abs(value) >= _WHOLE_LIMIT:
        raise ValueError(f"not a valid number: {value!r:.40}")
    return value


def seconds(value: object) -> float:
    """Return a valid number of seconds; else raise ValueError."""
    if type(value) not in {int, float} or not abs(value) < SECONDS_LIMIT:  # type: ignore[arg-type]
        raise ValueError(f"not a valid time: {value!r:.40}")
    return float(value)  # type: ignore[arg-type]


def valid_token(value: object) -> str:
    """Return a valid token; else raise ValueError: most environments have a text such as `a` in them."""
    if not _TOKEN.fullmatch(text(value)):
        raise ValueError(f"not a valid token: {value!r:.40}")
    return text(value)


def text(value: object) -> str:
    """Return the value if it is a string; else raise TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"not a string: {value!r:.40}")
    return value
