"""The webhook: one message for each state of a cause; messages cannot be read back."""

from __future__ import annotations

import json
from threading import Event

import pytest
import sample_documents as documents
from github_service import Fault
from local_server import serving
from sample_nights import candidates, cause, hostile, night

from bisect_tool import transfer_timeout

CELLS = "`test_external_lb_server_info[4]` and 2 more cells"
PULL = "<https://github.com/vllm-project/vllm/pull/34730|PR #34730>"
SUBJECT = "[Frontend][Core] Add shutdown timeout - allowing in-flight requests to finish (\uff0334730)"


def fault(**more):
    return Fault("POST", "/webhook", **more)


def test_each_state_is_posted_once(delivery, service):
    for each in (candidates(), candidates("open"), cause("open"), cause("open"), cause("fixed")):
        delivery(night(each), slack=True)
    assert [text.split("\n")[0] for text in service.messages] == [
        f"*New regression* in `origin/main`: {CELLS} failing since one of 2 commits",
        f"*Regression* in `origin/main`: {CELLS} failing since `27066d1b2` (PR 34730)",
        f"*Fixed* in `origin/main`: {CELLS}, which had failed since `27066d1b2` (PR 34730)",
    ]


def test_message_has_error_culprit_and_link(delivery, service):
    delivery(night(cause()), slack=True)
    assert service.messages[0].split("\n")[1:] == [
        "Error: `Exception`",
        f"Culprit: {PULL} `{SUBJECT}`",
        "Report: `bisect-run report 20260306-101500-1a2b`",
    ]


def test_cause_that_fails_again_is_posted_again(delivery, service):
    for state in ("new", "fixed", "open"):
        delivery(night(cause(state)), slack=True)
    assert [text.split("*")[1] for text in service.messages] == ["New regression", "Fixed", "Regression"]


def test_cause_whose_cells_are_no_longer_run_is_closed(delivery, service):
    for each in (cause(), cause("fixed", fixed_by="", note="Its cells are no longer run.")):
        delivery(night(each), slack=True)
    heading, reason = service.messages[-1].split("\n")
    assert heading.startswith("*Closed* in `origin/main`: ")
    assert reason == "Its cells are no longer run."


def test_fix_of_an_unposted_cause_is_not_posted(delivery, service):
    assert delivery(night(cause("fixed")), slack=True) == []
    assert service.messages == []


def test_another_commit_of_the_same_fix_is_not_posted(delivery, service):
    for each in (cause(), cause("fixed"), cause("fixed", fixed_by=documents.BAD)):
        delivery(night(each), slack=True)
    assert len(service.messages) == 2


def test_message_without_an_answer_is_not_repeated(delivery, service):
    service.faults = [fault(done=True, lost=True)]
    reported = delivery(night(cause()), slack=True)
    assert reported == ["posted to the webhook, which did not answer; the message is not repeated"]
    assert delivery(night(cause("open")), slack=True) == []
    assert len(service.messages) == 1


def test_message_with_an_endless_answer_is_not_repeated(delivery, monkeypatch):
    """Each byte renews the timeout of `requests`."""
    monkeypatch.setattr(transfer_timeout, "STALL_S", 0.3)
    over = Event()

    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not over.wait(0.01):
            handler.wfile.write(b".")

    with serving(answer) as delivery.environment["BISECT_RUN_SLACK_WEBHOOK"]:
        reported = delivery(night(cause()), slack=True)
        over.set()
    assert reported == ["posted to the webhook, which did not answer; the message is not repeated"]


@pytest.mark.parametrize("status", [404, 500, 302])
def test_rejected_message_is_posted_by_the_next_night(delivery, service, status):
    service.faults = [fault(status=status, body="no_service", headers={"Location": "/elsewhere"})]
    (line,) = delivery.failing(night(cause()), slack=True)
    assert f"the webhook did not accept the message: HTTP {status} no_service" in line
    delivery(night(cause("open")), slack=True)
    assert len(service.messages) == 1


SECRET = "T0AB12CD3/B0EF45GH6/xoJ8kLmNoPqRsTuVwXyZ0123"  # noqa: S105


@pytest.mark.parametrize(
    "body",
    [
        f"Cannot POST /services/{SECRET}",
        f"no hook {SECRET.rpartition('/')[2]}",
        f"no hook {SECRET.rpartition('/')[2][:9]}...",
        f"no hook {SECRET.replace('/', '%2F')}",
        f"no hook {SECRET.upper()}",
        {"path": f"/services/{SECRET}"},
    ],
)
def test_answer_with_the_secret_address_is_not_shown(delivery, service, body):
    delivery.environment["BISECT_RUN_SLACK_WEBHOOK"] = f"{service.url}/services/{SECRET}"
    service.faults = [Fault("POST", "/services/.*", status=404, body=body)]
    (line,) = delivery.failing(night(cause()), slack=True)
    assert "the webhook did not accept the message: HTTP 404. Check BISECT_RUN_SLACK_WEBHOOK." in line
    assert not any(part in line for part in SECRET.split("/"))


@pytest.mark.parametrize("host", ["a..b", "a" * 70, "[", "%zz"])
def test_invalid_address_is_an_error_without_the_address(delivery, host):
    delivery.environment["BISECT_RUN_SLACK_WEBHOOK"] = f"http://{host}/services/{SECRET}"
    (line,) = delivery.failing(night(cause()), slack=True)
    assert "the webhook did not accept the message: " in line
    assert not any(part in line for part in SECRET.split("/"))


def test_rate_limit_is_waited_for(delivery, service):
    service.faults = [fault(status=429, headers={"Retry-After": "30"})]
    delivery(night(cause()), slack=True)
    assert (delivery.clock.pauses, len(service.messages)) == ([30.0], 1)


@pytest.mark.parametrize(
    ("headers", "pauses"), [({"Retry-After": "3600"}, []), ({"Retry-After": "1"}, [1.0] * 3)]
)
def test_rate_limit_that_does_not_end_is_an_error(delivery, service, headers, pauses):
    service.faults = [fault(status=429, headers=headers) for _ in range(3)]
    (line,) = delivery.failing(night(cause()), slack=True)
    assert "the webhook did not accept the message: HTTP 429" in line
    assert delivery.clock.pauses == pauses


def test_unreachable_server_has_not_received_the_message(delivery, service):
    address = delivery.environment["BISECT_RUN_SLACK_WEBHOOK"]
    delivery.environment["BISECT_RUN_SLACK_WEBHOOK"] = "http://127.0.0.1:9/secret-path"
    (line,) = delivery.failing(night(cause()), slack=True)
    assert "ConnectionError. Check BISECT_RUN_SLACK_WEBHOOK." in line
    assert "secret" not in line
    delivery.environment["BISECT_RUN_SLACK_WEBHOOK"] = address
    delivery(night(cause("open")), slack=True)
    assert len(service.messages) == 1


def test_messages_count_as_posts(delivery, service):
    causes = [cause(fingerprint=str(number)) for number in range(3)]
    reported = delivery(night(*causes), slack=True, max_posts=2)
    assert reported[-1] == "1 post left for the next night (--max-posts 2)"
    assert len(service.messages) == 2


def test_record_round_trips(delivery, home):
    delivery(night(cause()), slack=True)
    record = json.loads((home.state / "nightly" / "delivered.json").read_text())
    assert record == {"schema": 1, "webhook": {"f1e2d3": "culprit-27066d1b2bd0"}}


@pytest.mark.parametrize("content", ["", "[]", '{"webhook": 3}', "{"])
def test_damaged_record_posts_nothing(delivery, service, home, content):
    (home.state / "nightly").mkdir(parents=True)
    (home.state / "nightly" / "delivered.json").write_text(content)
    (line,) = delivery.failing(night(cause()), slack=True)
    assert "cannot read the record of sent messages" in line
    assert service.messages == []


def test_foreign_text_is_code(delivery, service):
    delivery(hostile(), slack=True)
    assert len(service.messages) == 2
    for text in service.messages:
        outside = "".join(text.split("`")[::2])
        assert text.count("`") % 2 == 0
        for mark in ("@", "evil", "everyone", "<img", "script", "GH-2"):
            assert mark not in outside
        assert "<!" not in text
        assert "@" not in text


def test_secrets_are_masked(delivery, service):
    delivery.environment["SOME_TOKEN"] = "hunter2hunter2"  # noqa: S105
    address = delivery.environment["BISECT_RUN_SLACK_WEBHOOK"]
    delivery(night(cause(exception=f"no hunter2hunter2 at {address}")), slack=True)
    assert "Error: `no *** at ***`" in service.messages[0]


def test_commit_without_a_pull_request_is_named_by_its_id(delivery, service):
    commits = {documents.CULPRIT: documents.commit(documents.CULPRIT, "Merge it")}
    known = documents.culprit().model_copy(update={"commits": commits})
    delivery(night(cause(document=known)), slack=True)
    assert (
        f"Culprit: <https://github.com/vllm-project/vllm/commit/{documents.CULPRIT}|27066d1b2> `Merge it`"
        in service.messages[0]
    )


def test_culprit_is_named_without_a_document(delivery, service):
    delivery(night(cause(document=None, proven=False)), slack=True)
    assert "Suspect: `27066d1b2`" in service.messages[0]
