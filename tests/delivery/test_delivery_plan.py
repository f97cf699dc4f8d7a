"""Planned actions, dry runs, and the kill switch."""

from __future__ import annotations

import pytest
from github_service import REPOSITORY
from sample_nights import candidates, cause, cell, night

from bisect_tool.delivery.check_options import check_delivery
from bisect_tool.delivery.markers import cause_state, identifier, replace_section, section
from bisect_tool.delivery.plan import plan
from bisect_tool.delivery.repository_name import repository_name
from bisect_tool.errors import UsageError
from bisect_tool.nightly_rules.cell_status import CellStatus
from bisect_tool.options.delivery_options import DeliveryOptions

GITHUB = "https://github.com"
FILES = "write nightly.json, nightly.md, nightly.html and junit.xml"
TITLE = "test_external_lb_server_info[4] and 2 more cells failing since 27066d1b2 (PR 34730)"
ALL = {"out": "runs/tonight", "github_issues": REPOSITORY, "comment_on_culprit": True, "slack": True}


def lines(document, **options):
    return [action.line for action in plan(document, DeliveryOptions(**options), GITHUB)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        (
            {"out": "x"},
            [f"{FILES}, and reports of 1 cause, into x"],
        ),
        ({"annotate": "buildkite"}, ["annotate this Buildkite build (style error)"]),
        (
            {"annotate": "github"},
            ["append the result to the summary of this GitHub job", "print 1 annotation of this GitHub job"],
        ),
        ({"github_issues": REPOSITORY}, [f"open an issue in {REPOSITORY}: {TITLE}"]),
        ({"comment_on_culprit": True}, [f"comment on pull request 34730 of {REPOSITORY}: {TITLE}"]),
        ({"slack": True}, [f"post to the webhook: {TITLE}"]),
    ],
)
def test_each_channel_has_its_actions(options, expected):
    assert lines(night(cause()), **options) == expected


@pytest.mark.parametrize(("state", "verb"), [("new", "open"), ("open", "open or update"), ("fixed", "close")])
def test_issue_follows_the_state_of_its_cause(state, verb):
    assert lines(night(cause(state)), github_issues=REPOSITORY) == [
        f"{verb} an issue in {REPOSITORY}: {TITLE}"
    ]


def test_night_without_causes_writes_files_only():
    assert lines(night(), **ALL) == [
        "write nightly.json, nightly.md, nightly.html and junit.xml into runs/tonight"
    ]
    assert lines(night(), annotate="github") == ["append the result to the summary of this GitHub job"]
    assert lines(night(), annotate="buildkite") == ["annotate this Buildkite build (style success)"]


def test_dry_run_lists_its_actions_and_does_nothing(delivery, service, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    messages = delivery(night(cause()), dry_run=True, **ALL)
    assert messages == [
        f"would {FILES}, and reports of 1 cause, into runs/tonight",
        f"would open an issue in {REPOSITORY}: {TITLE}",
        f"would comment on pull request 34730 of {REPOSITORY}: {TITLE}",
        f"would post to the webhook: {TITLE}",
    ]
    assert service.requests == []
    assert list(tmp_path.iterdir()) == []


def test_dry_run_names_no_message_that_was_posted(delivery):
    delivery(night(cause()), slack=True)
    assert delivery(night(cause("open")), dry_run=True, slack=True) == []
    assert delivery(night(cause("fixed")), dry_run=True, slack=True) == [
        f"would post to the webhook: fixed: {TITLE.replace(' failing', ', which had failed')}"
    ]


def test_dry_run_names_the_place_of_the_culprits_comment(delivery):
    red = cell(CellStatus.NEW, action="bisect 27066d1b2..5afb387bd")
    messages = delivery(night(cells=(red,)), dry_run=True, github_issues=REPOSITORY, slack=True)
    assert messages == [
        f"would report what a bisection finds: an issue in {REPOSITORY} and a message to the webhook"
    ]
    assert delivery(night(cells=(red,)), dry_run=True, annotate="buildkite") == [
        "would annotate this Buildkite build (style success)"
    ]


def test_dry_run_needs_no_token(delivery):
    delivery.environment = {}
    assert len(delivery(night(cause()), dry_run=True, **ALL)) == 4


@pytest.mark.parametrize("switch", ["file", "variable"])
def test_kill_switch_stops_posts_only(delivery, service, home, tmp_path, switch):
    if switch == "file":
        (home.state / "nightly").mkdir(parents=True)
        (home.state / "nightly" / "paused").touch()
        reason = f"{home.state}/nightly/paused exists"
    else:
        delivery.environment["BISECT_RUN_PAUSE_POSTS"] = "1"
        reason = "BISECT_RUN_PAUSE_POSTS is set"
    out = tmp_path / "out"
    messages = delivery(night(cause()), **{**ALL, "out": str(out)})
    assert messages == [
        f"nothing is posted: {reason}",
        f"would open an issue in {REPOSITORY}: {TITLE}",
        f"would comment on pull request 34730 of {REPOSITORY}: {TITLE}",
        f"would post to the webhook: {TITLE}",
        f"results are in {out}",
    ]
    assert service.requests == []


def test_kill_switch_is_not_reported_without_posts(delivery):
    delivery.environment["BISECT_RUN_PAUSE_POSTS"] = "1"
    assert delivery(night(), slack=True) == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/vllm-project/vllm", "vllm-project/vllm"),
        ("https://github.com/vllm-project/vllm.git", "vllm-project/vllm"),
        ("https://token@github.com/vllm-project/vllm/", "vllm-project/vllm"),
        ("git@github.com:vllm-project/vllm.git", "vllm-project/vllm"),
        ("ssh://git@github.com/vllm-project/vllm", "vllm-project/vllm"),
        ("https://gitlab.com/vllm-project/vllm", ""),
        ("https://github.com/vllm-project", ""),
        ("https://github.com/a/b/c", ""),
        ("https://github.com/a/..", ""),
        ("https://[", ""),
        ("/srv/vllm", ""),
        ("", ""),
    ],
)
def test_repository_is_named_by_its_url(url, name):
    assert repository_name(url, GITHUB) == name


@pytest.mark.parametrize(
    ("each", "state"),
    [
        (cause(), "culprit-27066d1b2bd0"),
        (cause("open"), "culprit-27066d1b2bd0"),
        (cause(proven=False), "suspect-27066d1b2bd0"),
        (candidates(), "candidates"),
        (cause("fixed"), "fixed-7afe0faab1eb"),
        (cause("fixed", fixed_by=""), "fixed-unknown"),
    ],
)
def test_state_is_a_word(each, state):
    assert cause_state(each) == state


def test_fingerprint_that_would_end_the_comment_is_hashed():
    name = identifier(cause(fingerprint="a --> b"))
    assert name.isalnum()
    assert name != identifier(cause(fingerprint="a --> c"))


@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("Mine.\n\n", ""), ("", "\nMine.\n"), ("A.\n\n", "\nB.\n")]
)
def test_only_the_section_is_replaced(before, after):
    old, new = section(cause(), "old"), section(cause(), "new")
    assert replace_section(f"{before}{old}{after}", new) == f"{before}{new}{after}"


def test_section_is_added_to_a_body_without_one():
    new = section(cause(), "new")
    assert replace_section("Mine.", new) == f"Mine.\n\n{new}"


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        ({"github_issues": "vllm"}, {}, "--github-issues vllm is not OWNER/REPO"),
        ({"github_issues": "https://github.com/a/b"}, {}, "is not OWNER/REPO"),
        (
            {"github_issues": "a/b"},
            {"GITHUB_TOKEN": "x"},
            "--github-issues needs BISECT_RUN_GITHUB_WRITE_TOKEN, which is not set",
        ),
        ({"comment_on_culprit": True}, {}, "--comment-on-culprit needs BISECT_RUN_GITHUB_WRITE_TOKEN"),
        ({"slack": True}, {"BISECT_RUN_SLACK_WEBHOOK": ""}, "--slack needs BISECT_RUN_SLACK_WEBHOOK"),
        (
            {"slack": True},
            {"BISECT_RUN_SLACK_WEBHOOK": "hooks/x"},
            "BISECT_RUN_SLACK_WEBHOOK is not an https URL",
        ),
        ({"annotate": "buildkite"}, {"PATH": "/nowhere"}, "--annotate buildkite needs buildkite-agent"),
        ({"out": "x" * 300}, {}, "cannot write to --out xxx"),
        ({"out": "~no-such-user/x"}, {}, "cannot find the home directory in ~no-such-user/x"),
        ({"out": "/dev/null/x"}, {}, "cannot write to --out /dev/null/x"),
        ({"annotate": "github"}, {}, "--annotate github needs GITHUB_STEP_SUMMARY"),
    ],
)
def test_missing_settings_are_errors_before_the_night(options, environment, message):
    with pytest.raises(UsageError, match=message) as caught:
        check_delivery(DeliveryOptions(**options), environment)
    assert caught.value.hint


def test_dry_run_is_checked_without_the_environment():
    check_delivery(DeliveryOptions(**ALL, annotate="buildkite"), {}, dry_run=True)
    with pytest.raises(UsageError, match="not OWNER/REPO"):
        check_delivery(DeliveryOptions(github_issues="vllm"), {}, dry_run=True)


def test_complete_settings_are_accepted():
    environment = {
        "BISECT_RUN_GITHUB_WRITE_TOKEN": "x",
        "BISECT_RUN_SLACK_WEBHOOK": "https://hooks.slack.com/services/x",
        "GITHUB_STEP_SUMMARY": "/tmp/summary",
    }
    check_delivery(DeliveryOptions(**ALL, annotate="github"), environment)
    check_delivery(DeliveryOptions(), {})
