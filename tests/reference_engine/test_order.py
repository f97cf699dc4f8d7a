"""The third history: the first one with an order-dependent culprit."""

from __future__ import annotations

import re

import pytest

PINNED = {
    "good": "10cb8ce0a1f2c53ad871ab1173ebb3362fb183d2",
    "bad": "c5e611db94aa85f96ab4b0e90627d93996179f15",
    "culprit": "f45ad67781f8b6c7e8336af4295d1d5ed3462dc8",
}


@pytest.fixture(scope="module")
def third(bundled_history):
    return bundled_history("order")[1]


def test_hashes_are_those_that_the_documentation_names(third):
    assert {name: third.labels[name] for name in PINNED} == PINNED
    assert third.head == PINNED["bad"]


def test_readme_names_its_ends(third, series):
    text = series.with_name("README.md").read_text(encoding="utf-8")
    section = text.partition("## The third history")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([0-9a-f]{9})`", section)) == {sha[:9] for sha in PINNED.values()}


def test_order_history_equals_the_first_up_to_its_changes(third, history):
    other = {label for label, sha in third.labels.items() if history.labels[label] != sha}
    following = {"token-index", "announced-ranks", "revert-report", "shutdown-docs"}
    assert other == {"shutdown-timeout", "culprit", "bad", *following}
