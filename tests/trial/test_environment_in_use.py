"""A trial keeps its environment from being removed."""

from __future__ import annotations

import threading

import pytest

from bisect_tool.build import BuildFailed
from bisect_tool.build.cache import Entry
from bisect_tool.checks import SuiteCheck
from bisect_tool.paths import Home
from bisect_tool.scenario import load
from bisect_tool.trial import run
from bisect_tool.trial.config import TrialConfig, TrialSpec


def test_environment_is_in_use_while_a_trial_builds_and_runs(tmp_path, monkeypatch):
    entry = Entry.of(tmp_path, "f" * 20)
    free = []

    def look():
        with entry.unused() as unused:
            free.append(unused)

    def build(*_):
        look()

    def try_out(*_):
        look()
        raise BuildFailed("enough is seen", tmp_path / "build.log")

    monkeypatch.setattr(run, "_environment", build)
    monkeypatch.setattr(run, "_tried", try_out)
    scenario = load("external-lb-dp")
    profile = scenario.profile("reference")
    config = TrialConfig(SuiteCheck(), Home(tmp_path, tmp_path), scenario, profile, 10.0)
    spec = TrialSpec("a" * 40, tmp_path, "f" * 20, ("test_a",), tmp_path / "trial", 0, set)
    with pytest.raises(BuildFailed):
        run.run_trial(config, spec, lambda *_: None, threading.Event())
    look()
    assert free == [False, False, True]
