"""Which of the published wheels a commit uses, and the variant of a range."""

from __future__ import annotations

import pytest

from bisect_tool.wheels.lineage import Lineage, choose_variant, nearest, runs_on

SHA, PARENT = "c" * 40, "b" * 40


def test_nearest_follows_first_parents_with_the_same_environment():
    parents = [("b", "a"), ("c", "b"), ("d", "c"), ("x", "w"), ("y", None)]
    names = dict.fromkeys("abc", "one") | dict.fromkeys("dwxy", "two")
    assert nearest(parents, names, {"a": 1, "x": 2}) == {"a": 1, "b": 1, "c": 1, "x": 2}
    assert nearest(parents, names, {}) == {}


ANCESTORS = "nor for an ancestor with the same native files"
USUAL = "and a wheel is usually published 30 to 60 minutes after the merge"


@pytest.mark.parametrize(
    ("shas", "age_s", "sentence"),
    [
        ((SHA,), 89 * 60, f"no wheel is published yet for ccccccccc: the commit is 89 minutes old, {USUAL}"),
        ((SHA,), -500, f"no wheel is published yet for ccccccccc: the commit is 0 minutes old, {USUAL}"),
        ((SHA,), 91 * 60, "no wheel is published for ccccccccc"),
        (
            (SHA, PARENT),
            5500,
            "no wheel is published for ccccccccc, nor for an ancestor with the same native files",
        ),
    ],
)
def test_message_about_a_missing_wheel_depends_on_the_age_of_the_commit(shas, age_s, sentence):
    assert Lineage(shas, 1e9).missing(1e9 + age_s) == sentence


@pytest.mark.parametrize(
    ("served", "usual", "chosen"),
    [
        ({}, (), "cu130"),
        ({"cu130": 1, "cu129": 2}, ("cu130",), "cu129"),
        ({"cu130": 2, "cu129": 2}, (), "cu130"),
        ({"cu130": 2, "cu129": 2}, ("cu129",), "cu129"),
    ],
)
def test_variant(served, usual, chosen):
    assert choose_variant(("cu130", "cu129"), served, usual) == chosen


@pytest.mark.parametrize(
    ("variant", "driver", "runs"),
    [
        ("cu130", (12, 8), False),
        ("cu130", (13, 0), True),
        ("cu129", (12, 2), True),
        ("cu129", (13, 0), True),
        ("cu130", None, True),
        ("cpu", (12, 8), True),
        ("", (12, 8), True),
    ],
)
def test_variants_that_a_driver_runs(variant, driver, runs):
    assert runs_on(variant, driver) == runs
