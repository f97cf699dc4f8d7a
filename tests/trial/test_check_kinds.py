"""Facts about each kind of check, and the classes that run it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from bisect_tool.checks import Check, CommandCheck, JobCheck, ProjectCheck, PytestCheck, SuiteCheck
from bisect_tool.errors import UsageError
from bisect_tool.paths import Home
from bisect_tool.reproduction_script.kinds import script_of
from bisect_tool.trial.config import TrialConfig, TrialSpec
from bisect_tool.trial.kinds import trials_of
from bisect_tool.verdict import Outcome

COMMAND = CommandCheck(argv=("./check.sh", "a b"), scripts=("check.sh",))
ENGINE_FILE = PytestCheck(file="tests/test_a.py", name="test_x", tests_from="f" * 40)
PROJECT = ProjectCheck(
    targets=("tests/test_a.py::test_x", "tests"),
    args=("-k", "slow"),
    tests_from="f" * 40,
    python="/usr/bin/python",
)
JOB = JobCheck(service="buildkite", pipeline="engine/ci", job="GPU*")
CHECKS = (SuiteCheck(), ENGINE_FILE, PROJECT, COMMAND, JOB)


def config_of(check, home):
    return TrialConfig(check, Home(home, home), None, None, 10.0)


def _trials_of(check):
    return trials_of(config_of(check, Path()))


def spec_of(tree, cells=None):
    return TrialSpec("c0ffee", tree, "", cells, tree, 0, set)


def test_every_kind_of_check_is_tested():
    union, _ = get_args(Check)
    assert {type(check) for check in CHECKS} == set(get_args(union))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.kind)
def test_every_kind_of_check_has_its_own_trials_and_script(tmp_path, check):
    others = [other for other in CHECKS if other is not check]
    assert type(_trials_of(check)) not in {type(_trials_of(other)) for other in others}
    scripts = {type(script_of(config_of(other, tmp_path))) for other in others}
    assert type(script_of(config_of(check, tmp_path))) not in scripts


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ("as_command", [None, None, None, COMMAND, None]),
        ("as_job", [None, None, None, None, JOB]),
        ("command", [(), (), (), ("./check.sh", "a b"), ()]),
        ("test_targets", [(), ("tests/test_a.py::test_x",), ("tests/test_a.py::test_x", "tests"), (), ()]),
        ("pytest_options", [(), (), ("-k", "slow"), (), ()]),
        ("interpreter", [None, None, "/usr/bin/python", None, None]),
        ("pinned_to", [None, "f" * 40, "f" * 40, None, None]),
        ("pinned_paths", [(), ("tests/test_a.py",), ("tests/test_a.py", "tests"), (), ()]),
        ("pins_conftest", [False, False, True, False, False]),
        ("relevant_paths", [(), ("tests/test_a.py",), (), (), ()]),
        ("by_exit_code", [False, False, False, True, False]),
        ("grouped", [True, True, False, True, False]),
        ("chooses_gpus", [False, True, False, False, False]),
        ("inherits_variables", [False, False, True, True, False]),
        ("reads_any_file", [False, False, True, False, False]),
    ],
)
def test_facts_of_the_suite_an_engine_file_a_project_a_command_and_a_job(fact, expected):
    assert [getattr(check, fact) for check in CHECKS] == expected


def test_job_of_ci_runs_only_in_its_service(tmp_path):
    with pytest.raises(UsageError, match="can run its job"):
        _trials_of(JOB).process(None)
    with pytest.raises(UsageError, match="can run its job"):
        _trials_of(JOB).read(None, None)
    with pytest.raises(UsageError, match="it is a job of buildkite"):
        script_of(config_of(JOB, tmp_path)).command(())


def test_command_without_its_script_skips_the_cell(tmp_path):
    found = _trials_of(COMMAND).missing(spec_of(tmp_path))
    assert (found.outcome, found.unusable) == (Outcome.SKIPPED, True)
    assert "cannot run check.sh" in found.cells[0].reason
    (tmp_path / "check.sh").touch()
    assert _trials_of(COMMAND).missing(spec_of(tmp_path)) is None


def test_project_without_its_tests_skips_the_requested_cells(tmp_path):
    found = _trials_of(PROJECT).missing(spec_of(tmp_path, ("one", "two")))
    assert found.outcome is Outcome.SKIPPED
    assert [(cell.cell, cell.outcome) for cell in found.cells] == [
        ("one", Outcome.SKIPPED),
        ("two", Outcome.SKIPPED),
    ]
    assert found.reason == "there is no such test at this commit: tests/test_a.py tests"
    (tmp_path / "tests").mkdir()
    assert _trials_of(PROJECT).missing(spec_of(tmp_path)) is None


@pytest.mark.parametrize("check", [SuiteCheck(), ENGINE_FILE], ids=["suite", "engine file"])
def test_suite_and_engine_file_are_never_unusable_in_advance(tmp_path, check):
    assert _trials_of(check).missing(spec_of(tmp_path)) is None
