"""When an answer to a reported situation counts as correct; the answers themselves are a benchmark."""

from __future__ import annotations

import pytest

from benchmarks.cases.__main__ import CASES
from benchmarks.cases.case import Answer, Expected
from benchmarks.cases.project import Project

SHA, OTHER = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("expected", "answer", "faults"),
    [
        (Expected((0,), SHA), Answer(0, "", (SHA,)), []),
        (Expected((0,), SHA), Answer(3, "", (SHA,)), ["exit code 3"]),
        (Expected((0,), SHA), Answer(0, "", (OTHER,)), [f"names {OTHER[:9]}", f"does not name {SHA[:9]}"]),
        (Expected((0, 3), SHA, or_none=True), Answer(3, ""), []),
        (Expected((0, 3), SHA, or_none=True), Answer(3, "", (OTHER,)), [f"names {OTHER[:9]}"]),
        (Expected((3,)), Answer(3, "", (OTHER,)), [f"names {OTHER[:9]}"]),
        (Expected((5,), matches=("SIGABRT",)), Answer(5, "it died of sigabrt"), []),
        (Expected((5,), matches=("SIGABRT",)), Answer(5, "it died"), ["does not match 'SIGABRT'"]),
    ],
)
def test_faults_of_an_answer(expected, answer, faults):
    assert list(expected.faults(answer)) == faults


def test_cases_have_unique_names():
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)


def test_project_commits_files_with_the_code(tmp_path):
    project = Project.create(tmp_path, "bisect-run")
    first, second = project.series(0, 1)
    assert project.git("show", f"{first}:code") == "0"
    assert project.git("show", f"{second}:code") == "1"
    assert project.git("log", "-1", "--format=%an %at") == f"A U Thor {1_767_225_600 + 120}"
