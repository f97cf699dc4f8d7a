"""The advice in the report if the ends do not reproduce the regression."""

from __future__ import annotations

import pytest
import sample_documents as documents

from bisect_tool.checks import CommandCheck
from bisect_tool.cli.endpoint_advice import endpoint_advice


def ended(note, **fields):
    cell = documents.red().model_copy(update={"finding": "unverified", "culprit": None, "note": note})
    document = documents.culprit()
    return document.model_copy(update={"cells": {"tests/test_a.py::test_a": cell}, **fields})


def test_tests_newer_than_the_good_end_can_be_used_at_every_commit():
    note = "the passing end 1234 gave no result for it: there is no such test at this commit"
    assert f"--tests-from {documents.BAD[:9]} uses them at every commit" in endpoint_advice(ended(note))
    already = ended(note, rerun="bisect-run --tests-from main --pytest tests")
    assert "--tests-from" not in endpoint_advice(already)


@pytest.mark.parametrize(
    ("note", "advice"),
    [
        ("it passes without running a test: 0 passing", "check which tests the command selects"),
        ("it passes, although its output reports failed tests: test_a", "bash -o pipefail"),
        ("", "Check that CI"),
    ],
)
def test_advice_distinguishes_a_bad_end_without_tests_from_a_passing_one(note, advice):
    green = documents.red().model_copy(update={"finding": "green", "culprit": None, "note": note})
    passing = documents.culprit().model_copy(update={"cells": {"command": green}})
    assert advice in endpoint_advice(passing)


def test_tests_of_a_command_that_are_newer_are_taken_from_the_bad_commit():
    note = "the passing end 1234 gave no result for it: no test ran: no tests ran in 0.01s"
    assert f"git checkout {documents.BAD[:9]} -- FILES || exit 125; COMMAND" in endpoint_advice(ended(note))


@pytest.mark.parametrize(
    ("argv", "advised"),
    [
        (("sh", "-c", "cargo test 2>&1 | tee log"), True),
        (("/bin/bash", "-ec", "make |& tee log"), True),
        (("bash", "-c", "set -o pipefail; make | tee log"), False),
        (("sh", "-c", "make || exit 1"), False),
        (("./check.sh", "a|b"), False),
        (("sh", "check.sh"), False),
    ],
)
def test_pipeline_whose_last_program_passes_is_pointed_out(argv, advised):
    green = documents.red().model_copy(update={"finding": "green", "culprit": None, "note": ""})
    update = {"cells": {"command": green}, "check": CommandCheck(argv=argv)}
    advice = endpoint_advice(documents.culprit().model_copy(update=update))
    assert ("`bash -o pipefail -c`" in advice) == advised


def test_command_that_passes_at_the_root_of_the_tree_may_need_its_subfolder(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "api").mkdir()
    monkeypatch.chdir(tmp_path / "api")
    green = documents.red().model_copy(update={"finding": "green", "culprit": None, "note": ""})
    check = CommandCheck(argv=("./check.sh",))
    update = {"cells": {"command": green}, "check": check, "repo": str(tmp_path)}
    advice = endpoint_advice(documents.culprit().model_copy(update=update))
    assert advice.endswith("-- sh -c 'cd api && ...'")


def test_file_that_the_good_end_lacks_is_taken_from_the_bad_commit():
    note = "the passing end 1234 gave no result for it: cannot run tests/test_a.py: it does not exist"
    assert f"git checkout {documents.BAD[:9]} -- FILES || exit 125; COMMAND" in endpoint_advice(ended(note))


@pytest.mark.parametrize(("profile", "advised"), [("python", True), ("environment", False)])
def test_packages_of_one_environment_may_be_why_every_commit_fails(profile, advised):
    red = documents.red().model_copy(update={"finding": "always red", "culprit": None, "note": ""})
    update = {"cells": {"tests/test_a.py::test_a": red}, "scenario": "pytest", "profile": profile}
    advice = endpoint_advice(documents.culprit().model_copy(update=update))
    assert "The good commit also fails" in advice
    assert ("--profile environment" in advice) == advised


def test_advice_for_a_bad_end_without_a_result_refers_to_its_log():
    nothing = documents.culprit().model_copy(update={"cells": {}})
    assert "the log of the trial" in endpoint_advice(nothing)


@pytest.mark.parametrize("rerun", ["", "bisect-run --same-failure -- make check"])
def test_a_good_end_that_fails_in_another_way_can_be_skipped(rerun):
    advice = endpoint_advice(ended("it fails", rerun_same_failure=rerun))
    assert ("in another way" in advice) == bool(rerun)
    assert rerun in advice
