"""Fixtures: clients of replayed services, collected results, report files."""

from contextlib import contextmanager

import pytest
from collecting import NIGHT
from connected import NOW
from junit_runs import case, report
from replayed_service import replayed

from bisect_tool.ci_results import buildkite_client
from bisect_tool.ci_results.collect import collect
from bisect_tool.ci_results.etag_cache import EtagCache
from bisect_tool.ci_results.http import Client

TOKENS = {"BUILDKITE_API_TOKEN": "bk-secret", "GITHUB_TOKEN": "gh-secret"}


@pytest.fixture
def connect(tmp_path):
    """A client of a replayed service, and the seconds that it slept."""

    @contextmanager
    def connected(replies, module=buildkite_client, tokens=TOKENS):
        pauses = []
        with replayed(replies) as service:
            there = module.service({**tokens, module.ADDRESS: service.url})
            with Client(there, EtagCache(tmp_path / "etags"), pauses.append, lambda: NOW) as client:
                yield client, service, pauses

    return connected


@pytest.fixture
def collected(tmp_path):
    """A function that collects from a replayed service, the service, and the notes."""

    @contextmanager
    def connected(replies):
        with replayed(replies) as service:
            environment = {
                "BUILDKITE_API_URL": service.url,
                "GITHUB_API_URL": f"{service.url}/",
                **TOKENS,
            }
            notes = []

            def run(options):
                return collect(options, "night", environment, tmp_path, notes.append, NIGHT)

            yield run, service, notes

    return connected


@pytest.fixture
def folder(tmp_path):
    """A function: a path, and its content (a report of one test) -> the file."""

    def write(path, content=None):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(report(case("test_a")) if content is None else content)
        return file

    return write
