"""Forms of issues about red tests: the facts found in each, and no others."""

from bisect_tool.triage.analyse import analyse, completed
from bisect_tool.triage.next_commands import Context
from bisect_tool.triage.read_page import read_page

JOB = "0198a196-b376-4e2b-8420-3b9e85b48a54"
FORM = """\
# [CI Failure]: Some group

### Name of failing test

{test}

### Basic information

- [{flaky}] Flaky test
- [ ] Can reproduce locally

### Describe the failing test

It hangs.

### History of failing test

{history}
"""


def read(text):
    return completed(analyse(read_page(text)), Context())


def form(test, history="None yet.", flaky=" "):
    return read(FORM.format(test=test, history=history, flaky=flaky))


def ids(found):
    return [test.value for test in found.tests]


def test_form_with_a_node_id():
    assert ids(form("v1/test_async_llm_dp.py::test_load")) == ["v1/test_async_llm_dp.py::test_load"]


def test_form_with_a_file():
    found = form("v1/kv_connector/unit/test_nixl_connector.py")
    assert ids(found) == ["v1/kv_connector/unit/test_nixl_connector.py"]


def test_form_with_names_in_braces():
    found = form("tests/models/test_init.py::{test_small. test_large}")
    assert ids(found) == ["tests/models/test_init.py::test_small", "tests/models/test_init.py::test_large"]


def test_form_with_a_whole_command():
    command = (
        "(command rocm-smi || true) && export A=1 && cd /w/tests && pytest -v -s v1/test_len.py -m slow_test"
    )
    found = form(f"`{command}`")
    assert ids(found) == ["v1/test_len.py"]
    assert [fact.value for fact in found.test_commands] == [command]
    assert found.commands[0].argv.endswith("--pytest tests/v1/test_len.py --pytest-args '-m slow_test'")


def test_form_with_a_keyword():
    found = form("`pytest -v -s openai/test_loras.py::test_chat -k Phi-4`", flaky="x")
    assert ids(found) == ["openai/test_loras.py::test_chat"]
    assert "--endpoint-runs 16" in found.commands[0].argv
    assert found.commands[0].argv.endswith(
        "--pytest openai/test_loras.py::test_chat --pytest-args '-k Phi-4'"
    )


def test_form_with_another_launcher():
    found = form("`torchrun --nproc-per-node=4 distributed/test_torchrun_example.py`")
    assert ids(found) == ["distributed/test_torchrun_example.py"]


def test_form_with_a_bare_name():
    found = form("`test_streaming_types[openai/gpt-oss-20b] `")
    assert ids(found) == ["test_streaming_types[openai/gpt-oss-20b]"]
    assert [each.what for each in found.missing if "file" in each.what] == [
        "the file of test_streaming_types"
    ]
    assert not found.commands[0].ready


def test_class_and_method_of_unittest():
    assert ids(read("DISABLED test_pool (__main__.TestNN) fails on trunk")) == ["TestNN::test_pool"]


def test_job_of_a_build_link():
    found = form("test_a.py", f"https://buildkite.com/vllm/ci/builds/26788#{JOB}")
    (build,) = found.builds
    assert (build.value, build.pipeline, build.job, build.state) == ("26788", "vllm/ci", JOB, "")
    assert found.commands[-1].argv.endswith(f"/builds/26788/jobs/{JOB}/log.txt | bisect-run explain -")
    assert found.commits == ()  # a part of the job's id looks like a commit


def test_step_of_a_build_link():
    found = form(
        "test_a.py", f"https://buildkite.com/vllm/amd-ci/builds/5661/steps/canvas?sid={JOB}&tab=output"
    )
    (build,) = found.builds
    assert (build.pipeline, build.job, build.step) == ("vllm/amd-ci", "", JOB)


def test_run_of_github_actions():
    found = read("Failing run: https://github.com/o/p/actions/runs/23172401837/job/67327624252")
    (build,) = found.builds
    assert (build.service, build.pipeline, build.value, build.job) == (
        "github",
        "o/p",
        "23172401837",
        "67327624252",
    )
    assert build.state == "failed"


def test_project_of_a_pipeline_is_a_guess():
    found = form("test_a.py", "https://buildkite.com/vllm/ci/builds/26788")
    assert found.project == "vllm-project/vllm"
    assert [(note.value, note.certainty) for note in found.notes] == [("vllm-project/vllm", "guess")]


def test_streak_of_nights_has_days_and_no_commits():
    found = read(
        "## Nightly\n\n**Current streak start:** 2026-04-10\n**First failure in 60d window:** 2026-03-31\n"
        "**Last successful nightly:** 2026-04-09\n"
        "**Latest build(s):** [amd-ci #7854](https://buildkite.com/vllm/amd-ci/builds/7854)\n"
    )
    assert (found.good.date.value, found.bad.date.value) == ("2026-04-09", "2026-04-10")
    assert not found.has_ends
    first = found.missing[0]
    assert first.what.endswith("only its day is known, 2026-04-09")
    assert first.calls[0].endswith(
        "/pipelines/amd-ci/builds?branch=main&created_from=2026-04-09&created_to=2026-04-10"
    )


def test_streak_without_a_success_has_no_good_end():
    found = read("## Nightly\n\n**Current streak start:** 2026-04-10\n**Last successful nightly:** —\n")
    assert found.good.date is None
    assert found.bad.date.value == "2026-04-10"


def test_full_commit_on_the_line_below_a_build():
    sha = "f8d0bf538904eaaa3139826e01a371b5da7e24e1"
    found = read(
        f"Example CI failure:\n\nhttps://buildkite.com/vllm/vllm-omni/builds/5575\n\nCommit id is: {sha}\n"
    )
    assert (found.bad.commit.value, found.bad.commit.certainty) == (sha, "guess")
    assert "may not be the first" in found.bad.commit.reason
    assert not found.has_ends


def test_green_at_and_red_since_in_one_sentence():
    found = read(
        "It was green at `c911120a` (10:16) and has been failing since somewhere before `b2fb83e7` (11:20)."
    )
    assert (found.good.commit.value, found.good.commit.certainty) == ("c911120a", "stated")
    assert (found.bad.commit.value, found.bad.commit.certainty) == ("b2fb83e7", "guess")
    assert found.suspects == ()


def test_label_in_parentheses_behind_its_commit():
    found = read(
        "Run with 90c8218 (last passing commit): https://github.com/o/p/actions/runs/105/job/29 (failed)"
    )
    assert found.good.commit.value == "90c8218"
    assert found.builds[0].state == "failed"


def test_label_on_a_line_of_its_own():
    found = read("### Last good commit\n\n`c911120a`\n\n### First bad commit\n\nnot known\n")
    assert found.good.commit.value == "c911120a"
    assert found.bad.commit is None


def test_log_of_git_bisect():
    good, bad = "1" * 39 + "a", "2" * 39 + "b"
    found = read(
        f"```\n# bad: [{bad}] Break it\n# good: [{good}] Work\n"
        f"git bisect start\n{bad} is the first bad commit\n```\n"
    )
    assert (found.good.commit.value, found.bad.commit.value) == (good, bad)
    assert [(each.commit, each.certainty) for each in found.suspects] == [(bad, "stated")]


def test_git_bisect_with_several_possible_commits():
    shas = ["1" * 39 + "a", "2" * 39 + "b"]
    found = read(
        "```\nThe first bad commit could be any of:\n" + "\n".join(shas) + "\nWe cannot bisect more!\n```\n"
    )
    assert [(each.commit, each.certainty) for each in found.suspects] == [(sha, "guess") for sha in shas]


def test_two_commits_for_one_end_are_both_named():
    found = read("Last good commit: c911120a\n\nLast good commit: b2fb83e7\n")
    assert found.good.commit.value == "c911120a"
    assert [note.value for note in found.notes] == ["b2fb83e7"]


def test_failing_since_a_change_is_no_proof():
    (suspect,) = read("[Bug]: L3 CI failure after PR2028 merged").suspects
    assert (suspect.pull, suspect.certainty) == (2028, "derived")


def test_after_a_change_everything_fails():
    (suspect,) = read("After PR #2028 merged, the L3 level tests failed.").suspects
    assert (suspect.pull, suspect.certainty) == (2028, "derived")


def test_change_that_broke_something():
    (suspect,) = read("As described in #33802, #23465 broke the distributed tests.").suspects
    assert (suspect.pull, suspect.certainty) == (23465, "stated")


def test_blame_with_a_reservation_is_a_guess():
    (suspect,) = read("This may have been caused by #34730.").suspects
    assert suspect.certainty == "guess"


def test_denied_blame_is_none():
    assert read("It was not caused by #34730.").suspects == ()


def test_group_that_moved_after_a_change_is_no_blame():
    assert read("The failing test (`test_tp.py::test_pass`) is in a new group after #33293.").suspects == ()


def test_subject_with_a_quoted_failure_is_no_blame():
    assert read('* Revert "Fix engine hanging after start-up failure (#36262)').suspects == ()


def test_fix_that_is_announced():
    found = read("Should be fixed by https://github.com/o/p/pull/22806")
    (fix,) = found.fix_candidates
    assert (fix.pull, fix.role, fix.certainty, fix.landed) == (22806, "fix", "guess", None)
    assert found.ended_by is None


def test_fix_that_is_stated():
    found = read("It is solved by PR #3327")
    assert (found.ended_by, found.final) == (3327, 3327)


def test_passing_again_is_a_remark():
    found = read("Group passing again as of 2026-04-19. Closing.")
    assert [(note.value, note.certainty) for note in found.notes] == [("passes again", "stated")]


def test_results_next_to_builds():
    page = "https://buildkite.com/o/p/builds"
    found = read(f"* **Passed** before - {page}/1\n* **Failed** - {page}/2\n")
    assert {build.value: build.state for build in found.builds} == {"1": "passed", "2": "failed"}


def test_record_of_a_build_is_an_end():
    found = read(
        '{"number": 54882, "commit": "5afb387bd43cef01d68119d017587e689b0729fa", "state": "failed",'
        ' "message": "nightly", "web_url": "https://buildkite.com/vllm/ci/builds/54882",'
        ' "jobs": [{"name": "Distributed", "state": "failed",'
        f' "web_url": "https://buildkite.com/vllm/ci/builds/54882#{JOB}"}}]}}'
    )
    assert (found.bad.commit.value[:8], found.bad.commit.certainty) == ("5afb387b", "derived")
    assert found.missing[0].calls == (
        "https://api.buildkite.com/v2/organizations/vllm/pipelines/ci/builds?branch=main&state=passed",
    )
    assert found.builds[0].job == JOB


def test_pass_after_the_fix_is_no_end():
    found = read("Test passed on latest run: https://buildkite.com/o/p/builds/9005")
    assert found.good.build is None
    assert [note.value for note in found.notes] == ["passes again"]
    assert found.builds[0].state == "passed"


def test_commit_that_a_bot_blames():
    sha = "25c610f3971a98b143c813497fc8082aa0b8b114"
    (suspect,) = read(
        f"Blamed commit: {sha} found by bisect job https://buildkite.com/o/p/builds/885"
    ).suspects
    assert (suspect.commit, suspect.certainty) == (sha, "stated")


def test_last_success_in_a_monitor_report():
    run = "https://github.com/o/p/actions/runs/17976435645"
    found = read(f"```\n  Last Success: Run #28890 (2025-09-24 12:20) by Ada: {run}\n```\n")
    assert (found.good.build.value, found.good.date.value) == ("17976435645", "2025-09-24")


def test_rows_of_a_table():
    found = read(
        "| | build | commit |\n|---|---|---|\n"
        "| Last good | #100 | abc1234 |\n| First bad | #101 | def5678 |\n"
    )
    assert (found.good.commit.value, found.bad.commit.value) == ("abc1234", "def5678")


def test_good_and_bad_on_lines_of_their_own():
    found = read("- **Good**: `abc1234de` (Mar 1)\n- **Bad**: `def5678ab`\n")
    assert (found.good.commit.value, found.bad.commit.value) == ("abc1234de", "def5678ab")


def test_works_on_one_and_fails_on_the_other():
    found = read("Works on commit abc1234, fails on commit def5678.")
    assert (found.good.commit.value, found.bad.commit.value) == ("abc1234", "def5678")


def test_start_of_git_bisect_names_the_bad_end_first():
    found = read("```\ngit bisect start 5afb387b a97954b6\n```\n")
    assert (found.good.commit.value, found.bad.commit.value) == ("a97954b6", "5afb387b")


def test_command_line_of_bisect_run():
    found = read(
        "Repro: `bisect-run --good a97954b --bad 5afb387`\n\nCulprit    8f8b41594  Add a timeout (#118)\n"
    )
    assert (found.good.commit.value, found.bad.commit.value) == ("a97954b", "5afb387")
    assert [(each.pull, each.commit) for each in found.suspects] == [(118, "8f8b41594")]


def test_commit_in_front_of_its_number():
    (suspect,) = read("I bisected this to 27066d1b (#34730).").suspects
    assert (suspect.pull, suspect.commit, suspect.certainty) == (34730, "27066d1b", "stated")


def test_link_that_causes_something():
    (suspect,) = read(
        "[This PR](https://github.com/o/p/pull/169782) causes a crash in the autotuner."
    ).suspects
    assert (suspect.pull, suspect.certainty) == (169782, "stated")


def test_dotted_name_of_unittest():
    found = form("`cd test/srt && python3 -m unittest test_moe.TestMoe.test_load` is one of them")
    assert ids(found) == ["test_moe.py::TestMoe::test_load"]
    assert found.test_commands[0].value == "cd test/srt && python3 -m unittest test_moe.TestMoe.test_load"


def test_failing_since_a_commit_is_its_own_first_failure():
    found = read(
        "Broken in trunk since https://hud.pytorch.org/pytorch/pytorch/commit/c6653b65d8bc49be05a391f3f052dbf4c6a85d7a."
    )
    assert found.bad.commit.value.startswith("c6653b65")
    assert [each.certainty for each in found.suspects] == ["derived"]


def test_merge_with_a_reservation_is_not_known():
    page = "PR #5: Revert it (#4)\n\nx\n\nChanged files\n\nPerhaps #5 was merged.\n"
    (fix,) = read(page).fix_candidates
    assert (fix.pull, fix.landed) == (5, None)
