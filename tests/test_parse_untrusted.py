"""Foreign JSON and TOML: every error is a ValueError, and is found quickly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bisect_tool.parse_untrusted import list_at, parse_json, parse_toml, table_at, value_at

PACKAGE = Path(__file__).parent.parent / "bisect_tool"


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a":' * 100_000, f"[{'1' * 5000}]", b"\xff"])
def test_json_that_cannot_be_read_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"[a-z]"):
        parse_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "[",
        f"a = {'[' * 5000}",
        f"a = {'{a = ' * 5000}",
        f"a = {'1' * 5000}",
        f"{'a.' * 400_000}a = 1",
        f"[{'a . ' * 400_000}a]",
        '"a".' * 400_000 + "a = 1",
    ],
    ids=["cut short", "lists", "tables", "digits", "dotted", "header", "quoted"],
)
def test_toml_that_cannot_be_read_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"[a-z]"):
        parse_toml(text)


@pytest.mark.parametrize(
    "text", ["a" * 400_000, "." * 400_000, "a " * 200_000, '"' * 400_000, '"a' * 200_000, "a. " * 99]
)
def test_text_without_long_keys_is_parsed(text):
    assert parse_toml(f"a = '''\n{text}'''") == {"a": text}


def test_value_is_found_only_below_tables():
    table = {"tool": {"name": [1]}, "project": 3}
    assert value_at(table, "tool", "name") == [1]
    assert list_at(table, "tool", "name") == [1]
    assert table_at(table, "tool") == {"name": [1]}
    assert value_at(table, "project", "name") is None
    assert list_at(table, "tool") == []
    assert table_at(table, "project") == {}


OWN = {
    "delivery/delivered_states.py",
    "demo/patch_series.py",
    "disk_usage/inventory.py",
    "evidence/patterns.py",
    "executor/ci/journal.py",
    "reproduction_script/suite.py",
    "search/prior.py",
    "ci_results/etag_cache.py",
    "triage/trackers.py",
    "build/commit_wheel.py",
    "wheels/cache.py",
    "wheels/download.py",
    "nightly_run/reported_causes.py",
    "parse_untrusted.py",
    # A trial can write these: errors of a record are expected there (`UNREADABLE`).
    "supervise/caller.py",
    "supervise/guardian_protocol.py",
    "supervise/journal.py",
    "supervise/shared_memory.py",
    # Inside the process of a suite, whose errors are the trial's.
    "pytest_plugin/rank_server.py",
    "pytest_plugin/stream/bisect_project.py",
    "pytest_plugin/stream/bisect_stream.py",
}
"""Modules that parse what bisect-run itself wrote, or ships."""


def test_foreign_text_is_parsed_only_in_this_module():
    parsing = re.compile(r"\b(?:json|tomllib)\.loads?\(|\bresponse\.json\(")
    found = {
        str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if parsing.search(path.read_text())
    }
    assert found == OWN
