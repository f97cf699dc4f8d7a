"""The seconds between the last verdict and the end of a trial."""

from __future__ import annotations

import json

import pytest

from benchmarks.ending import after_verdict


def test_seconds_from_the_last_call_to_the_end_of_the_trial(tmp_path):
    phases = [("setup", 1772755210.0), ("call", 1772755220.0), ("teardown", 1772755224.0)]
    events = [{"event": "phase", "phase": phase, "time": time} for phase, time in phases]
    events = [{"event": "start", "time": 1772755201.0}, *events, {"event": "finish", "time": 1772755225.0}]
    (tmp_path / "stream.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    trial = {"log": str(tmp_path), "started": "2026-03-06T00:00:00.000+00:00", "seconds": 26.5}
    assert after_verdict(trial) == pytest.approx(6.5)
