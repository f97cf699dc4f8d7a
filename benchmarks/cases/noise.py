"""Checks that fail by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cases.case import Case, Expected, Question, search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases.project import Project

    Projects = Callable[[], Project]
    Questions = Iterator[Question]

_BY_CHANCE = """#!/bin/sh
[ $(cat code) = 0 ] && exit 0
[ $(($(od -An -N2 -tu2 /dev/urandom) % 100)) -lt {percent} ] && exit 1
exit 0
"""
_THRESHOLD = """#!/usr/bin/env python3
import random, sys
seconds = random.gauss(float(open("code").read()), 5)
print(f"time {seconds:.1f} (limit 106)")
sys.exit(seconds > 106)
"""


def one_sided(project: Projects) -> Questions:
    """Bad commits fail in half, a third and a tenth of the runs."""
    made = project()
    good, *_ = made.series(*[0] * 12)
    culprit = made.commit(1, "the racy one")
    made.series(*[1] * 11)
    for percent in (50, 30, 10):
        check = made.script(_BY_CHANCE.format(percent=percent), f"check-{percent}.sh")
        asked = search(good, made.head, check, options=("--endpoint-runs", "60"))
        expected = Expected((0, 3), culprit, or_none=True)
        yield Question(f"{percent}%", made, asked, expected)


def two_sided(project: Projects) -> Questions:
    """A duration against a threshold: 11.5% false alarms and 11.5% misses."""
    made = project()
    good, *_ = made.series(*[100] * 12)
    culprit = made.commit(112, "12 percent slower")
    made.series(*[112] * 11)
    asked = search(good, made.head, made.script(_THRESHOLD), options=("--endpoint-runs", "20"))
    yield Question("threshold", made, asked, Expected((0, 3), culprit, or_none=True))


CASES = (
    Case("one-sided-noise", "syzkaller#4888, #2030, #1051", one_sided),
    Case("two-sided-noise", "pytorch/benchmark#363", two_sided),
)
