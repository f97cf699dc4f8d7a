"""The benchmark's tables of known logs count right and wrong failure chains."""

from __future__ import annotations

import json

import pytest

from benchmarks.evidence.known import elsewhere, known_table, read, wrapper_table
from benchmarks.evidence.speed import healthy
from benchmarks.evidence.wrappers import WRAPPERS

LOG = "(Worker_TP0 pid=7) ValueError: no room\n(EngineCore pid=8) BrokenPipeError: [Errno 32] Broken pipe\n"


@pytest.fixture
def logs(tmp_path):
    truths = {"a": ("ValueError: no room", "^Worker"), "b": ("BrokenPipeError", "^Worker")}
    for name, (match, role) in truths.items():
        truth = {"truth_root": match, "match": match, "role_match": role}
        (tmp_path / f"{name}.json").write_text(json.dumps(truth))
        (tmp_path / f"{name}.log").write_text(LOG)
    return read(tmp_path)


def test_row_counts_right_and_wrong_parts(logs):
    _, _, right, wrong, total = known_table(logs).splitlines()
    assert right.endswith("| yes | yes | yes | NO |")
    assert wrong.endswith("| NO | NO | yes | NO |")
    assert total.endswith("| 1 of 2 | 1 of 2 | 2 of 2 | 0 of 2 |")


def test_prefixes_are_added_to_logs_that_are_right_without(logs):
    rows = wrapper_table(logs).splitlines()[2:]
    assert len(rows) == len(WRAPPERS)
    assert all(" 1 of 1 " in row for row in rows)


def test_same_failure_on_another_machine_differs():
    assert elsewhere("pid=7 at 10:00:00 on 2026-01-01") == "pid=1378 at 15:00:00 on 2026-01-02"


@pytest.mark.parametrize("failing", [True, False])
def test_healthy_log_has_one_failure_or_none(failing):
    assert ("OutOfMemoryError" in "".join(healthy(20_000, failing=failing))) is failing
