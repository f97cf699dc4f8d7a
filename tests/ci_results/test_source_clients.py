"""The HTTP client: rate limits, retries, rejections, its cache and its token."""

from dataclasses import replace
from email.utils import formatdate

import pytest
from connected import NOW, bodies
from replayed_service import Reply, replayed

from bisect_tool.ci_results import github_client, http
from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.errors import EnvironmentFailed, UsageError


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"RateLimit-Limit": "200", "RateLimit-Remaining": "0", "RateLimit-Reset": "42"}, 42.0),
        ({"Retry-After": "7"}, 7.0),
        (
            {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{NOW + 30:.0f}"},
            30.0,
        ),
        ({}, 60.0),
    ],
)
def test_rate_limit_is_waited_for(connect, headers, pause):
    with connect({"/list": [Reply({}, 429, headers), Reply([1])]}) as (client, _, pauses):
        assert bodies(client) == [[1]]
    assert pauses == [pause]


@pytest.mark.parametrize("skew", [-600, 600])
def test_reset_is_read_with_the_clock_of_the_service(connect, skew):
    theirs = NOW + skew
    headers = {
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": f"{theirs + 30:.0f}",
        "Date": formatdate(theirs, usegmt=True),
    }
    with connect({"/list": [Reply({}, 429, headers), Reply([1])]}, github_client) as (client, _, pauses):
        assert bodies(client) == [[1]]
    assert pauses == [30.0]


def test_rate_limit_of_github_with_status_403_is_waited_for(connect):
    headers = {
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": f"{NOW + 30:.0f}",
    }
    with connect({"/list": [Reply({}, 403, headers), Reply([1])]}, github_client) as (client, _, pauses):
        assert bodies(client) == [[1]]
    assert pauses == [30.0]


@pytest.mark.parametrize("left", [{}, {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4900"}])
def test_secondary_limit_of_github_waits_a_minute(connect, left):
    headers = {**left, "X-RateLimit-Reset": f"{NOW + 3000:.0f}"}
    refused = Reply({"message": "You have exceeded a secondary rate limit."}, 403, headers)
    with connect({"/list": [refused, Reply([1])]}, github_client) as (client, _, pauses):
        assert bodies(client) == [[1]]
    assert pauses == [60.0]


@pytest.mark.parametrize(("remaining", "pauses_made"), [(101, []), (100, [42.0]), (3, [42.0])])
def test_half_of_the_rate_limit_is_left_to_others(connect, remaining, pauses_made):
    headers = {"RateLimit-Limit": "200", "RateLimit-Remaining": str(remaining), "RateLimit-Reset": "42"}
    replies = {"/list": [Reply([1], headers=headers, next_path="/more")], "/more": [Reply([2])]}
    with connect(replies) as (client, _, pauses):
        assert bodies(client) == [[1], [2]]
    assert pauses == pauses_made


@pytest.mark.parametrize(("remaining", "pauses_made"), [(26, []), (25, [9.0]), (0, [9.0])])
def test_rate_limit_of_the_user_counts_beside_the_organizations(connect, remaining, pauses_made):
    headers = {"RateLimit-Limit": "200", "RateLimit-Remaining": "180", "RateLimit-Reset": "42"}
    own = {"Limit": "50", "Remaining": str(remaining), "Reset": "9"}
    headers |= {f"RateLimit-User-{name}": value for name, value in own.items()}
    replies = {"/list": [Reply([1], 200 if remaining else 429, headers), Reply([1])]}
    with connect(replies) as (client, _, pauses):
        assert [*bodies(client), *bodies(client)] == [[1], [1]]
    assert pauses == pauses_made


def test_wait_of_hours_is_an_error(connect):
    with (
        connect({"/list": [Reply({}, 429, {"Retry-After": "7200"})]}) as (client, _, pauses),
        pytest.raises(EnvironmentFailed, match="is exhausted for 120 minutes"),
    ):
        bodies(client)
    assert pauses == []


@pytest.mark.parametrize(
    "fault", [Reply({}, 500), Reply({}, 503), Reply([1, 2, 3], cut=True), Reply(b"<html>")]
)
def test_failed_request_is_retried(connect, fault, caplog):
    caplog.set_level("INFO", "bisect_run")
    with connect({"/list": [fault, Reply([1])]}) as (client, service, pauses):
        assert bodies(client) == [[1]]
    assert (len(service.requests), pauses) == (2, [1.0])
    failed, waits = caplog.messages
    assert failed.endswith(", try 1 of 5")
    assert waits == "waiting 1 s before the next request"


@pytest.mark.parametrize(
    "fault",
    [
        Reply({}, 500),
        Reply([1, 2, 3], cut=True),
        Reply(b"<html>"),
        Reply(b"[" * 100_000),
        Reply(b'[{"number": ' + b"1" * 5000 + b"}]"),
        Reply(b'"\xff"'),
    ],
)
def test_request_that_always_fails_is_an_error(connect, fault):
    with (
        connect({"/list": [fault]}) as (client, service, pauses),
        pytest.raises(EnvironmentFailed, match=r"Buildkite does not answer: .* \(5 tries\)"),
    ):
        bodies(client)
    assert (len(service.requests), pauses) == (5, [1.0, 2.0, 4.0, 8.0])


def test_refused_connection_is_an_error(connect):
    with connect({}) as (client, service, _):
        client._service = replace(client._service, url="http://127.0.0.1:9")
        with pytest.raises(EnvironmentFailed, match="Buildkite does not answer: ConnectionError"):
            bodies(client)
    assert service.requests == []


@pytest.mark.parametrize("url", ["http://[::1", "http://", "no url", "http://a:b"])
def test_address_that_is_no_url_is_an_error(connect, url):
    with connect({}) as (client, _, _):
        client._service = replace(client._service, url=url)
        with pytest.raises(EnvironmentFailed, match="the address of Buildkite is not a URL") as raised:
            bodies(client)
    assert "BUILDKITE_API_URL" in raised.value.hint


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "Buildkite does not accept the token"),
        (403, "the Buildkite token lacks the scope read_builds"),
        (404, "Buildkite: not found, or not visible to this token"),
        (422, "Buildkite rejects the request: HTTP 422"),
    ],
)
def test_rejection_has_a_reason_and_is_not_retried(connect, status, message):
    with (
        connect({"/list": [Reply({"message": "x"}, status)]}) as (client, service, _),
        pytest.raises(UsageError, match=message) as caught,
    ):
        bodies(client)
    assert len(service.requests) == 1
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


def test_log_needs_its_own_scope(connect):
    with (
        connect({"/log": [Reply({}, 403)]}) as (client, service, _),
        pytest.raises(UsageError, match="lacks the scope read_build_logs"),
    ):
        client.log(f"{service.url}/log")


def test_scope_named_by_github_is_reported(connect):
    reply = Reply({}, 403, {"X-Accepted-GitHub-Permissions": "actions=read; contents=read"})
    with connect({"/list": [reply]}, github_client) as (client, _, _), pytest.raises(UsageError) as caught:
        bodies(client)
    assert caught.value.message == "the GitHub token lacks the scope actions=read; contents=read"


def test_missing_token_names_the_variable(connect):
    with (
        connect({"/list": [Reply({}, 401)]}, tokens={}) as (client, service, _),
        pytest.raises(UsageError) as caught,
    ):
        bodies(client)
    assert caught.value.hint == "Set BUILDKITE_API_TOKEN, with scope read_builds."
    assert "Authorization" not in service.requests[0][1]


def test_unchanged_page_is_not_sent_again(connect):
    first = Reply([1], headers={"ETag": 'W/"a"'}, next_path="/more")
    replies = {
        "/list": [first, Reply(status=304)],
        "/more": [Reply([2], headers={"ETag": '"b"'}), Reply([3])],
    }
    with connect(replies) as (client, service, _):
        assert bodies(client) == [[1], [2]]
        assert bodies(client) == [[1], [3]]
    assert [headers.get("If-None-Match") for _, headers in service.requests] == [None, None, 'W/"a"', '"b"']


def test_pages_after_an_unchanged_full_page_are_read(connect):
    replies = [Reply([1], headers={"ETag": '"a"'}), Reply(status=304, next_path="/more")]
    with connect({"/list": replies, "/more": [Reply([2])]}) as (client, *_):
        assert bodies(client) == [[1]]
        assert bodies(client) == [[1], [2]]


def test_unrequested_304_is_retried(connect):
    with connect({"/list": [Reply(status=304), Reply([1])]}) as (client, *_):
        assert bodies(client) == [[1]]


def test_damaged_cache_is_ignored(connect, tmp_path):
    with connect({"/list": [Reply([1], headers={"ETag": '"a"'}), Reply([2])]}) as (client, service, _):
        bodies(client)
        (file,) = (tmp_path / "etags").iterdir()
        file.write_text('{"url": ')
        assert bodies(client) == [[2]]
    assert "If-None-Match" not in service.requests[1][1]


def test_cache_contains_no_token(connect, tmp_path):
    with connect({"/list": [Reply([1], headers={"ETag": '"a"'})]}) as (client, _, _):
        bodies(client)
    assert all("secret" not in file.read_text() for file in (tmp_path / "etags").iterdir())


def test_token_is_not_sent_to_another_server(connect):
    page = Reply([1], headers={"Link": '<http://evil.example/x>; rel="next"'})
    with (
        connect({"/list": [page]}) as (client, service, _),
        pytest.raises(UnexpectedAnswer, match="refers to another server"),
    ):
        bodies(client)
    assert len(service.requests) == 1


def test_token_takes_precedence_over_netrc(connect, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with connect({"/list": [Reply([1])]}) as (client, service, _):
        bodies(client)
    assert service.requests[0][1]["Authorization"] == "Bearer bk-secret"


def test_redirect_to_another_server_does_not_send_the_token(connect):
    with (
        replayed({"/blob": [Reply(b"text")]}) as blobs,
        connect({"/log": [Reply(b"", 302, {"Location": f"{blobs.url}/blob"})]}) as (client, service, _),
    ):
        assert client.log(f"{service.url}/log") == b"text"
    assert "Authorization" not in blobs.requests[0][1]


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "/log",
        "http://[",
        "http://a..b/",
        f"http://{'a' * 70}/",
        "http://127.0.0.1:99999/",
    ],
)
def test_redirect_to_an_invalid_url_is_an_error(connect, location):
    with (
        connect({"/log": [Reply(b"", 302, {"Location": location})]}) as (client, service, _),
        pytest.raises(UnexpectedAnswer, match="it is not a URL, or redirects to something that is not one"),
    ):
        client.log(f"{service.url}/log")


def test_number_of_pages_is_limited(connect, monkeypatch):
    monkeypatch.setattr(http, "_PAGES", 3)
    with (
        connect({"/list": [Reply([1], next_path="/list")]}) as (client, service, _),
        pytest.raises(UnexpectedAnswer, match="more than 3 pages"),
    ):
        bodies(client)
    assert len(service.requests) == 3
