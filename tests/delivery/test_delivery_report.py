"""The result of each action of a delivery; a failed channel stops no other."""

from __future__ import annotations

import pytest
from github_service import REPOSITORY, Fault
from sample_nights import cause, night

from bisect_tool.delivery import deliver as module
from bisect_tool.errors import EnvironmentFailed

A, B = cause(), cause(fingerprint="other", cells=("test_b[2]",))
ALL = {"github_issues": REPOSITORY, "slack": True}


def results(report):
    return [(type(each.action).__name__, each.done, bool(each.error)) for each in report.outcomes]


def test_posted_and_failed_actions_are_reported(delivery, service, tmp_path):
    service.faults = [Fault("POST", "/webhook", status=404)]
    delivery(night(A, B), **ALL, out=str(tmp_path / "out"))
    assert results(delivery.report) == [
        ("WriteFiles", f"results are in {tmp_path / 'out'}", False),
        ("SyncIssue", "opened issue 1", False),
        ("SyncIssue", "opened issue 2", False),
        ("ChatMessage", "", True),
        ("ChatMessage", "posted to the webhook", False),
    ]
    assert delivery.report.summary == (
        "1 of 5 delivery actions failed (see above). The next night delivers what is missing."
    )
    assert [delivery.report.misses(each) for each in (A, B)] == [True, False]


def test_files_that_failed_miss_every_cause(delivery, tmp_path):
    (tmp_path / "out").write_text("mine")
    delivery(night(A, B), **ALL, out=str(tmp_path / "out"))
    assert [each.done for each in delivery.report.outcomes if not each.error][-1] == "posted to the webhook"
    assert [delivery.report.misses(each) for each in (A, B)] == [True, True]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), EnvironmentFailed("it is full")])
def test_any_error_belongs_to_its_action(delivery, service, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(module, "sync_issue", fail)
    delivery(night(A), **ALL)
    assert results(delivery.report) == [
        ("SyncIssue", "", True),
        ("ChatMessage", "posted to the webhook", False),
    ]


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), EnvironmentFailed("another run")]
)
def test_missing_lock_prevents_posts_but_not_files(delivery, service, tmp_path, monkeypatch, error):
    def refuse(*_):
        raise error

    monkeypatch.setattr(module, "lease", refuse)
    delivery(night(A), **ALL, out=str(tmp_path / "out"))
    assert [(each.done != "", bool(each.error)) for each in delivery.report.outcomes] == [
        (True, False),
        (False, True),
        (False, True),
    ]
    assert service.requests == []


def test_paused_action_misses_its_cause_and_has_not_failed(delivery):
    """So that after the pause a fix is reported again and its issue is closed."""
    delivery.environment["BISECT_RUN_PAUSE_POSTS"] = "1"
    delivery(night(A), **ALL)
    assert delivery.report.failed == ()
    assert [delivery.report.misses(each) for each in (A, B)] == [True, False]


def test_cause_with_masked_secrets_is_missed(delivery, service):
    secret = cause(exception="gh-write-secret")
    service.faults = [Fault("POST", "/webhook", status=404)]
    delivery(night(secret), slack=True)
    assert delivery.report.misses(secret)


def test_dry_run_has_no_results(delivery):
    delivery(night(A), dry_run=True, **ALL)
    assert delivery.report.outcomes == ()
    assert not delivery.report.misses(A)
