"""The lowest error rate of searches with few runs."""

from __future__ import annotations

import pytest

from benchmarks.frontier import fewest_wrong, halved, likely_elsewhere


def test_halving_names_every_commit_after_the_bad_end_and_two_runs():
    assert halved(4) == [
        [(3, True), (1, True), (0, True)],
        [(3, True), (1, True), (0, False)],
        [(3, True), (1, False), (2, True)],
        [(3, True), (1, False), (2, False)],
    ]


def test_two_commits_by_hand():
    """The second is named after a pass of the first, which fails in six runs of ten: .5 x .6 x .4."""
    assert likely_elsewhere([(1, True), (0, False)], 1, 2, 0.6, 0.1) == pytest.approx(0.5 * 0.6 * 0.4)
    assert likely_elsewhere([(1, True), (0, True)], 0, 2, 0.6, 0.1) == pytest.approx(0.5 * 0.6 * 0.1)


def test_no_errors_without_noise():
    assert fewest_wrong(8, 4, 1.0, 0.0) == 0.0


def test_more_runs_have_fewer_errors():
    less, more = (fewest_wrong(16, runs, 0.6, 0.1) for runs in (6, 9))
    assert 0.0 < more < less / 2
