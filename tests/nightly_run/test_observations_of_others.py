"""External results must belong to the history of the ref."""

import pytest

from bisect_tool.ci_results.observation import CellKey, Observation, State
from bisect_tool.errors import UsageError
from bisect_tool.nightly_rules.history import History
from bisect_tool.nightly_run.observations_of_others import observations_of_others, require_commits_of
from bisect_tool.options.nightly_options import NightlyOptions
from bisect_tool.options.watches import Watch

HISTORY = History(("a" * 40, "b" * 40))


def result(commit):
    return Observation(CellKey("nightly", "gpu"), commit, "1", "1", State.PASSED)


def test_results_at_no_commit_of_the_history_are_an_error():
    found = [result(each * 40) for each in "ccdef"]
    with pytest.raises(UsageError) as caught:
        require_commits_of(HISTORY, found, "origin/\x1b[31mmain")
    assert caught.value.message == (
        "none of 5 results belongs to a commit in the history of origin/main; "
        "their commits: ccccccccc, ddddddddd, eeeeeeeee and 1 more"
    )
    assert caught.value.hint == "Fetch the repository, and check --ref and --branch."


def test_one_result_of_the_history_is_enough():
    require_commits_of(HISTORY, [result("c" * 40), result("b" * 40)], "main")


@pytest.fixture
def suites(tmp_path):
    """A watch of the results of two suites."""
    report = '<testsuite name="%s"><testcase classname="t" name="test_a"/></testsuite>'
    for suite in ("gpu 1", "cpu"):
        (tmp_path / suite / ("a" * 40)).mkdir(parents=True)
        (tmp_path / suite / ("a" * 40) / "junit.xml").write_text(report % suite)

    def read(job):
        watch = Watch("w", NightlyOptions(results=(str(tmp_path),), job=job))
        return [each.key.job for each in observations_of_others(watch, HISTORY, {}, tmp_path, print, None)]

    return read


@pytest.mark.parametrize(
    ("job", "jobs"), [("", ["cpu", "gpu 1"]), ("gpu .*", ["gpu 1"]), ("gpu|cpu", ["cpu"])]
)
def test_job_option_selects_among_files(suites, job, jobs):
    assert sorted(suites(job)) == jobs


@pytest.mark.parametrize(
    ("job", "message"),
    [("gpu", "no job in --results matches --job gpu"), ("(", "--job is not a regular expression: ")],
)
def test_job_option_without_a_match_is_a_usage_error(suites, job, message):
    with pytest.raises(UsageError) as caught:
        suites(job)
    assert caught.value.message.startswith(message)


def test_report_of_a_commit_outside_the_history_is_noted(tmp_path):
    for commit in ("a" * 40, "c" * 40):
        (tmp_path / commit).mkdir()
        report = '<testsuite><testcase classname="t" name="test_a"/></testsuite>'
        (tmp_path / commit / "junit.xml").write_text(report)
    notices = []
    watch = Watch("w", NightlyOptions(results=(str(tmp_path),), ref="origin/main"))
    found = observations_of_others(watch, HISTORY, {}, tmp_path, notices.append, None)
    assert [each.commit for each in found] == ["a" * 40]
    (note,) = notices
    assert note.endswith(f"is left out: commit {'c' * 40} is not in the history of origin/main")
