from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from ci_farm import READ, WRITE
from farmed_jobs import Clock

from bisect_tool.executor.ci import connect
from bisect_tool.executor.ci.executor import Timing
from bisect_tool.executor.executor import refused
from bisect_tool.paths import Home


@pytest.fixture
def farmed(tmp_path, monkeypatch):
    """Make an executor of a job on a farm; a second call makes that of a resumed session."""

    def make(farm, asked, *, used=(), slots=1, tokens=(READ, WRITE), step=0.0, cancel=None, agreed=refused):
        monkeypatch.setattr(connect, "TIMING", Timing(0.0, Clock(step)))
        prefix = "BUILDKITE" if asked.service == "buildkite" else "GITHUB"
        reads = "BUILDKITE_API_TOKEN" if prefix == "BUILDKITE" else "GITHUB_TOKEN"
        environment = {
            f"{prefix}_API_URL": farm.url,
            reads: tokens[0],
            f"BISECT_RUN_{prefix}_WRITE_TOKEN": tokens[1],
        }
        config = SimpleNamespace(home=Home(tmp_path, tmp_path / "cache"), slots=slots, cells=())
        folder = tmp_path / "session"
        return connect.ci_executor(
            asked, config, environment, folder, cancel or threading.Event(), used, agreed
        )

    return make
