"""Modules, classes and packages that failed before their tests ran. Pure.

A module that cannot be imported, a class whose set-up fails or a package that does not compile is reported as
one failed test, and its own tests are not. So it is a cell of its own, which passed where its tests ran:
else it would be a new test that never passed, and a regression would not be noticed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.ci_results.observation import CONCLUSIVE, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bisect_tool.ci_results.observation import CellKey, Observation

_WHOLE = frozenset(
    {"[build failed]", "[setup failed]", "classMethod", "initializationError", "executionError"}
)
"""How go-junit-report, JUnit 4 and Gradle call the failure of a package or class."""
_SEPARATOR = re.compile(r"::|\.")


def with_passed_groups(observations: Iterable[Observation]) -> tuple[Observation, ...]:
    """The observations, and a pass of each failed group in each attempt in which a test of it ran."""
    observations = tuple(observations)
    failed = {each.key for each in observations if each.state is State.FAILED}
    groups = {replace(key, cell=group): key for key in failed if (group := _group(key.cell))}
    known = {_attempt(each, each.key) for each in observations} if groups else set()
    passed: dict[tuple[object, ...], Observation] = {}
    for each in observations if groups else ():
        for key in _groups_of(each, groups):
            if _attempt(each, key) not in known:
                found = replace(each, key=key, state=State.PASSED, exception="", failure=None)
                passed.setdefault(_attempt(each, key), found)
    return (*observations, *passed.values())


def _group(cell: str) -> str:
    """The module, class or package that a failure is of; empty if it is of one test."""
    where, _, name = cell.rpartition("::")
    return where if name in _WHOLE else cell if not where else ""


def _groups_of(test: Observation, groups: dict[CellKey, CellKey]) -> Iterator[CellKey]:
    """The groups that a test which ran is in."""
    where = test.key.cell.rpartition("::")[0] if test.state in CONCLUSIVE else ""
    ends = [match.start() for match in _SEPARATOR.finditer(where)] + [len(where)]
    for end in ends if where else ():
        key = groups.get(replace(test.key, cell=where[:end]))
        if key is not None:
            yield key


def _attempt(each: Observation, key: CellKey) -> tuple[object, ...]:
    return key, each.commit, each.build, each.attempt
