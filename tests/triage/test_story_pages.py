"""One issue saved in four forms: each has the same facts with their sources."""

from pathlib import Path

import pytest

from bisect_tool.triage.analyse import analyse, completed
from bisect_tool.triage.next_commands import Context
from bisect_tool.triage.read_page import read_page

PAGES = Path(__file__).parent / "saved_issue"
RED = (54882, 55011, 55067, 55110, 55120, 55158, 55214, 55354, 55437)
TESTS = (
    "test_external_lb_server_info[4]",
    "test_external_lb_single_completion[4-ibm-research/PowerMoE-3b]",
    "test_external_lb_completion_streaming[4-ibm-research/PowerMoE-3b]",
)
SUITE = frozenset(test.partition("[")[0] for test in TESTS)
SCENARIOS = {"external-lb-dp": ("https://github.com/vllm-project/vllm", SUITE)}


@pytest.fixture(params=["md", "txt", "html", "json"])
def story(request):
    text = (PAGES / f"story.{request.param}").read_text(encoding="utf-8")
    return completed(analyse(read_page(text)), Context(scenarios=SCENARIOS))


def test_story_names_its_issue(story):
    assert (story.project, story.issue) == ("vllm-project/vllm", 36624)


def test_story_has_both_ends_as_stated(story):
    good, bad = story.good, story.bad
    assert (good.commit.value, good.build.value, good.date.value) == ("a97954b6", "54783", "2026-03-05")
    assert (bad.commit.value, bad.build.value, bad.date.value) == ("5afb387b", "54882", "2026-03-06")
    assert {good.commit.certainty, bad.commit.certainty} == {"stated"}
    assert good.date.certainty == "derived"  # the year is that of the page
    assert "Last passing build: #54783" in good.commit.source.text
    assert story.has_ends


def test_story_distinguishes_the_culprit_from_suspects(story):
    first, second, *others = story.suspects
    assert (first.pull, first.commit, first.certainty) == (34730, "27066d1b", "stated")
    assert "culprit is PR" in first.source.text
    assert (second.pull, second.certainty) == (36270, "derived")
    assert {each.pull: each.certainty for each in others} == dict.fromkeys((36262, 28053, 36068), "guess")


def test_story_distinguishes_the_final_fix_from_experiments(story):
    roles = {each.pull: each.role for each in story.fix_candidates}
    experiments = dict.fromkeys((36619, 36650, 36646), "trial")
    assert roles == {36628: "revert", 36666: "reland", **experiments}
    assert (story.ended_by, story.final) == (36628, 36666)


def test_story_shows_that_the_revert_landed(story):
    revert = next(each for each in story.fix_candidates if each.pull == 36628)
    assert revert.landed
    assert "reverted by #36628" in revert.landed_source.text or "merged at" in revert.landed_source.text
    assert revert.reverts == (34730, 36270)


def test_story_has_exactly_the_affected_tests(story):
    assert tuple(test.name for test in story.tests) == TESTS
    assert {test.certainty for test in story.tests} == {"stated"}
    assert {test.file for test in story.tests} == {"test_external_lb_dp.py"}


def test_story_has_the_red_builds_and_the_green_one(story):
    states = {int(build.value): build.state for build in story.builds}
    assert states == {54783: "passed", **dict.fromkeys(RED, "failed")}


def test_story_quotes_the_error(story):
    assert story.error.certainty == "stated"
    assert story.error.headline.startswith("EngineCore_DP1: WorkerProc initialization failed")
    assert story.error.symptom
    assert story.error.text.endswith("Exception: Servers failed to start")


def test_story_gives_the_commands(story):
    run, fixes, *_ = story.commands
    cells = [word for name in sorted(SUITE) for word in ("--cells", f"'{name}[4*]'")]
    assert run.argv.startswith(
        "bisect-run --repo https://github.com/vllm-project/vllm --good a97954b6 --bad 5afb387b "
        "--scenario external-lb-dp "
    )
    assert all(cell in run.argv for cell in cells)
    assert (
        "bisect-run fixes --repo https://github.com/vllm-project/vllm --at 5afb387b --revert 34730 "
        in fixes.argv
    )
    assert run.ready
    assert fixes.ready


def test_merged_fix_is_verified_by_its_commit_or_number(story):
    candidates = {each.pull: each for each in story.fix_candidates}
    _, fixes, *_ = story.commands
    for pull in (36628, 36666):
        ref = candidates[pull].commit[:12] or str(pull)
        assert (f"--verify {ref} " in fixes.argv) is bool(candidates[pull].landed)
        assert (f"#{pull}" in fixes.purpose) is not candidates[pull].landed
    assert "--verify 36628 " in fixes.argv or candidates[36628].commit
    assert all(str(trial) not in fixes.argv for trial in (36619, 36650, 36646))


def test_story_names_commands_that_find_the_commits_of_the_fixes(story):
    calls = {each.what: each.calls for each in story.missing}
    revert = calls["the commit of PR #36628 on the main branch"]
    assert revert[0] == "https://api.github.com/repos/vllm-project/vllm/pulls/36628 (field merge_commit_sha)"


def test_every_fact_has_a_source(story):
    facts = (
        *story.suspects,
        *story.fix_candidates,
        *story.tests,
        *story.builds,
        *story.commits,
        *story.dates,
    )
    assert all(fact.source.place and fact.source.text for fact in facts)


def test_state_of_pull_requests_comes_from_the_api_where_it_has_it():
    found = analyse(read_page((PAGES / "story.json").read_text(encoding="utf-8")))
    landed = {each.pull: each.landed for each in found.fix_candidates}
    assert landed == {36628: True, 36666: True, 36619: False, 36650: False, 36646: False}


def test_scripts_and_footers_of_html_are_no_evidence():
    found = analyse(read_page((PAGES / "story.html").read_text(encoding="utf-8")))
    assert all(not commit.value.startswith("0badc0de") for commit in found.commits)


def test_text_without_marks_has_headings_all_the_same():
    found = analyse(read_page((PAGES / "story.txt").read_text(encoding="utf-8")))
    assert "it is listed under 'Affected tests'" in found.tests[0].reason
