"""The clients against a local server that replays the services' documented JSON, with faults."""

import tracemalloc
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from threading import Event
from urllib.parse import parse_qs, urlsplit

import pytest
from local_server import serving
from recorded import buildkite_build, buildkite_job, github_job, github_run
from replayed_service import Reply, replayed

from bisect_tool import transfer
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.sources import buildkite_client, github_client, http
from bisect_tool.sources.answer import UnexpectedAnswer
from bisect_tool.sources.download import download
from bisect_tool.sources.etag_cache import EtagCache
from bisect_tool.sources.http import Client
from bisect_tool.sources.listing import Listing
from bisect_tool.sources.observation import State
from bisect_tool.sources.series import Series

NOW = 1_772_800_000.0
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
BUILDS = "/v2/organizations/vllm/pipelines/ci/builds"
RUNS = "/repos/o/r/actions/workflows/nightly.yml/runs"
TOKENS = {"BUILDKITE_API_TOKEN": "bk-secret", "GITHUB_TOKEN": "gh-secret"}


@pytest.fixture
def connect(tmp_path):
    """A client of a replayed service, and the pauses that it made."""

    @contextmanager
    def connected(replies, module=buildkite_client, tokens=TOKENS):
        pauses = []
        with replayed(replies) as service:
            there = module.service({**tokens, module.ADDRESS: service.url})
            with Client(there, EtagCache(tmp_path / "etags"), pauses.append, lambda: NOW) as client:
                yield client, service, pauses

    return connected


def listing(series=None, notes=None):
    return Listing("GitHub", series or Series("nightly"), 30, [].append if notes is None else notes.append)


def bodies(client, path="/list"):
    return list(client.pages(path, {}))


def test_buildkite_jobs_are_requested_of_builds_of_the_series_only(connect):
    builds = [buildkite_build(number=1), buildkite_build(number=2, message="Fix a typo")]
    replies = {
        BUILDS: [Reply(builds, next_path=f"{BUILDS}/page2")],
        f"{BUILDS}/page2": [Reply([buildkite_build(number=3)])],
        f"{BUILDS}/1/jobs": [Reply([buildkite_job("failed", id="a")], next_path=f"{BUILDS}/1/more")],
        f"{BUILDS}/1/more": [Reply([buildkite_job("passed", id="b")])],
        f"{BUILDS}/3/jobs": [Reply([])],
    }
    series = Series("vllm/ci", message="Full CI run - nightly")
    with connect(replies) as (client, service, _):
        found = list(buildkite_client.read_series(client, "vllm/ci", listing(series), SINCE))
    assert [(each.build, each.state) for each in found] == [("1", State.FAILED), ("1", State.PASSED)]
    assert service.paths == [
        BUILDS,
        f"{BUILDS}/1/jobs",
        f"{BUILDS}/1/more",
        f"{BUILDS}/page2",
        f"{BUILDS}/3/jobs",
    ]
    assert parse_qs(urlsplit(service.requests[0][0]).query) == {
        "branch": ["main"],
        "created_from": ["2026-03-01T00:00:00+00:00"],
        "exclude_jobs": ["true"],
        "per_page": ["100"],
    }
    assert parse_qs(urlsplit(service.requests[1][0]).query)["include_retried_jobs"] == ["true"]
    assert service.requests[0][1]["Authorization"] == "Bearer bk-secret"


def test_github_jobs_of_all_attempts_are_requested(connect):
    jobs = [github_job("failure", run_attempt=1), github_job("success", id=2, run_attempt=2)]
    replies = {
        RUNS: [
            Reply({"total_count": 2, "workflow_runs": [github_run(id=7), github_run(id=8, event="push")]})
        ],
        "/repos/o/r/actions/runs/7/jobs": [Reply({"total_count": 2, "jobs": jobs})],
    }
    series = Series("nightly", triggers=frozenset({"schedule"}))
    with connect(replies, github_client) as (client, service, _):
        found = list(github_client.read_series(client, "o/r", "nightly.yml", listing(series), SINCE))
    assert [each.state for each in found] == [State.FAILED, State.PASSED]
    assert parse_qs(urlsplit(service.requests[1][0]).query)["filter"] == ["all"]


def asked(service, path):
    return [parse_qs(urlsplit(each).query) for each, _ in service.requests if each.partition("?")[0] == path]


def test_more_runs_than_github_lists_are_requested_by_their_time(connect, monkeypatch):
    monkeypatch.setattr(github_client, "_LIMIT", 2)
    runs = [github_run(id=number, created_at=f"2026-03-0{number}T07:00:00Z") for number in (5, 4, 3, 2)]
    replies = {
        RUNS: [Reply({"workflow_runs": each}) for each in (runs[:2], runs[1:3], runs[2:], [])],
        **{f"/repos/o/r/actions/runs/{each['id']}/jobs": [Reply({"jobs": [github_job()]})] for each in runs},
    }
    with connect(replies, github_client) as (client, service, _):
        found = list(github_client.read_series(client, "o/r", "nightly.yml", listing(), SINCE))
    assert [each.build for each in found] == ["5", "4", "3", "2"]
    assert [each["created"] for each in asked(service, RUNS)] == [
        [">=2026-03-01T00:00:00+00:00"],
        ["2026-03-01T00:00:00+00:00..2026-03-04T07:00:01+00:00"],
        ["2026-03-01T00:00:00+00:00..2026-03-03T07:00:01+00:00"],
        ["2026-03-01T00:00:00+00:00..2026-03-02T07:00:01+00:00"],
    ]


def test_more_builds_than_buildkite_lists_are_requested_by_their_time(connect, monkeypatch):
    monkeypatch.setattr(buildkite_client, "_PAGE", 1)
    monkeypatch.setattr(buildkite_client, "_PAGES", 2)
    builds = [
        buildkite_build(number=number, created_at=f"2026-03-0{number}T07:00:00.000Z") for number in (5, 4, 3)
    ]
    replies = {
        BUILDS: [Reply(builds[:1], next_path=f"{BUILDS}/page2"), Reply(builds[2:])],
        f"{BUILDS}/page2": [Reply(builds[1:2], next_path=f"{BUILDS}/page3")],
        **{f"{BUILDS}/{each['number']}/jobs": [Reply([buildkite_job()])] for each in builds},
    }
    with connect(replies) as (client, service, _):
        found = list(buildkite_client.read_series(client, "vllm/ci", listing(), SINCE))
    assert [each.build for each in found] == ["5", "4", "3"]
    assert [each.get("created_to") for each in asked(service, BUILDS)] == [
        None,
        ["2026-03-04T07:00:01+00:00"],
    ]
    assert f"{BUILDS}/page3" not in service.paths


@pytest.mark.parametrize("body", [{"message": "hello"}, [], "text", None])
def test_a_listing_that_is_none_is_an_unexpected_answer(connect, body):
    with connect({RUNS: [Reply(body)]}, github_client) as (client, _, _), pytest.raises(UnexpectedAnswer):
        list(github_client.read_series(client, "o/r", "nightly.yml", listing(), SINCE))


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
def test_a_refusal_for_the_rate_limit_is_waited_for(connect, headers, pause):
    with connect({"/list": [Reply({}, 429, headers), Reply([1])]}) as (client, _, pauses):
        assert bodies(client) == [[1]]
    assert pauses == [pause]


@pytest.mark.parametrize("skew", [-600, 600])
def test_a_reset_is_read_by_the_clock_of_the_service(connect, skew):
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


def test_a_refusal_of_github_by_403_is_waited_for(connect):
    headers = {
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": f"{NOW + 30:.0f}",
    }
    with connect({"/list": [Reply({}, 403, headers), Reply([1])]}, github_client) as (client, _, pauses):
        assert bodies(client) == [[1]]
    assert pauses == [30.0]


@pytest.mark.parametrize(("remaining", "pauses_made"), [(101, []), (100, [42.0]), (3, [42.0])])
def test_half_of_the_allowance_is_left_to_others(connect, remaining, pauses_made):
    headers = {"RateLimit-Limit": "200", "RateLimit-Remaining": str(remaining), "RateLimit-Reset": "42"}
    replies = {"/list": [Reply([1], headers=headers, next_path="/more")], "/more": [Reply([2])]}
    with connect(replies) as (client, _, pauses):
        assert bodies(client) == [[1], [2]]
    assert pauses == pauses_made


def test_a_wait_of_hours_is_an_error(connect):
    with (
        connect({"/list": [Reply({}, 429, {"Retry-After": "7200"})]}) as (client, _, pauses),
        pytest.raises(EnvironmentFailed, match="is exhausted for 120 minutes"),
    ):
        bodies(client)
    assert pauses == []


@pytest.mark.parametrize(
    "fault", [Reply({}, 500), Reply({}, 503), Reply([1, 2, 3], cut=True), Reply(b"<html>")]
)
def test_what_fails_once_is_requested_again(connect, fault, caplog):
    caplog.set_level("INFO", "bisect_run")
    with connect({"/list": [fault, Reply([1])]}) as (client, service, pauses):
        assert bodies(client) == [[1]]
    assert (len(service.requests), pauses) == (2, [1.0])
    failed, waits = caplog.messages
    assert failed.endswith(", try 1 of 5")
    assert waits == "waiting 1 s before the next request"


@pytest.mark.parametrize("fault", [Reply({}, 500), Reply([1, 2, 3], cut=True), Reply(b"<html>")])
def test_what_fails_every_time_is_given_up(connect, fault):
    with (
        connect({"/list": [fault]}) as (client, service, pauses),
        pytest.raises(EnvironmentFailed, match=r"Buildkite does not answer: .* \(5 tries\)"),
    ):
        bodies(client)
    assert (len(service.requests), pauses) == (5, [1.0, 2.0, 4.0, 8.0])


def test_a_server_that_is_gone_is_given_up(connect):
    with connect({}) as (client, service, _):
        client._service = replace(client._service, url="http://127.0.0.1:9")
        with pytest.raises(EnvironmentFailed, match="Buildkite does not answer: ConnectionError"):
            bodies(client)
    assert service.requests == []


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "Buildkite does not accept the token"),
        (403, "the token of Buildkite lacks the scope read_builds"),
        (404, "Buildkite does not have it, or hides it from this token"),
        (422, "Buildkite refuses the request: HTTP 422"),
    ],
)
def test_a_rejection_says_why_and_is_not_repeated(connect, status, message):
    with (
        connect({"/list": [Reply({"message": "x"}, status)]}) as (client, service, _),
        pytest.raises(UsageError, match=message) as caught,
    ):
        bodies(client)
    assert len(service.requests) == 1
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


def test_a_log_needs_a_scope_of_its_own(connect):
    with (
        connect({"/log": [Reply({}, 403)]}) as (client, service, _),
        pytest.raises(UsageError, match="lacks the scope read_build_logs"),
    ):
        client.log(f"{service.url}/log")


def test_the_scope_that_github_names_is_named(connect):
    reply = Reply({}, 403, {"X-Accepted-GitHub-Permissions": "actions=read; contents=read"})
    with connect({"/list": [reply]}, github_client) as (client, _, _), pytest.raises(UsageError) as caught:
        bodies(client)
    assert caught.value.message == "the token of GitHub lacks the scope actions=read; contents=read"


def test_without_a_token_the_variable_is_named(connect):
    with (
        connect({"/list": [Reply({}, 401)]}, tokens={}) as (client, service, _),
        pytest.raises(UsageError) as caught,
    ):
        bodies(client)
    assert caught.value.hint == "Set BUILDKITE_API_TOKEN, with scope read_builds."
    assert "Authorization" not in service.requests[0][1]


def test_a_page_that_is_unchanged_is_not_sent_again(connect):
    first = Reply([1], headers={"ETag": 'W/"a"'}, next_path="/more")
    replies = {
        "/list": [first, Reply(status=304)],
        "/more": [Reply([2], headers={"ETag": '"b"'}), Reply([3])],
    }
    with connect(replies) as (client, service, _):
        assert bodies(client) == [[1], [2]]
        assert bodies(client) == [[1], [3]]
    assert [headers.get("If-None-Match") for _, headers in service.requests] == [None, None, 'W/"a"', '"b"']


def test_a_damaged_cache_is_as_none(connect, tmp_path):
    with connect({"/list": [Reply([1], headers={"ETag": '"a"'}), Reply([2])]}) as (client, service, _):
        bodies(client)
        (file,) = (tmp_path / "etags").iterdir()
        file.write_text('{"url": ')
        assert bodies(client) == [[2]]
    assert "If-None-Match" not in service.requests[1][1]


def test_the_cache_holds_no_token(connect, tmp_path):
    with connect({"/list": [Reply([1], headers={"ETag": '"a"'})]}) as (client, _, _):
        bodies(client)
    assert all("secret" not in file.read_text() for file in (tmp_path / "etags").iterdir())


def test_another_server_does_not_get_the_token(connect):
    page = Reply([1], headers={"Link": '<http://evil.example/x>; rel="next"'})
    with (
        connect({"/list": [page]}) as (client, service, _),
        pytest.raises(UnexpectedAnswer, match="refers to another server"),
    ):
        bodies(client)
    assert len(service.requests) == 1


def test_the_token_counts_before_netrc(connect, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with connect({"/list": [Reply([1])]}) as (client, service, _):
        bodies(client)
    assert service.requests[0][1]["Authorization"] == "Bearer bk-secret"


def test_a_redirect_to_another_server_does_not_send_the_token(connect):
    with (
        replayed({"/blob": [Reply(b"text")]}) as blobs,
        connect({"/log": [Reply(b"", 302, {"Location": f"{blobs.url}/blob"})]}) as (client, service, _),
    ):
        assert client.log(f"{service.url}/log") == b"text"
    assert "Authorization" not in blobs.requests[0][1]


def test_pages_without_end_are_given_up(connect, monkeypatch):
    monkeypatch.setattr(http, "_PAGES", 3)
    with (
        connect({"/list": [Reply([1], next_path="/list")]}) as (client, service, _),
        pytest.raises(UnexpectedAnswer, match="more than 3 pages"),
    ):
        bodies(client)
    assert len(service.requests) == 3


def test_of_a_long_log_the_beginning_and_the_end_are_kept(connect, monkeypatch):
    monkeypatch.setattr(http, "_LOG_HEAD", 1 << 16)
    monkeypatch.setattr(http, "_LOG_TAIL", 2 << 16)
    log = b"first" + b"." * (1 << 20) + b"last \xff"
    with connect({"/log": [Reply(log)]}) as (client, service, _):
        text = client.log(f"{service.url}/log").decode("utf-8", "replace")
    head, cut, tail = text.split("\n")
    assert head.startswith("first.")
    assert tail.endswith(".last \ufffd")
    assert cut == f"[{len(log) - len(head) - len(tail)} bytes left out]"
    assert len(head) + len(tail) <= 3 << 16


def test_a_log_of_200_mb_is_read_in_bounded_memory(connect):
    block = b"." * (1 << 20)

    def log():
        yield b"first"
        for _ in range(200):
            yield block
        yield b"last"

    with connect({"/log": [Reply(log)]}) as (client, service, _):
        tracemalloc.start()
        found = client.log(f"{service.url}/log")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert found.startswith(b"first.")
    assert found.endswith(b".last")
    assert b" bytes left out]" in found
    assert len(found) < 40 << 20
    assert peak < 120 << 20


def test_a_log_that_is_cut_is_requested_again(connect):
    with connect({"/log": [Reply(b"half of it", cut=True), Reply(b"all of it")]}) as (client, service, _):
        assert client.log(f"{service.url}/log") == b"all of it"


@pytest.mark.parametrize(
    ("limit", "body", "reason"),
    [
        ("STALL_S", b".", r"less than 64 KiB in 0 s, after 0 KiB"),
        ("DEADLINE_S", b"." * transfer.CHUNK, r"not complete after 0 s, with \d+ KiB"),
    ],
)
def test_a_body_that_never_ends_is_given_up(connect, monkeypatch, limit, body, reason):
    """Each byte renews the timeout of `requests`."""
    monkeypatch.setattr(transfer, limit, 0.3)
    over = Event()

    def drip():
        while not over.wait(0.01):
            yield body

    with connect({"/log": [Reply(drip)]}) as (client, service, _):
        url = f"{service.url}/log"
        with pytest.raises(EnvironmentFailed, match=f"Buildkite is too slow: {url}: {reason}"):
            client.log(f"{url}?signature=secret")
        over.set()
    assert len(service.requests) == 1


def test_a_header_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(transfer, "STALL_S", 0.3)
    over = Event()

    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not over.wait(0.01):
            handler.wfile.write(b".")

    with serving(answer) as url:
        with pytest.raises(EnvironmentFailed, match=r"127.0.0.1 is too slow: .*/junit.xml: less than 64 KiB"):
            download(f"{url}/junit.xml", 1000)
        over.set()
