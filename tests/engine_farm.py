"""A farm of CI agents that run the jobs for real: pytest on the reference engine at the commit of the job.

It is behind the APIs of `ci_farm`. Jobs wait in one queue for a few agents. An agent checks the commit out,
builds it, and runs a suite; its log grows meanwhile.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from uuid import uuid4

from ci_farm import Farm
from ci_job_output import CANCELED, LOST, Ending
from quick_engine import QUICK

from bisect_tool.pytest_plugin.launch import Launch, Ports
from bisect_tool.scenario import load
from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.guardian_protocol import GuardianSpec

ROOT = Path(__file__).parents[1]
SUITE = ROOT / "scenarios" / "external_lb_dp" / "test_external_lb_dp.py"
CELL = "tests/test_external_lb_dp.py::test_external_lb_server_info[4]"
_CHOSEN = "server_info[4]"
_LIMIT_S = 120.0
_STEP = '"$0" tree/build.py --out out || exit; "$0" "$@"; code=$?; cat logs/*.log; exit $code'
"""What a job runs: build, test, and print what the servers wrote."""


@dataclass
class RealJob:
    """A job that an agent runs."""

    id: int
    sha: str
    farm: EngineFarm
    count: int = 0
    blocked: bool = False
    retried: bool = False
    attempt: int = 1
    gone: bool = False
    ending: Ending | None = None
    times: tuple = (None, None)
    cancelled: Event = field(default_factory=Event)

    @property
    def stage(self):
        if self.blocked:
            return "blocked"
        if self.ending:
            return self.ending.state
        return "running" if self.times[0] else "scheduled"

    @property
    def has_ended(self):
        return self.ending is not None

    @property
    def log(self):
        text = self.file.read_text(errors="replace") if self.file.exists() else ""
        self.farm.read_early += bool(text) and not self.has_ended
        return text

    @property
    def file(self):
        return self.farm.folder / f"{self.id}" / "job.log"

    def listed(self):
        pass

    def enter(self):
        self.blocked = False
        self.farm.queue.put(self)

    def cancel(self):
        self.cancelled.set()

    def run(self, agent):
        """Run the job to its end: passed, failed, canceled; or the agent is lost while the suite runs."""
        self.times = _now(), None
        lost = self.farm.loses == (self.sha, self.count)
        ended = run_guarded(_spec(self.farm, self, agent, lost=lost), self.cancelled)
        self.times = self.times[0], _now()
        if lost:
            self.ending = LOST
        elif self.cancelled.is_set():
            self.ending = CANCELED
        else:
            self.ending = Ending("failed" if ended.exit_code else "passed", ended.exit_code)


class EngineFarm(Farm):
    """A farm whose agents run jobs for real.

    `loses` is a commit, and which of its jobs loses its agent. `read_early` counts how often the log of a job
    that runs was read, `ran` the ids of the jobs that agents ran.
    """

    def __init__(self, repository, folder, loses=(), agents=2):
        super().__init__(None)
        self.repository, self.folder, self.loses = repository, folder, loses
        self.queue = SimpleQueue()
        self.read_early = 0
        self.ran = []
        self.agents = [Thread(target=self._work, args=(number, agents)) for number in range(agents)]

    def new_job(self, number, sha, count):
        return RealJob(number, sha, self, count)

    def _work(self, number, agents):
        while job := self.queue.get():
            self.ran.append(job.id)
            job.run((number, agents))

    @contextmanager
    def staffed(self):
        """Agents that work until the block ends."""
        for agent in self.agents:
            agent.start()
        try:
            yield self
        finally:
            for job in self.jobs():
                job.cancel()
            for _ in self.agents:
                self.queue.put(None)
            for agent in self.agents:
                agent.join()


def _now():
    return datetime.now(UTC)


def _spec(farm, job, agent, *, lost):
    """The processes of a job, in a checkout of its commit: the build, then pytest."""
    folder = job.file.parent
    tree, out, logs, tests = (folder / name for name in ("tree", "out", "logs", "tests"))
    for made in (tree, logs, tests):
        made.mkdir(parents=True)
    shutil.copy(SUITE, tests)
    archive = subprocess.run(
        ["git", "-C", str(farm.repository), "archive", job.sha], check=True, capture_output=True
    )
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)
    (folder / "launch.json").write_text(_launch(tree, out, logs, agent).model_dump_json())
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # of our own tests, which are slow to import
        "BISECT_RUN_LAUNCH": str(folder / "launch.json"),
        "JOB": json.dumps([job.id, uuid4().hex]),
    }
    plugins = ("no:cacheprovider", "bisect_tool.pytest_plugin.fixtures")
    argv = (
        *("sh", "-c", _STEP),
        *(sys.executable, "-m", "pytest", "-v", "-k", _CHOSEN),
        *(word for plugin in plugins for word in ("-p", plugin)),
        *("--rootdir", str(folder), "--confcutdir", str(folder), "-c", os.devnull, f"tests/{SUITE.name}"),
    )
    return GuardianSpec(argv, folder, env, job.file, logs, folder, 0.5 if lost else _LIMIT_S)


def _launch(tree, out, logs, agent):
    """One rank, which shows the culprit as well, of an engine that starts quickly."""
    profile = load("external-lb-dp").profile("reference")
    number, agents = agent
    width = 1000 // agents
    return Launch(
        command=(sys.executable, "-m", "refengine"),
        env={
            **os.environ,
            **profile.launch.env,
            **{name: value.replace("{tree}", str(tree)) for name, value in QUICK.items()},
            "REFENGINE_NATIVE": str(out),
        },
        model="tiny-moe",
        served_model="tiny-moe",
        dp_size=1,
        logs=logs,
        ports=Ports(start=9000 + number * width, stop=9000 + (number + 1) * width),
        rpc_port=True,
        ready_s=60.0,
        teardown_s=15.0,
        engine_logs=load("external-lb-dp").logs.model_dump(),
    )
