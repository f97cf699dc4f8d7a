"""Which sessions of the store ran the check of a watch."""

import pytest

from bisect_tool.checks import PytestCheck, SuiteCheck
from bisect_tool.mode import Bisect, Repro
from bisect_tool.nightly_run.past_sessions import PastSession, has_check, last_profile
from bisect_tool.request import Request, Watched

SUITE = Request(mode=Repro(runs=1), repo="/r", bad="b", check=SuiteCheck(), scenario="engine", profile="gpu")
PINNED = SUITE.model_copy(update={"check": PytestCheck(file="test_a.py", tests_from="1" * 40)})


def past(request, **changes):
    return PastSession("s", request.model_copy(update=changes), (), None, running=False)


@pytest.mark.parametrize(
    ("stored", "request_", "same"),
    [
        (SUITE, SUITE, True),
        (
            PINNED,
            PINNED.model_copy(update={"check": PytestCheck(file="test_a.py", tests_from="2" * 40)}),
            True,
        ),
        (PINNED, PINNED.model_copy(update={"check": PytestCheck(file="test_a.py")}), False),
        (
            PINNED,
            PINNED.model_copy(update={"check": PytestCheck(file="test_b.py", tests_from="1" * 40)}),
            False,
        ),
        (SUITE, SUITE.model_copy(update={"profile": "cpu"}), False),
        (SUITE, SUITE.model_copy(update={"cells": ("*[4]",)}), False),
        (SUITE.model_copy(update={"mode": Repro(runs=1, stress="cpu")}), SUITE, False),
    ],
)
def test_check_is_the_same_although_the_branch_of_its_tests_moved(stored, request_, same):
    assert has_check(past(stored), request_) is same


def test_profile_of_the_last_night_of_the_watch():
    nights = [past(SUITE, watched=Watched(name="w")), past(SUITE, profile="other")]
    on_cpu = SUITE.model_copy(update={"profile": "cpu"})
    assert last_profile(nights, "w", on_cpu) == "gpu"
    assert last_profile(nights, "another watch", on_cpu) == "cpu"
    assert last_profile(nights, "w", PINNED.model_copy(update={"profile": "cpu"})) == "cpu"


@pytest.mark.parametrize(
    ("running", "abandoned", "unfinished"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_interrupted_session_is_unfinished_until_it_is_abandoned(running, abandoned, unfinished):
    request = SUITE.model_copy(update={"mode": Bisect(goods=("g",))})
    assert PastSession("s", request, (), None, running, abandoned).unfinished is unfinished
